import type { Clock } from '../ports/ports.js';

/** The part of the time that copying may take from hosts that are at work. */
const SHARE = 1 / 20;
/** Copying never rests longer than this, however long a slow disk held it up: hosts that never pause do not starve it. */
const REST_MAX_MS = 2_000;
/** Hosts that asked for nothing for so long count as idle. */
const HOSTS_IDLE_AFTER_MS = 100;

/** How long to rest after work of this length, so that all of it together keeps to its share. */
export function restAfter(spanMs: number): number {
  return Math.min(REST_MAX_MS, spanMs * (1 / SHARE - 1));
}

/** Makes copying give way to hosts: while they are at work it rests after each piece; while they are idle nothing holds it. */
export class Courtesy {
  readonly #clock: Clock;
  readonly #hostRequests: () => number;
  #seenRequests: number;
  #activeUntilMs = Number.NEGATIVE_INFINITY;
  #restsUntilMs = Number.NEGATIVE_INFINITY;
  #working = 0;
  #workingSinceMs = 0;

  /** `hostRequests` counts what hosts have asked for so far. */
  constructor(clock: Clock, hostRequests: () => number) {
    this.#clock = clock;
    this.#hostRequests = hostRequests;
    this.#seenRequests = hostRequests();
  }

  /** Hosts are at work. */
  get applies(): boolean {
    const requests = this.#hostRequests();
    const nowMs = this.#clock.monotonicMs();
    if (requests !== this.#seenRequests) this.#activeUntilMs = nowMs + HOSTS_IDLE_AFTER_MS;
    this.#seenRequests = requests;
    return nowMs < this.#activeUntilMs;
  }

  /** Milliseconds until copying may go on; 0 = now. */
  waitMs(): number {
    return this.applies ? Math.max(0, this.#restsUntilMs - this.#clock.monotonicMs()) : 0;
  }

  /** A piece begins; the function that it returns ends it. What several pairs copy at the same time counts once. */
  begin(): () => void {
    if (this.#working === 0) this.#workingSinceMs = this.#clock.monotonicMs();
    this.#working += 1;
    return () => {
      this.#working -= 1;
      if (this.#working > 0) return;
      const nowMs = this.#clock.monotonicMs();
      this.#restsUntilMs = nowMs + restAfter(nowMs - this.#workingSinceMs);
    };
  }
}
