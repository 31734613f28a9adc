import type { Rng } from './rng.js';

/** How a bad network treats one message: it arrives once for each number, so many milliseconds later than usual. */
export type Fate = readonly number[];

export interface WeatherChances {
  /** A message vanishes. */
  readonly lost: number;
  /** It comes later than those sent after it, up to `lateMs`. */
  readonly late: number;
  readonly lateMs: number;
  /** It comes a second time, up to `lateMs` later; also when its connection is closed by then. */
  readonly repeated: number;
}

export const FAIR: WeatherChances = { lost: 0, late: 0, lateMs: 0, repeated: 0 };

/**
 * What a network does beside its usual delays. Worse than a stream socket, which keeps the order and repeats nothing: whoever is above
 * the port must bear messages however late or often they arrive (DESIGN.md 7).
 */
export class Weather {
  chances: WeatherChances = FAIR;
  readonly #apart = new Set<string>();
  /** What is under way from one process to another, by both, and is let through later; in its order. */
  readonly #held = new Map<string, (() => void)[]>();
  readonly #rng: Rng;

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  /** Between two processes, known by their names, nothing arrives until they are joined; neither learns why. */
  part(one: string, other: string): void {
    this.#apart.add(pairOf(one, other));
  }

  join(one: string, other: string): void {
    this.#apart.delete(pairOf(one, other));
  }

  /** What one process sends to the other takes until it is let through. */
  hold(from: string, to: string): void {
    const key = `${from} ${to}`;
    if (!this.#held.has(key)) this.#held.set(key, []);
  }

  letThrough(from: string, to: string): void {
    const held = this.#held.get(`${from} ${to}`) ?? [];
    this.#held.delete(`${from} ${to}`);
    for (const deliver of held) deliver();
  }

  /** Answers whether the message waits. */
  keeps(from: string, to: string, deliver: () => void): boolean {
    const held = this.#held.size > 0 ? this.#held.get(`${from} ${to}`) : undefined;
    held?.push(deliver);
    return held !== undefined;
  }

  clear(): void {
    this.chances = FAIR;
    this.#apart.clear();
  }

  areApart(one: string, other: string): boolean {
    return this.#apart.size > 0 && this.#apart.has(pairOf(one, other));
  }

  /** Undefined: as usual. */
  fateOf(from: string, to: string): Fate | undefined {
    if (this.areApart(from, to)) return [];
    const { lost, late, lateMs, repeated } = this.chances;
    if (lost === 0 && late === 0 && repeated === 0) return undefined;
    if (this.#rng.chance(lost)) return [];
    const times: number[] = [];
    if (this.#rng.chance(late)) times.push(this.#rng.unit() * lateMs);
    if (this.#rng.chance(repeated)) times.push(0, this.#rng.unit() * lateMs);
    return times.length === 0 ? undefined : times;
  }
}

function pairOf(one: string, other: string): string {
  return one < other ? `${one} ${other}` : `${other} ${one}`;
}
