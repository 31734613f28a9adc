/**
 * copyset as a library: the same storage systems, and the same operations, as the commands have. docs/library.md shows how it is used.
 */
import { resolve } from 'node:path';
import type { Verdict } from '../cli/follow-copy.js';
import { openToolkit, type Toolkit } from '../cli/open-toolkit.js';
import { changeRow } from '../cli/render/topology.js';
import { applySteps, demandForce, planOf } from '../cli/topology/apply.js';
import { awaitTopology, worstOf } from '../cli/topology/awaiting.js';
import { exportTopology as exportedTopology } from '../cli/topology/export.js';
import { readTopology, type TopologyFile, topologyOf } from '../cli/topology/file.js';
import { WaitLimit } from '../cli/topology/follow-pairs.js';
import { readPresent } from '../cli/topology/present.js';
import type { SystemPlace } from '../core/controller/controller.js';
import { isToolkitError } from '../core/foundation/foundation.js';
import type { OpenOptions, StorageSystem, SystemSettings, TopologyChange, TopologyOptions } from './api.js';
import { translated, waitError } from './boundary.js';
import { bytesIf } from './size.js';
import { OpenedSystem } from './system.js';

export type * from './api.js';
export { ERROR_CODES, type ErrorCode } from './error-codes.js';
export { CopysetError, isCopysetError } from './errors.js';

/**
 * Opens the storage system of this name below the root, or in this folder where a path is given. This process is its controller until
 * `close`, unless another one is: then that one is asked. Throws `system-not-found` unless `create` is given, and `busy`.
 */
export function openSystem(name: string, options: OpenOptions = {}): Promise<StorageSystem> {
  return translated(async () => {
    const newToolkit = toolkitOf(options.root);
    const toolkit = newToolkit();
    const place = await placeOf(toolkit, name, options.create);
    return new OpenedSystem(place, await toolkit.openClient(place), newToolkit);
  });
}

/** Makes a storage system in the first root. Throws `already-exists`. */
export function createSystem(
  name: string,
  settings: SystemSettings & { readonly root?: OpenOptions['root'] } = {},
): Promise<StorageSystem> {
  return translated(async () => {
    const { root, ...rest } = settings;
    const newToolkit = toolkitOf(root);
    const toolkit = newToolkit();
    const place = await toolkit.create(wishesOf(name, rest));
    return new OpenedSystem(place, await toolkit.openClient(place), newToolkit);
  });
}

/** Removes a storage system. Throws `not-empty` without `force` while it has volumes. */
export function deleteSystem(
  name: string,
  options: { readonly root?: OpenOptions['root']; readonly force?: boolean | undefined } = {},
): Promise<void> {
  return translated(async () => {
    const toolkit = toolkitOf(options.root)();
    await toolkit.delete(await toolkit.find(name), { force: options.force ?? false });
  });
}

/**
 * Makes what a topology names: the path of a YAML file, or the same as an object. Answers with what was changed, nothing where all was
 * there. Throws `bad-topology`, `topology-differs`, `force-needed`, and what a wait can end with.
 */
export function applyTopology(
  topology: string | object,
  options: TopologyOptions = {},
): Promise<readonly TopologyChange[]> {
  return translated(async () => {
    const toolkit = toolkitOf(options.root)();
    const { prune = false, force = false, wait = false, timeoutMs = Number.POSITIVE_INFINITY } = options;
    const file = await fileOf(topology);
    const steps = await planOf(toolkit, file, prune);
    if (!force) demandForce(steps);
    const signal = options.signal ?? new AbortController().signal;
    const waiting = { limit: new WaitLimit(timeoutMs), signal, startProgress: () => QUIET };
    const { followed } = await applySteps(toolkit, steps, waiting);
    if (followed !== undefined) {
      const standing = followed.pairs.map((pair) => `${pair.primary} -> ${pair.secondary} is ${pair.status}`);
      endWaiting(followed.verdict, standing, signal);
    } else if (wait) {
      const awaited = await awaitTopology(toolkit, file.desired, waiting);
      const missing = awaited.filter(({ verdict }) => verdict !== 'reached');
      const standing = missing.map(({ kind, name, reason }) => `${kind} ${name}: ${reason}`);
      endWaiting(worstOf(awaited), standing, signal);
    }
    return steps.map(changeRow);
  });
}

/** Throws unless all was reached. */
function endWaiting(verdict: Verdict, standing: readonly string[], signal: AbortSignal): void {
  if (verdict === 'reached') return;
  if (verdict === 'interrupted') signal.throwIfAborted();
  throw waitError(verdict === 'timed-out' || verdict === 'suspended' ? verdict : 'unreachable', standing.join(', '));
}

/** What is below the root, as a topology. */
export function exportTopology(options: { readonly root?: OpenOptions['root'] } = {}): Promise<object> {
  return translated(async () => exportedTopology(await readPresent(toolkitOf(options.root)())).document);
}

const QUIET = { update: () => {}, stop: () => {} };

function toolkitOf(root: OpenOptions['root']): () => Toolkit {
  const named = root ?? process.env.COPYSET_ROOT ?? '.';
  const roots = typeof named === 'string' ? named.split(':').filter((folder) => folder !== '') : named;
  // Where a program changes its folder later, the roots stay.
  const absolute = (roots.length === 0 ? ['.'] : roots).map((folder) => resolve(folder));
  return () => openToolkit(absolute, 'library');
}

async function placeOf(toolkit: Toolkit, name: string, create: OpenOptions['create']): Promise<SystemPlace> {
  try {
    return await toolkit.find(name);
  } catch (error) {
    if (!create || !isToolkitError(error, 'system-not-found')) throw error;
    return toolkit.create(wishesOf(name, create === true ? {} : create));
  }
}

function wishesOf(name: string, { trackSize, journalLimit, saveLimit, ...rest }: SystemSettings) {
  return {
    ...rest,
    name,
    trackSizeBytes: bytesIf(trackSize),
    journalLimitBytes: bytesIf(journalLimit),
    saveLimitBytes: bytesIf(saveLimit),
  };
}

function fileOf(topology: string | object): Promise<TopologyFile> {
  if (typeof topology === 'string') return readTopology(topology, resolve(topology, '..'));
  return topologyOf(topology, { path: 'object', folder: resolve('.'), lineOf: () => undefined });
}
