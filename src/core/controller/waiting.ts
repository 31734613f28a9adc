import type { Milliseconds } from '../foundation/foundation.js';
import type { Clock } from '../ports/ports.js';

/** Those who wait for something to change, and look again once it may have. */
export class Waiting {
  #wakes: (() => void)[] = [];

  /** Resolves with the next `wake`, after `spanMs`, or with the signal. */
  async rest(clock: Clock, spanMs: Milliseconds, signal?: AbortSignal): Promise<void> {
    const sleep = new AbortController();
    const wake = () => sleep.abort('woken');
    this.#wakes.push(wake);
    signal?.addEventListener('abort', wake, { once: true });
    await clock.sleep(spanMs, sleep.signal);
    signal?.removeEventListener('abort', wake);
    this.#wakes = this.#wakes.filter((one) => one !== wake);
  }

  wake(): void {
    for (const wake of this.#wakes.splice(0)) wake();
  }
}
