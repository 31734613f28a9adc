import { Catalog, JOURNALS_FOLDER } from '../catalog/catalog.js';
import { type Copier, Courtesy, type RateLimit } from '../copy/copy.js';
import { failure, MIB, type PairNumber, type VolumeNumber } from '../foundation/foundation.js';
import { addressOf, coldRegions, Fabric, type LiveVolume, Mutex } from '../hostio/hostio.js';
import type { PairRecord } from '../pair/pair.js';
import type { Files, Grant, OwnerRecord } from '../ports/ports.js';
import { relaxedFiles, removeUnfinishedDocuments, toToolkitError } from '../storage/storage.js';
import type { Sender } from '../transfer/transfer.js';
import { answerChange } from './control/recorded.js';
import type { Answered, RequestCode, RequestExtras, Requests, SystemClient } from './control/requests.js';
import { CopyWork } from './copy-work.js';
import { Faults, type FaultTarget, faultyFiles, skewedClock } from './faults.js';
import { displacedChanges } from './groups/displacement.js';
import { Groups } from './groups/groups.js';
import { Halves } from './halves/halves.js';
import type { Reach } from './halves/peer-connection.js';
import { Peers } from './halves/peers.js';
import { handlers } from './handlers.js';
import { History, type HistoryEvent } from './history.js';
import { imagePathOf } from './image-faults.js';
import { Listing } from './listing.js';
import { notePair } from './pairs/history.js';
import { isoTime } from './pairs/listing.js';
import { doubtfulChanges, endUnfinished } from './recovery.js';
import { keepAll } from './sessions/keeping.js';
import { recoverStreams } from './sessions/redo.js';
import { Sessions } from './sessions/sessions.js';
import { Streams } from './sessions/streams.js';
import { Splits } from './splits/splits.js';
import type { Ports, SystemPlace } from './system-place.js';
import { Waiting } from './waiting.js';

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

/** Owns one system: its catalog, its open volumes, its copier. */
export class Controller implements SystemClient {
  readonly place: SystemPlace;
  readonly ports: Ports;
  readonly files: Files;
  /** For images and journals: the faults of a fixture system strike what goes through it. */
  readonly dataFiles: Files;
  readonly catalog: Catalog;
  readonly fabric: Fabric;
  readonly faults: Faults;
  readonly history: History;
  readonly listing: Listing;
  readonly peers: Peers;
  readonly halves: Halves;
  readonly groups: Groups;
  readonly splits: Splits;
  readonly sessions: Sessions;
  readonly streams: Streams;
  /** Set where this controller was opened for another system's sake: it lets go when one comes to serve (H27). */
  onYield: (() => void) | undefined;
  /** Held by whoever changes tables. */
  readonly exclusive = new Mutex();
  readonly #grant: Grant;
  readonly #work: CopyWork;
  readonly #waiting = new Waiting();
  #forming: { readonly stop: AbortController; readonly done: Promise<void> } | undefined;
  #formingFault: Error | undefined;
  /** Where the last write to each volume ended. */
  readonly #streamEnds = new Map<VolumeNumber, number>();
  /** Requests that are being answered, by their ids. */
  readonly #running = new Map<string, Promise<unknown>>();
  #endWaiters: (() => void)[] = [];

  private constructor(ports: Ports, place: SystemPlace, grant: Grant, reach: Reach) {
    this.place = place;
    this.#grant = grant;
    this.files = place.info.durability === 'none' ? relaxedFiles(ports.files) : ports.files;
    this.faults = new Faults(this.files, place.path, ports.random, ports.die);
    const { fixture } = place.info;
    this.ports = fixture ? { ...ports, clock: skewedClock(ports.clock, this.faults) } : ports;
    this.dataFiles = fixture ? faultyFiles(this.files, this.faults, (path) => this.#faultTarget(path)) : this.files;
    this.catalog = Catalog.open(this.files, ports.random, place.path);
    this.history = new History(this.files, place.path);
    this.listing = new Listing(place, this.catalog, this.files, () => ports.clock.nowMs(), {
      speed: (pair) => this.#work.speedOf(pair),
      heardAtMs: (pair) => this.halves.heardAtMs(pair),
      isLinked: (pair) => this.halves.isLinked(pair),
      linkLostMs: (pair) => this.halves.lostMs(pair),
      stalledMs: (pair) => this.#work.stalledMs(pair),
    });
    this.fabric = new Fabric({
      system: place.name,
      catalog: this.catalog,
      files: this.dataFiles,
      clock: this.ports.clock,
      saveLimitBytes: place.info.saveLimitBytes,
      hooks: {
        suspended: (before, after) => this.#onSuspended(before, after),
        step: (name) => this.step(name),
        follower: ({ number }) => this.halves.mirror(number),
        recorder: (pair) => this.streams.recorder(pair),
        degraded: (before, after, why) => this.onHalfChanged(before, after, why),
        isUpdating: ({ record }) => record !== undefined && this.sessions.isUpdating(record),
        landOverlay: (volume) => this.sessions.views.land(volume),
        suspendedWith: ({ number }, reason) =>
          this.halves.suspendedWith(number, reason === 'link-lost').map((other) => this.fabric.pair(other)),
      },
    });
    this.peers = new Peers(ports, place, this.faults, reach, (code, input) => this.#answerOwn(code, input));
    this.halves = new Halves(this);
    this.groups = new Groups(this);
    this.sessions = new Sessions(this);
    this.streams = new Streams(this);
    this.#work = new CopyWork(this);
    this.copier.giveWay(new Courtesy(ports.clock, () => this.fabric.hostRequests));
    this.splits = new Splits(this);
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
    return this.handle(code, input, extras, this.#ownContext(code));
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
    const answered = await this.sessions.views.beneath(code, () => handlers[code](this, input, extras, context));
    if (KEPT_BY_ID.has(code) && !this.catalog.answers.has(context.id)) {
      await this.catalog.change(() => [answerChange(context, answered.output)]);
    }
    return answered;
  }

  /** Answers what this system asks itself while it answers something. */
  #answerOwn<Code extends RequestCode>(code: Code, input: Requests[Code]['input']): Promise<Answered<Code>> {
    return handlers[code](this, input, {}, this.#ownContext(code));
  }

  #ownContext(code: RequestCode): RequestContext {
    return { id: this.ports.random.id(code), actor: this.ports.actor };
  }

  /** Ends what was begun, makes everything durable and lets go of the system. */
  async close(): Promise<void> {
    while (this.#running.size > 0) await new Promise<void>((resolve) => this.#endWaiters.push(resolve));
    this.#forming?.stop.abort();
    await this.#forming?.done.catch(() => undefined); // Whoever waits for the copier learns of a fault of ours.
    if (!this.#grant.lost) await this.groups.close();
    await this.splits.close();
    await this.sessions.close();
    await this.stopCopying(true);
    await this.peers.close();
    this.halves.close();
    try {
      if (!this.#grant.lost) {
        await this.fabric.close();
        await this.streams.close();
        await this.catalog.shortenLog();
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

  capCopying(rate: RateLimit | undefined): void {
    this.#work.cap(rate);
  }

  get copier(): Copier {
    return this.#work.copier;
  }

  get isCopying(): boolean {
    return this.#work.isCopying;
  }

  passesOf(number: PairNumber): number {
    return this.#work.passesOf(number);
  }

  startCopying(): void {
    this.#work.start();
  }

  /** Forms the groups, and keeps the checkpoint sessions, that this system masters and that run, for as long as this controller lives. */
  startForming(): void {
    if (this.#forming) return;
    const stop = new AbortController();
    this.#forming = { stop, done: keepAll(this, stop) };
    this.#forming.done.catch((error: unknown) => {
      this.#formingFault = error instanceof Error ? error : new Error(String(error));
      this.notify();
    });
  }

  demandCopying(): void {
    this.#work.demand();
    if (this.#formingFault !== undefined) throw this.#formingFault;
  }

  async stopCopying(forced = false): Promise<void> {
    await this.#work.stop(forced);
  }

  /** The copier's job for a remote pair whose primary lies here. */
  sender(number: PairNumber): Sender | undefined {
    return this.#work.sender(number);
  }

  /** Resolves at the next change of any pair, or after `spanMs`. */
  changed(spanMs: number, signal?: AbortSignal): Promise<void> {
    return this.#waiting.rest(this.ports.clock, spanMs, signal);
  }

  /** Something about pairs changed: whoever waits looks again, and the copier looks for work. */
  notify(): void {
    this.#waiting.wake();
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
    // A killed owner leaves frames that are in the page cache alone: what was found is durable before it is shown or built on.
    await this.catalog.durable();
    await this.catalog.change(() => [{ do: 'grant', epoch: this.catalog.epoch + 1 }]);
    const redone = await recoverStreams(this);
    const doubt = [...doubtfulChanges(this.catalog, redone), ...displacedChanges(this.ports, this.catalog)];
    const active = [...this.catalog.active.keys()];
    if (doubt.length > 0) {
      await this.catalog.change(() => doubt);
      await this.catalog.durable();
    }
    // What was opened by then knows regions as active that are cold now: a write there would be in no log.
    for (const volume of active) this.fabric.forget(volume);
    await this.removeLeftovers();
    this.splits.recover();
    await this.sessions.recover();
    endUnfinished(this);
  }

  onCompleted(before: PairRecord, after: PairRecord): void {
    notePair(this, before, after, { operation: 'copy', code: 'done', message: null });
    this.notify();
  }

  /** What the other half of a remote pair made of this one: it returned by itself, or its secondary was made a primary. */
  onHalfChanged(before: PairRecord, after: PairRecord, why: string): void {
    notePair(this, before, after, { operation: 'link', code: 'done', message: why });
    this.notify();
  }

  #onSuspended(before: PairRecord, after: PairRecord): void {
    const { state } = after;
    const [code, message] = state.status === 'suspended' ? [state.reason, state.message] : ['suspended', null];
    notePair(this, before, after, { operation: 'suspend', code, message });
    this.notify();
  }

  #faultTarget(path: string): FaultTarget | undefined {
    if (path.startsWith(`${this.place.path}/${JOURNALS_FOLDER}/`)) return { volume: undefined, trackSizeBytes: 1 };
    for (const record of this.catalog.volumes.values()) {
      if (imagePathOf(this.place.path, record) === path)
        return { volume: record.name, trackSizeBytes: record.trackSizeBytes };
    }
    return undefined;
  }
}
