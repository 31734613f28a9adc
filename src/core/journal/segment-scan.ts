import type { ByteOffset, SequenceTime } from '../foundation/foundation.js';
import type { OpenFile } from '../ports/ports.js';
import {
  claimedBytes,
  claimedSequence,
  headAt,
  nextClaim,
  RECORD_ALIGNMENT_BYTES,
  RECORD_HEAD_BYTES,
  type RecordHead,
  type RecordSequence,
} from './record.js';
import { MARK_EVERY_BYTES, type Place } from './segment.js';
import { RECORDS_AT, type SegmentHeader } from './segment-header.js';
import { SegmentWindow } from './segment-window.js';

/** Everything that one segment says. */
export interface SegmentScan {
  /** Behind the last record of the unbroken beginning. */
  readonly end: Place;
  /** Far enough apart to begin to read at. */
  readonly places: readonly Place[];
  readonly lastTime: SequenceTime;
  /** Records up to this one were durable, as this segment's header and records say, those behind the end too. */
  readonly durableSequence: RecordSequence;
  /** Behind the end lies something of this use of the segment: a record cut short, or whole ones whose predecessor is not. */
  readonly torn: boolean;
}

/** Reads a whole segment in use. What lies behind the first place without a good record is searched for later ones. */
export function scanSegment(file: OpenFile, header: SegmentHeader): SegmentScan {
  const window = new SegmentWindow(file, header.sizeBytes);
  const places: Place[] = [];
  let end: Place = { at: RECORDS_AT, sequence: header.firstSequence, code: header.code };
  let lastTime = header.time;
  let durableSequence = header.firstSequence - 1 - header.unflushed;
  for (;;) {
    const index = window.bring(end.at);
    const head = headAt(window.bytes, window.view, index, header.code);
    if (head === undefined || head.sequence !== end.sequence || head.previousCode !== end.code) break;
    end = { at: end.at + head.sizeBytes, sequence: head.sequence + 1, code: head.placeCode };
    if (end.at >= (places.at(-1)?.at ?? RECORDS_AT) + MARK_EVERY_BYTES) places.push(end);
    lastTime = head.time;
    durableSequence = Math.max(durableSequence, durableBefore(head));
  }
  const behind = searchBehind(window, end, header.code);
  return {
    end,
    places,
    lastTime,
    torn: behind.torn,
    durableSequence: Math.max(durableSequence, behind.durableSequence),
  };
}

/** Records of a former use of the segment have smaller numbers than those of this use, and do not count. */
function searchBehind(
  window: SegmentWindow,
  end: Place,
  segmentCode: number,
): { readonly torn: boolean; readonly durableSequence: RecordSequence } {
  let durableSequence = 0;
  const first = window.bring(end.at);
  let torn = claimedBytes(window.view, first) !== undefined && claimedSequence(window.view, first) === end.sequence;
  for (let at = nextIn(window, end.at); at !== -1; ) {
    const index = window.bring(at);
    const head =
      claimedSequence(window.view, index) < end.sequence
        ? undefined
        : headAt(window.bytes, window.view, index, segmentCode);
    if (head !== undefined) {
      torn = true;
      durableSequence = Math.max(durableSequence, durableBefore(head));
    }
    at = nextIn(window, at + (head?.sizeBytes ?? RECORD_ALIGNMENT_BYTES));
  }
  return { torn, durableSequence };
}

/** The first place in the segment from `from` on where a record may begin, or -1. */
function nextIn(window: SegmentWindow, from: ByteOffset): ByteOffset {
  for (let at = from; ; ) {
    const first = window.bring(at);
    const index = nextClaim(window.bytes, window.view, first);
    if (index !== -1) return window.from + index;
    if (window.isLast) return -1;
    // A head may begin in what is in memory and end behind it.
    at = window.from + window.bytes.length - RECORD_HEAD_BYTES + RECORD_ALIGNMENT_BYTES;
  }
}

/** The last record that was durable when this one was written. */
function durableBefore(head: RecordHead): RecordSequence {
  return head.sequence - 1 - head.unflushed;
}
