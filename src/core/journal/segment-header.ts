import { type ByteCount, type ByteOffset, failure, type SequenceTime } from '../foundation/foundation.js';
import { crc32 } from '../storage/storage.js';
import { getWhole, type RecordSequence, setWhole } from './record.js';

/** What the head of a segment in use says. */
export interface SegmentHeader {
  /** The number in the file's name. */
  readonly number: number;
  /** Of its first record, written or to be written; 0 in a segment that is ready. */
  readonly firstSequence: RecordSequence;
  readonly sizeBytes: ByteCount;
  /** Of the record before the first. */
  readonly time: SequenceTime;
  /** The code of the record before the first. */
  readonly previousCode: number;
  /** How many records before the first were not known to be durable when this was written. */
  readonly unflushed: number;
  /** The boot in which its records were written. */
  readonly bootId: string;
  /** The code of the journal's name: a segment of another journal is none of this one. */
  readonly owner: number;
  /** The first record is tied to it. */
  readonly code: number;
}

/** A sector, so that a crash leaves the old header or the new one. */
export const SEGMENT_HEADER_BYTES = 512;
/** Records begin here. */
export const RECORDS_AT: ByteOffset = 4096;
export const JOURNAL_VERSION = 1;
export const BOOT_ID_MAX = 64;

const MAGIC = 'CSTJRNL1';
const CODE_AT = 8;
const CODED_FROM = 12;
const BOOT_ID_AT = 58;
const OWNER_AT = 124;

export function encodeHeader(header: Omit<SegmentHeader, 'code'>): {
  readonly bytes: Uint8Array;
  readonly code: number;
} {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  setText(bytes, 0, MAGIC);
  view.setUint32(12, JOURNAL_VERSION, true);
  setWhole(view, 16, header.number);
  setWhole(view, 24, header.firstSequence);
  setWhole(view, 32, header.sizeBytes);
  view.setBigUint64(40, header.time, true);
  view.setUint32(48, header.previousCode, true);
  view.setUint32(52, header.unflushed, true);
  view.setUint16(56, header.bootId.length, true);
  setText(bytes, BOOT_ID_AT, header.bootId);
  view.setUint32(OWNER_AT, header.owner, true);
  const code = crc32(bytes.subarray(CODED_FROM));
  view.setUint32(CODE_AT, code, true);
  return { bytes, code };
}

/** `blank`: nothing was ever written there. `bad`: something else. */
export function decodeHeader(bytes: Uint8Array): SegmentHeader | 'blank' | 'bad' | 'too-new' {
  if (bytes.length < SEGMENT_HEADER_BYTES || bytes.every((byte) => byte === 0)) return 'blank';
  const view = new DataView(bytes.buffer, bytes.byteOffset, SEGMENT_HEADER_BYTES);
  const code = view.getUint32(CODE_AT, true);
  if (textAt(bytes, 0, MAGIC.length) !== MAGIC || crc32(bytes.subarray(CODED_FROM)) !== code) return 'bad';
  if (view.getUint32(12, true) > JOURNAL_VERSION) return 'too-new';
  const header = {
    number: getWhole(view, 16),
    firstSequence: getWhole(view, 24),
    sizeBytes: getWhole(view, 32),
    time: view.getBigUint64(40, true),
    previousCode: view.getUint32(48, true),
    unflushed: view.getUint32(52, true),
    bootId: textAt(bytes, BOOT_ID_AT, Math.min(BOOT_ID_MAX, view.getUint16(56, true))),
    owner: view.getUint32(OWNER_AT, true),
    code,
  };
  const wild = [header.number, header.firstSequence, header.sizeBytes].some((value) => !Number.isSafeInteger(value));
  return wild ? 'bad' : header;
}

export function tooNew(what: string, path: string): Error {
  return failure(
    'format-too-new',
    `${what} has a newer format than version ${JOURNAL_VERSION}, which this copyset knows (${path}).`,
    'Use the copyset that wrote it, or a newer one.',
    { details: { path } },
  );
}

export function damagedJournal(what: string, path: string, atByte: ByteOffset, why: string): Error {
  return failure(
    'metadata-damaged',
    `${what.charAt(0).toUpperCase()}${what.slice(1)} cannot be trusted: ${why} (${path}, at byte ${atByte}).`,
    'It is left as it is. Run `copyset system check --deep`.',
    { details: { path, atByte, why } },
  );
}

function setText(bytes: Uint8Array, at: ByteOffset, text: string): void {
  for (let index = 0; index < text.length; index++) bytes[at + index] = text.charCodeAt(index);
}

function textAt(bytes: Uint8Array, at: ByteOffset, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}
