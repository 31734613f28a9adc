import type { ByteOffset, SequenceTime } from '../foundation/foundation.js';
import type { OpenFile } from '../ports/ports.js';
import { claimedBytes, claimedSequence, headAt, nextClaim, type RecordHead, type RecordSequence } from './record.js';
import type { Place } from './segment.js';
import { RECORDS_AT, type SegmentHeader } from './segment-header.js';

/** Everything that one segment says. */
export interface SegmentScan {
  /** Behind the last record of the unbroken beginning. */
  readonly end: Place;
  readonly places: readonly Place[];
  readonly lastTime: SequenceTime;
  /** Records up to this one were durable, as this segment's header and records say, those behind the end too. */
  readonly durableSequence: RecordSequence;
  /** Behind the end lies something of this use of the segment: a record cut short, or whole ones whose predecessor is not. */
  readonly torn: boolean;
}

/** Reads a whole segment in use. What lies behind the first place without a good record is searched for later ones. */
export function scanSegment(file: OpenFile, header: SegmentHeader): SegmentScan {
  const bytes = new Uint8Array(header.sizeBytes);
  const area = bytes.subarray(0, file.read(bytes, 0));
  const view = new DataView(bytes.buffer, 0, area.length);
  const places: Place[] = [];
  let end: Place = { at: RECORDS_AT, sequence: header.firstSequence, code: header.code };
  let lastTime = header.time;
  let durableSequence = header.firstSequence - 1 - header.unflushed;
  for (;;) {
    const head = headAt(area, view, end.at, header.code);
    if (head === undefined || head.sequence !== end.sequence || head.previousCode !== end.code) break;
    end = { at: end.at + head.sizeBytes, sequence: head.sequence + 1, code: head.placeCode };
    places.push(end);
    lastTime = head.time;
    durableSequence = Math.max(durableSequence, durableBefore(head));
  }
  const behind = searchBehind(area, view, end, header.code);
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
  area: Uint8Array,
  view: DataView,
  end: Place,
  segmentCode: number,
): { readonly torn: boolean; readonly durableSequence: RecordSequence } {
  let durableSequence = 0;
  let torn = claimedBytes(view, end.at) !== undefined && claimedSequence(view, end.at) === end.sequence;
  let from: ByteOffset = end.at;
  for (let at = nextClaim(area, view, from); at !== -1; at = nextClaim(area, view, from)) {
    from = at + 1;
    if (claimedSequence(view, at) < end.sequence) continue;
    const head = headAt(area, view, at, segmentCode);
    if (head === undefined) continue;
    torn = true;
    durableSequence = Math.max(durableSequence, durableBefore(head));
    from = at + head.sizeBytes;
  }
  return { torn, durableSequence };
}

/** The last record that was durable when this one was written. */
function durableBefore(head: RecordHead): RecordSequence {
  return head.sequence - 1 - head.unflushed;
}
