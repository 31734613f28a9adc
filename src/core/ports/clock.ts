export interface Clock {
  /** Wall time in milliseconds since 1970, for labels and times of day; never for order. */
  nowMs(): number;
  /** Never goes back; for spans and limits. */
  monotonicMs(): number;
  /** Resolves after the span, or at once with `aborted` when the signal fires. */
  sleep(spanMs: number, signal?: AbortSignal): Promise<'elapsed' | 'aborted'>;
  /** Lets other work that is ready go first. */
  yieldTurn(): Promise<void>;
}
