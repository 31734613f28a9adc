import { availableParallelism } from 'node:os';

/** Bytes that follow each other within this span are one host at work; a longer pause lets the process sleep. */
const SPAN_MS = 0.2;

/** Time, and how to be called again once all that has arrived was looked at. */
export interface Loop {
  nowMs(): number;
  soon(call: () => void): void;
}

/**
 * Keeps the process awake between the requests of a busy host. A host that waits for each answer lets the server fall asleep
 * every time, and waking it takes longer than the request itself.
 */
export class Wakefulness {
  readonly #loop: Loop;
  readonly #look = () => this.#lookAgain();
  #lastMs = Number.NEGATIVE_INFINITY;
  #isAwake = false;

  constructor(loop: Loop) {
    this.#loop = loop;
  }

  /** Bytes arrived. */
  stir(): void {
    const nowMs = this.#loop.nowMs();
    const isBusy = nowMs - this.#lastMs < SPAN_MS;
    this.#lastMs = nowMs;
    if (!isBusy || this.#isAwake) return;
    this.#isAwake = true;
    this.#loop.soon(this.#look);
  }

  #lookAgain(): void {
    if (this.#loop.nowMs() - this.#lastMs < SPAN_MS) this.#loop.soon(this.#look);
    else this.#isAwake = false;
  }
}

/** For all sockets of the process. Where it has one processor only, the host needs it more. */
export const wakefulness: Pick<Wakefulness, 'stir'> =
  availableParallelism() > 1
    ? new Wakefulness({ nowMs: () => performance.now(), soon: (call) => void setImmediate(call) })
    : { stir: () => undefined };
