/** Bits in an array of 32-bit words: bit `i` is bit `i % 32` of word `i / 32`. Ranges are `from` up to, not including, `to`. */

const ALL = 0xffffffff;

/** The bits of word `index` that lie in the range. The word must touch the range. */
function maskOf(index: number, from: number, to: number): number {
  const low = index << 5;
  let mask = ALL;
  if (from > low) mask &= ALL << (from - low);
  if (to < low + 32) mask &= ALL >>> (low + 32 - to);
  return mask;
}

export function popcount(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** The place of the lowest set bit of a word that is not 0. */
function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}

export function hasBit(words: Uint32Array, bit: number): boolean {
  return (((words[bit >>> 5] as number) >>> (bit & 31)) & 1) === 1;
}

export function setBit(words: Uint32Array, bit: number): void {
  words[bit >>> 5] = (words[bit >>> 5] as number) | (1 << (bit & 31));
}

export function countBits(words: Uint32Array, from: number, to: number): number {
  if (from >= to) return 0;
  const last = (to - 1) >>> 5;
  let count = 0;
  for (let index = from >>> 5; index <= last; index++) {
    const word = words[index] as number;
    if (word !== 0) count += popcount(word & maskOf(index, from, to));
  }
  return count;
}

/** Sets the range; returns how many bits were clear before. */
export function setBits(words: Uint32Array, from: number, to: number): number {
  const last = (to - 1) >>> 5;
  let changed = 0;
  for (let index = from >>> 5; index <= last; index++) {
    const word = words[index] as number;
    const added = maskOf(index, from, to) & ~word;
    if (added === 0) continue;
    words[index] = word | added;
    changed += popcount(added);
  }
  return changed;
}

/** Clears the range; returns how many bits were set before. */
export function clearBits(words: Uint32Array, from: number, to: number): number {
  const last = (to - 1) >>> 5;
  let changed = 0;
  for (let index = from >>> 5; index <= last; index++) {
    const word = words[index] as number;
    const removed = word & maskOf(index, from, to);
    if (removed === 0) continue;
    words[index] = word & ~removed;
    changed += popcount(removed);
  }
  return changed;
}

/** The first set bit of the range, or `to`. */
export function findSetBit(words: Uint32Array, from: number, to: number): number {
  if (from >= to) return to;
  const last = (to - 1) >>> 5;
  for (let index = from >>> 5; index <= last; index++) {
    const word = words[index] as number;
    if (word === 0) continue;
    const hit = word & maskOf(index, from, to);
    if (hit !== 0) return (index << 5) + lowestBit(hit);
  }
  return to;
}

/** The first clear bit of the range, or `to`. */
export function findClearBit(words: Uint32Array, from: number, to: number): number {
  if (from >= to) return to;
  const last = (to - 1) >>> 5;
  for (let index = from >>> 5; index <= last; index++) {
    const word = words[index] as number;
    if (word === ALL) continue;
    const hit = ~word & maskOf(index, from, to);
    if (hit !== 0) return (index << 5) + lowestBit(hit);
  }
  return to;
}
