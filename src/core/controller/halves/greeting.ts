import { SYSTEM_DOCUMENT } from '../../catalog/catalog.js';
import { failure, isToolkitError } from '../../foundation/foundation.js';
import type { Files } from '../../ports/ports.js';
import type { Answered, Requests } from '../control/requests.js';
import type { Controller } from '../open-controller.js';
import type { SystemPlace } from '../system-place.js';
import type { SystemRef } from './peers.js';

/**
 * A folder copied by hand is the same system to all that its id says. Both would feed one secondary, each with marks of its own, and
 * neither would ever know what the other sent (decision 85). So whoever speaks for a system says from which folder, and where the system
 * is known to lie in another folder that is there, nothing is taken. Throws `system-copied`.
 */
export async function takeGreeting(
  controller: Controller,
  { from }: Requests['system.greet']['input'],
): Promise<Answered<'system.greet'>> {
  const { self } = controller.peers;
  if (from.id === self.id && !isSameFolder(controller.files, from.path, self.path)) throw copied(from, self);
  const known = knownFolders(controller, from.id);
  if (known.length === 0 || known.some(({ path }) => path === from.path)) return { output: {} };
  for (const ref of known) {
    const place = await placeOf(controller, ref);
    if (place && !isSameFolder(controller.files, from.path, place.path)) throw copied(from, place);
  }
  return { output: {} };
}

/**
 * Where this system has known another one to lie. The rows of pairs are kept up to date with every link session; what groups and
 * sessions remember is as old as they are, and counts only where there is no pair.
 */
function knownFolders({ catalog }: Controller, id: string): readonly SystemRef[] {
  const ofPairs = [...catalog.pairs.values()].flatMap(({ remote }) => (remote ? [remote.peer.system] : []));
  const own = ofPairs.filter((ref) => ref.id === id);
  const found = own.length > 0 ? own : refsIn([...catalog.sheets.values()]).filter((ref) => ref.id === id);
  return [...new Map(found.map((ref) => [ref.path, ref])).values()];
}

/** Every reference to a system that a row holds, however deep. */
function refsIn(value: unknown): SystemRef[] {
  if (typeof value !== 'object' || value === null) return [];
  if ('id' in value && 'name' in value && 'path' in value) return [value as SystemRef];
  return Object.values(value).flatMap(refsIn);
}

/** Undefined where the system was taken from there: then it may have been moved to where it speaks from. */
async function placeOf({ peers }: Controller, ref: SystemRef): Promise<SystemPlace | undefined> {
  try {
    return await peers.place(ref);
  } catch (error) {
    if (isToolkitError(error)) return undefined;
    throw error;
  }
}

function isSameFolder(files: Files, one: string, other: string): boolean {
  if (one === other) return true;
  const identity = files.identity(`${one}/${SYSTEM_DOCUMENT}`);
  return identity !== undefined && identity === files.identity(`${other}/${SYSTEM_DOCUMENT}`);
}

function copied(from: SystemRef, known: { readonly name: string; readonly path: string }): Error {
  return failure(
    'system-copied',
    `${from.path} is a copy of storage system ${known.name} in ${known.path}, and nothing is taken from it.`,
    `copyset system separate ${from.path} NAME makes it a system of its own. To use it instead of the other, take the other's folder away first.`,
    { details: { path: from.path, other: known.path } },
  );
}
