import { asTracking } from './journalled.js';
import type { PairChange, PairRecord, PairState, PairStatus } from './record.js';

export interface Emptiness {
  readonly outOfSyncEmpty: boolean;
  readonly secondaryEmpty: boolean;
  /** All that was lacking when the copying began has been copied; what is out of sync was written since. */
  readonly outOfSyncPassed?: boolean;
}

/**
 * Where copying that has finished leads (DESIGN.md 3.2): pending→duplex, sp-pending→split, resync→duplex, resync-reverse→duplex or
 * resync, and to split where it restored a virtual copy (H30). The maps stay as they are. The same state comes back where
 * there is something left to copy, or where copying alone leads nowhere. To S that follows P it does not matter that hosts go on
 * writing; an instant or a restore is whole only with its last track.
 */
export function completed(state: PairState, maps: Emptiness): PairState {
  switch (state.status) {
    case 'pending':
    case 'resync':
      return maps.outOfSyncEmpty || maps.outOfSyncPassed === true ? { status: 'duplex' } : state;
    case 'sp-pending':
      return maps.outOfSyncEmpty && !state.frozen.pointInTimeLost ? { status: 'split', frozen: state.frozen } : state;
    case 'resync-reverse':
      if (!maps.secondaryEmpty) return state;
      if (state.backup !== null) return { status: 'split', frozen: state.backup };
      return { status: maps.outOfSyncEmpty ? 'duplex' : 'resync' };
    case 'duplex':
    case 'split':
    case 'suspended':
      return state;
  }
}

/** Every status that copying alone can still lead to, the present one left out. */
export function statusesAhead(state: PairState): readonly PairStatus[] {
  switch (state.status) {
    case 'pending':
    case 'resync':
      return ['duplex'];
    case 'sp-pending':
      return state.frozen.pointInTimeLost ? [] : ['split'];
    case 'resync-reverse':
      return state.backup === null ? ['resync', 'duplex'] : ['split'];
    case 'duplex':
    case 'split':
    case 'suspended':
      return [];
  }
}

/** What `pair wait` makes of a pair now: exit 0, go on waiting, 21, 22. */
export type WaitVerdict = 'reached' | 'waiting' | 'suspended' | 'unreachable';

export function waitVerdict(record: PairRecord | undefined, wanted: readonly PairStatus[]): WaitVerdict {
  if (wanted.includes(record?.state.status ?? 'simplex')) return 'reached';
  if (record === undefined) return 'unreachable';
  if (record.state.status === 'suspended') return 'suspended';
  const ahead = [...statusesAhead(record.state), ...statusesAfterUndo(record)];
  return ahead.some((status) => wanted.includes(status)) ? 'waiting' : 'unreachable';
}

/** What a pair comes to where the split that it is prepared for is void. */
function statusesAfterUndo({ prepared }: PairRecord): readonly PairStatus[] {
  const from = prepared?.from ?? null;
  return from === null ? [] : [from === 'pending' ? 'pending' : 'resync', 'duplex'];
}

/**
 * The record after a change. Steps on maps are what make a generation (freeze, thaw, restore); the copy then starts at the first
 * track. Other changes (suspend, a flag) keep both. A journal pair tracks afterwards.
 */
export function changedRecord(before: PairRecord, change: PairChange): PairRecord {
  // Whatever a person or a fault makes of a journal pair, its writes are marked from then on.
  const record = asTracking(before);
  if (change.steps.length === 0) return { ...record, state: change.next };
  const { next } = change;
  const splitAtMs =
    next.status === 'sp-pending' || next.status === 'split' ? next.frozen.pointInTimeMs : record.splitAtMs;
  return { ...record, state: next, splitAtMs, copyPointer: 0, generation: record.generation + 1, doubtful: undefined };
}

/** The statuses in which S follows P. */
export const SECONDARY_FOLLOWS: ReadonlySet<PairStatus> = new Set<PairStatus>(['pending', 'duplex', 'resync']);
