import { KIB } from '../foundation/foundation.js';
import type { ByteStream } from '../ports/ports.js';

/** With more than this unread, the other side is held up. */
const UNREAD_BYTES_MAX = 16 * KIB;

/** The bytes of a negotiation, taken in exact numbers. Small and slow; the transmission phase does not use it. */
export class ByteQueue {
  readonly #stream: Pick<ByteStream, 'pause' | 'resume'>;
  #unread: Buffer = Buffer.alloc(0);
  #ended = false;
  #paused = false;
  #wake: (() => void) | undefined;

  constructor(stream: Pick<ByteStream, 'pause' | 'resume'>) {
    this.#stream = stream;
  }

  push(chunk: Uint8Array): void {
    this.#unread = Buffer.concat([this.#unread, chunk]);
    if (this.#unread.length > UNREAD_BYTES_MAX && !this.#paused) {
      this.#paused = true;
      this.#stream.pause();
    }
    this.#wake?.();
  }

  /** No more bytes will come. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** Exactly so many bytes, or undefined when the stream ended before. At most what may lie unread. */
  async take(lengthBytes: number): Promise<Uint8Array | undefined> {
    while (this.#unread.length < lengthBytes) if (!(await this.#more())) return undefined;
    const taken = this.#unread.subarray(0, lengthBytes);
    this.#unread = this.#unread.subarray(lengthBytes);
    return taken;
  }

  /** Passes over so many bytes; false when the stream ended before. */
  async skip(lengthBytes: number): Promise<boolean> {
    let left = lengthBytes;
    for (;;) {
      const passed = Math.min(left, this.#unread.length);
      this.#unread = this.#unread.subarray(passed);
      left -= passed;
      if (left === 0) return true;
      if (!(await this.#more())) return false;
    }
  }

  /** All that is unread; the queue is empty afterwards. */
  drain(): Uint8Array {
    const rest = this.#unread;
    this.#unread = Buffer.alloc(0);
    return rest;
  }

  /** For the phase that follows: what is unread, and how the stream was left. */
  handOver(): { readonly bytes: Uint8Array; readonly isEnded: boolean; readonly isPaused: boolean } {
    return { bytes: this.drain(), isEnded: this.#ended, isPaused: this.#paused };
  }

  async #more(): Promise<boolean> {
    if (this.#ended) return false;
    if (this.#paused) {
      this.#paused = false;
      this.#stream.resume();
    }
    const arrived = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    if (!this.#ended) await arrived;
    this.#wake = undefined;
    return !this.#ended || this.#unread.length > 0;
  }
}
