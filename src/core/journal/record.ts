import { type ByteCount, type ByteOffset, MIB, type SequenceTime } from '../foundation/foundation.js';
import { crc32, crc32OfFew } from '../storage/storage.js';

/** Counts from 1 in its stream, without gaps. */
export type RecordSequence = number;

interface Stamp {
  readonly sequence: RecordSequence;
  /** Rises strictly in a stream. */
  readonly time: SequenceTime;
}

export type JournalRecord = Stamp &
  (
    | { readonly kind: 'write'; readonly pair: string; readonly offset: ByteOffset; readonly data: Uint8Array }
    /** The base of the pair is whole: from here on every write of it is in the stream. */
    | { readonly kind: 'enter'; readonly pair: string }
    /** The pair is no longer journalled; its later records begin with another `enter`. */
    | { readonly kind: 'leave'; readonly pair: string }
    | {
        readonly kind: 'checkpoint';
        /** Its own time, which is not when it was put here: records before it may be later, and do not belong to it (H23). */
        readonly upTo: SequenceTime;
        readonly number: number;
        readonly issuer: string;
        readonly term: number;
        readonly whole: boolean;
      }
    /** Every gate of the checkpoint of that number was opened by run. */
    | { readonly kind: 'confirm'; readonly number: number }
  );

type WithoutSequence<Row> = Row extends unknown ? Omit<Row, 'sequence'> : never;
/** A record before the journal numbers it. */
export type NewRecord = WithoutSequence<JournalRecord>;

export const RECORD_HEAD_BYTES = 64;
/** Larger writes are several records. It bounds what a reader must hold at once. */
export const RECORD_DATA_MAX_BYTES: ByteCount = MIB;

export const RECORD_ALIGNMENT_BYTES = 8;
/** Up to here a record says where it lies; from here on what it means, which is the same in every journal. */
const MEANING_AT = 16;
const PLACE_CODED_BYTES = 12;
const MAGIC = 0x524a; // 'JR'
const MAGIC_FIRST_BYTE = MAGIC & 0xff;
const KINDS = ['write', 'enter', 'leave', 'checkpoint', 'confirm'] as const;
const WHOLE = 1;
/** Behind the head of a checkpoint: its term and its time. */
const CHECKPOINT_BYTES = 12;
const TWO_32 = 0x1_0000_0000;

/** Room that a record with so much data takes. */
export function recordBytes(dataBytes: ByteCount): ByteCount {
  return Math.ceil((RECORD_HEAD_BYTES + dataBytes) / RECORD_ALIGNMENT_BYTES) * RECORD_ALIGNMENT_BYTES;
}

export function dataBytesOf(record: NewRecord): ByteCount {
  if (record.kind === 'write') return record.data.length;
  return record.kind === 'checkpoint' ? CHECKPOINT_BYTES : 0;
}

/** What the head of a whole record says. */
export interface RecordHead {
  readonly sequence: RecordSequence;
  readonly time: SequenceTime;
  /** The code of the record (of the segment's header) before it. */
  readonly previousCode: number;
  readonly placeCode: number;
  /** How many records before it were not known to be durable when it was written. */
  readonly unflushed: number;
  readonly sizeBytes: ByteCount;
}

/** Writes what a record means to the start of `bytes`. Where it lies is written by `place`. */
export function encodeMeaning(bytes: Uint8Array, view: DataView, record: NewRecord, sequence: RecordSequence): void {
  const dataBytes = dataBytesOf(record);
  const isCheckpoint = record.kind === 'checkpoint';
  view.setUint16(16, MAGIC, true);
  bytes[18] = KINDS.indexOf(record.kind) + 1;
  bytes[19] = isCheckpoint && record.whole ? WHOLE : 0;
  view.setUint32(20, dataBytes, true);
  setWhole(view, 24, sequence);
  view.setBigUint64(32, record.time, true);
  if (isCheckpoint) bytes.set(idBytes(record.issuer), 40);
  else if (record.kind === 'confirm') bytes.fill(0, 40, 56);
  else bytes.set(idBytes(record.pair), 40);
  setWhole(view, 56, record.kind === 'write' ? record.offset : 'number' in record ? record.number : 0);
  if (record.kind === 'write') bytes.set(record.data, RECORD_HEAD_BYTES);
  else if (isCheckpoint) {
    view.setUint32(RECORD_HEAD_BYTES, record.term, true);
    view.setBigUint64(RECORD_HEAD_BYTES + 4, record.upTo, true);
  }
  const endAt = recordBytes(dataBytes);
  bytes.fill(0, RECORD_HEAD_BYTES + dataBytes, endAt);
  view.setUint32(8, crc32(bytes.subarray(MEANING_AT, endAt)), true);
}

/** What a record is tied to: its segment, and the record before it. */
export interface Ties {
  /** The code of the segment's header: data may hold whole records of another journal, which never count here. */
  readonly segmentCode: number;
  readonly previousCode: number;
  readonly unflushed: number;
}

/** Ties the record at `at` to where it lies; returns the code that the next one is tied to. */
export function place(bytes: Uint8Array, view: DataView, at: ByteOffset, ties: Ties): number {
  view.setUint32(at, ties.previousCode, true);
  view.setUint32(at + 4, ties.unflushed, true);
  const code = crc32OfFew(bytes, at, at + PLACE_CODED_BYTES, ties.segmentCode);
  view.setUint32(at + PLACE_CODED_BYTES, code, true);
  return code;
}

/** Room of the record that seems to begin at `at`, or undefined where none does. Checks no code. */
export function claimedBytes(view: DataView, at: ByteOffset): ByteCount | undefined {
  if (at + RECORD_HEAD_BYTES > view.byteLength || view.getUint16(at + MEANING_AT, true) !== MAGIC) return undefined;
  const dataBytes = view.getUint32(at + 20, true);
  return dataBytes > RECORD_DATA_MAX_BYTES ? undefined : recordBytes(dataBytes);
}

export function claimedSequence(view: DataView, at: ByteOffset): RecordSequence {
  return getWhole(view, at + 24);
}

/** The record at `at`, or undefined where none of that segment lies there whole; without a segment, of whichever. */
export function headAt(
  bytes: Uint8Array,
  view: DataView,
  at: ByteOffset,
  segmentCode?: number,
): RecordHead | undefined {
  const sizeBytes = claimedBytes(view, at);
  if (sizeBytes === undefined || at + sizeBytes > bytes.length) return undefined;
  const placeCode = view.getUint32(at + PLACE_CODED_BYTES, true);
  const placed = segmentCode === undefined || crc32OfFew(bytes, at, at + PLACE_CODED_BYTES, segmentCode) === placeCode;
  if (!placed) return undefined;
  if (crc32(bytes.subarray(at + MEANING_AT, at + sizeBytes)) !== view.getUint32(at + 8, true)) return undefined;
  const kind = KINDS[(bytes[at + 18] as number) - 1];
  const sequence = claimedSequence(view, at);
  if (kind === undefined || !Number.isSafeInteger(sequence) || !Number.isSafeInteger(getWhole(view, at + 56)))
    return undefined;
  return {
    sequence,
    time: view.getBigUint64(at + 32, true),
    previousCode: view.getUint32(at, true),
    unflushed: view.getUint32(at + 4, true),
    placeCode,
    sizeBytes,
  };
}

/** The first place from `from` on where a record may begin, or -1. Nearly all that lies there is zeros or no record. */
export function nextClaim(bytes: Uint8Array, view: DataView, from: ByteOffset): ByteOffset {
  for (
    let at = bytes.indexOf(MAGIC_FIRST_BYTE, from + MEANING_AT);
    at !== -1;
    at = bytes.indexOf(MAGIC_FIRST_BYTE, at + 1)
  ) {
    const start = at - MEANING_AT;
    if (start % RECORD_ALIGNMENT_BYTES === 0 && claimedBytes(view, start) !== undefined) return start;
  }
  return -1;
}

/** Whole records that were checked before, as their meaning. Their data lies in `bytes`. */
export function* decodeRecords(bytes: Uint8Array): Generator<JournalRecord> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length; at += recordBytes(view.getUint32(at + 20, true))) yield decodeAt(bytes, view, at);
}

function decodeAt(bytes: Uint8Array, view: DataView, at: ByteOffset): JournalRecord {
  const stamp = { sequence: claimedSequence(view, at), time: view.getBigUint64(at + 32, true) };
  const kind = KINDS[(bytes[at + 18] as number) - 1];
  const id = idAt(bytes, at + 40);
  const number = getWhole(view, at + 56);
  switch (kind) {
    case 'write': {
      const dataAt = at + RECORD_HEAD_BYTES;
      const data = bytes.subarray(dataAt, dataAt + view.getUint32(at + 20, true));
      return { kind, ...stamp, pair: id, offset: number, data };
    }
    case 'checkpoint': {
      const term = view.getUint32(at + RECORD_HEAD_BYTES, true);
      const upTo = view.getBigUint64(at + RECORD_HEAD_BYTES + 4, true);
      return { kind, ...stamp, upTo, number, issuer: id, term, whole: bytes[at + 19] === WHOLE };
    }
    case 'confirm':
      return { kind, ...stamp, number };
    case 'enter':
    case 'leave':
      return { kind, ...stamp, pair: id };
    default:
      throw new RangeError('records are checked before they are decoded');
  }
}

/** The ids of a stream are few; each is turned into bytes once. */
const knownIds = new Map<string, Uint8Array>();
const KNOWN_IDS_MAX = 4_096;

function idBytes(id: string): Uint8Array {
  let bytes = knownIds.get(id);
  if (bytes === undefined) {
    bytes = new Uint8Array(16);
    for (let index = 0; index < 16; index++) bytes[index] = Number.parseInt(id.slice(index * 2, index * 2 + 2), 16);
    if (knownIds.size >= KNOWN_IDS_MAX) knownIds.clear();
    knownIds.set(id, bytes);
  }
  return bytes;
}

function idAt(bytes: Uint8Array, at: ByteOffset): string {
  let id = '';
  for (let index = at; index < at + 16; index++) id += (bytes[index] as number).toString(16).padStart(2, '0');
  return id;
}

export function setWhole(view: DataView, at: ByteOffset, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / TWO_32), true);
}

export function getWhole(view: DataView, at: ByteOffset): number {
  return view.getUint32(at + 4, true) * TWO_32 + view.getUint32(at, true);
}
