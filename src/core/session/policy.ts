import { failure, type Milliseconds } from '../foundation/foundation.js';
import type { SessionPolicy } from './record.js';

export const SESSION_POLICY_DEFAULT: SessionPolicy = {
  intervalMs: 1_000,
  resignAfterMs: null,
  enableAtSecondary: false,
};

/** What a person changes; absent values stay as they are. */
export interface SessionPolicyChange {
  readonly intervalMs?: Milliseconds | undefined;
  /** 0 is never. */
  readonly resignAfterMs?: Milliseconds | undefined;
}

const DAY_MS = 86_400_000;

/** The policy with what was changed; every other value stays. Throws `usage` for values that cannot be. */
export function changeSessionPolicy(policy: SessionPolicy, change: SessionPolicyChange): SessionPolicy {
  const intervalMs = change.intervalMs ?? policy.intervalMs;
  const resignAfterMs = change.resignAfterMs ?? policy.resignAfterMs ?? 0;
  demandWithin(intervalMs, '--interval', 7 * DAY_MS);
  demandWithin(resignAfterMs, '--resign-after', 7 * DAY_MS);
  return { ...policy, intervalMs, resignAfterMs: resignAfterMs === 0 ? null : resignAfterMs };
}

function demandWithin(spanMs: Milliseconds, flag: string, maxMs: number): void {
  if (Number.isSafeInteger(spanMs) && spanMs >= 0 && spanMs <= maxMs) return;
  throw failure('usage', `${flag} must be from 0ms to ${maxMs}ms; ${spanMs}ms is not.`);
}
