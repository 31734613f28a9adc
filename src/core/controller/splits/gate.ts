import { failure, type Milliseconds } from '../../foundation/foundation.js';
import type { LiveVolume } from '../../hostio/hostio.js';
import type { Clock } from '../../ports/ports.js';

export type GateState = 'closed' | 'opened-by-run' | 'opened-by-itself';

/**
 * The closed gates of a member's volumes. They are a lease: they open by themselves at the limit, whatever else hangs or has died, and
 * which of the two opened them is judged here and nowhere else (H2).
 */
export class GateLease {
  readonly #clock: Clock;
  readonly #volumes: readonly LiveVolume[];
  readonly #closedAtMs: number;
  readonly #limitMs: Milliseconds;
  readonly #stop = new AbortController();
  readonly #over: Promise<void>;
  #state: GateState = 'closed';
  #pauseMs: Milliseconds = 0;

  /** Closes the gates. */
  constructor(clock: Clock, volumes: readonly LiveVolume[], limitMs: Milliseconds) {
    this.#clock = clock;
    this.#volumes = volumes;
    this.#limitMs = limitMs;
    this.#closedAtMs = clock.monotonicMs();
    for (const volume of volumes) volume.gate.close();
    this.#over = clock.sleep(limitMs, this.#stop.signal).then(() => this.#open('opened-by-itself'));
  }

  get state(): GateState {
    return this.#state;
  }

  get pauseMs(): Milliseconds {
    return this.#pauseMs;
  }

  /** Opens on the coordinator's order, if there is still something to open: the own clock is asked before the order is looked at. */
  run(): GateState {
    this.#open(this.#isLate() ? 'opened-by-itself' : 'opened-by-run');
    return this.#state;
  }

  /** Opens for want of a reason to stay closed; it counts as opened by itself. */
  giveUp(): void {
    this.#open('opened-by-itself');
  }

  /** What has to be done while the gates are closed. Throws once they are not; the work is then left to itself. */
  async during<T>(work: Promise<T>): Promise<T> {
    work.catch(() => undefined); // Where it is left to itself nobody hears of it.
    const over = this.#over.then((): never => {
      throw gateOpened();
    });
    over.catch(() => undefined);
    const result = await Promise.race([work, over]);
    this.demandClosed();
    return result;
  }

  /** Throws where a write may have passed since the gates were closed. */
  demandClosed(): void {
    if (this.#state === 'closed' && this.#isLate()) this.giveUp();
    if (this.#state !== 'closed') throw gateOpened();
  }

  #isLate(): boolean {
    return this.#clock.monotonicMs() - this.#closedAtMs >= this.#limitMs;
  }

  #open(by: Exclude<GateState, 'closed'>): void {
    if (this.#state !== 'closed') return;
    this.#state = by;
    this.#pauseMs = this.#clock.toldMs(this.#closedAtMs);
    this.#stop.abort();
    for (const volume of this.#volumes) volume.gate.open();
  }
}

function gateOpened(): Error {
  return failure('split-void', 'The gate opened by itself at the limit.');
}
