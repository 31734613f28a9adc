import { closeSync, openSync, readSync } from 'node:fs';
import type { Random } from '../core/ports/ports.js';
import { crypto } from './lazy-crypto.js';

const ID_BYTES = 16;

export const systemRandom: Random = {
  id: () => randomHex(ID_BYTES),
  below: (bound) => crypto().randomInt(bound),
};

const drawn = Buffer.alloc(512);
let usedBytes = drawn.length;

/** Drawn from the kernel itself, for some ids at once: for this alone a short command would load node:crypto. */
export function randomHex(bytes: number): string {
  if (usedBytes + bytes > drawn.length) {
    if (!drawFromKernel(drawn)) return crypto().randomBytes(bytes).toString('hex');
    usedBytes = 0;
  }
  usedBytes += bytes;
  return drawn.toString('hex', usedBytes - bytes, usedBytes);
}

/** False where this process sees no such device. */
function drawFromKernel(into: Buffer): boolean {
  try {
    const device = openSync('/dev/urandom', 'r');
    try {
      return readSync(device, into, 0, into.length, null) === into.length;
    } finally {
      closeSync(device);
    }
  } catch {
    return false;
  }
}

/**
 * The same ids for the same seed, for fixtures: SHA-256 over the seed, the run, what the id is for, and a counter of that. `runOf` is asked
 * once, at the first such id: no two runs may have the same, for an id must not come twice. What nobody sees, ids without a purpose and
 * numbers, stays as chance has it: how often it is drawn depends on what other processes do.
 */
export function seededRandom(seed: string, runOf: () => number = () => 0): Random {
  const counters = new Map<string, number>();
  let run: number | undefined;
  const seeded = (purpose: string): string => {
    run ??= runOf();
    const counter = (counters.get(purpose) ?? 0) + 1;
    counters.set(purpose, counter);
    const hash = crypto().createHash('sha256').update(`${seed}:${run}:${purpose}:${counter}`).digest();
    return hash.subarray(0, ID_BYTES).toString('hex');
  };
  return { ...systemRandom, id: (purpose) => (purpose === undefined ? systemRandom.id() : seeded(purpose)) };
}
