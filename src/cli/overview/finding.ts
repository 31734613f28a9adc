import type { Milliseconds } from '../../core/foundation/foundation.js';

/**
 * What keeps an overview from being well.
 *
 * - `suspended`: copying was stopped, by a fault or by a person; differences are recorded, and nothing gets on until somebody acts.
 * - `stuck`: something should get on by itself and does not, or cannot be seen.
 * - `late`: it will get on, but not now, or not as soon as its policy says. No fault; the exit code stays 0.
 */
export type Severity = 'suspended' | 'stuck' | 'late';

export interface Finding {
  readonly severity: Severity;
  /** Stable, for monitors: `pair-suspended`, `pair-stalled`, … */
  readonly kind: string;
  readonly subject: string;
  readonly message: string;
  readonly hint: string;
}

export interface Limits {
  /** What has not got on for so long is stuck. */
  readonly stuckAfterMs: Milliseconds;
}
