import { type ByteCount, KIB, tuning } from '../foundation/foundation.js';
import { RECORD_DATA_MAX_BYTES } from './record.js';

const SEGMENTS_OF_LIMIT = 8;
const SEGMENT_STEP_BYTES = 64 * KIB;
const SEGMENT_LEAST_BYTES = RECORD_DATA_MAX_BYTES + SEGMENT_STEP_BYTES;

/** Room comes back a segment at a time: a limit holds several, so that it does before all is trimmed. Each takes the largest record. */
export function segmentBytesOf(limitBytes: ByteCount = Number.POSITIVE_INFINITY): ByteCount {
  const part = Math.floor(limitBytes / SEGMENTS_OF_LIMIT / SEGMENT_STEP_BYTES) * SEGMENT_STEP_BYTES;
  return Math.min(tuning.journalSegmentBytes, Math.max(SEGMENT_LEAST_BYTES, part));
}
