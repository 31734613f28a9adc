import { assert, type ByteCount, KIB, type SequenceTime } from '../foundation/foundation.js';
import { FileError, type Files } from '../ports/ports.js';
import { flushFailure, toToolkitError } from '../storage/storage.js';
import { demandStream } from './incoming.js';
import type { OpenedJournal, OpenPlace, Room } from './journal-place.js';
import { type FoundJournal, findJournal, type UsedSegment } from './open-segments.js';
import { Reading, type ReadRecords } from './reading.js';
import { ReadySegments } from './ready-segments.js';
import {
  dataBytesOf,
  decodeRecords,
  type JournalRecord,
  type NewRecord,
  RECORD_DATA_MAX_BYTES,
  RECORD_HEAD_BYTES,
  type RecordSequence,
  recordBytes,
} from './record.js';
import { Segment } from './segment.js';
import { ownerCode, settleNames } from './segment-files.js';
import { encodeHeader, RECORDS_AT } from './segment-header.js';
import { Tail } from './tail.js';

/** What is decoded at once. */
const CHUNK_BYTES: ByteCount = 256 * KIB;

/**
 * The records of one stream. One process writes it, in its own turn, into the page cache: `append` is on the path of every host's
 * write. `docs/formats/journal.md`.
 */
export class Journal {
  /** A record holds at most so much data; a larger write is several records. */
  readonly dataMaxBytes: ByteCount;
  readonly #files: Files;
  readonly #place: OpenPlace;
  /** In use, ascending; the last one takes the next record. */
  readonly #segments: Segment[];
  readonly #ready: ReadySegments;
  readonly #tail: Tail;
  #durableSequence: RecordSequence;
  #trimmedUpTo: RecordSequence = 0;
  /** Room of the segments before the open one that hold something needed. */
  #heldBytes: ByteCount = 0;
  #namesSettled: Promise<void> | undefined;
  #isSettled = false;
  #turn: Promise<void> = Promise.resolve();
  #failure: Error | undefined;
  #closed = false;
  readonly #reading: Reading;

  private constructor(files: Files, where: OpenPlace, found: FoundJournal) {
    this.#files = files;
    this.#place = where;
    const inUse = ({ path, header }: UsedSegment) => new Segment(files, where.what, path, header);
    const read = found.read.map(inUse);
    this.#segments = [...found.proven.map(inUse), ...read];
    this.#reading = new Reading(where.what, this.#segments);
    const current = this.#segments.at(-1) as Segment;
    const { number, sizeBytes } = current.header;
    this.dataMaxBytes = Math.min(RECORD_DATA_MAX_BYTES, sizeBytes - RECORDS_AT - RECORD_HEAD_BYTES);
    this.#tail = new Tail(current, found.end, found.lastTime);
    this.#durableSequence = found.durableSequence;
    // What the page cache alone may hold is flushed with the first call of `durable`.
    for (const segment of read) segment.beginWriting();
    for (const place of found.places) current.mark(place);
    if (found.torn) this.#tail.wipe();
    this.#ready = new ReadySegments(
      { files, folder: where.folder, sizeBytes, flushNames: () => this.#flushing([files.flushFolder(where.folder)]) },
      number,
      found.behind,
    );
    this.#countHeld();
    where.budget.join(where.folder, this);
  }

  /**
   * Opens a journal for writing; a torn tail is cut. Throws `metadata-damaged` (naming file and byte), `format-too-new`, `not-regular`,
   * `file-not-found` or `io-error`. Nothing is ready behind the open segment before `prepare` was called.
   */
  static open(files: Files, where: OpenPlace): OpenedJournal {
    const { folder, what } = where;
    try {
      const found = findJournal(files, folder, what);
      const journal = new Journal(files, where, found);
      return { journal, tail: found.torn ? 'torn' : 'whole', sameBoot: journal.#isOfThisBoot };
    } catch (error) {
      throw toToolkitError(error, what);
    }
  }

  /** The first record that is still here, or the next one where none is. */
  get firstSequence(): RecordSequence {
    return (this.#segments[0] as Segment).firstSequence;
  }

  get nextSequence(): RecordSequence {
    return this.#tail.end.sequence;
  }

  /** Records up to this one are durable. Only they may be sent: no receiver may be ahead of what a loss of power leaves here. */
  get durableSequence(): RecordSequence {
    return this.#durableSequence;
  }

  get lastTime(): SequenceTime {
    return this.#tail.lastTime;
  }

  /** What it may hold now: the other journals of the system count. */
  get limitBytes(): ByteCount {
    return this.#place.budget.limitOf(this.#place.folder);
  }

  /** Bytes of the segments that hold something needed. */
  get usedBytes(): ByteCount {
    return this.#heldBytes + (this.nextSequence - 1 > this.#trimmedUpTo ? this.#tail.end.at : 0);
  }

  /** Why nothing is appended or made durable any more; what was appended last may be lost. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Whether a segment waits for the open one to be full. Where none does, `prepare` now spares hosts to wait for it later. */
  get isPrepared(): boolean {
    return this.#isSettled && this.#ready.count > 0;
  }

  /** Whether records of so many bytes together (`recordBytes`) find room. */
  roomFor(bytes: ByteCount): Room {
    const largestBytes = recordBytes(this.dataMaxBytes);
    if (this.usedBytes + Math.max(bytes, largestBytes) > this.limitBytes) return 'full';
    if (this.#isOfThisBoot && bytes <= this.#tail.restBytes) return 'there';
    if (!this.isPrepared) return 'unprepared';
    // Each segment but the last may end with room that the next record does not fit in.
    const capacityBytes = this.#tail.segment.header.sizeBytes - RECORDS_AT;
    const roomBytes = capacityBytes + (capacityBytes - largestBytes) * (this.#ready.count - 1);
    return bytes <= roomBytes ? 'there' : 'unprepared';
  }

  hasRoomFor(bytes: ByteCount): boolean {
    return this.roomFor(bytes) === 'there';
  }

  /** The limit itself is reached: no record finds room before a trim. */
  get isFull(): boolean {
    return this.roomFor(0) === 'full';
  }

  /** Makes the next segment ready, where none is. Throws `no-space`; then nothing is changed, and it may be tried again. */
  prepare(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#settle();
      if (this.#ready.count === 0 && !this.#closed) await this.#ready.make();
    });
  }

  /**
   * Puts a record behind the last, in the page cache only. There must be room for it. Throws `io-error`, or `no-space` on a file system
   * that does not keep the room which a file has, with nothing changed.
   */
  append(record: NewRecord): RecordSequence {
    const dataBytes = dataBytesOf(record);
    assert(dataBytes <= this.dataMaxBytes, 'a record is no larger than a segment takes');
    assert(record.time > this.lastTime, 'the times of a stream rise');
    return this.#writing(() => {
      this.#makeRoom(recordBytes(dataBytes));
      return this.#tail.append(record, this.#durableSequence);
    });
  }

  /**
   * The receiver's way: whole records as `read` gives them, the first of which is `nextSequence`. There must be room for them. Throws
   * `check-code`, with nothing appended, where they are not whole or do not go on from here.
   */
  appendEncoded(encoded: Uint8Array): void {
    let records = demandStream(encoded, {
      what: this.#place.what,
      sequence: this.nextSequence,
      lastTime: this.lastTime,
      largestBytes: recordBytes(this.dataMaxBytes),
    });
    while (records[0] !== undefined) {
      const { sizeBytes } = records[0];
      const taken = this.#writing(() => {
        this.#makeRoom(sizeBytes);
        return this.#tail.appendEncoded(encoded, records, this.#durableSequence);
      });
      records = records.slice(taken);
    }
  }

  /** Everything appended before the call is durable when it resolves; callers share flushes. Rejects with `io-error`, from then on always. */
  async durable(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const upTo = this.nextSequence - 1;
    if (this.#isSettled && upTo === this.#durableSequence) return;
    const open = this.#tail.segment;
    const flushed = this.#segments.filter((segment) => segment.isWriting);
    await this.#flushing([this.#settle(), ...flushed.map((segment) => segment.flush())]);
    this.#durableSequence = Math.max(this.#durableSequence, upTo);
    for (const segment of flushed) if (segment !== open) segment.endWriting();
  }

  /** Whole records from this one on, none from `before` on: as many as `bytesMax` holds, and one at least if there is one. Their codes are checked. */
  read(from: RecordSequence, bytesMax: ByteCount, before: RecordSequence = this.nextSequence): ReadRecords {
    assert(from >= this.firstSequence && from <= before, 'only records that are here are read');
    assert(before <= this.nextSequence, 'only records that are here are read');
    if (from === before) return { bytes: new Uint8Array(0), next: from };
    return this.#reading.read(from, bytesMax, before);
  }

  /** Records from this one on, up to the last one there is when it is asked for. */
  *records(from: RecordSequence, bytesMax: ByteCount = CHUNK_BYTES): Generator<JournalRecord> {
    for (let at = from; at < this.nextSequence; ) {
      const { bytes, next } = this.read(at, bytesMax);
      yield* decodeRecords(bytes);
      at = next;
    }
  }

  /** The time of the record before this one, which is here or the next one. */
  timeBefore(sequence: RecordSequence): SequenceTime {
    if (sequence === this.nextSequence) return this.lastTime;
    if (sequence === this.firstSequence) return (this.#segments[0] as Segment).header.time;
    return (this.records(sequence - 1, 0).next().value as JournalRecord).time;
  }

  last(): JournalRecord | undefined {
    const sequence = this.nextSequence - 1;
    return sequence < this.firstSequence ? undefined : (this.records(sequence, 0).next().value as JournalRecord);
  }

  /** Records up to this one are not needed any more. Segments that hold nothing else are used again or go, durably. */
  trim(upTo: RecordSequence): Promise<void> {
    assert(upTo < this.nextSequence, 'only records that are here are trimmed');
    this.#trimmedUpTo = Math.max(this.#trimmedUpTo, upTo);
    this.#countHeld();
    return this.#inTurn(() => this.#dropTrimmed());
  }

  /** Makes nothing durable. Nobody may open it again before it resolves: a trim that is under way would take segments from them. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#place.budget.leave(this.#place.folder, this);
    for (const segment of this.#segments) segment.close();
    await this.#turn;
  }

  /** After a loss of power another segment is begun: all records of a segment were written in one boot. */
  get #isOfThisBoot(): boolean {
    return this.#tail.segment.header.bootId === this.#place.bootId;
  }

  #makeRoom(bytes: ByteCount): void {
    if (bytes <= this.#tail.restBytes && this.#isOfThisBoot) return;
    const { end, lastTime } = this.#tail;
    const segment = this.#ready.begin(({ number, path, sizeBytes }, file) => {
      const header = {
        number,
        firstSequence: end.sequence,
        sizeBytes,
        time: lastTime,
        previousCode: end.code,
        unflushed: end.sequence - 1 - this.#durableSequence,
        bootId: this.#place.bootId,
        owner: ownerCode(this.#place.folder),
      };
      const { bytes: encoded, code } = encodeHeader(header);
      file.write(encoded, 0);
      const begun = new Segment(this.#files, this.#place.what, path, { ...header, code });
      begun.beginWriting(file);
      return begun;
    });
    this.#segments.push(segment);
    this.#tail.moveTo(segment);
    this.#countHeld();
  }

  /** A write that fails changes nothing: what it left is wiped, and where that fails too nothing more is taken. */
  #writing<T>(write: () => T): T {
    assert(!this.#closed, 'a journal is not written after close');
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return write();
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      try {
        this.#tail.wipeNext();
      } catch (cause) {
        this.#failure = toToolkitError(cause, this.#place.what) as Error;
      }
      throw toToolkitError(error, this.#place.what);
    }
  }

  async #dropTrimmed(): Promise<void> {
    if (!this.#isTrimmed(0)) return;
    // The header of the segment behind must be durable first: it says where the journal goes on.
    await this.durable();
    while (this.#isTrimmed(0) && !this.#closed) {
      const segment = this.#segments[0] as Segment;
      // One name at a time, from the oldest on: a crash leaves no gap.
      await this.#ready.recycle(segment, () => {
        segment.close();
        this.#segments.shift();
      });
    }
  }

  #isTrimmed(index: number): boolean {
    const following = this.#segments[index + 1];
    return following !== undefined && following.firstSequence - 1 <= this.#trimmedUpTo;
  }

  #countHeld(): void {
    this.#heldBytes = 0;
    for (let index = 0; index < this.#segments.length - 1; index++) {
      if (!this.#isTrimmed(index)) this.#heldBytes += (this.#segments[index] as Segment).header.sizeBytes;
    }
  }

  /** After a kill the names may be in the page cache alone. */
  async #settle(): Promise<void> {
    this.#namesSettled ??= this.#flushing([settleNames(this.#files, this.#place.folder)]);
    await this.#namesSettled;
    this.#isSettled = true;
  }

  /** After a flush that failed nobody knows what is durable: it is never tried again, and nothing more is taken. */
  async #flushing(flushes: readonly Promise<void>[]): Promise<void> {
    try {
      await Promise.all(flushes);
    } catch (error) {
      this.#failure ??= flushFailure(error, this.#place.folder);
      throw this.#failure;
    }
  }

  /** Makes and removes segments one after the other. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(async () => {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#closed) return;
      await work().catch((error: unknown) => {
        throw toToolkitError(error, this.#place.what);
      });
    });
    this.#turn = done.catch(() => undefined);
    return done;
  }
}
