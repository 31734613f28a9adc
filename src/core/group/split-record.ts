import * as v from 'valibot';
import type { SystemRef } from './record.js';
import { systemRefSchema } from './schema.js';

/** How many splits a member remembers to have committed: enough for a new coordinator to learn of the one that was left open. */
export const COMMITTED_KEPT = 64;

/**
 * What a coordinator durably knows of a split over several systems, until all its members have answered. Where there is none the split
 * is void: it is written before the first COMMIT leaves, and taken away after the last answer.
 */
export interface SplitRecord {
  readonly version: 1;
  readonly id: string;
  /** Null: taken over from a coordinator that is gone, and not judged yet. */
  readonly decision: 'commit' | 'undo' | null;
  readonly systems: readonly SystemRef[];
}

/** What a member keeps of splits that count: their ids, the oldest first. */
export interface CommittedSplits {
  readonly version: 1;
  readonly committed: readonly string[];
}

const id = v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/));

export const splitRecordSchema: v.GenericSchema<unknown, SplitRecord> = v.strictObject({
  version: v.literal(1),
  id,
  decision: v.nullable(v.picklist(['commit', 'undo'] as const)),
  systems: v.array(systemRefSchema),
});

export const committedSplitsSchema: v.GenericSchema<unknown, CommittedSplits> = v.strictObject({
  version: v.literal(1),
  committed: v.pipe(v.array(id), v.maxLength(COMMITTED_KEPT)),
});

/** How one member of a split stands, as a new coordinator reads it. */
export type SplitStanding = 'prepared' | 'committed' | 'unknown';

/**
 * A split whose coordinator is gone: it was committed where one member has done so, and then every member was prepared and no gate had
 * opened by itself. Else nobody can know that the gates were closed together, and it is void (H2).
 */
export function judgeSplit(standings: readonly SplitStanding[]): 'commit' | 'undo' {
  return standings.includes('committed') ? 'commit' : 'undo';
}
