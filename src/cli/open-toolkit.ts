import { basename, join, resolve } from 'node:path';
import type { OwnController, Ports, SystemClient, SystemPlace, SystemReader } from '../core/controller/controller.js';
import { failure } from '../core/foundation/foundation.js';
import { FileError, type Streams } from '../core/ports/ports.js';
import { toToolkitError } from '../core/storage/storage.js';
import { isGlob, isPath, matchesGlob, parseName, quoted } from '../core/volume/volume.js';
import {
  clockAt,
  lockfileOwners,
  nextRun,
  nodeFiles,
  seededRandom,
  socketLink,
  streamSockets,
  systemClock,
  systemRandom,
} from '../platform/platform.js';
import type { UserInput, UserOutput } from '../platform/user-files.js';
import { nearest } from './suggestion.js';

export type { UserInput, UserOutput };

/** What lies below the roots. */
export interface Discovery {
  /** In the order of their names. */
  readonly places: readonly SystemPlace[];
  /** What could not be read; the others are listed all the same. */
  readonly troubles: readonly Trouble[];
}

export interface Trouble {
  readonly path: string;
  readonly error: Error;
}

/** How long a command waits for a system that another process owns and does not serve. */
const BUSY_LIMIT_MS = 10_000;

/** Puts the machine under the core: the one place that knows both. `commandId` is oclif's, as in `pair:split`. */
export function openToolkit(roots: readonly string[], commandId: string | undefined): Toolkit {
  return new Toolkit(roots, (commandId ?? 'copyset').replaceAll(':', ' '));
}

/** Finds systems and opens them. The core is loaded when the first system is opened. */
export class Toolkit {
  /** Absolute. */
  readonly roots: readonly string[];
  readonly #purpose: string;
  #discovery: Promise<Discovery> | undefined;

  constructor(roots: readonly string[], purpose: string) {
    this.roots = roots.map((root) => resolve(root));
    this.#purpose = purpose;
  }

  /** All systems below the roots. */
  discover(): Promise<Discovery> {
    this.#discovery ??= this.#discover();
    return this.#discovery;
  }

  /** The system of this name below the roots, or in this folder where a path is given. */
  async find(system: string): Promise<SystemPlace> {
    if (isPath(system)) return this.#place(resolve(system));
    parseName(system, 'system');
    const near = this.roots.map((root) => join(root, system)).filter(holdsSystem);
    const inFolders = await Promise.all(near.map((folder) => this.#place(folder)));
    const ofThatName = inFolders.filter((place) => place.name === system);
    // A folder may have been renamed: the name that counts is the one inside.
    const found = ofThatName.length > 0 ? ofThatName : (await this.discover()).places.filter(isNamed(system));
    if (found.length > 1) throw ambiguous(system, found);
    return found[0] ?? (await this.#notFound(system));
  }

  /** The systems that a name, a path or a glob means, in the order of their ids, in which several are always taken. */
  async match(pattern: string): Promise<readonly SystemPlace[]> {
    if (isPath(pattern) || !isGlob(pattern)) return [await this.find(pattern)];
    const { places, troubles } = await this.discover();
    const damaged = troubles.find(({ path }) => matchesGlob(pattern, basename(path)));
    if (damaged) throw damaged.error;
    const found = places.filter((place) => matchesGlob(pattern, place.name));
    if (found.length > 0) return byId(found);
    throw failure('nothing-matches', `No storage system below ${this.#rootNames()} matches ${quoted(pattern)}.`, LIST);
  }

  /** The systems that several words mean, each once, in the order of their ids. */
  async matchAll(patterns: readonly string[]): Promise<readonly SystemPlace[]> {
    const found = new Map<string, SystemPlace>();
    for (const pattern of patterns) for (const place of await this.match(pattern)) found.set(place.path, place);
    return byId([...found.values()]);
  }

  /** Becomes the controller of a system and stays it until closed. */
  async openOwner(place: SystemPlace, signal: AbortSignal): Promise<OwnController> {
    const { openOwner } = await loadCore();
    return openOwner(await this.#ports(portsOf(place)), place, {
      purpose: this.#purpose,
      timeoutMs: BUSY_LIMIT_MS,
      signal,
    });
  }

  /** Runs a program of the user's beside what is served. */
  async runProgram(words: readonly string[], environment: Record<string, string>, stop: AbortSignal): Promise<number> {
    const { runProgram } = await import('../platform/run-program.js');
    return runProgram(words, environment, stop);
  }

  get streams(): Streams {
    return streamSockets;
  }

  async create(wishes: Parameters<Core['createSystem']>[2]): Promise<SystemPlace> {
    parseName(wishes.name, 'system');
    const root = this.roots[0] ?? resolve('.');
    const folder = (await (await userFiles()).followLinks(root)) ?? root;
    const { createSystem } = await loadCore();
    this.#discovery = undefined;
    return createSystem(
      await this.#ports({ name: wishes.name, fixture: wishes.fixture === true }),
      join(folder, wishes.name),
      wishes,
    );
  }

  /** Does some work as a client of the system: of its running controller, or as its controller. */
  async use<T>(
    place: SystemPlace,
    work: (client: SystemClient) => Promise<T>,
    options: { signal?: AbortSignal; unharmed?: boolean } = {},
  ): Promise<T> {
    const client = await this.openClient(place, options);
    let result: T;
    try {
      result = await work(client);
    } catch (error) {
      // The first failure is the one to tell; letting go may fail for the same reason.
      await client.close().catch(() => {});
      throw error;
    }
    await client.close();
    return result;
  }

  async openClient(
    place: SystemPlace,
    options: { signal?: AbortSignal; unharmed?: boolean } = {},
  ): Promise<SystemClient> {
    const { openClient } = await loadCore();
    const ports = await this.#ports(portsOf(place));
    return openClient(ports, place, { purpose: this.#purpose, timeoutMs: BUSY_LIMIT_MS, ...options });
  }

  /** Looks at a system without owning it. */
  async read<T>(place: SystemPlace, work: (reader: SystemReader) => Promise<T>): Promise<T> {
    const { openReader } = await loadCore();
    const reader = await openReader(await this.#ports(portsOf(place)), place);
    try {
      return await work(reader);
    } finally {
      await reader.close();
    }
  }

  async delete(place: SystemPlace, options: { force: boolean }): ReturnType<Core['deleteSystem']> {
    const { deleteSystem } = await loadCore();
    this.#discovery = undefined;
    return deleteSystem(await this.#ports(portsOf(place)), place, options);
  }

  async breakLock(place: SystemPlace): Promise<ReturnType<Core['breakLock']>> {
    const { breakLock } = await loadCore();
    return breakLock(await this.#ports(portsOf(place)), place);
  }

  async release(place: SystemPlace, signal: AbortSignal): ReturnType<Core['releaseSystem']> {
    const { releaseSystem } = await loadCore();
    const options = { timeoutMs: BUSY_LIMIT_MS, signal };
    return releaseSystem(await this.#ports(portsOf(place)), place, options);
  }

  async history(place: SystemPlace): Promise<ReturnType<Core['readHistory']>> {
    const { readHistory } = await loadCore();
    return readHistory(nodeFiles, place.path);
  }

  async crashSteps(): Promise<readonly string[]> {
    return (await loadCore()).CRASH_STEPS;
  }

  async #discover(): Promise<Discovery> {
    const { default: fastGlob } = await import('fast-glob');
    const places: SystemPlace[] = [];
    const troubles: Trouble[] = [];
    for (const root of this.roots) {
      const folder = await (await userFiles()).followLinks(root);
      if (folder === undefined) troubles.push({ path: root, error: missingRoot(root) });
      const options = { cwd: root, onlyFiles: false, followSymbolicLinks: false, suppressErrors: true };
      for (const found of folder === undefined ? [] : await fastGlob('*/system.json', options)) {
        const path = join(root, found, '..');
        await this.#place(path).then(
          (place) => places.push(place),
          (error: Error) => troubles.push({ path, error }),
        );
      }
    }
    if (places.length === 0 && troubles.length === this.roots.length && troubles[0]) throw troubles[0].error;
    return { places: places.sort((a, b) => (a.name < b.name ? -1 : 1)), troubles };
  }

  async #place(folder: string): Promise<SystemPlace> {
    const { readPlace } = await loadCore();
    return readPlace(nodeFiles, (await (await userFiles()).followLinks(folder)) ?? folder);
  }

  async #notFound(system: string): Promise<never> {
    const { places, troubles } = await this.discover();
    const here = troubles.find(({ path }) => basename(path) === system);
    if (here) throw here.error;
    const close = nearest(
      system,
      places.map((place) => place.name),
    );
    const hint = close === undefined ? LIST : `Did you mean ${close}? ${LIST}`;
    throw failure('system-not-found', `There is no storage system ${quoted(system)} below ${this.#rootNames()}.`, hint);
  }

  #rootNames(): string {
    return this.roots.join(', ');
  }

  /** Fixture systems take ids from COPYSET_SEED and times from COPYSET_NOW, so that they come out alike everywhere. */
  async #ports({ name, path, fixture, durability = 'power' }: PortsOf): Promise<Ports> {
    const { COPYSET_SEED: seed, COPYSET_NOW: now } = process.env;
    const startMs = fixture && now !== undefined ? Date.parse(now) : Number.NaN;
    // The run that makes the system is its first. Two runs of one command must not send requests of the same id.
    const runOf = () => (path === undefined ? 0 : nextRun(path, durability));
    const random = fixture && seed !== undefined ? seededRandom(`${seed}:${name}`, runOf) : systemRandom;
    return {
      files: nodeFiles,
      clock: Number.isNaN(startMs) ? systemClock : clockAt(startMs),
      random,
      link: socketLink,
      owners: lockfileOwners(),
      die,
      locate: async (id) => (await this.discover()).places.find((place) => place.info.id === id)?.path,
      actor: `${userName()}: ${this.#purpose}`,
    };
  }
}

interface PortsOf {
  readonly name: string;
  readonly path?: string | undefined;
  readonly fixture: boolean;
  readonly durability?: 'power' | 'none' | undefined;
}

function portsOf({ path, info }: SystemPlace): PortsOf {
  return { name: info.name, path, fixture: info.fixture, durability: info.durability };
}

const LIST = 'copyset system list shows the systems there are.';

type Core = typeof import('../core/controller/controller.js');

function loadCore(): Promise<Core> {
  return import('../core/controller/controller.js');
}

function userFiles() {
  return import('../platform/user-files.js');
}

/** Why a file that a person named is of the wrong kind, and what may be named instead. */
interface Unfit {
  readonly says: string;
  readonly hint: string;
}

const NO_INPUT: Unfit = {
  says: 'is a folder or a socket, from which nothing can be read',
  hint: 'Name a plain file, a pipe or a device, or a link to one.',
};
const NO_OUTPUT: Unfit = {
  says: 'is no plain file, and only such a file is replaced',
  hint: 'Name a file to be made or replaced, or a link to one. What is printed on standard output may go into a device or a pipe.',
};

/** Opens a file that a person named, to read it in pieces. */
export async function openInput(path: string): Promise<UserInput> {
  return named(path, async () => (await userFiles()).openInput(resolve(path)), NO_INPUT);
}

export async function readTextFile(path: string, maxBytes: number): Promise<string> {
  return named(path, async () => (await userFiles()).readText(resolve(path), maxBytes), NO_INPUT);
}

/** A file that appears, or is replaced, whole when it is committed. */
export async function createOutput(path: string): Promise<UserOutput> {
  return named(path, async () => (await userFiles()).createOutput(resolve(path)), NO_OUTPUT);
}

/** Absolute, with links followed: how a file is named to a controller, which may have another working folder. */
export async function absolutePath(path: string): Promise<string> {
  return named(path, async () => (await (await userFiles()).followLinks(resolve(path))) ?? resolve(path));
}

/** What the machine says about a file that a person named, as an error that a person understands. */
export async function named<T>(path: string, work: () => Promise<T>, unfit?: Unfit): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (unfit !== undefined && error instanceof FileError && error.fault === 'not-regular')
      throw failure('not-regular', `The file ${quoted(path)} ${unfit.says}.`, unfit.hint, { cause: error });
    throw toToolkitError(error, `the file ${quoted(path)}`);
  }
}

export function byId(places: readonly SystemPlace[]): readonly SystemPlace[] {
  return [...places].sort((a, b) => (a.info.id < b.info.id ? -1 : 1));
}

function isNamed(system: string): (place: SystemPlace) => boolean {
  return (place) => place.name === system;
}

function holdsSystem(folder: string): boolean {
  return nodeFiles.status(join(folder, 'system.json')) !== undefined;
}

function ambiguous(system: string, places: readonly SystemPlace[]): Error {
  const paths = places.map((place) => place.path);
  const hint = `Name the one you mean by its path, as ${paths[0]}:VOLUME.`;
  return failure('usage', `There are ${places.length} systems named ${quoted(system)}: ${paths.join(' and ')}.`, hint);
}

function missingRoot(root: string): Error {
  return failure(
    'file-not-found',
    `The folder ${root}, in which systems are looked for, is not there.`,
    'Make it, or name another with --root.',
  );
}

function userName(): string {
  const { USER, LOGNAME } = process.env;
  return USER ?? LOGNAME ?? `uid ${process.getuid?.() ?? '?'}`;
}

function die(): never {
  process.kill(process.pid, 'SIGKILL');
  // The signal ends the process before anybody gets to run again.
  for (;;);
}
