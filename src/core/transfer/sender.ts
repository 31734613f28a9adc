import { pairMapKey, volumeMapKey } from '../catalog/catalog.js';
import { type CopyJob, RateLimit } from '../copy/copy.js';
import { isToolkitError, type TrackRun, tuning } from '../foundation/foundation.js';
import {
  type Claim,
  checkCodeFailure,
  type Fabric,
  type LivePair,
  type LiveVolume,
  readCoded,
} from '../hostio/hostio.js';
import { completed, type PairRecord, type PairState, paceTracks, type SuspendReason } from '../pair/pair.js';
import type { Watch } from '../trackmap/trackmap.js';
import { bindCode, codeOfData, isZero } from '../volume/volume.js';
import type { LinkSession } from './link-session.js';
import type { Mirror } from './mirror.js';

const LANES_MAX = 4;
/** A batch is settled after this time even where a low rate has let little be sent. */
const BATCH_MS = 1_000;

export interface SenderHooks {
  /** Copying finished and moved the pair on, durably. */
  completed(before: PairRecord, after: PairRecord): void;
  taken(bytes: number): void;
  progress(pair: PairRecord, bytes: number): void;
}

/** What was sent or fetched since the last settling. */
interface Batch {
  readonly map: 'outOfSync' | 'secondary';
  readonly own: LiveVolume;
  readonly watch: Watch;
  readonly rewritten: Watch;
  readonly release: () => void;
  readonly arrived: Lane[];
  readonly underWay: Set<Promise<void>>;
  tracks: number;
  readonly begunMs: number;
}

interface Lane {
  readonly run: TrackRun;
  readonly codes: readonly number[];
  /** Codes computed here because none was set. */
  readonly computed: readonly boolean[];
  /** Something was landing here while it was read, and had been marked before: the tracks are sent once more (H11). */
  readonly overtaken: boolean;
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
  #fault: Error | undefined;
  /** The formation whose tracks all arrived, durable, with its end mark. */
  #ended: number | undefined;

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
    return this.#ended === sequence;
  }

  get tracksPerTurn(): number {
    const { record, roles, forming } = this.#pair;
    if (!record || !roles.drain) return 0;
    // A formation's drain is bound by its limit, not by a pace.
    return forming ? paceTracks('fast') : paceTracks(record.pace);
  }

  waitMs(): number {
    this.#rate.set(this.#pair.record?.rateBytesPerSecond ?? null);
    return Math.max(this.#rate.waitMs(), this.#link.waitMs());
  }

  get isDue(): boolean {
    if (!this.#batch) return false;
    return this.#pair.mutex.isWanted || this.#fabric.clock.monotonicMs() - this.#batch.begunMs >= BATCH_MS;
  }

  async turn(tracks: number): Promise<'copied' | 'idle'> {
    try {
      if (!(await this.#link.ready())) return 'idle';
      if (this.#mirror && !(await this.#link.tellApart())) return 'idle';
      const batch = this.#batch ?? this.#begin();
      if (!batch) return 'idle';
      if (this.#fault !== undefined) throw this.#fault;
      const full = batch.tracks * batch.own.geometry.trackSizeBytes >= tuning.batchBytes;
      const run = this.isDue || full ? undefined : this.#nextRun(batch, tracks);
      if (!run) {
        await this.commit();
        return 'copied';
      }
      while (batch.underWay.size >= LANES_MAX) await Promise.race(batch.underWay);
      this.#start(batch, run);
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
        await Promise.all(batch.underWay);
        if (this.#fault !== undefined) throw this.#fault;
        await this.#settle(batch);
        this.#end(batch);
      } else await this.#link.maintain();
      await this.#complete();
    } catch (error) {
      await this.#fail(error);
    }
  }

  async abandon(): Promise<void> {
    const batch = this.#batch;
    if (!batch) return;
    await Promise.all(batch.underWay);
    this.#fault = undefined;
    this.#end(batch);
  }

  #begin(): Batch | undefined {
    const { drain } = this.#pair.roles;
    if (!drain || this.#pair.map(drain.map).map.isEmpty) return undefined;
    const record = this.#pair.record;
    const release = this.#pair.mutex.tryAcquire();
    if (!release || !record) return undefined;
    const own = this.#fabric.volume(record.primary);
    this.#batch = {
      map: drain.map === 'secondary' ? 'secondary' : 'outOfSync',
      own,
      watch: this.#pair.map(drain.map).watch(),
      rewritten: own.codeless.watch(),
      release,
      arrived: [],
      underWay: new Set(),
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

  #start(batch: Batch, run: TrackRun): void {
    const moved = (batch.map === 'outOfSync' ? this.#send(batch, run) : this.#fetch(batch, run))
      .catch((error: unknown) => {
        this.#fault ??= error instanceof Error ? error : new Error(String(error));
      })
      .finally(() => batch.underWay.delete(moved));
    batch.underWay.add(moved);
    batch.tracks += run.count;
    const bytes = batch.own.geometry.bytesOfRun(run);
    this.#rate.spend(bytes);
    this.#hooks.taken(bytes);
  }

  /** Reads what the secondary lacks, in one step with looking where it lies, and sends it. */
  async #send(batch: Batch, run: TrackRun): Promise<void> {
    const { own } = batch;
    const buffer = this.#buffers.pop() ?? new Uint8Array(Math.max(tuning.laneBytes, own.geometry.trackSizeBytes));
    const bytes = buffer.subarray(0, own.geometry.bytesOfRun(run));
    const claim = this.#mirror && (await this.#claim(own, run, this.#mirror));
    try {
      const lane = this.#read(batch, run, bytes, claim);
      const order = { first: run.first, count: run.count, codes: lane.codes };
      await this.#link.ask('remote.copy', order, isZero(bytes) ? undefined : bytes);
      batch.arrived.push(lane);
      this.#mirror?.noteCopied(run);
      this.#fabric.hooks.step('send.arrived');
    } finally {
      this.#buffers.push(buffer);
      if (claim) own.claims.release(claim);
    }
  }

  /**
   * The tracks of a synchronous pair are held from reading to landing, and what is under way to them has landed: a host's write then
   * comes to the secondary after the copy that lacks it, and never before one that is older. Hosts wait for one transfer at most.
   */
  async #claim(own: LiveVolume, run: TrackRun, mirror: Mirror): Promise<Claim> {
    while (own.claims.overlapping(run.first, run.count)) await own.claims.released();
    const claim = own.claims.take(run.first, run.count);
    await mirror.quiet(run);
    return claim;
  }

  #read(batch: Batch, run: TrackRun, bytes: Uint8Array, claim: Claim | undefined): Lane {
    const { own } = batch;
    const { trackSizeBytes } = own.geometry;
    const aside = this.#pair.roles.savesAside ? this.#pair.saved : undefined;
    if (aside?.any(run.first, run.count)) return this.#readAside(own, run, bytes);
    const overtaken = own.claims.overlapping(run.first, run.count, claim) !== undefined;
    this.#fabric.read(own.number, bytes, run.first * trackSizeBytes);
    const codes: number[] = [];
    const computed: boolean[] = [];
    const bad = readCoded(this.#fabric, own, run, bytes, (_, code, fresh) => {
      codes.push(code);
      computed.push(fresh && !overtaken);
    });
    if (bad !== undefined) throw checkCodeFailure(this.#fabric.address(own.number), bad);
    return { run, codes, computed, overtaken };
  }

  /** Track by track: some of them lie in the save area, whose data is not the volume's and sets none of its codes. */
  #readAside(own: LiveVolume, run: TrackRun, bytes: Uint8Array): Lane {
    const { saved } = this.#pair;
    const { geometry } = own;
    const codes: number[] = [];
    for (let i = 0; i < run.count; i += 1) {
      const track = run.first + i;
      const at = i * geometry.trackSizeBytes;
      const part = bytes.subarray(at, at + geometry.bytesOf(track));
      if (saved.has(track)) this.#pair.saveArea.read(part, geometry.offsetOf(track));
      else this.#fabric.read(own.number, part, geometry.offsetOf(track));
      codes.push(codeOfData(part));
    }
    return { run, codes, computed: codes.map(() => false), overtaken: false };
  }

  /** Takes back from the secondary what this side lost, and lands it by the one write path. */
  async #fetch(batch: Batch, run: TrackRun): Promise<void> {
    const { own } = batch;
    const answered = await this.#link.ask('remote.fetch', { first: run.first, count: run.count });
    const { codes } = answered.output;
    const bytes = answered.data ?? new Uint8Array(own.geometry.bytesOfRun(run));
    const writer = { copierOf: this.#pair.number };
    await this.#fabric.clearTheWay(own, run, writer, () => {
      const untouched = !own.allocated.map.any(run.first, run.count) && isZero(bytes);
      if (untouched) return;
      this.#fabric.mark(own, run, writer);
      batch.rewritten.forget(run.first, run.count);
      own.image.write(bytes, own.geometry.offsetOf(run.first));
      const bound = Uint32Array.from(codes, (code, i) => bindCode(code, own.number, run.first + i));
      own.codes.write(run.first, bound);
    });
    batch.arrived.push({ run, codes, computed: codes.map(() => true), overtaken: false });
  }

  /** Both sides durable, then the bits of all tracks that nobody marked again are cleared (P2). */
  async #settle(batch: Batch): Promise<void> {
    const { own, arrived } = batch;
    if (arrived.length === 0) return;
    if (batch.map === 'outOfSync') for (const lane of arrived) this.#writeOwnCodes(batch, lane);
    await Promise.all([this.#fabric.flush(own.number), own.flushCodes(), this.#link.ask('remote.settle', {})]);
    this.#fabric.hooks.step('send.settled');
    await this.#clear(batch);
    this.#fabric.hooks.step('send.cleared');
  }

  #writeOwnCodes({ own, rewritten }: Batch, { run, codes, computed }: Lane): void {
    for (let i = 0; i < run.count; i += 1) {
      const track = run.first + i;
      if (!computed[i] || rewritten.touched(track)) continue;
      own.codes.write(track, Uint32Array.of(bindCode(codes[i] ?? 0, own.number, track)));
    }
  }

  #clear(batch: Batch): Promise<void> {
    const changes = () => {
      const { record } = this.#pair;
      if (!record) return [];
      const clean: number[] = [];
      const coded: number[] = [];
      const lacking = this.#pair.map(batch.map).map;
      for (const { run, computed, overtaken } of batch.arrived) {
        if (overtaken) continue;
        for (let i = 0; i < run.count; i += 1) {
          const track = run.first + i;
          if (!lacking.has(track) || batch.watch.touched(track)) continue;
          clean.push(track, 1);
          if (computed[i] && !batch.rewritten.touched(track)) coded.push(track, 1);
        }
      }
      return [
        { do: 'clear' as const, map: pairMapKey(record.number, batch.map), runs: joined(clean) },
        { do: 'clear' as const, map: volumeMapKey(batch.own.number, 'codeless'), runs: joined(coded) },
        { do: 'put-pair' as const, record: { ...record, copyPointer: this.#pointer } },
      ];
    };
    // A split's frozen track must not be overwritten before it is known, also after a crash, that it was sent (P4).
    if (!this.#pair.roles.savesAside || this.#pair.forming) return this.#fabric.catalog.change(changes);
    const runs = batch.arrived.map(({ run }) => run);
    return this.#fabric.clearDurably(this.#pair, runs, changes);
  }

  /** Moves the pair on where its copying is finished, and gives the end mark of a formation. */
  async #complete(): Promise<void> {
    const { forming } = this.#pair;
    if (forming) return this.#endFormation(forming.sequence);
    const before = this.#pair.record;
    if (!before || !this.#pair.roles.drain) return;
    const next = (state: PairState) =>
      completed(state, {
        outOfSyncEmpty: this.#pair.outOfSync.map.isEmpty,
        secondaryEmpty: this.#pair.secondary.map.isEmpty,
      });
    if (next(before.state) === before.state) return;
    // In duplex and in a split whatever a host has flushed is durable at both sides.
    if (this.#mirror?.owes) await this.#mirror.flush();
    const release = this.#pair.mutex.tryAcquire();
    if (!release) return;
    try {
      let after: PairRecord | undefined;
      await this.#fabric.catalog.change(() => {
        const record = this.#pair.record;
        if (!record || next(record.state) === record.state) return [];
        after = { ...record, state: next(record.state), copyPointer: 0 };
        return [{ do: 'put-pair', record: after }];
      }, true);
      if (!after) return;
      this.#pointer = 0;
      await this.#fabric.catalog.durable();
      await this.#link.tell();
      this.#hooks.completed(before, after);
    } finally {
      release();
    }
  }

  async #endFormation(sequence: number): Promise<void> {
    if (this.#ended === sequence || !this.#pair.outOfSync.map.isEmpty) return;
    if (!(await this.#link.ready())) return;
    await this.#link.ask('remote.settle', { end: sequence });
    if (this.#pair.forming?.sequence === sequence) this.#ended = sequence;
    this.#fabric.hooks.step('send.ended');
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
    if (await this.#link.takes(error)) return;
    const reasons: Partial<Record<string, SuspendReason>> = { 'check-code': 'check-code', 'no-space': 'no-space' };
    await this.#fabric.suspend(this.#pair, reasons[error.code] ?? 'io-error', error.message);
  }
}

/** Joins neighbours of flat runs. */
function joined(runs: readonly number[]): number[] {
  const flat: number[] = [];
  for (let i = 0; i < runs.length; i += 2) {
    const last = flat.length - 2;
    if (last >= 0 && (flat[last] as number) + (flat[last + 1] as number) === runs[i])
      (flat[last + 1] as number) += runs[i + 1] as number;
    else flat.push(runs[i] as number, runs[i + 1] as number);
  }
  return flat;
}
