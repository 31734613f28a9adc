import { failure, type SequenceTime } from '../foundation/foundation.js';
import type { Files } from '../ports/ports.js';
import type { RecordSequence } from './record.js';
import type { Place } from './segment.js';
import { type FoundSegment, inspectSegment, segmentNumbers, segmentPath } from './segment-files.js';
import { damagedJournal, tooNew } from './segment-header.js';
import { type SegmentScan, scanSegment } from './segment-scan.js';

export type UsedSegment = Extract<FoundSegment, { kind: 'used' }>;

/** A journal as its files say it is. */
export interface FoundJournal {
  /** Their records are proven to have been durable: they are checked when they are read. Ascending, as the others. */
  readonly proven: readonly UsedSegment[];
  /** Those that were read, one at least. The last one takes the next record. */
  readonly read: readonly UsedSegment[];
  /** Behind the last one: nothing that they hold counts. */
  readonly behind: readonly FoundSegment[];
  readonly end: Place;
  /** Places between the records of the last one. */
  readonly places: readonly Place[];
  readonly lastTime: SequenceTime;
  /** Records up to this one are proven durable. */
  readonly durableSequence: RecordSequence;
  readonly torn: boolean;
}

/** A segment that was read; without a scan where nothing in it counts, although a later one is in use. */
interface Scanned {
  readonly segment: FoundSegment;
  readonly scan: SegmentScan | undefined;
}

/**
 * Looks at the header of every segment, and reads the last one; those before it too, as far as nothing proves that they were durable.
 * Writes nothing. Throws `metadata-damaged`, `format-too-new`, `not-regular` or `file-not-found`.
 */
export function findJournal(files: Files, folder: string, what: string): FoundJournal {
  const found = segmentNumbers(files, folder).map((number) => inspectSegment(files, folder, number));
  const last = found.findLastIndex(({ kind }) => kind === 'used');
  demandSound(found, last, folder, what);
  const scanned = scanBackwards(files, found.slice(0, last + 1));
  const proven = found.slice(0, last + 1 - scanned.length).map((segment) => demandUsed(segment, what));
  const judged = judge(scanned, what);
  return { proven, behind: found.slice(proven.length + judged.read.length), ...judged };
}

function demandSound(found: readonly FoundSegment[], last: number, folder: string, what: string): void {
  for (const [index, segment] of found.entries()) {
    if (segment.kind === 'too-new') throw tooNew(what, segment.path);
    if (segment.kind === 'damaged') throw damagedJournal(what, segment.path, 0, segment.why);
    const before = found[index - 1];
    // Every name was durable before the one behind it was made.
    if (before !== undefined && segment.number !== before.number + 1)
      throw damagedJournal(what, segmentPath(folder, before.number + 1), 0, 'the segment is missing');
  }
  if (last !== -1 || found.some(({ kind }) => kind === 'ready')) {
    demandUsed(found[0] as FoundSegment, what);
    return;
  }
  throw failure('file-not-found', `There is nothing of ${what} (${folder}).`, undefined, { details: { path: folder } });
}

function demandUsed(segment: FoundSegment, what: string): UsedSegment {
  if (segment.kind === 'used') return segment;
  throw damagedJournal(what, segment.path, 0, 'the segment is not in use, and must be');
}

/** From the last one back to where everything before is proven durable. */
function scanBackwards(files: Files, segments: readonly FoundSegment[]): Scanned[] {
  const scanned: Scanned[] = [];
  let durableSequence = 0;
  for (const segment of [...segments].reverse()) {
    const scan = segment.kind === 'used' ? scanFile(files, segment as UsedSegment) : undefined;
    scanned.unshift({ segment, scan });
    durableSequence = Math.max(durableSequence, scan?.durableSequence ?? 0);
    if (scan !== undefined && durableSequence >= (segment as UsedSegment).header.firstSequence - 1) break;
  }
  return scanned;
}

function scanFile(files: Files, { path, header }: UsedSegment): SegmentScan {
  const file = files.open(path, 'read');
  try {
    return scanSegment(file, header);
  } finally {
    file.close();
  }
}

/**
 * Decides where the journal ends. Records that were written but not flushed may be lost in any order, so what lies behind a missing
 * record proves damage only where it says that the missing one was durable.
 */
function judge(scanned: readonly Scanned[], what: string): Omit<FoundJournal, 'proven' | 'behind'> {
  const read: UsedSegment[] = [];
  let scan: SegmentScan | undefined;
  for (const next of scanned) {
    if (next.scan === undefined) break;
    const { header } = next.segment as UsedSegment;
    const goesOn =
      scan === undefined || (header.firstSequence === scan.end.sequence && header.previousCode === scan.end.code);
    if (!goesOn) break;
    read.push(next.segment as UsedSegment);
    scan = next.scan;
  }
  const last = read.at(-1);
  if (scan === undefined || last === undefined) throw new RangeError('the first segment is in use');
  const durableSequence = Math.max(...scanned.map((each) => each.scan?.durableSequence ?? 0));
  const { end, places, lastTime } = scan;
  if (durableSequence >= end.sequence)
    throw damagedJournal(what, last.path, end.at, `record ${end.sequence}, which was durable, is not whole`);
  return { read, end, places, lastTime, durableSequence, torn: scan.torn || read.length < scanned.length };
}
