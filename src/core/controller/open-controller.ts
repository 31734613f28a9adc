import { Catalog } from '../catalog/catalog.js';
import { Copier, type RateLimit } from '../copy/copy.js';
import { failure, MIB, type PairNumber, type VolumeNumber } from '../foundation/foundation.js';
import { addressOf, coldRegions, Drain, Fabric, type LiveVolume, Mutex } from '../hostio/hostio.js';
import { leads, type PairRecord } from '../pair/pair.js';
import type { Files, Grant, OwnerRecord } from '../ports/ports.js';
import { relaxedFiles, removeUnfinishedDocuments, toToolkitError } from '../storage/storage.js';
import { Sender } from '../transfer/transfer.js';
import { Faults, faultyFiles } from './faults.js';
import { Halves } from './halves.js';
import { handlers } from './handlers.js';
import { History, type HistoryEvent } from './history.js';
import { imagePathOf, isoTime, Listing } from './listing.js';
import type { Reach } from './peer-connection.js';
import { Peers } from './peers.js';
import { answerChange } from './recorded.js';
import { doubtfulChanges } from './recovery.js';
import type { Answered, RequestCode, RequestExtras, Requests, SystemClient } from './requests.js';
import type { Ports, SystemPlace } from './system-place.js';

/** Long works with an effect, made of many frames: their answers are kept in one of their own (H28). */
const KEPT_BY_ID: ReadonlySet<RequestCode> = new Set<RequestCode>([
  'volume.import',
  'volume.format',
  'volume.reserve',
  'volume.unreserve',
  'fault.set',
  'fault.clear',
]);

/** Regions made active ahead of a stream; after a crash as much is in doubt. */
const WARM_AHEAD_BYTES = 64 * MIB;

/** Who a request comes from, and how its effect is tied to its id. */
export interface RequestContext {
  readonly id: string;
  readonly actor: string;
}

/** The copier at work, and how many want it to be. */
interface Copying {
  users: number;
  readonly stop: AbortController;
  readonly done: Promise<void>;
  failed?: Error;
}

/** Owns one system: its catalog, its open volumes, its copier. */
export class Controller implements SystemClient {
  readonly place: SystemPlace;
  readonly ports: Ports;
  readonly files: Files;
  readonly catalog: Catalog;
  readonly fabric: Fabric;
  readonly faults: Faults;
  readonly history: History;
  readonly listing: Listing;
  readonly copier: Copier;
  readonly peers: Peers;
  readonly halves: Halves;
  /** Set where this controller was opened for another system's sake: it lets go when one comes to serve (H27). */
  onYield: (() => void) | undefined;
  /** Held by whoever changes tables. */
  readonly exclusive = new Mutex();
  readonly #grant: Grant;
  readonly #drains = new Map<PairNumber, Drain | Sender>();
  readonly #speeds = new Map<PairNumber, { sinceMs: number; bytes: number }>();
  #watchers: (() => void)[] = [];
  #copying: Copying | undefined;
  #cap: RateLimit | undefined;
  /** Where the last write to each volume ended. */
  readonly #streamEnds = new Map<VolumeNumber, number>();
  /** Requests that are being answered, by their ids. */
  readonly #running = new Map<string, Promise<unknown>>();
  #endWaiters: (() => void)[] = [];

  private constructor(ports: Ports, place: SystemPlace, grant: Grant, reach: Reach) {
    this.ports = ports;
    this.place = place;
    this.#grant = grant;
    this.files = place.info.durability === 'none' ? relaxedFiles(ports.files) : ports.files;
    this.faults = new Faults(this.files, place.path, ports.random, ports.die);
    this.catalog = Catalog.open(this.files, ports.random, place.path);
    this.history = new History(this.files, place.path);
    this.listing = new Listing(
      place,
      this.catalog,
      () => ports.clock.nowMs(),
      (pair) => this.#speedOf(pair),
      (pair) => this.halves.isLinked(pair),
    );
    this.fabric = new Fabric({
      system: place.name,
      catalog: this.catalog,
      files: place.info.fixture ? faultyFiles(this.files, this.faults, (path) => this.#faultTarget(path)) : this.files,
      clock: ports.clock,
      saveLimitBytes: place.info.saveLimitBytes,
      hooks: {
        suspended: (before, after) => this.#onSuspended(before, after),
        step: (name) => this.step(name),
        follower: ({ number }) => this.halves.mirror(number),
        suspendedWith: ({ number }, reason) =>
          this.halves.suspendedWith(number, reason === 'link-lost').map((other) => this.fabric.pair(other)),
      },
    });
    this.copier = new Copier(ports.clock, () => this.#jobs());
    this.peers = new Peers(ports, place, this.faults, reach);
    this.halves = new Halves(this);
  }

  /** Opens the system that `grant` gives to this process, and recovers it. The grant is released if that fails. */
  static async open(ports: Ports, place: SystemPlace, grant: Grant, reach: Reach): Promise<Controller> {
    try {
      const controller = new Controller(ports, place, grant, reach);
      await controller.#recover();
      return controller;
    } catch (error) {
      await grant.release();
      throw toToolkitError(error, `storage system ${place.name}`);
    }
  }

  async request<Code extends RequestCode>(
    code: Code,
    input: Requests[Code]['input'],
    extras: RequestExtras = {},
  ): Promise<Answered<Code>> {
    return this.handle(code, input, extras, { id: this.ports.random.id(), actor: this.ports.actor });
  }

  /** Answers one request. A request whose id was answered before gets the same answer again (H28). */
  async handle<Code extends RequestCode>(
    code: Code,
    input: Requests[Code]['input'],
    extras: RequestExtras,
    context: RequestContext,
  ): Promise<Answered<Code>> {
    if (this.#grant.lost)
      throw failure(
        'ownership-lost',
        `The lock of storage system ${this.place.name} was removed by somebody.`,
        "Nothing more is written by this process. copyset system check tells the system's state.",
      );
    const answered = this.catalog.answers.get(context.id);
    if (answered !== undefined) return { output: answered as Requests[Code]['output'] };
    // Its asker lost the connection while it runs: the one that is sent again gets the answer of the first.
    const running = this.#running.get(context.id);
    if (running) return running as Promise<Answered<Code>>;
    const answering = this.#answer(code, input, extras, context);
    this.#running.set(context.id, answering);
    try {
      return await answering;
    } catch (error) {
      throw toToolkitError(error, `storage system ${this.place.name}`);
    } finally {
      this.#running.delete(context.id);
      if (this.#running.size === 0) for (const wake of this.#endWaiters.splice(0)) wake();
    }
  }

  /** Answers, and keeps the answer of what has an effect where its own frame does not hold it already. */
  async #answer<Code extends RequestCode>(
    code: Code,
    input: Requests[Code]['input'],
    extras: RequestExtras,
    context: RequestContext,
  ): Promise<Answered<Code>> {
    const answered = await handlers[code](this, input, extras, context);
    if (KEPT_BY_ID.has(code) && !this.catalog.answers.has(context.id)) {
      await this.catalog.change(() => [answerChange(context, answered.output)]);
    }
    return answered;
  }

  /** Ends what was begun, makes everything durable and lets go of the system. */
  async close(): Promise<void> {
    while (this.#running.size > 0) await new Promise<void>((resolve) => this.#endWaiters.push(resolve));
    await this.stopCopying(true);
    await this.peers.close();
    this.halves.close();
    try {
      if (!this.#grant.lost) {
        await this.fabric.close();
        await this.faults.settled();
        this.history.close();
      }
    } finally {
      this.catalog.close();
      await this.#grant.release();
    }
  }

  /** Runs one change of tables at a time. */
  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    const release = await this.exclusive.acquire();
    try {
      return await work();
    } finally {
      release();
    }
  }

  step(name: string): void {
    if (this.faults.rows.length > 0) this.faults.step(name);
  }

  /** Makes the regions under a write active, and some ahead where it goes on from the last: a long stream costs few flushes. */
  async warmFor(volume: LiveVolume, offsetBytes: number, lengthBytes: number): Promise<void> {
    const isStream = this.#streamEnds.get(volume.number) === offsetBytes;
    this.#streamEnds.set(volume.number, offsetBytes + lengthBytes);
    const { geometry } = volume;
    if (coldRegions(volume, geometry.tracksOf(offsetBytes, lengthBytes)).length === 0) return;
    const reach = Math.min(lengthBytes + (isStream ? WARM_AHEAD_BYTES : 0), geometry.sizeBytes - offsetBytes);
    await this.fabric.warm(volume, geometry.tracksOf(offsetBytes, reach));
  }

  /** Caps what this controller's pairs copy together; several controllers may share one cap. Without one there is none. */
  capCopying(rate: RateLimit | undefined): void {
    this.#cap = rate;
    this.copier.limit(() => rate?.waitMs() ?? 0);
  }

  get isCopying(): boolean {
    return this.#copying !== undefined;
  }

  /** How often the copier went through all that a pair lacks. */
  passesOf(number: PairNumber): number {
    return this.#drains.get(number)?.passes ?? 0;
  }

  /** Starts the copier for one more user of it. */
  startCopying(): void {
    if (this.#copying) {
      this.#copying.users += 1;
      return;
    }
    const stop = new AbortController();
    const copying: Copying = { users: 1, stop, done: this.copier.run(stop.signal) };
    this.#copying = copying;
    copying.done.catch((error: unknown) => {
      copying.failed = error instanceof Error ? error : new Error(String(error));
      this.notify();
    });
  }

  /** Throws what ended the copier early: no fault of a pair, which suspends it, but a fault of ours. */
  demandCopying(): void {
    if (this.#copying?.failed !== undefined) throw this.#copying.failed;
  }

  /** One user less; the copier commits and stops after the last, or at once with `forced`. */
  async stopCopying(forced = false): Promise<void> {
    const copying = this.#copying;
    if (!copying) return;
    copying.users = forced ? 0 : copying.users - 1;
    if (copying.users > 0) return;
    this.#copying = undefined;
    copying.stop.abort();
    this.copier.wake();
    await copying.done.catch(() => undefined); // Whoever waited for it has thrown it.
  }

  /** Resolves at the next change of any pair, or after `spanMs`. */
  async changed(spanMs: number, signal?: AbortSignal): Promise<void> {
    const sleep = new AbortController();
    const wake = () => sleep.abort();
    this.#watchers.push(wake);
    signal?.addEventListener('abort', wake, { once: true });
    await this.ports.clock.sleep(spanMs, sleep.signal);
    signal?.removeEventListener('abort', wake);
    this.#watchers = this.#watchers.filter((watcher) => watcher !== wake);
  }

  /** Something about pairs changed: whoever waits looks again, and the copier looks for work. */
  notify(): void {
    for (const wake of this.#watchers.splice(0)) wake();
    this.copier.wake();
  }

  record(event: Omit<HistoryEvent, 'time' | 'system'>): void {
    this.history.append({ time: isoTime(this.ports.clock.nowMs()), system: this.place.name, ...event });
  }

  /** Called after each change of ports; whoever serves them sets it. */
  onPortsChanged: (() => Promise<void>) | undefined;

  async portsChanged(): Promise<void> {
    await this.onPortsChanged?.();
  }

  /** This process as the system's owner. */
  self(): OwnerRecord | undefined {
    return this.ports.owners.current(this.place.path);
  }

  address(volume: VolumeNumber): string {
    return addressOf(this.catalog, this.place.name, volume);
  }

  /** Removes the files of dropped volumes and pairs, then forgets them. */
  async removeLeftovers(): Promise<void> {
    if (this.catalog.leftovers.length === 0) return;
    const paths = this.catalog.leftovers.map((path) => (path.startsWith('/') ? path : `${this.place.path}/${path}`));
    for (const path of paths) this.files.remove(path);
    // A file that came back after they were forgotten would be taken for one of a later volume with the same number or name.
    for (const folder of new Set(paths.map((path) => path.slice(0, path.lastIndexOf('/')))))
      if (this.files.status(folder)) await this.files.flushFolder(folder);
    await this.catalog.change(() => [{ do: 'cleaned' }]);
  }

  async #recover(): Promise<void> {
    removeUnfinishedDocuments(this.files, this.place.path);
    await this.catalog.change(() => [{ do: 'grant', epoch: this.catalog.epoch + 1 }]);
    const doubt = doubtfulChanges(this.catalog);
    if (doubt.length > 0) {
      await this.catalog.change(() => doubt);
      await this.catalog.durable();
    }
    await this.removeLeftovers();
    for (const event of this.history.unfinished()) {
      const message = 'its controller died; the operation was finished or undone when the system was opened again';
      this.record({ ...event, phase: 'abnormal', code: 'died', message, seconds: null, after: this.#statusNow(event) });
    }
  }

  #statusNow(event: HistoryEvent): string | null {
    for (const pair of this.catalog.pairs.values()) {
      if (this.address(pair.primary) === event.primary && this.address(pair.secondary) === event.secondary)
        return pair.state.status;
    }
    return null;
  }

  #jobs(): readonly (Drain | Sender)[] {
    for (const number of this.#drains.keys()) if (!this.catalog.pairs.has(number)) this.#drains.delete(number);
    for (const [number, record] of this.catalog.pairs) {
      if (!this.#drains.has(number) && leads(record)) this.#drains.set(number, this.#newDrain(record));
    }
    return [...this.#drains.values()];
  }

  #newDrain({ number, mode, remote }: PairRecord): Drain | Sender {
    const pair = this.fabric.pair(number);
    const hooks = {
      completed: (before: PairRecord, after: PairRecord) => this.#onCompleted(before, after),
      taken: (bytes: number) => this.#cap?.spend(bytes),
      progress: (record: PairRecord, bytes: number) => this.#noteSpeed(record.number, bytes),
    };
    if (!remote) return new Drain(this.fabric, pair, hooks);
    const mirror = mode === 'sync' ? this.halves.mirror(number) : undefined;
    return new Sender(this.fabric, pair, this.halves.link(number), hooks, mirror);
  }

  /** The copier's job for a remote pair whose primary lies here. */
  sender(number: PairNumber): Sender | undefined {
    this.#jobs();
    const job = this.#drains.get(number);
    return job instanceof Sender ? job : undefined;
  }

  #noteSpeed(pair: PairNumber, bytes: number): void {
    const now = this.ports.clock.monotonicMs();
    const speed = this.#speeds.get(pair);
    if (!speed || now - speed.sinceMs > 5_000) this.#speeds.set(pair, { sinceMs: now, bytes });
    else speed.bytes += bytes;
    this.notify();
  }

  #speedOf(pair: PairNumber): number | undefined {
    const speed = this.#speeds.get(pair);
    if (!speed) return undefined;
    const spanMs = this.ports.clock.monotonicMs() - speed.sinceMs;
    return spanMs > 100 ? (speed.bytes / spanMs) * 1000 : undefined;
  }

  #onCompleted(before: PairRecord, after: PairRecord): void {
    this.#recordPair(before, after, 'copy', 'done', null);
    this.notify();
  }

  /** What the other half of a remote pair made of this one: it returned by itself, or its secondary was made a primary. */
  onHalfChanged(before: PairRecord, after: PairRecord, why: string): void {
    this.#recordPair(before, after, 'link', 'done', why);
    this.notify();
  }

  #onSuspended(before: PairRecord, after: PairRecord): void {
    const message = after.state.status === 'suspended' ? after.state.message : null;
    this.#recordPair(
      before,
      after,
      'suspend',
      after.state.status === 'suspended' ? after.state.reason : 'suspended',
      message,
    );
    this.notify();
  }

  #recordPair(before: PairRecord, after: PairRecord, operation: string, code: string, message: string | null): void {
    this.record({
      code,
      phase: 'end',
      operation,
      primary: this.address(after.primary),
      secondary: this.address(after.secondary),
      before: before.state.status,
      after: after.state.status,
      tracks: null,
      seconds: null,
      message,
      actor: 'copier',
      id: this.ports.random.id(),
    });
  }

  #faultTarget(path: string): { volume: string; trackSizeBytes: number } | undefined {
    for (const record of this.catalog.volumes.values()) {
      if (imagePathOf(this.place.path, record) === path)
        return { volume: record.name, trackSizeBytes: record.trackSizeBytes };
    }
    return undefined;
  }
}
