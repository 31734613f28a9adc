import { createRequire } from 'node:module';
import * as zlib from 'node:zlib';

type Crc32 = (bytes: Uint8Array, seed?: number) => number;

/** The native code is some five times as fast, but costs milliseconds to load: it pays from this many bytes on. */
const NATIVE_FROM_BYTES = 32 * 1024 * 1024;

let implementation: Crc32 = zlib.crc32;
let bytesUntilNative = NATIVE_FROM_BYTES;

/** CRC-32 as in zlib, an unsigned 32-bit number; `seed` is the code of the bytes before. */
export function crc32(bytes: Uint8Array, seed = 0): number {
  if (bytesUntilNative > 0) {
    bytesUntilNative -= bytes.length;
    if (bytesUntilNative <= 0) implementation = native() ?? implementation;
  }
  return implementation(bytes, seed);
}

/** The native code, or undefined where this machine has none; zlib then goes on with the same results. */
export function native(): Crc32 | undefined {
  try {
    return (createRequire(import.meta.url)('@node-rs/crc32') as { crc32: Crc32 }).crc32;
  } catch {
    return undefined;
  }
}
