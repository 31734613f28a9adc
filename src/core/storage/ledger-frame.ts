import type { ByteCount, ByteOffset, ChangeNumber, Epoch } from '../foundation/foundation.js';
import { crc32 } from './crc32.js';

/** One change of the log as it was read. */
export interface LedgerFrame {
  readonly change: ChangeNumber;
  readonly epoch: Epoch;
  /** Belongs to the reader. */
  readonly payload: Uint8Array;
}

/** A frame as it lies in the file (`docs/formats/ledger.md`). */
export interface StoredFrame extends LedgerFrame {
  /** How many frames before this one were not known to be durable when it was written. */
  readonly unflushed: number;
  /** The code of the frame (of the file's header) before this one. */
  readonly previousCode: number;
  readonly code: number;
  /** Bytes it takes in the file. */
  readonly sizeBytes: ByteCount;
}

export const FRAME_HEAD_BYTES = 40;
export const FRAME_ALIGNMENT_BYTES = 8;

const MAGIC = 0x5246; // 'FR'
/** Nothing that begins with another byte is a frame. */
export const FRAME_FIRST_BYTE = MAGIC & 0xff;
const CODE_AT = 36;

export function frameSizeBytes(payloadBytes: ByteCount): ByteCount {
  return Math.ceil((FRAME_HEAD_BYTES + payloadBytes) / FRAME_ALIGNMENT_BYTES) * FRAME_ALIGNMENT_BYTES;
}

export interface FrameParts {
  readonly sequence: number;
  readonly epoch: Epoch;
  readonly change: ChangeNumber;
  readonly unflushed: number;
  readonly previousCode: number;
  readonly payload: Uint8Array;
}

export function encodeFrame(parts: FrameParts): { readonly bytes: Uint8Array; readonly code: number } {
  const bytes = new Uint8Array(frameSizeBytes(parts.payload.length));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, MAGIC, true);
  view.setUint32(4, parts.payload.length, true);
  view.setUint32(8, parts.sequence, true);
  view.setUint32(12, parts.epoch, true);
  view.setUint32(16, parts.change >>> 0, true);
  view.setUint32(20, Math.floor(parts.change / 0x1_0000_0000), true);
  view.setUint32(24, parts.unflushed, true);
  view.setUint32(28, parts.previousCode, true);
  bytes.set(parts.payload, FRAME_HEAD_BYTES);
  const code = codeOf(bytes, parts.payload.length);
  view.setUint32(CODE_AT, code, true);
  return { bytes, code };
}

/** Whether something that calls itself a frame of that sequence begins at `at`; cheap, checks no code. */
export function claimsFrame(view: DataView, at: ByteOffset, sequence: number): boolean {
  if (at + FRAME_HEAD_BYTES > view.byteLength) return false;
  return view.getUint16(at, true) === MAGIC && view.getUint32(at + 8, true) === sequence;
}

/** The frame at `at`, or undefined where none of that sequence lies there whole. */
export function decodeFrame(
  bytes: Uint8Array,
  view: DataView,
  at: ByteOffset,
  sequence: number,
): StoredFrame | undefined {
  if (!claimsFrame(view, at, sequence)) return undefined;
  const payloadBytes = view.getUint32(at + 4, true);
  const sizeBytes = frameSizeBytes(payloadBytes);
  if (at + sizeBytes > bytes.length) return undefined;
  const code = view.getUint32(at + CODE_AT, true);
  if (codeOf(bytes.subarray(at, at + sizeBytes), payloadBytes) !== code) return undefined;
  return {
    change: view.getUint32(at + 20, true) * 0x1_0000_0000 + view.getUint32(at + 16, true),
    epoch: view.getUint32(at + 12, true),
    payload: bytes.subarray(at + FRAME_HEAD_BYTES, at + FRAME_HEAD_BYTES + payloadBytes),
    unflushed: view.getUint32(at + 24, true),
    previousCode: view.getUint32(at + 28, true),
    code,
    sizeBytes,
  };
}

/** Covers the head up to the code, then payload and padding. */
function codeOf(bytes: Uint8Array, payloadBytes: ByteCount): number {
  const head = crc32(bytes.subarray(0, CODE_AT));
  return crc32(bytes.subarray(FRAME_HEAD_BYTES, frameSizeBytes(payloadBytes)), head);
}
