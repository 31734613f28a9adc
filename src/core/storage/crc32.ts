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

const POLYNOMIAL = 0xedb88320;
/** Of each byte alone; made with the first use. */
let table: Uint32Array | undefined;

/** As `crc32`, of a few bytes: here the call into native code would cost more than the work. */
export function crc32OfFew(bytes: Uint8Array, from: number, to: number, seed = 0): number {
  table ??= makeTable();
  let code = ~seed;
  for (let at = from; at < to; at++) code = (code >>> 8) ^ (table[(code ^ (bytes[at] as number)) & 0xff] as number);
  return ~code >>> 0;
}

function makeTable(): Uint32Array {
  return new Uint32Array(256).map((_, byte) => {
    let code = byte;
    for (let bit = 0; bit < 8; bit++) code = code & 1 ? (code >>> 1) ^ POLYNOMIAL : code >>> 1;
    return code;
  });
}
