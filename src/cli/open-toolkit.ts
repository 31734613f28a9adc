import { basename, join, resolve } from 'node:path';
import type { OwnController, Ports, SystemClient, SystemPlace, SystemReader } from '../core/controller/controller.js';
import { failure, isToolkitError } from '../core/foundation/foundation.js';
import type { Streams } from '../core/ports/ports.js';
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
import { systemCopied } from './copies.js';
import { type Discovery, discover, NOTHING } from './discovery.js';
import { demandFreeName } from './free-name.js';
import { absolutePath, openOutput, type UserOutput, userFiles } from './named-files.js';
import { nearest } from './suggestion.js';

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
    this.#discovery ??= discover(this.roots, {
      placeAt: (folder) => this.#place(folder),
      identityOf: (path) => nodeFiles.identity(path),
    });
    return this.#discovery;
  }

  /** The system of this name below the roots, or in this folder where a path is given. */
  async find(system: string): Promise<SystemPlace> {
    if (isPath(system)) return this.#place(resolve(system));
    parseName(system, 'system');
    const near = this.roots.map((root) => join(root, system)).filter(holdsSystem);
    const inFolders = await Promise.all(near.map((folder) => this.#place(folder)));
    const ofThatName = once(inFolders.filter((place) => place.name === system));
    // A folder may have been renamed: the name that counts is the one inside.
    const found = ofThatName.length > 0 ? ofThatName : (await this.discover()).places.filter(isNamed(system));
    if (found.length > 1) throw areOneSystem(found) ? systemCopied(found) : ambiguous(system, found);
    return found[0] ?? (await this.#notFound(system));
  }

  /** The systems that a name, a path or a glob means, in the order of their ids, in which several are always taken. */
  async match(pattern: string): Promise<readonly SystemPlace[]> {
    if (isPath(pattern) || !isGlob(pattern)) return [await this.find(pattern)];
    const { places, troubles } = await this.discover();
    const damaged = troubles.find(({ path, name }) => matchesGlob(pattern, name ?? basename(path)));
    if (damaged) throw damaged.error;
    const found = places.filter((place) => matchesGlob(pattern, place.name));
    if (found.length > 0) return byId(found);
    throw failure('nothing-matches', `No storage system below ${this.#rootNames()} matches ${quoted(pattern)}.`, LIST);
  }

  /** The systems that several words mean, each once, in the order of their ids. Throws `system-copied` where one is a copy of another. */
  async matchAll(patterns: readonly string[]): Promise<readonly SystemPlace[]> {
    const found = new Map<string, SystemPlace>();
    for (const pattern of patterns) for (const place of await this.match(pattern)) found.set(place.path, place);
    const places = byId([...found.values()]);
    const twice = places.find((place, index) => places[index + 1]?.info.id === place.info.id);
    if (twice) throw systemCopied(places.filter(({ info }) => info.id === twice.info.id));
    return places;
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
    const { places } = await this.discover().catch(() => NOTHING);
    await demandFreeName(wishes.name, places, (place) => this.read(place, (reader) => reader.request('pair.list')));
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

  /** Makes a copied folder a system of its own. One that is no copy, for all that can be seen from here, needs `force`. */
  async separate(
    place: SystemPlace,
    wish: { readonly name: string; readonly force: boolean },
  ): ReturnType<Core['separateSystem']> {
    const { separateSystem } = await loadCore();
    const { places, copies, troubles } = await this.discover();
    if (places.some(isNamed(wish.name)))
      throw failure('already-exists', `There is a storage system ${wish.name} already.`, 'Choose another name.');
    const copy = copies.find((one) => one.place.path === place.path);
    if (copy) breakCopiedLock(place.path, copy.original);
    const isCopy =
      copy !== undefined ||
      troubles.some(({ path, error }) => path === place.path && isToolkitError(error, 'system-copied'));
    this.#discovery = undefined;
    return separateSystem(await this.#ports(portsOf(place)), place, { ...wish, force: wish.force || isCopy });
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

  /** A file that appears, or is replaced, whole when it is committed. Throws `system-file` where it is a storage system's. */
  async createOutput(path: string): Promise<UserOutput> {
    await this.demandOutsideSystems(path);
    return openOutput(path);
  }

  /** Refuses a file that lies in the folder of a system, or is the image of a volume of one below the roots. */
  async demandOutsideSystems(path: string): Promise<void> {
    const { demandOutsideSystems } = await loadCore();
    const target = await absolutePath(path);
    const isThere = nodeFiles.status(target) !== undefined;
    demandOutsideSystems(nodeFiles, target, isThere ? await this.#imagesElsewhere() : []);
  }

  /** Images that systems below the roots keep outside their folders, with links followed. */
  async #imagesElsewhere(): Promise<readonly string[]> {
    const { places, copies } = await this.discover().catch(() => NOTHING);
    const lists = await Promise.all(
      [...places, ...copies.map(({ place }) => place)].map((place) =>
        this.read(place, async (reader) => (await reader.request('volume.list')).output.volumes).catch(() => []),
      ),
    );
    return Promise.all(lists.flat().map(({ path }) => absolutePath(path)));
  }

  async history(place: SystemPlace): Promise<ReturnType<Core['readHistory']>> {
    const { readHistory } = await loadCore();
    return readHistory(nodeFiles, place.path);
  }

  async crashSteps(): Promise<readonly string[]> {
    return (await loadCore()).CRASH_STEPS;
  }

  async #place(folder: string): Promise<SystemPlace> {
    const { readPlace } = await loadCore();
    return readPlace(nodeFiles, (await (await userFiles()).followLinks(folder)) ?? folder);
  }

  async #notFound(system: string): Promise<never> {
    const { places, troubles } = await this.discover();
    const here = troubles.find(({ path, name }) => (name ?? basename(path)) === system);
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

export function byId(places: readonly SystemPlace[]): readonly SystemPlace[] {
  return [...places].sort((a, b) => (a.info.id < b.info.id ? -1 : 1));
}

/** A lock that was copied with its folder names who owns the original: nobody owns two folders of one system. */
function breakCopiedLock(path: string, original: string): void {
  const owners = lockfileOwners();
  const [own, other] = [owners.current(path), owners.current(original)];
  if (own && other && own.pid === other.pid && own.host === other.host) owners.breakLock(path);
}

/** A root may be given twice, by its name and by a link. */
function once(places: readonly SystemPlace[]): readonly SystemPlace[] {
  return [...new Map(places.map((place) => [place.path, place])).values()];
}

function areOneSystem(places: readonly SystemPlace[]): boolean {
  return places.every(({ info }) => info.id === places[0]?.info.id);
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

function userName(): string {
  const { USER, LOGNAME } = process.env;
  return USER ?? LOGNAME ?? `uid ${process.getuid?.() ?? '?'}`;
}

function die(): never {
  process.kill(process.pid, 'SIGKILL');
  // The signal ends the process before anybody gets to run again.
  for (;;);
}
