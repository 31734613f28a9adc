import { volumeMapKey } from '../catalog/catalog.js';
import { assert, failure, type Milliseconds, type TrackRun, tuning } from '../foundation/foundation.js';
import { checkCodeFailure, type Fabric, type LivePair, type LiveVolume, readCoded } from '../hostio/hostio.js';
import type { LinkMark } from '../pair/pair.js';
import type { Watch } from '../trackmap/trackmap.js';
import { bindCode, codeOfData, isZero } from '../volume/volume.js';
import { IncomingWrites } from './incoming-writes.js';
import { compareMarks, type Order } from './wire.js';

/** How many numbers above the last one below which all are taken a session remembers. */
const KEPT_MAX = 4_096;

/** Data of tracks with the check codes that came with it. */
export interface ArrivedTracks {
  /** Absent where all of it is zero. */
  readonly bytes: Uint8Array | undefined;
  /** It lies in memory of its own from which large pieces can be written, and nobody touches it meanwhile. */
  readonly isBulk: boolean;
  readonly codes: readonly number[];
}

type Arriving = Pick<Order, 'mark' | 'sequence'>;

/** Takes what a primary sends to its secondary, which lies here. There is one for each open pair half. */
export class Receiver {
  readonly #fabric: Fabric;
  readonly #pair: LivePair;
  /**
   * The session that was opened here. A controller that took over from one that died knows of none: what the primary sent to that one
   * may be gone, and is not settled by settling here.
   */
  #openFor: LinkMark | undefined;
  #writes: IncomingWrites;
  #heardMs: Milliseconds = 0;
  #heardAtMs = 0;
  #isTold = false;
  /** Codes set since the last settling; a track that another writes meanwhile keeps none. */
  #landed: TrackRun[] = [];
  #rewritten: Watch | undefined;
  #landing = 0;
  /** Numbers of the data taken in this session: all up to one, and single ones above it; and the latest. */
  #takenUpTo = 0;
  readonly #takenAbove = new Set<number>();
  #latest = 0;
  #lastTold = 0;
  readonly #buffers: Uint8Array[] = [];
  #quietWaiters: (() => void)[] = [];

  constructor(fabric: Fabric, pair: LivePair) {
    this.#fabric = fabric;
    this.#pair = pair;
    this.#writes = this.#newWrites();
  }

  #newWrites(): IncomingWrites {
    return new IncomingWrites(this.#fabric, this.#pair, (mark) => this.#demandFollowing(mark));
  }

  get #volume(): LiveVolume {
    const record = this.#pair.record;
    assert(record?.remote?.side === 'secondary', 'a receiver belongs to a secondary that lies here');
    return this.#fabric.volume(record.secondary);
  }

  /** A session begins: nothing of an earlier one is taken any more. */
  begin(mark: LinkMark, heardMs: Milliseconds = 0): void {
    this.close();
    this.#openFor = mark;
    this.#writes = this.#newWrites();
    this.#heardMs = heardMs;
    this.#isTold = false;
    this.#lastTold = 0;
    this.#takenAbove.clear();
    this.#takenUpTo = 0;
    this.#latest = 0;
  }

  get isOpen(): boolean {
    return this.#openFor !== undefined;
  }

  /** Whether a synchronous primary was heard from so lately that it has not gone on alone (H29). */
  get isLinked(): boolean {
    return this.#isTold && this.#fabric.clock.monotonicMs() - this.#heardAtMs < this.#heardMs;
  }

  /** An order of the present session came. */
  heard(): void {
    this.#heardAtMs = this.#fabric.clock.monotonicMs();
  }

  /** The primary told the pair's state in this session: what it was before may have changed without us. */
  told(nth = 0): void {
    this.#isTold = true;
    this.#lastTold = Math.max(this.#lastTold, nth);
  }

  /** Whether a later state was told in this session. */
  hasLater(nth: number | undefined): boolean {
    return nth !== undefined && nth < this.#lastTold;
  }

  /** Lands host writes of a synchronous pair in their order. Throws `check-code` where one does not fit its code. */
  async write(mark: LinkMark, place: number, writes: readonly number[], data: Uint8Array): Promise<void> {
    this.#fabric.demandUnblocked(this.#volume.number);
    await this.#writes.take(this.#volume, mark, place, writes, data);
    this.#fabric.hooks.step('receive.written');
  }

  /** Throws where an order comes from a replaced sender, or late from an earlier link session (H4, H5). */
  demandMark(mark: LinkMark): void {
    const { remote } = this.#pair.record ?? {};
    if (remote?.side !== 'secondary') throw gone();
    if (mark.term < remote.term)
      throw failure(
        'term-superseded',
        `The secondary of this pair was made a primary under term ${remote.term}; orders of term ${mark.term} are refused.`,
        'copyset pair list shows both sides; resync, or fail back.',
      );
    if (!this.#openFor || compareMarks(mark, this.#openFor) !== 0)
      throw failure('link-lost', 'Another link session of this pair was opened meanwhile.', 'It goes on by itself.');
  }

  /**
   * The same for data. Who brings its hosts' writes home leads under a mark that counts while hosts still write here: it may only take,
   * until it has told a state that makes this side follow again (H5).
   */
  #demandFollowing(mark: LinkMark): void {
    this.demandMark(mark);
    if (this.#pair.record?.remote?.takenOver)
      throw failure('term-superseded', 'The secondary of this pair was made a primary, and hosts write there.');
  }

  /** Lands neighbouring tracks. Data that does not fit its codes never lands. */
  async land(order: Arriving, run: TrackRun, tracks: ArrivedTracks): Promise<void> {
    const { mark, sequence } = order;
    const volume = this.#volume;
    this.#fabric.demandUnblocked(volume.number);
    const bytes = tracks.bytes ?? new Uint8Array(volume.geometry.bytesOfRun(run));
    demandWhole(volume, run, bytes, tracks.codes);
    this.#demandNew(sequence);
    this.#latest = Math.max(this.#latest, sequence);
    // At once, not when it lands: a PREPARE that comes while the way is cleared would find the volume complete (H3, H7).
    this.#pair.completeFor = undefined;
    this.#landing += 1;
    try {
      const writer = { copierOf: this.#pair.number };
      // Late data is refused in the very step in which it would land.
      await this.#fabric.clearTheWay(volume, run, writer, () => {
        this.#demandFollowing(mark);
        const untouched = !volume.allocated.map.any(run.first, run.count) && isZero(bytes);
        return untouched ? undefined : this.#write(volume, run, { ...tracks, bytes });
      });
      this.#fabric.hooks.step('receive.landed');
    } finally {
      this.#landing -= 1;
      if (this.#landing === 0) for (const wake of this.#quietWaiters.splice(0)) wake();
    }
  }

  /** Claims and marks in the caller's step; resolves when the data and its codes are written. */
  async #write(volume: LiveVolume, run: TrackRun, tracks: ArrivedTracks & { bytes: Uint8Array }): Promise<void> {
    const claim = volume.claims.take(run.first, run.count);
    volume.gate.enter();
    try {
      this.#fabric.mark(volume, run, { copierOf: this.#pair.number });
      this.#rewritten ??= volume.codeless.watch();
      this.#rewritten.forget(run.first, run.count);
      await this.#writeImage(volume, tracks, volume.geometry.offsetOf(run.first));
      const bound = Uint32Array.from(tracks.codes, (code, i) => bindCode(code, volume.number, run.first + i));
      volume.codes.write(run.first, bound);
      this.#landed.push(run);
    } finally {
      volume.gate.leave();
      volume.claims.release(claim);
    }
  }

  /** A few tracks go through the page cache at once; large pieces past it, on another thread. */
  async #writeImage(
    volume: LiveVolume,
    { bytes, isBulk }: { bytes: Uint8Array; isBulk: boolean },
    offset: number,
  ): Promise<void> {
    if (bytes.length * 4 <= tuning.laneBytes) {
      volume.image.write(bytes, offset);
      return;
    }
    if (isBulk) return volume.image.writeBulk(bytes, offset);
    // A sender in this process may use its buffer for other tracks while this is under way, when it has given this order up.
    const buffer = this.#buffers.pop() ?? this.#fabric.bulkBuffer(Math.max(tuning.laneBytes, bytes.length));
    buffer.set(bytes);
    try {
      await volume.image.writeBulk(buffer.subarray(0, bytes.length), offset);
    } finally {
      this.#buffers.push(buffer);
    }
  }

  /** Everything that landed is durable, data and codes; with `end` it was all of that formation. */
  async settle({ mark, sequence }: Arriving, end: number | undefined): Promise<void> {
    while (this.#landing > 0) await new Promise<void>((resolve) => this.#quietWaiters.push(resolve));
    this.demandMark(mark);
    const volume = this.#volume;
    const landed = this.#landed.splice(0);
    const watch = this.#rewritten;
    this.#rewritten = undefined;
    await this.#fabric.flush(volume.number);
    if (landed.length > 0) await volume.flushCodes();
    this.#fabric.hooks.step('receive.flushed');
    await this.#fabric.catalog.change(() => {
      const coded = landed.flatMap((run) => untouched(run, watch)).flatMap((run) => [run.first, run.count]);
      return coded.length === 0 ? [] : [{ do: 'clear', map: volumeMapKey(volume.number, 'codeless'), runs: coded }];
    });
    watch?.close();
    if (end === undefined) return;
    this.demandMark(mark);
    if (this.#landing > 0 || this.#latest > sequence)
      throw failure('link-lost', 'Data that was sent after this end mark arrived before it.');
    this.#pair.completeFor = end;
  }

  /** Throws for an order that was taken in this session before, however late it comes again. */
  #demandNew(sequence: number): void {
    if (sequence <= this.#takenUpTo || this.#takenAbove.has(sequence))
      throw failure('link-lost', 'This order was taken before.');
    this.#takenAbove.add(sequence);
    // Orders under way together are few: what lies far below the latest does not come for the first time any more.
    if (this.#takenAbove.size <= KEPT_MAX) return;
    this.#takenUpTo = Math.max(...this.#takenAbove) - KEPT_MAX / 2;
    for (const one of this.#takenAbove) if (one <= this.#takenUpTo) this.#takenAbove.delete(one);
  }

  /** The codes of the secondary's data as it is now; null where a map here has the track: it may differ, and that is known. */
  codes(run: TrackRun): (number | null)[] {
    this.#fabric.demandUnblocked(this.#volume.number);
    const { outOfSync, changed, secondary } = this.#pair;
    const isMarked = (track: number) => [outOfSync, changed, secondary].some(({ map }) => map.has(track));
    const size = this.#volume.geometry.trackSizeBytes;
    const data = new Uint8Array(this.#volume.geometry.bytesOfRun(run));
    this.#fabric.read(this.#volume.number, data, this.#volume.geometry.offsetOf(run.first));
    const codeAt = (i: number) => codeOfData(data.subarray(i * size, (i + 1) * size));
    return Array.from({ length: run.count }, (_, i) => (isMarked(run.first + i) ? null : codeAt(i)));
  }

  /** Reads tracks for a restore of the primary, checked against their codes at rest. */
  read(run: TrackRun): { data: Uint8Array; codes: number[] } {
    const volume = this.#volume;
    this.#fabric.demandUnblocked(volume.number);
    const data = new Uint8Array(volume.geometry.bytesOfRun(run));
    this.#fabric.read(volume.number, data, volume.geometry.offsetOf(run.first));
    const codes: number[] = [];
    const bad = readCoded(this.#fabric, volume, run, data, (_, code) => void codes.push(code));
    if (bad !== undefined) throw checkCodeFailure(this.#fabric.address(volume.number), bad);
    return { data, codes };
  }

  close(): void {
    this.#writes.close();
    this.#isTold = false;
    this.#rewritten?.close();
    this.#rewritten = undefined;
    this.#landed = [];
    this.#openFor = undefined;
  }
}

function demandWhole(volume: LiveVolume, run: TrackRun, bytes: Uint8Array, codes: readonly number[]): void {
  const { geometry } = volume;
  const fits =
    run.count > 0 &&
    run.first + run.count <= geometry.trackCount &&
    bytes.length === geometry.bytesOfRun(run) &&
    codes.length === run.count;
  if (!fits) throw failure('usage', 'A copy order does not fit its volume.');
  demandCodes(run, bytes, geometry.trackSizeBytes, codes);
}

/** Throws where data does not fit the codes that came with it: a mismatch never lands. */
export function demandCodes(run: TrackRun, bytes: Uint8Array, trackSizeBytes: number, codes: readonly number[]): void {
  const dataOf = (i: number) => bytes.subarray(i * trackSizeBytes, (i + 1) * trackSizeBytes);
  const bad = codes.findIndex((code, i) => codeOfData(dataOf(i)) !== code);
  if (bad === -1) return;
  throw failure('check-code', `Track ${run.first + bad} arrived with data that does not fit its check code.`);
}

function untouched(run: TrackRun, watch: Watch | undefined): TrackRun[] {
  if (!watch?.anyTouched(run.first, run.count)) return [run];
  const left: TrackRun[] = [];
  for (let i = 0; i < run.count; i += 1)
    if (!watch.touched(run.first + i)) left.push({ first: run.first + i, count: 1 });
  return left;
}

function gone(): Error {
  return failure('pair-not-found', 'The pair was deleted at its secondary.');
}
