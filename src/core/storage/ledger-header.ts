import type { ByteOffset, ChangeNumber, Epoch } from '../foundation/foundation.js';
import { crc32 } from './crc32.js';

/** What the head of a ledger file says. */
export interface LedgerHeader {
  /** Rises by one whenever the log starts anew in the other file. */
  readonly sequence: number;
  /** The change before the first frame of this file; all up to it is durable elsewhere. */
  readonly baseChange: ChangeNumber;
  readonly baseEpoch: Epoch;
  /** Seeds the chain of frames. */
  readonly code: number;
}

export const LEDGER_VERSION = 1;
/** Each copy lies in a sector of its own, so that a crash never takes both. */
export const HEADER_COPIES_AT: readonly ByteOffset[] = [0, 2048];
export const HEADER_BYTES = 512;

const MAGIC = 'CSTLEDG1';
const CODE_AT = 8;
const CODED_FROM = 12;

export function encodeHeader(header: Omit<LedgerHeader, 'code'>): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < 8; index++) bytes[index] = MAGIC.charCodeAt(index);
  view.setUint32(12, LEDGER_VERSION, true);
  view.setUint32(16, header.sequence, true);
  view.setUint32(20, header.baseEpoch, true);
  view.setUint32(24, header.baseChange >>> 0, true);
  view.setUint32(28, Math.floor(header.baseChange / 0x1_0000_0000), true);
  view.setUint32(CODE_AT, crc32(bytes.subarray(CODED_FROM)), true);
  return bytes;
}

/** Undefined where the copy is not whole; 'too-new' where a newer copyset wrote a whole one. */
export function decodeHeader(bytes: Uint8Array): LedgerHeader | 'too-new' | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  for (let index = 0; index < 8; index++) if (bytes[index] !== MAGIC.charCodeAt(index)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const code = view.getUint32(CODE_AT, true);
  if (code !== crc32(bytes.subarray(CODED_FROM, HEADER_BYTES))) return undefined;
  if (view.getUint32(12, true) > LEDGER_VERSION) return 'too-new';
  return {
    sequence: view.getUint32(16, true),
    baseEpoch: view.getUint32(20, true),
    baseChange: view.getUint32(28, true) * 0x1_0000_0000 + view.getUint32(24, true),
    code,
  };
}
