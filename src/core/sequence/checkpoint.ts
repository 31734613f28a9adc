import type { SequenceTime } from '../foundation/foundation.js';

/** A sequence time as it stands in sheets and messages: decimal digits without a leading zero. */
export type TimeDigits = string;

/** What the primary master issues: everything with a time up to its own belongs to it (DESIGN.md 6). */
export interface Checkpoint {
  /** Rises with every one that a session issues. */
  readonly number: number;
  readonly time: TimeDigits;
  /** The id of the system that issued it. */
  readonly issuer: string;
}

export function timeOf({ time }: Pick<Checkpoint, 'time'>): SequenceTime {
  return BigInt(time);
}

export function digitsOf(time: SequenceTime): TimeDigits {
  return time.toString();
}

/** A replaced master may have issued the same number at another time (H22), so the number alone says nothing. */
export function sameCheckpoint(a: Checkpoint, b: Checkpoint): boolean {
  return a.number === b.number && a.time === b.time && a.issuer === b.issuer;
}

/** Below 0 where `a` comes first. Numbers order checkpoints; time and issuer only tell apart what has the same number. */
export function compareCheckpoints(a: Checkpoint, b: Checkpoint): number {
  if (a.number !== b.number) return a.number - b.number;
  const [timeA, timeB] = [timeOf(a), timeOf(b)];
  if (timeA !== timeB) return timeA < timeB ? -1 : 1;
  return a.issuer === b.issuer ? 0 : a.issuer < b.issuer ? -1 : 1;
}

/** The one that comes last, or null of none. */
export function greatestCheckpoint(some: Iterable<Checkpoint | null>): Checkpoint | null {
  let greatest: Checkpoint | null = null;
  for (const one of some) if (one && (greatest === null || compareCheckpoints(one, greatest) > 0)) greatest = one;
  return greatest;
}
