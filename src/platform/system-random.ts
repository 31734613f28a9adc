import type { Random } from '../core/ports/ports.js';
import { crypto } from './lazy-crypto.js';

const ID_BYTES = 16;

export const systemRandom: Random = {
  id: () => crypto().randomBytes(ID_BYTES).toString('hex'),
  below: (bound) => crypto().randomInt(bound),
};

/** The same ids and numbers for the same seed, for fixtures: SHA-256 over the seed and a counter. */
export function seededRandom(seed: string): Random {
  let counter = 0;
  const draw = () => {
    counter += 1;
    return crypto().createHash('sha256').update(`${seed}:${counter}`).digest();
  };
  return {
    id: () => draw().subarray(0, ID_BYTES).toString('hex'),
    below: (bound) => Math.floor((draw().readUIntBE(0, 6) / 2 ** 48) * bound),
  };
}
