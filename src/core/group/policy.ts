import type { ByteCount, Milliseconds } from '../foundation/foundation.js';
import type { GroupPolicy, GroupWindow } from './record.js';

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
