import { assert, type ByteCount, KIB, MIB, type SequenceTime } from '../foundation/foundation.js';
import type { OpenFile } from '../ports/ports.js';
import type { IncomingRecord } from './incoming.js';
import {
  dataBytesOf,
  encodeMeaning,
  type NewRecord,
  place,
  RECORD_HEAD_BYTES,
  type RecordSequence,
  recordBytes,
} from './record.js';
import type { Place, Segment } from './segment.js';

/** A write that ends its page with zeros needs nothing of the page from the medium first. */
const PAGE_BYTES: ByteCount = 4 * KIB;

/** The end of a journal: where the next record goes, and what it is tied to. */
export class Tail {
  segment: Segment;
  end: Place;
  lastTime: SequenceTime;
  #buffer = new Uint8Array(16 * KIB);
  #view = new DataView(this.#buffer.buffer);

  constructor(segment: Segment, end: Place, lastTime: SequenceTime) {
    this.segment = segment;
    this.end = end;
    this.lastTime = lastTime;
  }

  get restBytes(): ByteCount {
    return this.segment.header.sizeBytes - this.end.at;
  }

  /** A new segment is begun; it was given the end as it is. */
  moveTo(segment: Segment): void {
    this.segment = segment;
    this.end = segment.start;
  }

  /** Writes the record behind the last. Where it throws, nothing is changed. */
  append(record: NewRecord, durableSequence: RecordSequence): RecordSequence {
    const sizeBytes = recordBytes(dataBytesOf(record));
    const bytes = this.#take(sizeBytes);
    const { sequence, code: previousCode } = this.end;
    encodeMeaning(bytes, this.#view, record, sequence);
    const ties = { segmentCode: this.segment.header.code, previousCode, unflushed: sequence - 1 - durableSequence };
    const code = place(bytes, this.#view, 0, ties);
    this.#put(sizeBytes);
    this.#advance(sizeBytes, sequence, code, record.time);
    return sequence;
  }

  /** Writes as many of the records as the segment takes, one at least; returns how many. */
  appendEncoded(encoded: Uint8Array, records: readonly IncomingRecord[], durableSequence: RecordSequence): number {
    const from = (records[0] as IncomingRecord).at;
    const behind = records.findIndex(({ at, sizeBytes }) => at + sizeBytes - from > this.restBytes);
    const taken = behind === -1 ? records : records.slice(0, behind);
    const last = taken.at(-1);
    assert(last !== undefined, 'a record that is appended finds room');
    const lengthBytes = last.at + last.sizeBytes - from;
    const bytes = this.#take(lengthBytes);
    bytes.set(encoded.subarray(from, from + lengthBytes));
    const segmentCode = this.segment.header.code;
    let { code } = this.end;
    for (const { at, sequence } of taken) {
      const ties = { segmentCode, previousCode: code, unflushed: sequence - 1 - durableSequence };
      code = place(bytes, this.#view, at - from, ties);
    }
    this.#put(lengthBytes);
    this.#advance(lengthBytes, last.sequence, code, last.time);
    return taken.length;
  }

  /** No record is found at the end: what a failed write left there is none. */
  wipeNext(): void {
    const lengthBytes = Math.min(RECORD_HEAD_BYTES, this.restBytes);
    if (lengthBytes > 0) this.segment.file.write(new Uint8Array(lengthBytes), this.end.at);
  }

  /** Nothing is left behind the end. */
  wipe(): void {
    const zeros = new Uint8Array(Math.min(MIB, this.restBytes));
    const { sizeBytes } = this.segment.header;
    for (let at = +this.end.at; at < sizeBytes; at += zeros.length) {
      this.segment.file.write(zeros.subarray(0, Math.min(zeros.length, sizeBytes - at)), at);
    }
  }

  /** The buffer, with room for so much and a page of zeros behind. */
  #take(lengthBytes: ByteCount): Uint8Array {
    if (lengthBytes + PAGE_BYTES > this.#buffer.length) {
      this.#buffer = new Uint8Array(2 * lengthBytes + PAGE_BYTES);
      this.#view = new DataView(this.#buffer.buffer);
    }
    return this.#buffer;
  }

  #put(lengthBytes: ByteCount): void {
    const { at } = this.end;
    const pageEnd = Math.ceil((at + lengthBytes) / PAGE_BYTES) * PAGE_BYTES;
    const writtenBytes = Math.min(pageEnd, this.segment.header.sizeBytes) - at;
    this.#buffer.fill(0, lengthBytes, writtenBytes);
    const file: OpenFile = this.segment.file;
    file.write(this.#buffer.subarray(0, writtenBytes), at);
  }

  #advance(lengthBytes: ByteCount, sequence: RecordSequence, code: number, time: SequenceTime): void {
    this.end = { at: this.end.at + lengthBytes, sequence: sequence + 1, code };
    this.lastTime = time;
    this.segment.mark(this.end);
  }
}
