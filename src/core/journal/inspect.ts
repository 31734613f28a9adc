import type { ByteOffset } from '../foundation/foundation.js';
import type { Files } from '../ports/ports.js';
import type { RecordSequence } from './record.js';
import { type FoundSegment, inspectSegment, segmentNumbers, segmentPath } from './segment-files.js';
import { type SegmentScan, scanSegment } from './segment-scan.js';

/** What is wrong with a journal's files. `torn-tail` alone is what a crash leaves, and nothing is lost by it. */
export type JournalFlaw =
  | {
      readonly kind: 'torn-tail';
      readonly path: string;
      readonly atByte: ByteOffset;
      readonly sequence: RecordSequence;
    }
  | {
      readonly kind: 'bad-record';
      readonly path: string;
      readonly atByte: ByteOffset;
      readonly sequence: RecordSequence;
    }
  | { readonly kind: 'missing-segment'; readonly path: string }
  | { readonly kind: 'newer-format'; readonly path: string }
  | { readonly kind: 'bad-segment'; readonly path: string; readonly why: string };

export interface JournalReport {
  /** The first record that is there, and the one behind the last whole one. */
  readonly firstSequence: RecordSequence;
  readonly nextSequence: RecordSequence;
  readonly flaws: readonly JournalFlaw[];
}

interface Scanned {
  readonly segment: Used;
  readonly scan: SegmentScan;
}

type Used = Extract<FoundSegment, { kind: 'used' }>;

/**
 * Reads all records of a journal, and changes nothing: every code, every number, and how each segment follows the one before. It may be in
 * use meanwhile; `pause` lets others work between two segments.
 */
export async function inspectJournal(files: Files, folder: string, pause: () => Promise<void>): Promise<JournalReport> {
  const found = segmentNumbers(files, folder).map((number) => inspectSegment(files, folder, number));
  const flaws = namedFlaws(files, folder, found);
  const scans: Scanned[] = [];
  for (const segment of found) {
    if (segment.kind !== 'used') continue;
    const scan = scanIfThere(files, segment);
    if (scan) scans.push({ segment, scan });
    await pause();
  }
  const durable = Math.max(0, ...scans.map(({ scan }) => scan.durableSequence));
  for (const [index, one] of scans.entries()) {
    const flaw = isCutShort(one, scans[index + 1], durable) ? flawOf(files, folder, one, durable) : undefined;
    if (flaw) flaws.push(flaw);
    // What lies behind a torn tail is none of it.
    if (flaw?.kind === 'torn-tail') break;
  }
  const firstSequence = scans[0]?.segment.header.firstSequence ?? 1;
  return { firstSequence, nextSequence: scans.at(-1)?.scan.end.sequence ?? firstSequence, flaws };
}

/** Whether a record is missing behind those of a segment. */
function isCutShort({ segment, scan }: Scanned, behind: Scanned | undefined, durable: RecordSequence): boolean {
  if (!behind) return scan.torn || durable >= scan.end.sequence;
  const { number, firstSequence, previousCode } = behind.segment.header;
  // Where a segment is missing between them, that is told.
  if (number !== segment.number + 1) return false;
  return firstSequence !== scan.end.sequence || previousCode !== scan.end.code;
}

function flawOf(
  files: Files,
  folder: string,
  { segment, scan }: Scanned,
  durable: RecordSequence,
): JournalFlaw | undefined {
  if (!isStill(files, folder, segment)) return undefined;
  const { at: atByte, sequence } = scan.end;
  return { kind: durable >= sequence ? 'bad-record' : 'torn-tail', path: segment.path, atByte, sequence };
}

/** What names and headers tell. */
function namedFlaws(files: Files, folder: string, found: readonly FoundSegment[]): JournalFlaw[] {
  return found.flatMap((segment, index): JournalFlaw[] => {
    const before = found[index - 1];
    const flaws: JournalFlaw[] = [];
    const missing = before === undefined ? undefined : segmentPath(folder, before.number + 1);
    if (missing !== undefined && missing !== segment.path && !files.status(missing))
      flaws.push({ kind: 'missing-segment', path: missing });
    if (segment.kind === 'too-new') flaws.push({ kind: 'newer-format', path: segment.path });
    if (segment.kind === 'damaged') flaws.push({ kind: 'bad-segment', path: segment.path, why: segment.why });
    return flaws;
  });
}

/** Undefined where it was trimmed meanwhile. */
function scanIfThere(files: Files, { path, header }: Used): SegmentScan | undefined {
  if (!files.status(path)) return undefined;
  const file = files.open(path, 'read');
  try {
    return scanSegment(file, header);
  } finally {
    file.close();
  }
}

/** Whether it is still the segment that was read: one that was trimmed has another header, or another name. */
function isStill(files: Files, folder: string, { number, path, header }: Used): boolean {
  if (!files.status(path)) return false;
  const now = inspectSegment(files, folder, number);
  return now.kind === 'used' && now.header.code === header.code;
}
