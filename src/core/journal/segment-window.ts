import { type ByteCount, type ByteOffset, MIB } from '../foundation/foundation.js';
import type { OpenFile } from '../ports/ports.js';
import { claimedBytes, RECORD_DATA_MAX_BYTES, RECORD_HEAD_BYTES, recordBytes } from './record.js';

/** Read at once. Memory that is filled again and again costs a third of fresh memory for a whole segment. */
const WINDOW_BYTES: ByteCount = MIB;

/** The part of a segment's file that is in memory; it goes along with whoever looks for records. */
export class SegmentWindow {
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(this.bytes.buffer);
  /** The place of its first byte in the file. */
  from: ByteOffset = 0;
  readonly #file: OpenFile;
  readonly #sizeBytes: ByteCount;
  readonly #memory: Uint8Array;

  constructor(file: OpenFile, sizeBytes: ByteCount) {
    this.#file = file;
    this.#sizeBytes = sizeBytes;
    this.#memory = new Uint8Array(Math.min(sizeBytes, WINDOW_BYTES + recordBytes(RECORD_DATA_MAX_BYTES)));
  }

  /** Nothing of the file lies behind what is in memory. */
  get isLast(): boolean {
    return this.from + this.bytes.length >= this.#sizeBytes;
  }

  /** Where that place is in `bytes`, with all of the record that seems to begin there, as far as the file has it. */
  bring(at: ByteOffset): number {
    if (this.#holds(at)) return at - this.from;
    this.#fill(at, WINDOW_BYTES);
    if (!this.#holds(at)) this.#fill(at, this.#memory.length);
    return 0;
  }

  #holds(at: ByteOffset): boolean {
    const index = at - this.from;
    if (this.bytes.length === 0 || index < 0 || index > this.bytes.length) return false;
    if (this.isLast) return true;
    const hasHead = index + RECORD_HEAD_BYTES <= this.bytes.length;
    return hasHead && index + (claimedBytes(this.view, index) ?? RECORD_HEAD_BYTES) <= this.bytes.length;
  }

  #fill(at: ByteOffset, wantedBytes: ByteCount): void {
    const lengthBytes = Math.max(0, Math.min(wantedBytes, this.#memory.length, this.#sizeBytes - at));
    const got = this.#file.read(this.#memory.subarray(0, lengthBytes), at);
    this.bytes = this.#memory.subarray(0, got);
    this.view = new DataView(this.#memory.buffer, 0, got);
    this.from = at;
  }
}
