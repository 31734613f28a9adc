import { type Change, pairMapKey, volumeMapKey } from '../catalog/catalog.js';
import { assert, failure, type Milliseconds, type TrackRun, tuning } from '../foundation/foundation.js';
import { checkCodeFailure, type Fabric, type LivePair, type LiveVolume, readCoded } from '../hostio/hostio.js';
import type { LinkMark } from '../pair/pair.js';
import type { Watch } from '../trackmap/trackmap.js';
import { bindCode, codeOfData, isZero } from '../volume/volume.js';
import { IncomingWrites } from './incoming-writes.js';
import { compareMarks } from './wire.js';

/** Takes what a primary sends to its secondary, which lies here. There is one for each open pair half. */
export class Receiver {
  readonly #fabric: Fabric;
  readonly #pair: LivePair;
  /** Codes set since the last settling; a track that another writes meanwhile keeps none. */
  #landed: TrackRun[] = [];
  #rewritten: Watch | undefined;
  #landing = 0;
  readonly #buffers: Uint8Array[] = [];
  readonly #writes: IncomingWrites;
  readonly #opened: LinkMark | undefined;
  readonly #heardMs: Milliseconds | undefined;
  #heardAtMs = 0;
  #isTold = false;
  #quietWaiters: (() => void)[] = [];

  /** `opened`: the mark of the link session that was opened with this controller; without one no order is taken. */
  constructor(fabric: Fabric, pair: LivePair, opened?: LinkMark, heardMs?: Milliseconds) {
    this.#fabric = fabric;
    this.#pair = pair;
    this.#opened = opened;
    this.#heardMs = heardMs;
    this.#writes = new IncomingWrites(fabric, pair, (mark) => this.demandMark(mark));
  }

  /** Whether the primary was heard from so lately that it has not gone on alone (H29). */
  get isLinked(): boolean {
    return this.#isTold && this.#fabric.clock.monotonicMs() - this.#heardAtMs < (this.#heardMs ?? 0);
  }

  /** The primary told the pair's state in this session: what it was before may have changed without us. */
  told(): void {
    this.#isTold = true;
  }

  /** An order of the present session came. */
  heard(): void {
    this.#heardAtMs = this.#fabric.clock.monotonicMs();
  }

  get #volume(): LiveVolume {
    const record = this.#pair.record;
    assert(record?.remote?.side === 'secondary', 'a receiver belongs to a secondary that lies here');
    return this.#fabric.volume(record.secondary);
  }

  /** Throws where an order comes from a replaced sender, or late from an earlier link session (H4, H5). */
  demandMark(mark: LinkMark): void {
    const { remote } = this.#pair.record ?? {};
    if (!remote) throw gone();
    if (mark.term < remote.term)
      throw failure(
        'term-superseded',
        `The secondary of this pair was made a primary under term ${remote.term}; orders of term ${mark.term} are refused.`,
        'copyset pair list shows both sides; resync, or fail back.',
      );
    if (remote.taken && compareMarks(mark, remote.taken) < 0)
      throw failure('link-lost', 'A later link session of this pair was opened meanwhile.', 'It goes on by itself.');
    // After a crash here the primary first has to take over what is in doubt: what it sent before may be gone.
    if (!this.#opened || compareMarks(mark, this.#opened) !== 0)
      throw failure('link-lost', 'The link session was opened with an earlier controller.', 'It goes on by itself.');
  }

  /** Lands host writes of a synchronous pair in their order. Throws `check-code` where one does not fit its code. */
  async write(mark: LinkMark, sequence: number, writes: readonly number[], data: Uint8Array): Promise<void> {
    await this.#writes.take(this.#volume, mark, sequence, writes, data);
    this.#fabric.hooks.step('receive.written');
  }

  /** Lands neighbouring tracks. `codes` are those of the data; data that does not fit them never lands. */
  async land(mark: LinkMark, run: TrackRun, data: Uint8Array | undefined, codes: readonly number[]): Promise<void> {
    const volume = this.#volume;
    const bytes = data ?? new Uint8Array(volume.geometry.bytesOfRun(run));
    demandWhole(volume, run, bytes, codes);
    this.#landing += 1;
    try {
      const writer = { copierOf: this.#pair.number };
      // Late data is refused in the very step in which it would land.
      await this.#fabric.clearTheWay(volume, run, writer, () => {
        this.demandMark(mark);
        this.#pair.completeFor = undefined;
        const untouched = !volume.allocated.map.any(run.first, run.count) && isZero(bytes);
        return untouched ? undefined : this.#write(volume, run, bytes, codes);
      });
      this.#fabric.hooks.step('receive.landed');
    } finally {
      this.#landing -= 1;
      if (this.#landing === 0) for (const wake of this.#quietWaiters.splice(0)) wake();
    }
  }

  /** Claims and marks in the caller's step; resolves when the data and its codes are written. */
  async #write(volume: LiveVolume, run: TrackRun, bytes: Uint8Array, codes: readonly number[]): Promise<void> {
    const claim = volume.claims.take(run.first, run.count);
    volume.gate.enter();
    try {
      this.#fabric.mark(volume, run, { copierOf: this.#pair.number });
      this.#rewritten ??= volume.codeless.watch();
      this.#rewritten.forget(run.first, run.count);
      await this.#writeImage(volume, bytes, volume.geometry.offsetOf(run.first));
      const bound = Uint32Array.from(codes, (code, i) => bindCode(code, volume.number, run.first + i));
      volume.codes.write(run.first, bound);
      this.#landed.push(run);
    } finally {
      volume.gate.leave();
      volume.claims.release(claim);
    }
  }

  /** A few tracks go through the page cache at once; large pieces past it, on another thread. */
  async #writeImage(volume: LiveVolume, bytes: Uint8Array, offset: number): Promise<void> {
    if (bytes.length * 4 <= tuning.laneBytes) {
      volume.image.write(bytes, offset);
      return;
    }
    const buffer = this.#buffers.pop() ?? this.#fabric.bulkBuffer(Math.max(tuning.laneBytes, bytes.length));
    buffer.set(bytes);
    try {
      await volume.image.writeBulk(buffer.subarray(0, bytes.length), offset);
    } finally {
      this.#buffers.push(buffer);
    }
  }

  /** Everything that landed is durable, data and codes; with `end` it was all of that formation. */
  async settle(mark: LinkMark, end: number | undefined): Promise<void> {
    while (this.#landing > 0) await new Promise<void>((resolve) => this.#quietWaiters.push(resolve));
    this.demandMark(mark);
    const volume = this.#volume;
    const landed = this.#landed.splice(0);
    const watch = this.#rewritten;
    this.#rewritten = undefined;
    await this.#fabric.flush(volume.number);
    if (landed.length > 0) await volume.flushCodes();
    this.#fabric.hooks.step('receive.flushed');
    const coded = landed.flatMap((run) => untouched(run, watch));
    if (coded.length > 0)
      await this.#fabric.catalog.change(() => [
        {
          do: 'clear',
          map: volumeMapKey(volume.number, 'codeless'),
          runs: coded.flatMap((run) => [run.first, run.count]),
        },
      ]);
    watch?.close();
    if (end === undefined) return;
    this.demandMark(mark);
    if (this.#landing === 0) this.#pair.completeFor = end;
  }

  /** Reads tracks for a restore of the primary, checked against their codes at rest. */
  read(run: TrackRun): { data: Uint8Array; codes: number[] } {
    const volume = this.#volume;
    const data = new Uint8Array(volume.geometry.bytesOfRun(run));
    this.#fabric.read(volume.number, data, volume.geometry.offsetOf(run.first));
    const codes: number[] = [];
    const bad = readCoded(this.#fabric, volume, run, data, (_, code) => void codes.push(code));
    if (bad !== undefined) throw checkCodeFailure(this.#fabric.address(volume.number), bad);
    return { data, codes };
  }

  close(): void {
    this.#writes.close();
    this.#rewritten?.close();
    this.#rewritten = undefined;
    this.#landed = [];
  }
}

/** The change that empties a map which the primary has taken over. */
export function emptied(pair: number, map: 'secondary' | 'outOfSync'): Change {
  return { do: 'empty', map: pairMapKey(pair, map) };
}

function demandWhole(volume: LiveVolume, run: TrackRun, bytes: Uint8Array, codes: readonly number[]): void {
  const { geometry } = volume;
  const fits =
    run.count > 0 &&
    run.first + run.count <= geometry.trackCount &&
    bytes.length === geometry.bytesOfRun(run) &&
    codes.length === run.count;
  if (!fits) throw failure('usage', 'A copy order does not fit its volume.');
  const size = geometry.trackSizeBytes;
  const bad = codes.findIndex((code, i) => codeOfData(bytes.subarray(i * size, (i + 1) * size)) !== code);
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
