import { type ByteOffset, type ChangeNumber, type Epoch, failure } from '../foundation/foundation.js';
import type { OpenFile } from '../ports/ports.js';
import {
  claimsFrame,
  decodeFrame,
  FRAME_ALIGNMENT_BYTES,
  FRAME_FIRST_BYTE,
  FRAME_HEAD_BYTES,
  type LedgerFrame,
  type StoredFrame,
} from './ledger-frame.js';
import {
  decodeHeader,
  encodeHeader,
  HEADER_BYTES,
  HEADER_COPIES_AT,
  LEDGER_VERSION,
  type LedgerHeader,
} from './ledger-header.js';

/** Frames begin here, which is aligned for them. */
export const FRAMES_AT: ByteOffset = 4096;

/** torn: a last frame that a crash left unfinished was cut. It is not an error. */
export type LedgerTail = 'clean' | 'torn';

/** Everything that one ledger file says. */
export interface LedgerScan {
  readonly frames: readonly LedgerFrame[];
  readonly tail: LedgerTail;
  /** Where the next frame goes. */
  readonly end: ByteOffset;
  readonly lastChange: ChangeNumber;
  readonly lastEpoch: Epoch;
  readonly lastCode: number;
  /**
   * Frames up to this one are proven durable by what later ones say; below `baseChange` where nothing is. Frames found may
   * have been in the page cache alone, because their writer was killed.
   */
  readonly durableChange: number;
}

/** The header of a ledger file, and the places of the copies that do not hold it. Throws where no copy is whole. */
export function readHeader(file: OpenFile): {
  readonly header: LedgerHeader;
  readonly copiesBad: readonly ByteOffset[];
} {
  const copies = HEADER_COPIES_AT.map((at) => {
    const bytes = new Uint8Array(HEADER_BYTES);
    return file.read(bytes, at) < HEADER_BYTES ? undefined : decodeHeader(bytes);
  });
  if (copies.includes('too-new')) {
    throw failure(
      'format-too-new',
      `The log ${file.path} has a newer format than version ${LEDGER_VERSION}, which this copyset knows.`,
      'Use the copyset that wrote it, or a newer one.',
      { details: { path: file.path } },
    );
  }
  // A crash between the copies leaves the later sequence in one of them alone.
  let newest: LedgerHeader | undefined;
  for (const copy of copies) {
    if (typeof copy === 'object' && copy.sequence >= (newest?.sequence ?? 0)) newest = copy;
  }
  if (newest === undefined) throw damagedLedger(file.path, 0, 'neither copy of its header is whole');
  const { code } = newest;
  const isBad = (place: number): boolean => {
    const copy = copies[place];
    return typeof copy !== 'object' || copy.code !== code;
  };
  return { header: newest, copiesBad: HEADER_COPIES_AT.filter((_, place) => isBad(place)) };
}

/** Writes both copies of a header, each durable before the next, so that a crash never takes both. */
export async function writeHeader(
  file: OpenFile,
  header: Omit<LedgerHeader, 'code'>,
  durable: () => Promise<void>,
): Promise<LedgerHeader> {
  const bytes = encodeHeader(header);
  for (const at of HEADER_COPIES_AT) {
    file.write(bytes, at);
    await durable();
  }
  return decodeHeader(bytes) as LedgerHeader;
}

/** A short log lies in the first piece; the rest of the room is only looked through, which costs less than keeping it. */
const PIECE_BYTES = 64 * 1024;

/** Reads all frames. Throws `metadata-damaged` with the byte where a durable frame is not whole. */
export function scanFrames(file: OpenFile, header: LedgerHeader): LedgerScan {
  const sizeBytes = file.sizeBytes();
  if (sizeBytes > PIECE_BYTES) {
    const front = new Uint8Array(PIECE_BYTES);
    const scan = scanArea(file.path, front.subarray(0, file.read(front, 0)), header);
    if (scan.tail === 'clean' && !holdsFrames(file, PIECE_BYTES - FRAME_HEAD_BYTES, header.sequence)) return scan;
  }
  const bytes = new Uint8Array(sizeBytes);
  return scanArea(file.path, bytes.subarray(0, file.read(bytes, 0)), header);
}

/** Whether something that calls itself a frame of that sequence begins anywhere from `at` on. */
function holdsFrames(file: OpenFile, at: ByteOffset, sequence: number): boolean {
  const piece = new Uint8Array(PIECE_BYTES);
  // A head that one piece cuts is whole in the next.
  for (let from = at; ; from += PIECE_BYTES - FRAME_HEAD_BYTES) {
    const gotBytes = file.read(piece, from);
    const view = new DataView(piece.buffer, 0, gotBytes);
    for (const begins of places(piece.subarray(0, gotBytes), 0)) if (claimsFrame(view, begins, sequence)) return true;
    if (gotBytes < PIECE_BYTES) return false;
  }
}

/** Where a frame could begin. All pieces begin at a place where one could. */
function* places(area: Uint8Array, from: ByteOffset): IterableIterator<ByteOffset> {
  // Nearly all of it is zeros: the library's search passes over them a hundred times as fast as a loop here.
  for (let at = area.indexOf(FRAME_FIRST_BYTE, from); at !== -1; at = area.indexOf(FRAME_FIRST_BYTE, at + 1)) {
    if (at % FRAME_ALIGNMENT_BYTES === 0) yield at;
  }
}

function scanArea(path: string, area: Uint8Array, header: LedgerHeader): LedgerScan {
  const view = new DataView(area.buffer, area.byteOffset, area.length);
  const frames: LedgerFrame[] = [];
  let end = FRAMES_AT;
  let lastChange = header.baseChange;
  let lastEpoch = header.baseEpoch;
  let lastCode = header.code;
  let durableChange = header.baseChange - 1;
  for (;;) {
    const frame = decodeFrame(area, view, end, header.sequence);
    if (frame === undefined || frame.previousCode !== lastCode || frame.change !== lastChange + 1) break;
    frames.push({ change: frame.change, epoch: frame.epoch, payload: frame.payload });
    end += frame.sizeBytes;
    lastChange = frame.change;
    lastEpoch = frame.epoch;
    lastCode = frame.code;
    durableChange = Math.max(durableChange, durableBefore(frame));
  }
  const tail = judgeTail(path, area, view, end, header.sequence, lastChange);
  return { frames, tail, end, lastChange, lastEpoch, lastCode, durableChange };
}

/**
 * Decides what the first place without a good frame means. Frames that were written but not yet flushed may be lost in any
 * order, so a whole frame behind the place proves damage only where the missing frame was durable when it was written:
 * each frame says how many before it were not.
 */
function judgeTail(
  path: string,
  area: Uint8Array,
  view: DataView,
  end: ByteOffset,
  sequence: number,
  lastChange: ChangeNumber,
): LedgerTail {
  let tail: LedgerTail = 'clean';
  for (const at of places(area, end)) {
    if (!claimsFrame(view, at, sequence)) continue;
    tail = 'torn';
    const frame = decodeFrame(area, view, at, sequence);
    if (frame === undefined) continue;
    if (lastChange < durableBefore(frame))
      throw damagedLedger(path, end, `a durable frame there (change ${lastChange + 1}) is not whole`);
  }
  return tail;
}

/** The last change that was durable when the frame was written. */
function durableBefore(frame: StoredFrame): number {
  return frame.change - 1 - frame.unflushed;
}

export function damagedLedger(path: string, at: ByteOffset, why: string): Error {
  return failure(
    'metadata-damaged',
    `The log ${path} cannot be trusted: ${why} (at byte ${at}).`,
    'It is left as it is. Run `copyset system check`, or bring the system back from a backup.',
    { details: { path, atByte: at, why } },
  );
}
