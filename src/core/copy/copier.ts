import type { Clock } from '../ports/ports.js';

/** One pair's copying. */
export interface CopyJob {
  /** Tracks a turn; 0 = hold. */
  readonly tracksPerTurn: number;
  /** Milliseconds until its rate lets it go on; 0 = now. */
  waitMs(): number;
  /** What was copied should be committed now, whatever the rate says: somebody waits for the pair, or it was long ago. */
  readonly isDue: boolean;
  /** Copies up to so many tracks. `idle`: nothing is left to take up now. Faults suspend the pair and read as `idle`. */
  turn(tracks: number): Promise<'copied' | 'idle'>;
  /** Makes what was copied durable and clears its bits. */
  commit(): Promise<void>;
  /** Lets go of what is under way without making it count: the copier met a fault of its own. */
  abandon(): Promise<void>;
}

/** How long the copier looks for new work before it asks again, when nothing wakes it. */
const IDLE_MS = 250;

/** Goes round its jobs until told to stop. */
export class Copier {
  readonly #clock: Clock;
  readonly #jobs: () => readonly CopyJob[];
  #wake: AbortController | undefined;
  /** Milliseconds until the jobs together may go on; 0 = now. */
  #pausedMs: () => number = () => 0;

  constructor(clock: Clock, jobs: () => readonly CopyJob[]) {
    this.#clock = clock;
    this.#jobs = jobs;
  }

  /** Caps what the jobs copy together, beside each one's own rate. */
  limit(pausedMs: () => number): void {
    this.#pausedMs = pausedMs;
  }

  /** New work may be there. */
  wake(): void {
    this.#wake?.abort();
  }

  /** Copies until `signal` fires. Whatever was copied is committed before it resolves. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      await this.#copy(signal);
    } catch (error) {
      for (const job of this.#jobs()) await job.abandon();
      throw error;
    }
  }

  async #copy(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const copied = await this.#pass();
      if (copied) await this.#clock.yieldTurn();
      else await this.#rest(signal);
    }
    for (const job of this.#jobs()) await job.commit();
  }

  /** One turn of every job; true if any copied. A job with nothing to take up commits what it has. */
  async #pass(): Promise<boolean> {
    let copied = false;
    const isPaused = this.#pausedMs() > 0;
    for (const job of this.#jobs()) {
      if (job.tracksPerTurn === 0) await job.commit();
      else if (isPaused || job.waitMs() > 0) {
        if (job.isDue) await job.commit();
      } else {
        if ((await job.turn(job.tracksPerTurn)) === 'copied') copied = true;
        else await job.commit();
      }
    }
    return copied;
  }

  async #rest(signal: AbortSignal): Promise<void> {
    const waits = [this.#pausedMs(), ...this.#jobs().map((job) => job.waitMs())];
    const soonest = Math.min(IDLE_MS, ...waits.filter((wait) => wait > 0));
    this.#wake = new AbortController();
    const stop = () => this.wake();
    signal.addEventListener('abort', stop, { once: true });
    if (!signal.aborted) await this.#clock.sleep(soonest, this.#wake.signal);
    signal.removeEventListener('abort', stop);
    this.#wake = undefined;
  }
}
