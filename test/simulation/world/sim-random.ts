import type { Random } from '../../../src/core/ports/ports.js';
import { Rng } from './rng.js';

export class SimRandom implements Random {
  readonly #rng: Rng;

  constructor(seed: number | Rng) {
    this.#rng = typeof seed === 'number' ? new Rng(seed, 3) : seed;
  }

  id(): string {
    let id = '';
    for (let word = 0; word < 4; word += 1) id += this.#rng.next().toString(16).padStart(8, '0');
    return id;
  }

  below(bound: number): number {
    return this.#rng.below(bound);
  }
}
