import type { Random } from '../../../src/core/ports/ports.js';
import { Rng } from './rng.js';

/** Half a word in digits: a schedule draws a thousand ids. */
const HEX = Array.from({ length: 2 ** 16 }, (_, half) => half.toString(16).padStart(4, '0'));

export class SimRandom implements Random {
  readonly #rng: Rng;

  constructor(seed: number | Rng) {
    this.#rng = typeof seed === 'number' ? new Rng(seed, 3) : seed;
  }

  id(): string {
    let id = '';
    for (let word = 0; word < 4; word += 1) {
      const bits = this.#rng.next();
      id += (HEX[bits >>> 16] as string) + (HEX[bits & 0xffff] as string);
    }
    return id;
  }

  below(bound: number): number {
    return this.#rng.below(bound);
  }
}
