import type { ByteCount, ByteOffset, TrackIndex, TrackRun } from '../foundation/foundation.js';

/** Bytes of a volume that are shown from a record, and not from the image. */
interface Piece {
  readonly from: ByteOffset;
  readonly to: ByteOffset;
  readonly record: number;
  /** Where the record's data begins in the volume. */
  readonly dataAt: ByteOffset;
}

/**
 * What lies above a volume's image: of each byte the newest record that was added. Whatever is written below meanwhile is not seen where
 * a record lies, so a reader sees one moment however far the image has come.
 */
export class Overlay {
  readonly #trackSizeBytes: ByteCount;
  readonly #dataOf: (record: number) => Uint8Array;
  /** By the track, each list ascending and without overlaps. */
  readonly #pieces = new Map<TrackIndex, Piece[]>();

  constructor(trackSizeBytes: ByteCount, dataOf: (record: number) => Uint8Array) {
    this.#trackSizeBytes = trackSizeBytes;
    this.#dataOf = dataOf;
  }

  /** Records are added in their order: a later one hides what was there. */
  add(offset: ByteOffset, lengthBytes: ByteCount, record: number): void {
    const end = offset + lengthBytes;
    for (let at = offset; at < end; ) {
      const track = Math.floor(at / this.#trackSizeBytes);
      const until = Math.min(end, (track + 1) * this.#trackSizeBytes);
      this.#put(track, { from: at, to: until, record, dataAt: offset });
      at = until;
    }
  }

  has(track: TrackIndex): boolean {
    return this.#pieces.has(track);
  }

  any({ first, count }: TrackRun): boolean {
    if (count > this.#pieces.size) return [...this.#pieces.keys()].some((at) => at >= first && at < first + count);
    for (let track = first; track < first + count; track++) if (this.#pieces.has(track)) return true;
    return false;
  }

  /** Puts what lies above over what was read from below. */
  patch(target: Uint8Array, offset: ByteOffset): void {
    const end = offset + target.length;
    const last = Math.ceil(end / this.#trackSizeBytes);
    for (let track = Math.floor(offset / this.#trackSizeBytes); track < last; track++) {
      for (const piece of this.#pieces.get(track) ?? []) {
        const from = Math.max(piece.from, offset);
        const to = Math.min(piece.to, end);
        if (from >= to) continue;
        const data = this.#dataOf(piece.record);
        target.set(data.subarray(from - piece.dataAt, to - piece.dataAt), from - offset);
      }
    }
  }

  #put(track: TrackIndex, piece: Piece): void {
    const kept: Piece[] = [];
    for (const old of this.#pieces.get(track) ?? []) {
      if (old.from < piece.from) kept.push({ ...old, to: Math.min(old.to, piece.from) });
      if (old.to > piece.to) kept.push({ ...old, from: Math.max(old.from, piece.to) });
    }
    const at = kept.findIndex(({ from }) => from >= piece.to);
    kept.splice(at === -1 ? kept.length : at, 0, piece);
    this.#pieces.set(track, kept);
  }
}
