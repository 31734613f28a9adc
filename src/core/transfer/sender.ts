import { type CopyJob, PASSES, RateLimit } from '../copy/copy.js';
import { failure, isToolkitError, type Milliseconds, type TrackRun, tuning } from '../foundation/foundation.js';
import type { Fabric, Forming, LivePair } from '../hostio/hostio.js';
import { completed, isReturning, type PairRecord, type PairState, paceTracks, reasonOf } from '../pair/pair.js';
import { bindCode, isZero } from '../volume/volume.js';
import type { LinkSession } from './link-session.js';
import type { Mirror } from './mirror.js';
import { type Batch, claimQuiet, clearOfArrived, readBeside, readLane, writeOwnCodes } from './outgoing.js';
import { patiently } from './patience.js';
import { demandCodes } from './receiver.js';

const LANES_MAX = 4;
/** A batch is settled after this time even where a low rate has let little be sent. */
const BATCH_MS = 1_000;

export interface SenderHooks {
  /** Copying finished and moved the pair on, durably. */
  completed(before: PairRecord, after: PairRecord): void;
  /** A displaced primary has all that its secondary held when it was last asked. */
  caughtUp(): Promise<void>;
  taken(bytes: number): void;
  progress(pair: PairRecord, bytes: number): void;
  /** The end mark of a formation was taken. */
  ended(): void;
  /** The copying of a journal pair in a running session is ended by its entering the stream. */
  endsElsewhere(): boolean;
  /** Whether tracks may be copied straight into the secondary now: of a journal pair its session has let go of it first (H20). */
  mayCopy(): Promise<boolean>;
  /** The pair's group stops sending now. */
  isHeld(): boolean;
  /** Milliseconds until the group's rate lets the pair go on; 0 = now. */
  groupWaitMs(): number;
}

/** The copier's job for the primary's half of a remote pair: sends what its map holds, or fetches it for a restore. */
export class Sender implements CopyJob {
  readonly #fabric: Fabric;
  readonly #pair: LivePair;
  readonly #link: LinkSession;
  /** Of a synchronous pair. */
  readonly #mirror: Mirror | undefined;
  readonly #hooks: SenderHooks;
  readonly #rate: RateLimit;
  readonly #buffers: Uint8Array[] = [];
  #batch: Batch | undefined;
  #pointer = 0;
  #passes = 0;
  /** The state that is being copied, and the passes made before it. */
  #copied: { readonly state: PairState; readonly passesBefore: number } | undefined;
  /** The freeze whose tracks all arrived, durable, with its end mark. Numbers of groups that came and went may be the same. */
  #ended: Forming | undefined;

  constructor(fabric: Fabric, pair: LivePair, link: LinkSession, hooks: SenderHooks, mirror?: Mirror) {
    this.#fabric = fabric;
    this.#pair = pair;
    this.#link = link;
    this.#hooks = hooks;
    this.#mirror = mirror;
    this.#rate = new RateLimit(fabric.clock, pair.record?.rateBytesPerSecond ?? null);
    this.#pointer = pair.record?.copyPointer ?? 0;
  }

  get passes(): number {
    return this.#passes;
  }

  /** Whether the end mark of this formation was taken. */
  hasEnded(sequence: number): boolean {
    return this.#ended?.sequence === sequence && this.#pair.forming === this.#ended;
  }

  get tracksPerTurn(): number {
    const { record, roles, forming } = this.#pair;
    if (!record || !roles.drain || this.#hooks.isHeld()) return 0;
    // A formation's drain is bound by its limit, not by a pace.
    return forming ? paceTracks('fast') : paceTracks(record.pace);
  }

  waitMs(): Milliseconds {
    this.#rate.set(this.#pair.record?.rateBytesPerSecond ?? null);
    return Math.max(this.#rate.waitMs(), this.#link.waitMs(), this.#hooks.groupWaitMs());
  }

  get isDue(): boolean {
    if (!this.#batch) return false;
    return this.#pair.mutex.isWanted || this.#fabric.clock.monotonicMs() - this.#batch.begunMs >= BATCH_MS;
  }

  /** Its commit keeps hosts waiting for the disk no longer than a flush of their own. */
  get mayCommit(): boolean {
    return true;
  }

  /** A formation's drain is bound by its limit. */
  get isHurried(): boolean {
    return this.#pair.forming !== undefined || this.#pair.waiters > 0;
  }

  /** What is under way holds no track here, and a link's time is not the hosts'. */
  async land(): Promise<void> {
    // Nothing to wait for.
  }

  async turn(tracks: number, gently: boolean): Promise<'copied' | 'idle'> {
    try {
      if (!(await this.#link.ready())) return 'idle';
      if (this.#mirror && !(await this.#link.tellApart())) return 'idle';
      // The group may have stopped sending meanwhile: a remote that was left on a group stays on it.
      if (this.#hooks.isHeld()) return 'idle';
      if (!this.#batch && this.#hasWork && !(await this.#hooks.mayCopy())) return 'idle';
      const batch = this.#batch ?? this.#begin();
      if (!batch) return 'idle';
      if (batch.fault !== undefined) throw batch.fault;
      const mostBytes = this.isHurried && !gently ? tuning.hurriedBatchBytes : tuning.batchBytes;
      const full = batch.tracks * batch.own.geometry.trackSizeBytes >= mostBytes;
      const run = this.isDue || full ? undefined : this.#nextRun(batch, tracks);
      if (!run) {
        if (gently) return 'idle';
        await this.commit();
        return 'copied';
      }
      while (batch.underWay.size >= LANES_MAX) await this.#patiently(Promise.race(batch.underWay));
      this.#start(batch, run, gently);
      return 'copied';
    } catch (error) {
      await this.#fail(error);
      return 'idle';
    }
  }

  async commit(): Promise<void> {
    const batch = this.#batch;
    try {
      if (batch) {
        await this.#patiently(Promise.all(batch.underWay));
        if (batch.fault !== undefined) throw batch.fault;
        await this.#settle(batch);
        this.#end(batch);
      } else await this.#link.maintain();
      await this.#complete();
    } catch (error) {
      await this.#fail(error);
    }
  }

  /** Lets the batch go without waiting for what is under way: none of it counts, and what arrives late is refused (H4). */
  async abandon(): Promise<void> {
    const batch = this.#batch;
    if (!batch) return;
    // The pointer is ahead of what was sent: the passes are counted anew.
    this.#copied = undefined;
    if (batch.underWay.size > 0) this.#link.giveUp();
    this.#end(batch);
  }

  get #hasWork(): boolean {
    const { drain } = this.#pair.roles;
    return drain !== null && !this.#pair.map(drain.map).map.isEmpty;
  }

  #begin(): Batch | undefined {
    const { drain } = this.#pair.roles;
    if (!drain || this.#pair.map(drain.map).map.isEmpty) return undefined;
    if (this.#fabric.clock.monotonicMs() < this.#pair.restsUntilMs) return undefined;
    const record = this.#pair.record;
    if (record) this.#fabric.demandUnblocked(record.primary);
    const release = this.#pair.mutex.tryAcquire();
    if (!release || !record) return undefined;
    if (this.#copied?.state !== record.state) this.#copied = { state: record.state, passesBefore: this.#passes };
    const own = this.#fabric.volume(record.primary);
    this.#batch = {
      map: drain.map === 'secondary' ? 'secondary' : 'outOfSync',
      own,
      watch: this.#pair.map(drain.map).watch(),
      rewritten: own.codeless.watch(),
      release,
      arrived: [],
      underWay: new Set(),
      fault: undefined,
      tracks: 0,
      begunMs: this.#fabric.clock.monotonicMs(),
    };
    return this.#batch;
  }

  #nextRun(batch: Batch, tracks: number): TrackRun | undefined {
    const { map } = this.#pair.map(batch.map);
    const limit = Math.max(1, Math.min(tracks * 4, Math.floor(tuning.laneBytes / batch.own.geometry.trackSizeBytes)));
    let run = map.nextRun(this.#pointer, limit);
    if (!run && batch.tracks === 0) {
      run = map.nextRun(0, limit);
      this.#passes += 1;
    }
    if (run) this.#pointer = run.first + run.count;
    return run;
  }

  #start(batch: Batch, run: TrackRun, gently: boolean): void {
    const moved = (batch.map === 'outOfSync' ? this.#send(batch, run, gently) : this.#fetch(batch, run))
      .catch((error: unknown) => {
        batch.fault ??= error instanceof Error ? error : new Error(String(error));
      })
      .finally(() => batch.underWay.delete(moved));
    batch.underWay.add(moved);
    batch.tracks += run.count;
    const bytes = batch.own.geometry.bytesOfRun(run);
    this.#rate.spend(bytes);
    this.#hooks.taken(bytes);
  }

  /** Reads what the secondary lacks and sends it. */
  async #send(batch: Batch, run: TrackRun, gently: boolean): Promise<void> {
    const { own } = batch;
    const buffer = this.#buffers.pop() ?? new Uint8Array(Math.max(tuning.laneBytes, own.geometry.trackSizeBytes));
    const bytes = buffer.subarray(0, own.geometry.bytesOfRun(run));
    const claim = this.#mirror && (await claimQuiet(own, run, this.#mirror));
    try {
      const reading = { run, bytes, claim };
      // Beside hosts at work the turn is to take as long as the reading, for that is what its rest is counted by.
      const isRead = !gently && (await readBeside(this.#fabric, this.#pair, batch, reading));
      if (this.#batch !== batch) throw failure('link-lost', 'The batch was given up while it was read.');
      const lane = readLane(this.#fabric, this.#pair, own, reading, isRead);
      const order = { first: run.first, count: run.count, codes: lane.codes };
      await this.#link.ask('remote.copy', order, isZero(bytes) ? undefined : bytes);
      batch.arrived.push(lane);
      if (this.#batch === batch) this.#mirror?.noteCopied(run);
      this.#fabric.hooks.step('send.arrived');
    } finally {
      this.#buffers.push(buffer);
      if (claim) own.claims.release(claim);
    }
  }

  /** Takes back from the secondary what this side lost, and lands it by the one write path. */
  async #fetch(batch: Batch, run: TrackRun): Promise<void> {
    const { own } = batch;
    const answered = await this.#link.ask('remote.fetch', { first: run.first, count: run.count });
    const { codes } = answered.output;
    const bytes = answered.data ?? new Uint8Array(own.geometry.bytesOfRun(run));
    demandCodes(run, bytes, own.geometry.trackSizeBytes, codes);
    const writer = { copierOf: this.#pair.number };
    const landed = await this.#fabric.clearTheWay(own, run, writer, () => {
      // A batch that was given up has let go of the pair: its tracks are not this one's to write any more.
      if (this.#batch !== batch) return false;
      const untouched = !own.allocated.map.any(run.first, run.count) && isZero(bytes);
      if (untouched) return true;
      this.#fabric.mark(own, run, writer);
      batch.rewritten.forget(run.first, run.count);
      own.image.write(bytes, own.geometry.offsetOf(run.first));
      const bound = Uint32Array.from(codes, (code, i) => bindCode(code, own.number, run.first + i));
      own.codes.write(run.first, bound);
      return true;
    });
    if (landed) batch.arrived.push({ run, codes, computed: codes.map(() => true), overtaken: false });
    this.#fabric.hooks.step('fetch.landed');
  }

  /** Both sides durable, then the bits of all tracks that nobody marked again are cleared (P2). */
  async #settle(batch: Batch): Promise<void> {
    const { own, arrived } = batch;
    if (arrived.length === 0) return;
    if (batch.map === 'outOfSync') for (const lane of arrived) writeOwnCodes(batch, lane);
    const settled = this.#patiently(this.#link.ask('remote.settle', {}));
    await Promise.all([this.#fabric.flush(own.number), own.flushCodes(), settled]);
    this.#fabric.hooks.step('send.settled');
    await this.#clear(batch);
    this.#fabric.hooks.step('send.cleared');
  }

  #clear(batch: Batch): Promise<void> {
    const changes = () => clearOfArrived(this.#pair, batch, this.#pointer);
    // A split's frozen track must not be overwritten before it is known, also after a crash, that it was sent (P4).
    if (!this.#pair.roles.savesAside || this.#pair.forming) return this.#fabric.catalog.change(changes);
    const runs = batch.arrived.map(({ run }) => run);
    return this.#fabric.clearDurably(this.#pair, runs, changes);
  }

  /** Moves the pair on where its copying is finished, and gives the end mark of a formation. */
  async #complete(): Promise<void> {
    const { forming, record } = this.#pair;
    if (forming) return this.#endFormation(forming);
    // A split that is not decided yet opens nothing.
    if (!record || record.prepared || !this.#pair.roles.drain || this.#hooks.endsElsewhere()) return;
    if (isReturning(record)) {
      if (this.#pair.secondary.map.isEmpty && (await this.#link.ready())) await this.#hooks.caughtUp();
      return;
    }
    const moved = await this.#moveOn(record);
    if (!moved) return;
    // Nothing is held while the other half is awaited (H26).
    await this.#link.tell();
    this.#hooks.completed(record, moved);
  }

  async #moveOn(before: PairRecord): Promise<PairRecord | undefined> {
    const next = (state: PairState) =>
      completed(state, {
        outOfSyncEmpty: this.#pair.outOfSync.map.isEmpty,
        secondaryEmpty: this.#pair.secondary.map.isEmpty,
        // A busy host does not keep a synchronous pair from its end, which is equality.
        outOfSyncPassed:
          !this.#mirror && this.#copied?.state === before.state && this.#passes - this.#copied.passesBefore >= PASSES,
      });
    if (next(before.state) === before.state) return undefined;
    // In duplex whatever a host has flushed is durable at both sides.
    if (this.#mirror?.owes) await this.#mirror.flush();
    const release = this.#pair.mutex.tryAcquire();
    if (!release) return undefined;
    try {
      let after: PairRecord | undefined;
      await this.#fabric.catalog.change(() => {
        const record = this.#pair.record;
        if (!record || record.prepared || next(record.state) === record.state) return [];
        after = { ...record, state: next(record.state), copyPointer: 0 };
        return [{ do: 'put-pair', record: after }];
      }, true);
      if (after) this.#pointer = 0;
      await this.#fabric.catalog.durable();
      return after;
    } finally {
      release();
    }
  }

  async #endFormation(forming: Forming): Promise<void> {
    if (this.#ended === forming || !this.#pair.outOfSync.map.isEmpty) return;
    if (!(await this.#link.ready())) return;
    await this.#link.ask('remote.settle', { end: forming.sequence });
    if (this.#pair.forming === forming) this.#ended = forming;
    this.#fabric.hooks.step('send.ended');
    this.#hooks.ended();
  }

  /** Waits for the other half, but not for long while somebody waits for the pair. */
  #patiently<T>(work: Promise<T>): Promise<T> {
    return patiently(this.#fabric.clock, work, () => this.#pair.mutex.isWanted);
  }

  #end(batch: Batch): void {
    batch.watch.close();
    batch.rewritten.close();
    this.#mirror?.forgetCopied();
    this.#batch = undefined;
    batch.release();
    const { record } = this.#pair;
    if (record) this.#hooks.progress(record, batch.tracks * batch.own.geometry.trackSizeBytes);
  }

  /** A lost link is waited out; a fault of data suspends the pair. No bit of the batch is cleared. */
  async #fail(error: unknown): Promise<void> {
    await this.abandon();
    if (!isToolkitError(error)) throw error;
    if (await this.#link.takes(this.#waitsForRoom(error) ? failure('link-lost', error.message, error.hint) : error))
      return;
    await this.#fabric.suspend(this.#pair, reasonOf(error.code), error.message);
  }

  /** Differences of a session come back without a person: room is waited for as the link is. */
  #waitsForRoom(error: unknown): boolean {
    return this.#pair.record?.remote?.journal !== undefined && isToolkitError(error, 'no-space');
  }
}
