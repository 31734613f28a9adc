import { type ByteCount, KIB } from '../foundation/foundation.js';
import type { RecordSequence } from './record.js';
import type { Segment } from './segment.js';
import { damagedJournal } from './segment-header.js';

/** What is read at once to find a record. */
const WALK_BYTES: ByteCount = 64 * KIB;

/** Whole records, and the number of the one behind them. */
export interface ReadRecords {
  readonly bytes: Uint8Array;
  readonly next: RecordSequence;
}

/** Reads the records of segments that follow each other. One file after the other is held open for it. */
export class Reading {
  readonly #what: string;
  readonly #segments: readonly Segment[];
  #open: Segment | undefined;

  /** `segments`: those in use, ascending, whichever they are when it is asked. */
  constructor(what: string, segments: readonly Segment[]) {
    this.#what = what;
    this.#segments = segments;
  }

  /** Records of one segment; `from` is there, and `before` is not behind the last record. */
  read(from: RecordSequence, bytesMax: ByteCount, before: RecordSequence): ReadRecords {
    const index = this.#segments.findLastIndex(({ firstSequence }) => firstSequence <= from);
    const segment = this.#segments[index] as Segment;
    const following = this.#segments[index + 1];
    const end = Math.min(following?.firstSequence ?? before, before);
    let place = segment.placeBefore(from);
    while (place.sequence < from) place = segment.read(place, WALK_BYTES, from).next;
    const { bytes, next } = segment.read(place, bytesMax, end);
    if (next.sequence === following?.firstSequence && next.code !== following.header.previousCode)
      throw damagedJournal(this.#what, following.path, 0, 'the segment is not the one that followed');
    if (following !== undefined && !segment.isWriting) this.#hold(segment);
    return { bytes, next: next.sequence };
  }

  #hold(segment: Segment): void {
    if (this.#open !== segment) this.#open?.endReading();
    this.#open = segment;
  }
}
