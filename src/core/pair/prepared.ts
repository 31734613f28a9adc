import { completed } from './completion.js';
import { decide } from './decide.js';
import type { Pace, PairChange, PairRecord, PairStatus } from './record.js';

/** What a split over several systems was asked to do, kept until its decision is known. */
export interface SplitWishes {
  /** Wall time of the instant, as this system's clock had it. */
  readonly atMs: number;
  readonly virtual: boolean;
  /** Null: not given. */
  readonly readOnly: boolean | null;
  readonly pace: Pace | null;
  readonly rateBytesPerSecond: number | null;
}

/**
 * A pair that a split over several systems has frozen, or will change, and of which nobody here knows yet whether the split counts. It
 * is durable from before the answer to PREPARE to the decision: its S stays closed, and no other verb may change the pair.
 */
export interface PreparedSplit {
  /** The id of the split. */
  readonly split: string;
  /** Who knows the decision. */
  readonly coordinator: { readonly id: string; readonly name: string; readonly path: string };
  /** The status that this split froze the pair in. Null: the pair was frozen already, and only its settings wait for the decision. */
  readonly from: Extract<PairStatus, 'pending' | 'duplex' | 'resync'> | null;
  readonly wishes: SplitWishes;
}

/** The state in which a freeze waits for its decision: a pair with nothing to copy does not open its S yet either. */
export function heldClosed(change: PairChange): PairChange {
  const { next } = change;
  if (next.status !== 'split' || next.frozen.virtual) return change;
  return { ...change, next: { status: 'sp-pending', frozen: next.frozen } };
}

/** Whether S is shut to its host because nobody knows yet whether its split counts. */
export function awaitsDecision({ prepared }: PairRecord): boolean {
  return prepared !== undefined && prepared.from !== null;
}

/** The row once the split counts: the mark goes, the settings hold, and what is copied whole is opened. */
export function committedSplit(record: PairRecord, outOfSyncEmpty: boolean): PairRecord {
  const { prepared } = record;
  if (!prepared) return record;
  const { pace, rateBytesPerSecond: rate } = prepared.wishes;
  return {
    ...record,
    prepared: undefined,
    state: prepared.from === null ? record.state : completed(record.state, { outOfSyncEmpty, secondaryEmpty: true }),
    pace: pace ?? record.pace,
    // As a flag, 0 takes the cap away.
    rateBytesPerSecond: rate === null ? record.rateBytesPerSecond : rate === 0 ? null : rate,
  };
}

/** What a split that counts changes in a pair that was frozen already. */
export function changeByWishes({ prepared, state }: PairRecord): PairChange | undefined {
  if (!prepared || prepared.from !== null) return undefined;
  const { atMs, virtual, readOnly } = prepared.wishes;
  const decision = decide(state, { kind: 'split', atMs, virtual, readOnly: readOnly ?? undefined });
  return decision.kind === 'do' ? decision.change : undefined;
}

/**
 * The split is void: the pair follows its primary again. Nothing is forgotten, for undoing is a thaw (H1). It goes to resync and not
 * back to duplex, because what was written meanwhile has to be copied; an initial copy goes on as one. A fault that suspended the pair
 * meanwhile stays, save the loss of the very instant that nobody wants any more.
 */
export function undoneSplit({ prepared, state }: PairRecord): PairChange | undefined {
  if (!prepared || prepared.from === null) return undefined;
  const decision = decide(state, { kind: 'resync' });
  if (decision.kind !== 'do') return undefined;
  const follows = { status: prepared.from === 'pending' ? ('pending' as const) : ('resync' as const) };
  const stays = state.status === 'suspended' && state.reason !== 'save-failed';
  return { ...decision.change, next: stays ? { ...state, from: follows } : follows };
}
