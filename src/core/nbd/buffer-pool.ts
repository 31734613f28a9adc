import { KIB, MIB } from '../foundation/foundation.js';

/** Beside the data a buffer has room for the header of a reply. */
const HEADER_ROOM_BYTES = 64;
const SMALLEST_BYTES = 4 * KIB;
/** What lies unused at most; more goes back to the system. */
const UNUSED_BYTES_MAX = 16 * MIB;

/** Buffers used again, by size class: powers of two, each with room for a header. */
export class BufferPool {
  readonly #unused = new Map<number, Buffer[]>();
  #unusedBytes = 0;

  /** At least so many bytes and a header. Its contents are anything. */
  take(dataBytes: number): Buffer {
    let size = SMALLEST_BYTES;
    while (size < dataBytes) size *= 2;
    size += HEADER_ROOM_BYTES;
    const buffer = this.#unused.get(size)?.pop();
    if (buffer === undefined) return Buffer.allocUnsafeSlow(size);
    this.#unusedBytes -= size;
    return buffer;
  }

  /** Gives a whole buffer back that `take` gave. Nobody may use it any more. */
  give(buffer: Buffer): void {
    if (this.#unusedBytes + buffer.length > UNUSED_BYTES_MAX) return;
    this.#unusedBytes += buffer.length;
    const same = this.#unused.get(buffer.length);
    if (same) same.push(buffer);
    else this.#unused.set(buffer.length, [buffer]);
  }
}
