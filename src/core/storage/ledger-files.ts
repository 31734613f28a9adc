import { type ByteCount, type ByteOffset, MIB, tuning } from '../foundation/foundation.js';
import type { Files, OpenFile } from '../ports/ports.js';
import { Flusher } from './flusher.js';
import { encodeHeader, HEADER_COPIES_AT, type LedgerHeader } from './ledger-header.js';
import { damagedLedger, type LedgerScan, readHeader, scanFrames } from './ledger-scan.js';

/** Room that a ledger file holds from the start, so that changes need none of the file system's. */
export const LEDGER_SIZE_BYTES: ByteCount = MIB;
/** A ledger file larger than this was not written by us. */
export const LEDGER_MAX_BYTES = 1024 * MIB;
export const LEDGER_NAMES = ['ledger.a', 'ledger.b'] as const;

/** One ledger file while it is open for writing. */
export interface Side {
  readonly file: OpenFile;
  readonly flusher: Flusher;
}

export interface OpenedFiles {
  readonly header: LedgerHeader;
  readonly scan: LedgerScan;
  /** The file in use and the other one; absent for a reader. */
  readonly sides: readonly [Side, Side] | undefined;
}

export async function createFile(files: Files, path: string, sequence: number): Promise<void> {
  const file = files.open(path, 'create');
  try {
    file.write(new Uint8Array(tuning.ledgerBytes), 0);
    const bytes = encodeHeader({ sequence, baseChange: 0, baseEpoch: 0 });
    for (const at of HEADER_COPIES_AT) file.write(bytes, at);
    await file.flush();
  } finally {
    file.close();
  }
}

/** Opens both files and reads the one in use; an owner's torn tail is cut and a header's missing copy written again. */
export function openFiles(files: Files, folder: string, readOnly: boolean): OpenedFiles {
  const opened: OpenFile[] = [];
  let kept = false;
  try {
    for (const name of LEDGER_NAMES) opened.push(files.open(`${folder}/${name}`, readOnly ? 'read' : 'write'));
    const { used, other, header, copiesBad } = choose(opened as [OpenFile, OpenFile]);
    if (used.sizeBytes() > LEDGER_MAX_BYTES) throw damagedLedger(used.path, 0, 'it is larger than a log can be');
    const scan = scanFrames(used, header);
    if (readOnly) return { header, scan, sides: undefined };
    if (scan.tail === 'torn') wipeFrom(used, scan.end);
    for (const at of copiesBad) used.write(encodeHeader(header), at);
    kept = true;
    return { header, scan, sides: [sideOf(used), sideOf(other)] };
  } finally {
    if (!kept) for (const file of opened) file.close();
  }
}

/** The file of the later sequence is in use. Both have a header at any time, so a missing one is damage. */
function choose([a, b]: readonly [OpenFile, OpenFile]): {
  used: OpenFile;
  other: OpenFile;
  header: LedgerHeader;
  copiesBad: readonly ByteOffset[];
} {
  const headA = readHeader(a);
  const headB = readHeader(b);
  if (Math.abs(headA.header.sequence - headB.header.sequence) !== 1) {
    throw damagedLedger(a.path, 0, 'its header and that of its twin are not neighbours');
  }
  return headA.header.sequence > headB.header.sequence
    ? { used: a, other: b, ...headA }
    : { used: b, other: a, ...headB };
}

/** Cuts a torn tail: what lies behind the last whole frame becomes zeros, the room stays. */
function wipeFrom(file: OpenFile, end: ByteOffset): void {
  const behindBytes = file.sizeBytes() - end;
  if (behindBytes > 0) file.write(new Uint8Array(behindBytes), end);
}

function sideOf(file: OpenFile): Side {
  return { file, flusher: new Flusher(file) };
}
