import type { Clock } from '../ports/ports.js';

/** How far behind its cap a job may fall and still make good, so that a short stall is not felt. */
const BURST_MS = 200;

/** Lets through a number of bytes per second. */
export class RateLimit {
  readonly #clock: Clock;
  #bytesPerSecond: number;
  #freeAtMs: number;

  constructor(clock: Clock, bytesPerSecond: number | null) {
    this.#clock = clock;
    this.#bytesPerSecond = bytesPerSecond ?? Number.POSITIVE_INFINITY;
    this.#freeAtMs = clock.monotonicMs();
  }

  set(bytesPerSecond: number | null): void {
    this.#bytesPerSecond = bytesPerSecond ?? Number.POSITIVE_INFINITY;
  }

  /** So much may go at once without being far ahead of the rate. */
  get burstBytes(): number {
    return (this.#bytesPerSecond * BURST_MS) / 1000;
  }

  /** Milliseconds until the next bytes may go; 0 = now. */
  waitMs(): number {
    return Math.max(0, this.#freeAtMs - this.#clock.monotonicMs());
  }

  /** Notes that these bytes went. */
  spend(bytes: number): void {
    if (this.#bytesPerSecond === Number.POSITIVE_INFINITY) return;
    const earliest = this.#clock.monotonicMs() - BURST_MS;
    this.#freeAtMs = Math.max(this.#freeAtMs, earliest) + (bytes / this.#bytesPerSecond) * 1000;
  }
}
