/**
 * SHA-256 of a short text, in hex. node:crypto has it, but costs every short command a millisecond and a half to load, and one digest of
 * a few bytes is all that such a command needs of it.
 */
export function fingerprint(text: string): string {
  const hash = Int32Array.from(PRIMES.slice(0, 8), (prime) => fraction(Math.sqrt(prime)));
  const words = padded(text);
  for (let at = 0; at < words.length; at += 16) mix(hash, words.subarray(at, at + 16));
  return Array.from(hash, (word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
}

const ROUNDS = 64;
const PRIMES = firstPrimes(ROUNDS);
const CONSTANTS = Int32Array.from(PRIMES, (prime) => fraction(Math.cbrt(prime)));

/** The text, a one bit, zeros, and the length in bits, as big-endian words in blocks of 16. */
function padded(text: string): Int32Array {
  const bytes = Buffer.from(text, 'utf8');
  const words = new Int32Array(Math.ceil((bytes.length + 9) / 64) * 16);
  const all = new DataView(words.buffer);
  for (let at = 0; at < bytes.length; at += 1) all.setUint8(at, bytes[at] ?? 0);
  all.setUint8(bytes.length, 0x80);
  for (let index = 0; index < words.length; index += 1) words[index] = all.getInt32(index * 4);
  words[words.length - 1] = bytes.length * 8;
  return words;
}

/** One block into the hash (FIPS 180-4, 6.2.2). */
function mix(hash: Int32Array, block: Int32Array): void {
  const schedule = new Int32Array(ROUNDS);
  schedule.set(block);
  const word = (index: number) => schedule[index] ?? 0;
  for (let i = 16; i < ROUNDS; i += 1) {
    const near = word(i - 2);
    const far = word(i - 15);
    const nearMixed = turned(near, 17) ^ turned(near, 19) ^ (near >>> 10);
    const farMixed = turned(far, 7) ^ turned(far, 18) ^ (far >>> 3);
    schedule[i] = nearMixed + word(i - 7) + farMixed + word(i - 16);
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = hash;
  for (let i = 0; i < ROUNDS; i += 1) {
    const chosen = (e & f) ^ (~e & g);
    const first = (h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + chosen + (CONSTANTS[i] ?? 0) + word(i)) | 0;
    const second = ((turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + first) | 0, c, b, a, (first + second) | 0];
  }
  const mixed = [a, b, c, d, e, f, g, h];
  for (let i = 0; i < mixed.length; i += 1) hash[i] = (hash[i] ?? 0) + (mixed[i] ?? 0);
}

function turned(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits));
}

/** The first 32 bits behind the point. */
function fraction(value: number): number {
  return Math.floor((value - Math.floor(value)) * 2 ** 32) | 0;
}

function firstPrimes(count: number): number[] {
  const primes: number[] = [];
  for (let candidate = 2; primes.length < count; candidate += 1) if (isNew(candidate, primes)) primes.push(candidate);
  return primes;
}

function isNew(candidate: number, primes: readonly number[]): boolean {
  for (const prime of primes) {
    if (candidate % prime === 0) return false;
    if (prime * prime > candidate) return true;
  }
  return true;
}
