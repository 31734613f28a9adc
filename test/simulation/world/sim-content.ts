import { SECTOR_BYTES } from '../../../src/core/foundation/foundation.js';
import type { Rng } from './rng.js';

export const CHUNK_BYTES = 4_096;
/** With more than this unwritten, the oldest half is written back by itself, as a kernel does. */
const PENDING_MAX = 4_096;

const HOLE = new Uint8Array(CHUNK_BYTES);

/** Small pieces lie together: to make and to forget each by itself costs more than to copy it. */
const SLAB_BYTES = 512 * 1_024;
let slab = new Uint8Array(SLAB_BYTES);
let taken = 0;

function copyOf(source: Uint8Array): Uint8Array {
  const { length } = source;
  if (length > CHUNK_BYTES) return source.slice();
  if (taken + length > SLAB_BYTES) {
    slab = new Uint8Array(SLAB_BYTES);
    taken = 0;
  }
  const copy = slab.subarray(taken, taken + length);
  copy.set(source);
  taken += length;
  return copy;
}

/** A change of a file that only the page cache has: bytes, or (without data) a new size. */
interface PendingChange {
  readonly at: number;
  readonly data: Uint8Array | undefined;
  /** The file's size after the change. */
  readonly sizeBytes: number;
}

/** Sparse bytes: a missing chunk is a hole. Copies share their chunks until one of them writes. */
class SparseBytes {
  readonly chunks: Map<number, Uint8Array>;
  sizeBytes = 0;
  /** The chunks that no copy shares; absent while that is all of them. */
  #own: Set<number> | undefined;

  constructor(chunks = new Map<number, Uint8Array>()) {
    this.chunks = chunks;
  }

  read(target: Uint8Array, from: number): number {
    const end = Math.min(from + target.length, this.sizeBytes);
    for (let at = from; at < end; ) {
      const index = Math.floor(at / CHUNK_BYTES);
      const inside = at - index * CHUNK_BYTES;
      const length = Math.min(CHUNK_BYTES - inside, end - at);
      const chunk = this.chunks.get(index);
      if (chunk === undefined) target.fill(0, at - from, at - from + length);
      else if (inside === 0 && length === CHUNK_BYTES) target.set(chunk, at - from);
      else target.set(chunk.subarray(inside, inside + length), at - from);
      at += length;
    }
    return Math.max(0, end - from);
  }

  write(source: Uint8Array, to: number): void {
    const end = to + source.length;
    for (let at = to; at < end; ) {
      const index = Math.floor(at / CHUNK_BYTES);
      const inside = at - index * CHUNK_BYTES;
      const length = Math.min(CHUNK_BYTES - inside, end - at);
      const chunk = this.#writable(index);
      if (length === source.length) chunk.set(source, inside);
      else chunk.set(source.subarray(at - to, at - to + length), inside);
      at += length;
    }
    if (end > this.sizeBytes) this.sizeBytes = end;
  }

  resize(sizeBytes: number): void {
    if (sizeBytes < this.sizeBytes) this.#zeroFrom(sizeBytes);
    this.sizeBytes = sizeBytes;
  }

  #zeroFrom(sizeBytes: number): void {
    const last = Math.floor(sizeBytes / CHUNK_BYTES);
    for (const index of [...this.chunks.keys()]) {
      if (index > last || index * CHUNK_BYTES >= sizeBytes) this.chunks.delete(index);
      else if (index === last) this.#writable(index).fill(0, sizeBytes - index * CHUNK_BYTES);
    }
  }

  copy(): SparseBytes {
    const other = new SparseBytes(new Map(this.chunks));
    other.sizeBytes = this.sizeBytes;
    this.#own = new Set();
    other.#own = new Set();
    return other;
  }

  #writable(index: number): Uint8Array {
    const found = this.chunks.get(index);
    if (found !== undefined && this.#own?.has(index) !== false) return found;
    const chunk = copyOf(found ?? HOLE);
    this.chunks.set(index, chunk);
    this.#own?.add(index);
    return chunk;
  }
}

/** Which part of what was not flushed a power loss leaves. */
export type Keep = 'none' | 'all' | 'random';

/**
 * The bytes of one file twice: as everyone sees them (page cache) and as the medium has them for sure. In between lie the
 * changes since the last flush; a power loss leaves each sector at any moment of that history, and the size at another.
 */
export class SimContent {
  #now = new SparseBytes();
  #durable = new SparseBytes();
  #pending: PendingChange[] = [];
  /** Sectors of a failed flush: never written again by a flush, perhaps on the medium (reliability.md P9). */
  #doubtful: Map<number, Uint8Array> | undefined;

  get sizeBytes(): number {
    return this.#now.sizeBytes;
  }

  get allocatedBytes(): number {
    return this.#now.chunks.size * CHUNK_BYTES;
  }

  read(target: Uint8Array, from: number): number {
    return this.#now.read(target, from);
  }

  /** How many bytes of new room a write needs. */
  roomFor(at: number, lengthBytes: number): number {
    let missing = 0;
    const end = Math.ceil((at + lengthBytes) / CHUNK_BYTES);
    for (let index = Math.floor(at / CHUNK_BYTES); index < end; index += 1) {
      if (!this.#now.chunks.has(index)) missing += CHUNK_BYTES;
    }
    return missing;
  }

  write(source: Uint8Array, at: number): void {
    if (source.length === 0) return;
    this.#now.write(source, at);
    if (this.#doubtful === undefined) this.#push({ at, data: copyOf(source), sizeBytes: this.#now.sizeBytes });
    else this.#pushWholeSectors(at, source.length);
  }

  truncate(sizeBytes: number): void {
    this.#now.resize(sizeBytes);
    this.#push({ at: sizeBytes, data: undefined, sizeBytes });
  }

  /** How many changes a flush that starts now must make durable. */
  get flushMark(): PendingChange | undefined {
    return this.#pending.at(-1);
  }

  /** Everything up to the mark is on the medium. */
  flushed(mark: PendingChange | undefined): void {
    if (mark === undefined) return;
    const count = this.#pending.indexOf(mark) + 1;
    this.#writeBack(count);
  }

  /** The medium refused: what was pending is clean for the kernel, and perhaps there, perhaps not. */
  flushFailed(): void {
    this.#doubtful ??= new Map();
    for (const change of this.#pending) {
      if (change.data === undefined) continue;
      for (const sector of sectors(change.at, change.data.length)) this.#doubtful.set(sector, this.#sectorNow(sector));
    }
    this.#durable.resize(this.#now.sizeBytes);
    this.#pending = [];
  }

  /** The content after a power loss, as a file of its own; this one stays as it is. */
  afterPowerLoss(rng: Rng, keep: Keep): SimContent {
    const image = this.#durable.copy();
    const mode = keep === 'random' ? rng.pick(['none', 'all', 'mixed', 'mixed'] as const) : keep;
    this.#keepDoubtful(image, rng);
    if (mode === 'all') for (const change of this.#pending) apply(image, change);
    if (mode === 'mixed') this.#keepSome(image, rng);
    return SimContent.#ofDurable(image);
  }

  copy(): SimContent {
    const other = new SimContent();
    other.#now = this.#now.copy();
    other.#durable = this.#durable.copy();
    other.#pending = [...this.#pending];
    other.#doubtful = this.#doubtful && new Map(this.#doubtful);
    return other;
  }

  static #ofDurable(image: SparseBytes): SimContent {
    const content = new SimContent();
    content.#durable = image;
    content.#now = image.copy();
    return content;
  }

  #push(change: PendingChange): void {
    this.#pending.push(change);
    if (this.#pending.length > PENDING_MAX) this.#writeBack(PENDING_MAX / 2);
  }

  #writeBack(count: number): void {
    for (let index = 0; index < count; index += 1) apply(this.#durable, this.#pending[index] as PendingChange);
    if (count >= this.#pending.length) this.#pending = [];
    else this.#pending.splice(0, count);
  }

  /** A write makes the page dirty again, so the next flush writes the doubtful bytes beside it too. */
  #pushWholeSectors(at: number, lengthBytes: number): void {
    const first = Math.floor(at / SECTOR_BYTES) * SECTOR_BYTES;
    const end = Math.min(Math.ceil((at + lengthBytes) / SECTOR_BYTES) * SECTOR_BYTES, this.#now.sizeBytes);
    const data = new Uint8Array(end - first);
    this.#now.read(data, first);
    for (const sector of sectors(at, lengthBytes)) this.#doubtful?.delete(sector);
    this.#push({ at: first, data, sizeBytes: this.#now.sizeBytes });
  }

  #sectorNow(sector: number): Uint8Array {
    const data = new Uint8Array(SECTOR_BYTES);
    const got = this.#now.read(data, sector * SECTOR_BYTES);
    return data.subarray(0, got);
  }

  #keepDoubtful(image: SparseBytes, rng: Rng): void {
    for (const [sector, data] of this.#doubtful ?? []) {
      if (rng.chance(0.5) && sector * SECTOR_BYTES + data.length <= image.sizeBytes) {
        image.write(data, sector * SECTOR_BYTES);
      }
    }
  }

  /** Each sector stops at a moment of its own, and so does the size. */
  #keepSome(image: SparseBytes, rng: Rng): void {
    const count = this.#pending.length;
    const cuts = new Map<number, number>();
    const cutOf = (sector: number): number => {
      let cut = cuts.get(sector);
      if (cut === undefined) {
        cut = rng.below(count + 1);
        cuts.set(sector, cut);
      }
      return cut;
    };
    const sizeCut = rng.below(count + 1);
    const sizeBytes = sizeCut === 0 ? image.sizeBytes : (this.#pending[sizeCut - 1] as PendingChange).sizeBytes;
    for (let index = 0; index < count; index += 1) {
      const change = this.#pending[index] as PendingChange;
      if (change.data !== undefined) keepSectors(image, change.at, change.data, (sector) => cutOf(sector) > index);
      else if (sizeCut > index) zeroFrom(image, change.at);
    }
    image.resize(sizeBytes);
  }
}

function apply(image: SparseBytes, change: PendingChange): void {
  if (change.data === undefined) image.resize(change.sizeBytes);
  else image.write(change.data, change.at);
}

function* sectors(at: number, lengthBytes: number): Generator<number> {
  const end = Math.ceil((at + lengthBytes) / SECTOR_BYTES);
  for (let sector = Math.floor(at / SECTOR_BYTES); sector < end; sector += 1) yield sector;
}

function keepSectors(image: SparseBytes, at: number, data: Uint8Array, kept: (sector: number) => boolean): void {
  for (const sector of sectors(at, data.length)) {
    if (!kept(sector)) continue;
    const from = Math.max(at, sector * SECTOR_BYTES);
    const to = Math.min(at + data.length, (sector + 1) * SECTOR_BYTES);
    image.write(data.subarray(from - at, to - at), from);
  }
}

/** What a shrinking size cut off reads as zeros when the file grows again. */
function zeroFrom(image: SparseBytes, fromBytes: number): void {
  const sizeBytes = image.sizeBytes;
  image.resize(Math.min(fromBytes, sizeBytes));
  image.resize(sizeBytes);
}
