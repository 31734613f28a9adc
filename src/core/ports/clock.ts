import type { StopSignal } from '../foundation/foundation.js';

export interface Clock {
  /** Wall time in milliseconds since 1970, for labels and times of day; never for order. */
  nowMs(): number;
  /** Never goes back; for spans and limits. */
  monotonicMs(): number;
  /** What is told of the span since a `monotonicMs()`; never for limits. Of a clock that stands still for fixtures it is 0. */
  toldMs(sinceMs: number): number;
  /**
   * The kernel's monotonic clock in nanoseconds: one for all processes of a host, from its boot on. What happens after a look
   * sees a greater number, in whichever process.
   */
  sequenceNs(): bigint;
  /** Names this boot of the host. After a loss of power it is another, after the end of a process it is the same. */
  bootId(): string;
  /** Resolves after the span, or at once with `aborted` when the signal fires. */
  sleep(spanMs: number, signal?: StopSignal): Promise<'elapsed' | 'aborted'>;
  /** Lets other work that is ready go first. */
  yieldTurn(): Promise<void>;
}
