import type { Random } from '../../../src/core/ports/ports.js';
import { Rng } from './rng.js';

export class SimRandom implements Random {
  readonly #rng: Rng;

  constructor(seed: number | Rng) {
    this.#rng = typeof seed === 'number' ? new Rng(seed, 3) : seed;
  }

  id(): string {
    let id = '';
    // A leading 1, cut off again, is quicker than padding.
    for (let word = 0; word < 4; word += 1) id += (this.#rng.next() + 2 ** 32).toString(16).slice(1);
    return id;
  }

  below(bound: number): number {
    return this.#rng.below(bound);
  }
}
