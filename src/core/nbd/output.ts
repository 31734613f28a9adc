import { KIB } from '../foundation/foundation.js';
import type { ByteStream } from '../ports/ports.js';
import type { BufferPool } from './buffer-pool.js';

/** Replies are gathered in blocks of this size: one track read, or thirty small ones, leave in one call. */
const BLOCK_BYTES = 128 * KIB;

/** What a connection sends: replies of one turn are gathered in a block and leave together. It also counts the memory in use. */
export class Output {
  readonly #stream: ByteStream;
  readonly #pool: BufferPool;
  readonly #onRelease: () => void;
  #used = 0;
  /** Where `reserve` gives room. Undefined before the first reply of a turn. */
  block: Buffer | undefined;
  /** Replies that the stream has not handed over. */
  unsentBytes = 0;
  /** Memory of reads and writes that wait. */
  waitingBytes = 0;

  constructor(stream: ByteStream, pool: BufferPool, onRelease: () => void) {
    this.#stream = stream;
    this.#pool = pool;
    this.#onRelease = onRelease;
  }

  /** Room for so many bytes in `block`; the answer is where it begins. It is sent with the next `flush`. */
  reserve(lengthBytes: number): number {
    const block = this.block;
    if (block !== undefined && this.#used + lengthBytes <= block.length) {
      const at = this.#used;
      this.#used += lengthBytes;
      return at;
    }
    this.flush();
    this.block = this.#pool.take(Math.max(lengthBytes, BLOCK_BYTES));
    this.#used = lengthBytes;
    return 0;
  }

  /** Gives back what the last `reserve` gave. */
  unreserve(lengthBytes: number): void {
    this.#used -= lengthBytes;
  }

  /** Sends what was gathered; `soon`: with more of the other side's bytes expected now. */
  flush(when: 'now' | 'soon' = 'now'): void {
    const block = this.block;
    if (block === undefined) return;
    this.block = undefined;
    if (this.#used === 0) {
      this.#pool.give(block);
      return;
    }
    this.#write(block, this.#used, when);
  }

  /** A buffer for data that waits; it counts until it is released or sent. */
  hold(dataBytes: number): Buffer {
    const buffer = this.#pool.take(dataBytes);
    this.waitingBytes += buffer.length;
    return buffer;
  }

  release(buffer: Buffer): void {
    this.waitingBytes -= buffer.length;
    this.#pool.give(buffer);
  }

  /** Sends the first bytes of a held buffer, after all that was gathered; it goes back to the pool once they are taken. */
  send(buffer: Buffer, lengthBytes: number): void {
    this.flush();
    this.waitingBytes -= buffer.length;
    this.#write(buffer, lengthBytes);
  }

  #write(buffer: Buffer, lengthBytes: number, when: 'now' | 'soon' = 'now'): void {
    const bytes = buffer.subarray(0, lengthBytes);
    const handedOver = () => {
      this.unsentBytes -= buffer.length;
      this.#pool.give(buffer);
      this.#onRelease();
    };
    this.unsentBytes += buffer.length;
    if (when === 'soon') this.#stream.writeSoon(bytes, handedOver);
    else this.#stream.write(bytes, handedOver);
  }
}
