import type { TrackIndex, VolumeNumber } from '../foundation/foundation.js';
import { crc32 } from '../storage/storage.js';

/**
 * Check codes (DESIGN.md 3.3). A track's code is the CRC-32 of its data, bound to its logical address by XOR with a number made of
 * that address. So a copy exchanges P's address for S's without reading the data again (`004…` figure 10B), and a track that
 * lies in the wrong place does not fit its code.
 */
export function codeOfData(data: Uint8Array): number {
  return crc32(data) >>> 0;
}

/** The code at rest of a track's data. Bound twice to the same address it is the data's CRC again. */
export function bindCode(dataCode: number, volume: VolumeNumber, track: TrackIndex): number {
  return (dataCode ^ addressCode(volume, track)) >>> 0;
}

/** The code at rest of the same data at another volume's track of the same index. */
export function rebindCode(code: number, from: VolumeNumber, to: VolumeNumber, track: TrackIndex): number {
  return (code ^ addressCode(from, track) ^ addressCode(to, track)) >>> 0;
}

/**
 * 32 bits of a logical address. Each step maps the 32 bits one to one, so two volumes never share a number at the same track, nor two
 * tracks of one volume (of the first 2^32, and of each further 2^32).
 */
function addressCode(volume: VolumeNumber, track: TrackIndex): number {
  const low = track >>> 0;
  const high = Math.floor(track / 0x1_0000_0000);
  return scramble(scramble(scramble(volume ^ 0x9e37_79b9) ^ high) ^ low);
}

/** The final mix of MurmurHash3: one to one on 32 bits, and every bit reaches every other. */
function scramble(value: number): number {
  let mixed = value;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  return mixed ^ (mixed >>> 16);
}
