import { type ByteCount, failure, type Milliseconds, type TrackCount } from '../foundation/foundation.js';
import type { GroupPolicy, GroupWindow } from './record.js';
import { windowAt } from './window.js';

/** DESIGN.md 9, Defaults. */
export const POLICY_DEFAULT: GroupPolicy = {
  intervalMs: 0,
  coordinationLimitMs: 50,
  drainLimitMs: 30_000,
  rateBytesPerSecond: null,
  holdLimitMs: 30_000,
  window: null,
};

/** What a person changes; absent values stay as they are. */
export interface PolicyChange {
  readonly intervalMs?: Milliseconds | undefined;
  readonly coordinationLimitMs?: Milliseconds | undefined;
  readonly drainLimitMs?: Milliseconds | undefined;
  /** 0 takes the cap away. */
  readonly rateBytesPerSecond?: ByteCount | undefined;
  readonly holdLimitMs?: Milliseconds | undefined;
  /** Null takes the window away. */
  readonly window?: GroupWindow | null | undefined;
}

/** The policy with what was changed; every other value stays (DESIGN.md 5.1). Throws `usage` for values that cannot be. */
export function changePolicy(policy: GroupPolicy, change: PolicyChange): GroupPolicy {
  const { rateBytesPerSecond: rate, window } = change;
  const changed: GroupPolicy = {
    intervalMs: change.intervalMs ?? policy.intervalMs,
    coordinationLimitMs: change.coordinationLimitMs ?? policy.coordinationLimitMs,
    drainLimitMs: change.drainLimitMs ?? policy.drainLimitMs,
    rateBytesPerSecond: rate === undefined ? policy.rateBytesPerSecond : rate === 0 ? null : rate,
    holdLimitMs: change.holdLimitMs ?? policy.holdLimitMs,
    window: window === undefined ? policy.window : window,
  };
  for (const [key, flag, minMs, maxMs] of BOUNDS) demandWithin(changed[key], flag, minMs, maxMs);
  return changed;
}

export function samePolicy(a: GroupPolicy, b: GroupPolicy): boolean {
  return JSON.stringify(changePolicy(a, {})) === JSON.stringify(changePolicy(b, {}));
}

const DAY_MS = 86_400_000;

/** A gate held longer than a minute is an outage; other spans are bounded so that no typing error stands for ever. */
const BOUNDS = [
  ['intervalMs', '--interval', 0, 7 * DAY_MS],
  ['coordinationLimitMs', '--coordination-limit', 1, 60_000],
  ['drainLimitMs', '--drain-limit', 1, DAY_MS],
  ['holdLimitMs', '--hold-limit', 0, DAY_MS],
] as const;

function demandWithin(spanMs: Milliseconds, flag: string, minMs: number, maxMs: number): void {
  if (Number.isSafeInteger(spanMs) && spanMs >= minMs && spanMs <= maxMs) return;
  throw failure('usage', `${flag} must be from ${minMs}ms to ${maxMs}ms; ${spanMs}ms is not.`);
}

/** The least rest after an attempt that formed nothing: a group whose peer is away must not spin. */
const REST_AFTER_FAILURE_MS = 1_000;
/** The least rest after a group that nothing had been written for: its exposure is small, and a core is worth more than that. */
const REST_WHEN_IDLE_MS = 100;

export interface LastAttempt {
  readonly endedMs: number;
  readonly formed: boolean;
  /** Tracks that it copied. */
  readonly tracks: TrackCount;
}

/** When a running group begins its next formation: after its interval, and not inside a window. */
export function nextFormationAt(policy: GroupPolicy, last: LastAttempt | null, nowMs: number): number {
  const dueMs = last === null ? nowMs : Math.max(nowMs, last.endedMs + Math.max(policy.intervalMs, leastRestMs(last)));
  const standing = windowAt(policy.window, dueMs);
  return standing.kind === 'open' ? dueMs : standing.untilMs;
}

function leastRestMs({ formed, tracks }: LastAttempt): Milliseconds {
  if (!formed) return REST_AFTER_FAILURE_MS;
  return tracks === 0 ? REST_WHEN_IDLE_MS : 0;
}

/** The shares of the group's rate for so many subordinates, which sum up to it; each at least a byte. */
export function rateShares(rateBytesPerSecond: ByteCount | null, count: number): readonly (ByteCount | null)[] {
  return Array.from({ length: count }, (_, index) =>
    rateBytesPerSecond === null ? null : Math.max(1, Math.floor((rateBytesPerSecond + index) / count)),
  );
}
