import { failure, isToolkitError, type Milliseconds, type TrackRun } from '../foundation/foundation.js';
import type { Fabric, Follower, LandedWrite, LivePair } from '../hostio/hostio.js';
import { reasonOf } from '../pair/pair.js';
import { TrackMap } from '../trackmap/trackmap.js';
import { codeOfData } from '../volume/volume.js';
import type { LinkSession } from './link-session.js';
import { Outbox, type Parcel, type Waiting } from './outbox.js';

/** Parcels sent and not answered; what lands meanwhile is gathered into the next. */
const PARCELS_MAX = 4;
/** So many orders in the time for which the secondary counts as heard. */
const BEATS = 2;

export interface MirrorOptions {
  /** A write waits for the secondary at most so long. */
  readonly limitMs: Milliseconds;
  /** How long the secondary counts as linked after it was last heard from. */
  readonly heardMs: Milliseconds;
}

/** Whoever waits for the link, and since when. */
interface LinkWaiter {
  readonly sinceMs: Milliseconds;
  wake(error?: unknown): void;
}

/** Takes the writes of a synchronous primary's host to its secondary; there is one for each such pair. */
export class Mirror implements Follower {
  readonly #fabric: Fabric;
  readonly #pair: LivePair;
  readonly #link: LinkSession;
  readonly #options: MirrorOptions;
  readonly #outbox = new Outbox();
  /** Writes that were surrendered and wait until that is durable. */
  #surrendered: Waiting[] = [];
  #waiters = new Set<LinkWaiter>();
  /** Tracks of writes that arrived since the secondary was last flushed. */
  #unflushed: TrackMap;
  #flushing: Promise<void> | undefined;
  /** Tracks that were copied and landed at the secondary, and whose bits are not cleared yet: it has them. */
  readonly #copied: TrackMap;
  #session = 0;
  /** Of the last message of this link session. */
  #place = 0;
  #pumps = false;
  #reopens = false;
  #guards = false;
  #beats = false;
  #askedAtMs = 0;
  readonly #stop = new AbortController();

  constructor(fabric: Fabric, pair: LivePair, link: LinkSession, options: MirrorOptions) {
    this.#fabric = fabric;
    this.#pair = pair;
    this.#link = link;
    this.#options = options;
    this.#unflushed = new TrackMap(pair.outOfSync.map.trackCount);
    this.#copied = new TrackMap(pair.outOfSync.map.trackCount);
  }

  get isReady(): boolean {
    return this.#link.isReady;
  }

  get owes(): boolean {
    return !this.#outbox.isEmpty || !this.#unflushed.isEmpty || this.#flushing !== undefined;
  }

  async ready(): Promise<void> {
    const sinceMs = this.#nowMs();
    while (this.#pair.alongside === 'always' && !this.#link.isReady) {
      if (this.#stop.signal.aborted) throw closing();
      await new Promise<void>((resolve, reject) => {
        const waiter: LinkWaiter = {
          sinceMs,
          wake: (error) => {
            this.#waiters.delete(waiter);
            if (error === undefined) resolve();
            else reject(error as Error);
          },
        };
        this.#waiters.add(waiter);
        this.#guard();
        this.#reopen();
      });
    }
  }

  takes(tracks: TrackRun): boolean {
    if (this.#pair.alongside === 'always') return true;
    // The secondary is a mix, and must know it before it gets later writes without earlier ones (H17).
    return this.#pair.alongside === 'in-sync' && this.#link.hasTold && !this.#lacksAll(tracks);
  }

  markLacking({ first, count }: TrackRun): void {
    const { outOfSync } = this.#pair;
    if (outOfSync.map.isEmpty) return;
    for (let track = first; track < first + count; track += 1) if (this.#lacks(track)) outOfSync.mark(track, 1);
  }

  follow(write: LandedWrite): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const settle = (error?: unknown) => (error === undefined ? resolve() : reject(error as Error));
      this.#outbox.put({ ...write, sinceMs: this.#nowMs(), settle });
      this.#pumpSoon();
    });
  }

  holds(tracks: TrackRun): boolean {
    return this.#outbox.overlaps(tracks);
  }

  async flush(): Promise<void> {
    // In a resync too, so that a flush that completed shortly before duplex holds there.
    while (this.#pair.alongside === 'always' || (this.#pair.alongside === 'in-sync' && this.#link.hasTold)) {
      if (this.#flushing) await this.#flushing;
      else if (this.#unflushed.isEmpty) return;
      else if (this.#link.isReady) {
        this.#flushing = this.#flushNow().finally(() => {
          this.#flushing = undefined;
        });
      } else await this.ready();
    }
  }

  surrender(unflushed: boolean): void {
    const { outOfSync } = this.#pair;
    const writes = this.#outbox.empty();
    for (const { tracks } of writes) outOfSync.mark(tracks.first, tracks.count);
    if (unflushed) for (const { first, count } of this.#unflushed.runs()) outOfSync.mark(first, count);
    this.#unflushed.empty();
    this.#surrendered.push(...writes);
  }

  release(error?: unknown): void {
    for (const write of this.#surrendered.splice(0)) write.settle(error);
    for (const waiter of [...this.#waiters]) waiter.wake(error);
  }

  /** Resolves when nothing of these tracks can arrive at the secondary any more but what is sent from now on. */
  async quiet(tracks: TrackRun): Promise<void> {
    for (;;) {
      const underWay = this.#outbox.underWayIn(tracks, this.#link.session);
      if (underWay) await underWay;
      else if (this.#outbox.overlaps(tracks)) await this.#outbox.shrunk();
      else return;
    }
  }

  /** The secondary has these tracks, whatever their bits still say. */
  noteCopied({ first, count }: TrackRun): void {
    this.#copied.set(first, count);
  }

  forgetCopied(): void {
    this.#copied.empty();
  }

  /** The link was opened, or was lost. */
  turned(): void {
    if (this.#link.isReady) for (const waiter of [...this.#waiters]) waiter.wake();
    this.#pumpSoon();
    this.#beat();
  }

  /** Whoever still waits is told so; what is under way stays with `surrender`. */
  close(): void {
    this.#stop.abort();
    for (const waiter of [...this.#waiters]) waiter.wake(closing());
  }

  #pumpSoon(): void {
    if (this.#pumps) return;
    this.#pumps = true;
    // What lands in the same turn travels together.
    queueMicrotask(() => {
      this.#pumps = false;
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#outbox.isEmpty || this.#stop.signal.aborted) return;
    this.#guard();
    if (!this.#link.isReady) {
      if (this.#pair.alongside === 'always') this.#reopen();
      else void this.#giveUp();
      return;
    }
    if (this.#session !== this.#link.session) {
      this.#session = this.#link.session;
      this.#place = 0;
      this.#outbox.requeue();
    }
    while (this.#outbox.hasQueued && this.#outbox.parcelsSent < PARCELS_MAX) this.#send();
  }

  #send(): void {
    const parcel = this.#outbox.take(this.#session);
    this.#place += 1;
    this.#askedAtMs = this.#nowMs();
    const writes = parcel.writes.flatMap(({ offset, data }) => [offset, data.length, codeOfData(data)]);
    // A copy: a write that is given up may complete, and its memory be used again, while it is still being sent.
    const data = Buffer.concat(parcel.writes.map((write) => write.data));
    const asked = this.#link.ask('remote.write', { place: this.#place, writes }, data);
    const ended = asked.then(
      () => this.#answered(parcel),
      (error: unknown) => this.#failed(parcel, error),
    );
    this.#outbox.sending(parcel, ended);
  }

  #answered(parcel: Parcel): void {
    if (parcel.session !== this.#session) return;
    for (const write of this.#outbox.answered(parcel)) {
      this.#unflushed.set(write.tracks.first, write.tracks.count);
      write.settle();
    }
    this.#fabric.hooks.step('mirror.answered');
    this.#pump();
  }

  async #failed(parcel: Parcel, error: unknown): Promise<void> {
    // Others of the session fail with it: the first of them counts, and nothing more is sent in it.
    if (parcel.session !== this.#session || parcel.session !== this.#link.session) return;
    this.#session = 0;
    this.#outbox.requeue();
    this.#link.giveUp();
    await this.#meet(error);
    this.#pump();
  }

  /** A lost link is waited out, a fault of the other half suspends the pair, and a fault of ours fails the writes that wait. */
  async #meet(error: unknown): Promise<void> {
    try {
      if (await this.#link.takes(error)) {
        if (this.#pair.alongside !== 'always') await this.#giveUp(error);
        return;
      }
      if (!isToolkitError(error)) throw error;
      await this.#fabric.suspend(this.#pair, reasonOf(error.code), error.message);
    } catch (fault) {
      this.surrender(false);
      this.release(fault);
    }
  }

  /**
   * What is under way is marked, and no host waits for the link: in a resync nobody takes the secondary for equal. A host that is shut
   * out, because the secondary was made a primary, learns that it is.
   */
  async #giveUp(error?: unknown): Promise<void> {
    this.surrender(false);
    if (!this.#pair.record?.remote?.displaced) return this.release();
    await this.#fabric.catalog.logMarks();
    this.release(error);
  }

  async #flushNow(): Promise<void> {
    const flushed = this.#unflushed;
    this.#unflushed = new TrackMap(flushed.trackCount);
    this.#askedAtMs = this.#nowMs();
    try {
      await this.#link.ask('remote.flush', {});
    } catch (error) {
      for (const { first, count } of flushed.runs()) this.#unflushed.set(first, count);
      await this.#meet(error);
    }
  }

  /** Suspends the pair, and those that are suspended with it, once something has waited for longer than the limit. */
  #guard(): void {
    if (this.#guards) return;
    this.#guards = true;
    void this.#guarding().finally(() => {
      this.#guards = false;
    });
  }

  async #guarding(): Promise<void> {
    const { limitMs } = this.#options;
    for (;;) {
      const since = [...[...this.#waiters].map(({ sinceMs }) => sinceMs), this.#outbox.oldestMs ?? Infinity];
      const leftMs = Math.min(...since) + limitMs - this.#nowMs();
      if (leftMs === Infinity || this.#stop.signal.aborted) return;
      // Another pair's limit may have ended this one's following already; its release comes once that is durable.
      if (leftMs > 0 || this.#pair.alongside === null) await this.#sleep(leftMs);
      else await this.#pastLimit();
    }
  }

  async #pastLimit(): Promise<void> {
    this.#link.giveUp();
    const message = `the secondary did not answer within ${this.#options.limitMs} ms`;
    try {
      await this.#fabric.suspend(this.#pair, 'link-lost', message);
    } catch (fault) {
      this.surrender(false);
      this.release(fault);
    }
  }

  #reopen(): void {
    if (this.#reopens) return;
    this.#reopens = true;
    void this.#reopening()
      .catch((error: unknown) => this.#meet(error))
      .finally(() => {
        this.#reopens = false;
      });
  }

  async #reopening(): Promise<void> {
    while (!this.#stop.signal.aborted && (this.#waiters.size > 0 || !this.#outbox.isEmpty)) {
      if (await this.#link.ready()) return;
      await this.#sleep(this.#link.waitMs());
    }
  }

  /** Lets the secondary know that the link is open while nothing is written. */
  #beat(): void {
    if (this.#beats || !this.#link.isReady || this.#pair.alongside !== 'always') return;
    this.#beats = true;
    void this.#beating().finally(() => {
      this.#beats = false;
    });
  }

  async #beating(): Promise<void> {
    const spanMs = this.#options.heardMs / BEATS;
    while (this.#link.isReady && this.#pair.alongside === 'always') {
      const leftMs = this.#askedAtMs + spanMs - this.#nowMs();
      if (leftMs > 0 && (await this.#sleep(leftMs)) === 'aborted') return;
      if (leftMs > 0 || !this.#link.isReady) continue;
      this.#askedAtMs = this.#nowMs();
      await this.#link.ask('remote.beat', {}).catch((error: unknown) => this.#meet(error));
    }
  }

  #lacksAll({ first, count }: TrackRun): boolean {
    if (!this.#pair.outOfSync.map.all(first, count)) return false;
    for (let track = first; track < first + count; track += 1) if (!this.#lacks(track)) return false;
    return true;
  }

  #lacks(track: number): boolean {
    return this.#pair.outOfSync.map.has(track) && !this.#copied.has(track);
  }

  /** Never less than a millisecond: what is left of a span by rounding alone must not be waited for again and again. */
  #sleep(spanMs: Milliseconds): Promise<'elapsed' | 'aborted'> {
    return this.#fabric.clock.sleep(Math.max(1, spanMs), this.#stop.signal);
  }

  #nowMs(): Milliseconds {
    return this.#fabric.clock.monotonicMs();
  }
}

function closing(): Error {
  return failure('link-lost', 'The controller is closing.');
}
