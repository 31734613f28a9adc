import { assert, type ByteCount, type ByteOffset, KIB } from '../foundation/foundation.js';
import type { Files, OpenFile } from '../ports/ports.js';
import { Flusher, naming } from '../storage/storage.js';
import { claimedBytes, headAt, RECORD_HEAD_BYTES, type RecordSequence } from './record.js';
import { damagedJournal, RECORDS_AT, type SegmentHeader } from './segment-header.js';

/** A place between two records. */
export interface Place {
  readonly at: ByteOffset;
  /** Of the record that begins there. */
  readonly sequence: RecordSequence;
  /** The code of the record before it. */
  readonly code: number;
}

/** Places are kept so far apart; a reader walks from the one before what it wants. */
export const MARK_EVERY_BYTES: ByteCount = 64 * KIB;

/** A segment's file while it is written, or was written and not yet flushed. */
interface Writing {
  readonly file: OpenFile;
  readonly flusher: Flusher;
  /** So many wait for a flush. */
  waiting: number;
  ended: boolean;
}

/** A segment in use. */
export class Segment {
  readonly path: string;
  readonly header: SegmentHeader;
  readonly #files: Files;
  readonly #what: string;
  /** Ascending. */
  readonly #marks: Place[];
  /** Where the last reader ended. */
  #cursor: Place | undefined;
  #reading: OpenFile | undefined;
  #writing: Writing | undefined;

  constructor(files: Files, what: string, path: string, header: SegmentHeader) {
    this.#files = files;
    this.#what = what;
    this.path = path;
    this.header = header;
    this.#marks = [{ at: RECORDS_AT, sequence: header.firstSequence, code: header.code }];
  }

  get firstSequence(): RecordSequence {
    return this.header.firstSequence;
  }

  /** Before its first record. */
  get start(): Place {
    return this.#marks[0] as Place;
  }

  get isWriting(): boolean {
    return this.#writing !== undefined;
  }

  beginWriting(file: OpenFile = this.#files.open(this.path, 'write')): void {
    this.#writing = { file, flusher: new Flusher(file), waiting: 0, ended: false };
  }

  /** Nothing more is written. Who waits for a flush still gets it. */
  endWriting(): void {
    const writing = this.#writing;
    if (writing === undefined) return;
    this.#writing = undefined;
    writing.ended = true;
    if (writing.waiting === 0) writing.file.close();
  }

  get file(): OpenFile {
    assert(this.#writing !== undefined, `${this.path} is written only while it is open for it`);
    return this.#writing.file;
  }

  async flush(): Promise<void> {
    const writing = this.#writing;
    assert(writing !== undefined, `${this.path} is flushed only while it is open for writing`);
    writing.waiting += 1;
    try {
      await writing.flusher.durable();
    } finally {
      writing.waiting -= 1;
      if (writing.ended && writing.waiting === 0) writing.file.close();
    }
  }

  close(): void {
    this.endWriting();
    this.endReading();
  }

  endReading(): void {
    this.#reading?.close();
    this.#reading = undefined;
  }

  /** Remembers a place that a reader may begin at. */
  mark(place: Place): void {
    const last = this.#marks.at(-1) as Place;
    if (place.at >= last.at + MARK_EVERY_BYTES) this.#marks.push(place);
  }

  /** The nearest known place at or before the record. */
  placeBefore(sequence: RecordSequence): Place {
    if (this.#cursor?.sequence === sequence) return this.#cursor;
    let low = 0;
    let high = this.#marks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#marks[middle] as Place).sequence <= sequence) low = middle;
      else high = middle - 1;
    }
    return this.#marks[low] as Place;
  }

  /**
   * Whole records from a place on, before record `end`: as many as `bytesMax` holds, and one at least. Their codes are checked. Throws
   * `metadata-damaged` where the next one does not lie there, `file-not-found` or `io-error`.
   */
  read(from: Place, bytesMax: ByteCount, end: RecordSequence): { readonly bytes: Uint8Array; readonly next: Place } {
    const restBytes = Math.max(0, this.header.sizeBytes - from.at);
    let bytes = this.#bytesAt(from.at, Math.min(restBytes, Math.max(bytesMax, RECORD_HEAD_BYTES)));
    const claimed = claimedBytes(new DataView(bytes.buffer), 0);
    if (claimed !== undefined && claimed > bytes.length) bytes = this.#bytesAt(from.at, Math.min(restBytes, claimed));
    const view = new DataView(bytes.buffer);
    let next = from;
    let done = 0;
    while (next.sequence < end) {
      const head = headAt(bytes, view, done, this.header.code);
      if (head === undefined || head.sequence !== next.sequence || head.previousCode !== next.code) {
        if (done > 0 && done + (claimedBytes(view, done) ?? RECORD_HEAD_BYTES) > bytes.length) break;
        throw damagedJournal(this.#what, this.path, next.at, `record ${next.sequence} is not whole`);
      }
      done += head.sizeBytes;
      next = { at: from.at + done, sequence: head.sequence + 1, code: head.placeCode };
      this.mark(next);
    }
    this.#cursor = next;
    return { bytes: bytes.subarray(0, done), next };
  }

  #bytesAt(at: ByteOffset, lengthBytes: ByteCount): Uint8Array {
    const bytes = new Uint8Array(lengthBytes);
    const got = naming(this.#what, () => this.#readable().read(bytes, at));
    return got === lengthBytes ? bytes : bytes.slice(0, got);
  }

  #readable(): OpenFile {
    if (this.#writing !== undefined) return this.#writing.file;
    this.#reading ??= this.#files.open(this.path, 'read');
    return this.#reading;
  }
}
