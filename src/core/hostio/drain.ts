import type { Change } from '../catalog/catalog.js';
import { type CopyJob, PASSES, RateLimit, restAfter } from '../copy/copy.js';
import { isToolkitError, type TrackRun, tuning } from '../foundation/foundation.js';
import { completed, type PairRecord, type PairState, paceTracks, reasonOf } from '../pair/pair.js';
import { isZero } from '../volume/volume.js';
import { CachedWrites } from './cached-writes.js';
import type { Claim } from './claims.js';
import { coolSplit } from './cooling.js';
import { type Batch, clearsOf, type Lane, laneTracks, writeSourceCodes, writeTargetCodes } from './copy-batch.js';
import type { Fabric } from './fabric.js';
import { readLane } from './lane-reading.js';
import type { LivePair } from './live-volume.js';
import { coldRegions } from './regions.js';

const LANES_MAX = 4;
/** A batch is committed after this time even where a low rate has let little be copied: it bounds what an interruption copies again. */
const BATCH_MS = 1_000;

export interface DrainHooks {
  /** Copying finished and moved the pair on, durably. */
  completed(before: PairRecord, after: PairRecord): void;
  /** So many bytes were taken up: what caps several pairs together counts them. */
  taken(bytes: number): void;
  /** A batch of so many bytes was made durable and cleared. */
  progress(pair: PairRecord, bytes: number): void;
}

/** Empties a pair's map by copying: pending, duplex, resync, sp-pending from P to S; a restore from S to P. */
export class Drain implements CopyJob {
  readonly #fabric: Fabric;
  readonly #pair: LivePair;
  readonly #hooks: DrainHooks;
  readonly #rate: RateLimit;
  readonly #buffers: Uint8Array[] = [];
  readonly #cache: CachedWrites;
  #batch: Batch | undefined;
  #lane: Lane | undefined;
  #pointer = 0;
  #passes = 0;
  /** The state that is being copied, and the passes made before it. */
  #copied: { readonly state: PairState; readonly passesBefore: number } | undefined;
  #commitNotBeforeMs = Number.NEGATIVE_INFINITY;
  #fault: Error | undefined;

  constructor(fabric: Fabric, pair: LivePair, hooks: DrainHooks) {
    this.#fabric = fabric;
    this.#pair = pair;
    this.#hooks = hooks;
    this.#cache = new CachedWrites(({ number }) => fabric.flush(number));
    this.#rate = new RateLimit(fabric.clock, pair.record?.rateBytesPerSecond ?? null);
    this.#pointer = pair.record?.copyPointer ?? 0;
  }

  /** How often the pointer came to the end and what was copied on its way was committed. */
  get passes(): number {
    return this.#passes;
  }

  get tracksPerTurn(): number {
    const record = this.#pair.record;
    return record && this.#pair.roles.drain ? paceTracks(record.pace) : 0;
  }

  waitMs(): number {
    this.#rate.set(this.#pair.record?.rateBytesPerSecond ?? null);
    return this.#rate.waitMs();
  }

  get isDue(): boolean {
    if (!this.#batch) return false;
    return this.#pair.mutex.isWanted || this.#fabric.clock.monotonicMs() - this.#batch.begunMs >= BATCH_MS;
  }

  get mayCommit(): boolean {
    return this.#pair.mutex.isWanted || this.#fabric.clock.monotonicMs() >= this.#commitNotBeforeMs;
  }

  get isHurried(): boolean {
    return this.#pair.waiters > 0;
  }

  async turn(tracks: number, gently: boolean): Promise<'copied' | 'idle'> {
    try {
      const batch = this.#batch ?? this.#begin();
      if (!batch) return 'idle';
      if (this.#fault !== undefined) throw this.#fault;
      const mostBytes = this.isHurried && !gently ? tuning.hurriedBatchBytes : tuning.batchBytes;
      const isFull = batch.copiedTracks * batch.source.geometry.trackSizeBytes >= mostBytes;
      const isEnded = isFull || (this.isDue && (!gently || this.mayCommit));
      if (isEnded || !(await this.#copy(batch, tracks))) {
        if (gently) return 'idle';
        await this.commit();
      }
      return 'copied';
    } catch (error) {
      await this.#fail(error);
      return 'idle';
    }
  }

  async land(): Promise<void> {
    const batch = this.#batch;
    if (!batch) return;
    if (this.#lane) await this.#send(batch, this.#shortened(this.#lane));
    await Promise.all(batch.landing);
  }

  /** Copies so many tracks, but no more than one piece may have; scattered ones as several. False where nothing was left at first. */
  async #copy(batch: Batch, tracks: number): Promise<boolean> {
    const most = Math.min(tracks, laneTracks(batch.target));
    for (let left = most; left > 0; ) {
      const lane = this.#lane ?? (await this.#openLane(batch));
      if (!lane) return left < most;
      const taken = Math.min(left, lane.run.count - lane.takenTracks);
      this.#take(batch, lane, taken);
      left -= taken;
      if (lane.takenTracks === lane.run.count) await this.#send(batch, lane);
    }
    return true;
  }

  async commit(): Promise<void> {
    const batch = this.#batch;
    if (!batch) {
      await this.#complete();
      return;
    }
    try {
      await this.land();
      if (this.#fault !== undefined) throw this.#fault;
      const begunMs = this.#fabric.clock.monotonicMs();
      await this.#settle(batch);
      const endedMs = this.#fabric.clock.monotonicMs();
      this.#commitNotBeforeMs = endedMs + restAfter(endedMs - begunMs);
      this.#end(batch);
      await this.#complete();
    } catch (error) {
      await this.#fail(error);
    }
  }

  #begin(): Batch | undefined {
    const { drain } = this.#pair.roles;
    if (!drain || this.#pair.map(drain.map).map.isEmpty) return undefined;
    if (this.#fabric.clock.monotonicMs() < this.#pair.restsUntilMs) return undefined;
    const record = this.#pair.record;
    if (record) this.#fabric.demandUnblocked(record.primary, record.secondary);
    const release = this.#pair.mutex.tryAcquire();
    if (!release || !record) return undefined;
    if (this.#copied?.state !== record.state) this.#copied = { state: record.state, passesBefore: this.#passes };
    const { map, source } = drain;
    const volumes = [this.#fabric.volume(record.primary), this.#fabric.volume(record.secondary)] as const;
    const [from, to] = source === 'primary' ? volumes : [volumes[1], volumes[0]];
    this.#batch = {
      map: map === 'secondary' ? 'secondary' : 'outOfSync',
      source: from,
      target: to,
      watch: this.#pair.map(map).watch(),
      rewritten: { source: from.codeless.watch(), target: to.codeless.watch() },
      release,
      landed: [],
      landing: new Set(),
      copiedTracks: 0,
      begunMs: this.#fabric.clock.monotonicMs(),
    };
    return this.#batch;
  }

  /** Claims the next piece at the target, when nothing stands in its way any more (H9). */
  async #openLane(batch: Batch): Promise<Lane | undefined> {
    const { geometry } = batch.target;
    const limit = laneTracks(batch.target);
    for (let next = this.#nextRun(batch, limit); next; next = this.#nextRun(batch, limit)) {
      const wanted = next;
      if (coldRegions(batch.target, wanted).length > 0)
        await this.#fabric.warm(batch.target, ...this.#runsAhead(batch, wanted));
      const claim = await this.#fabric.clearTheWay(batch.target, wanted, { copierOf: this.#pair.number }, () =>
        this.#claim(batch, wanted),
      );
      if (!claim) continue;
      const run = { first: claim.first, count: claim.count };
      const buffer = this.#takeBuffer(limit * geometry.trackSizeBytes);
      this.#lane = {
        run,
        claim,
        buffer,
        takenTracks: 0,
        overtaken: false,
        computed: [],
        codes: new Uint32Array(run.count),
      };
      return this.#lane;
    }
    return undefined;
  }

  /** Claims what the target still lacks: a track saved or written there while the way was cleared must not be copied over. */
  #claim(batch: Batch, wanted: TrackRun): Claim | undefined {
    const end = wanted.first + wanted.count;
    const left = this.#pair.map(batch.map).map.nextRun(wanted.first, wanted.count);
    if (!left || left.first >= end) return undefined;
    const count = Math.min(left.count, end - left.first);
    this.#pointer = left.first + count;
    return batch.target.claims.take(left.first, count);
  }

  /** The next tracks to copy from the pointer on that are not copied already in this batch; the pointer wraps once. */
  #nextRun(batch: Batch, limit: number): TrackRun | undefined {
    const { map } = this.#pair.map(batch.map);
    let run = map.nextRun(this.#pointer, limit);
    if (!run && batch.copiedTracks === 0) {
      run = map.nextRun(0, limit);
      this.#passes += 1;
    }
    if (run) this.#pointer = run.first + run.count;
    return run;
  }

  /** The lacking tracks from this run on, as many as one batch may copy: scattered ones then share a flush as neighbours do. */
  #runsAhead(batch: Batch, run: TrackRun): TrackRun[] {
    const { map } = this.#pair.map(batch.map);
    const runs = [run];
    let left = Math.floor(tuning.batchBytes / batch.target.geometry.trackSizeBytes) - run.count;
    for (let from = run.first + run.count; left > 0 && runs.length < tuning.activeRegionsMax / 4; ) {
      const next = map.nextRun(from, left);
      if (!next) break;
      runs.push(next);
      left -= next.count;
      from = next.first + next.count;
    }
    return runs;
  }

  #take(batch: Batch, lane: Lane, tracks: number): void {
    const bytes = batch.source.geometry.bytesOfRun({ first: lane.run.first + lane.takenTracks, count: tracks });
    lane.takenTracks += tracks;
    this.#rate.spend(bytes);
    this.#hooks.taken(bytes);
  }

  /** Starts the lane's reading and landing; waits only while all lanes are busy. */
  async #send(batch: Batch, lane: Lane): Promise<void> {
    this.#lane = undefined;
    if (lane.run.count === 0) {
      batch.target.claims.release(lane.claim);
      return;
    }
    while (batch.landing.size >= LANES_MAX) await Promise.race(batch.landing);
    const landing = this.#land(batch, lane)
      .catch((error: unknown) => {
        this.#fault ??= asError(error);
      })
      .finally(() => batch.landing.delete(landing));
    batch.landing.add(landing);
    batch.copiedTracks += lane.run.count;
  }

  async #land(batch: Batch, lane: Lane): Promise<void> {
    const { target } = batch;
    const writer = { copierOf: this.#pair.number, claim: lane.claim };
    try {
      await readLane(this.#fabric, batch, lane);
      const bytes = lane.buffer.subarray(0, target.geometry.bytesOfRun(lane.run));
      const lands = await this.#fabric.clearTheWay(target, lane.run, writer, () => {
        const untouched = !target.allocated.map.any(lane.run.first, lane.run.count);
        target.gate.enter();
        if (untouched && isZero(bytes)) return false;
        this.#fabric.mark(target, lane.run, writer);
        batch.rewritten.target.forget(lane.run.first, lane.run.count);
        return true;
      });
      try {
        if (lands) await this.#cache.write(target, bytes, target.geometry.offsetOf(lane.run.first), this.isHurried);
      } finally {
        target.gate.leave();
      }
      await this.#cache.rest(target);
      this.#fabric.hooks.step('copy.landed');
      batch.landed.push(lane);
      writeTargetCodes(target, lane);
    } finally {
      target.claims.release(lane.claim);
      this.#buffers.push(lane.buffer);
    }
  }

  /** Data of both sides and the codes durable, then the bits of all tracks that nobody marked again are cleared (P2). */
  async #settle(batch: Batch): Promise<void> {
    const { source, target, landed } = batch;
    if (landed.length === 0) return;
    for (const lane of landed) writeSourceCodes(batch, lane);
    await Promise.all([
      this.#fabric.flush(target.number),
      this.#fabric.flush(source.number),
      target.flushCodes(),
      source.flushCodes(),
    ]);
    this.#fabric.hooks.step('copy.flushed');
    await this.#clear(batch);
    this.#fabric.hooks.step('copy.cleared');
  }

  /** Where a side reads lacking tracks from the other, nobody may write them before the cleared bits are durable. */
  #clear(batch: Batch): Promise<void> {
    const { catalog } = this.#fabric;
    const { secondaryLacks, primaryLacks } = this.#pair.roles;
    const changes = () => {
      const record = this.#pair.record;
      return record ? clearsOf(batch, record, this.#pair.map(batch.map).map, this.#pointer) : [];
    };
    if (batch.map !== secondaryLacks && batch.map !== primaryLacks) return catalog.change(changes);
    return this.#fabric.clearDurably(
      this.#pair,
      batch.landed.map(({ run }) => run),
      changes,
    );
  }

  /** Moves the pair on where its copying is finished. */
  async #complete(): Promise<void> {
    const before = this.#pair.record;
    // A split that is not decided yet opens nothing.
    if (!before || before.prepared || !this.#pair.roles.drain) return;
    const emptiness = () => ({
      outOfSyncEmpty: this.#pair.outOfSync.map.isEmpty,
      secondaryEmpty: this.#pair.secondary.map.isEmpty,
      outOfSyncPassed: this.#copied?.state === before.state && this.#passes - this.#copied.passesBefore >= PASSES,
    });
    if (completed(before.state, emptiness()) === before.state) return;
    const release = this.#pair.mutex.tryAcquire();
    if (!release) return; // Somebody changes the pair; the next pass looks again.
    try {
      let after: PairRecord | undefined;
      await this.#fabric.catalog.change(() => {
        const record = this.#pair.record;
        if (!record || record.prepared) return [];
        const state = completed(record.state, emptiness());
        if (state === record.state) return [];
        after = { ...record, state, copyPointer: 0 };
        const changes: Change[] = [{ do: 'put-pair', record: after }];
        return [...changes, ...coolSplit(this.#fabric, changes)];
      }, true);
      if (!after) return;
      this.#pointer = 0;
      await this.#fabric.catalog.durable();
      this.#fabric.hooks.step('copy.completed');
      this.#hooks.completed(before, after);
    } finally {
      release();
    }
  }

  #end(batch: Batch): void {
    for (const watch of [batch.watch, batch.rewritten.source, batch.rewritten.target]) watch.close();
    this.#batch = undefined;
    batch.release();
    const record = this.#pair.record;
    if (record) this.#hooks.progress(record, batch.copiedTracks * batch.source.geometry.trackSizeBytes);
  }

  async abandon(): Promise<void> {
    const batch = this.#batch;
    this.#fault = undefined;
    if (!batch) return;
    // The pointer is ahead of what was copied: the passes are counted anew.
    this.#copied = undefined;
    if (this.#lane) batch.target.claims.release(this.#lane.claim);
    this.#lane = undefined;
    await Promise.all(batch.landing);
    this.#fault = undefined;
    this.#end(batch);
  }

  /** A fault suspends the pair and never loses a difference: no bit of the batch is cleared. */
  async #fail(error: unknown): Promise<void> {
    await this.abandon();
    if (!isToolkitError(error)) throw error;
    await this.#fabric.suspend(this.#pair, reasonOf(error.code), error.message);
  }

  /** What was taken up of a lane so far, when the batch ends before it is full. */
  #shortened(lane: Lane): Lane {
    this.#pointer = lane.run.first + lane.takenTracks;
    if (lane.takenTracks === lane.run.count) return lane;
    return { ...lane, run: { first: lane.run.first, count: lane.takenTracks } };
  }

  #takeBuffer(sizeBytes: number): Uint8Array {
    return this.#buffers.pop() ?? this.#fabric.bulkBuffer(sizeBytes);
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
