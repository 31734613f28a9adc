import { type ByteCount, failure, KIB, tuning } from '../foundation/foundation.js';
import { formatBytes } from '../volume/volume.js';
import { RECORD_DATA_MAX_BYTES } from './record.js';

const SEGMENTS_OF_LIMIT = 8;
const SEGMENT_STEP_BYTES = 64 * KIB;
/** With less no stream gets on: a segment counts whole until its last record is trimmed, and those behind it go into the next. */
const LEAST_SEGMENTS = 4;
const SEGMENT_LEAST_BYTES = RECORD_DATA_MAX_BYTES + SEGMENT_STEP_BYTES;

/** Room comes back a segment at a time: a limit holds several, so that it does before all is trimmed. Each takes the largest record. */
export function segmentBytesOf(limitBytes: ByteCount = Number.POSITIVE_INFINITY): ByteCount {
  const part = Math.floor(limitBytes / SEGMENTS_OF_LIMIT / SEGMENT_STEP_BYTES) * SEGMENT_STEP_BYTES;
  return Math.min(tuning.journalSegmentBytes, Math.max(SEGMENT_LEAST_BYTES, part));
}

/** What a journal with segments of this size may hold in any case. */
export function leastJournalBytes(segmentBytes: ByteCount): ByteCount {
  return LEAST_SEGMENTS * segmentBytes;
}

/** A system with one journal keeps a limit from here on; with a lower one no journal would. Throws `bad-size`. */
export function checkJournalLimit(limitBytes: ByteCount): void {
  const smallestBytes = leastJournalBytes(segmentBytesOf(0));
  if (Number.isSafeInteger(limitBytes) && limitBytes >= smallestBytes) return;
  throw failure(
    'bad-size',
    `A journal limit of ${formatBytes(limitBytes)} has no room for a journal.`,
    // A size as it can be given: whole numbers.
    `The smallest is ${smallestBytes / KIB}KiB; a system with several journals wants as much for each.`,
  );
}
