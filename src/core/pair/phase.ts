import type { ActiveState, Frozen, PairState } from './record.js';

/**
 * What a pair's maps mean now, whatever its status is called (DESIGN.md 2).
 * - `following`: not frozen; out-of-sync is all that S lacks, and the copier empties it.
 * - `frozen`: out-of-sync describes the point in time; changes are recorded beside it.
 * - `restore`: P lacks the tracks of the secondary map; out-of-sync takes what P writes meanwhile.
 * - `restore-with-backup`: the same while S goes on holding its point in time (H30).
 */
export type Phase = 'following' | 'frozen' | 'restore' | 'restore-with-backup';

/** The state that rules the maps: a suspended pair keeps that of the status it came from (H14). */
export function activeState(state: PairState): ActiveState {
  return state.status === 'suspended' ? state.from : state;
}

export function phaseOf(state: PairState): Phase {
  const active = activeState(state);
  switch (active.status) {
    case 'pending':
    case 'duplex':
    case 'resync':
      return 'following';
    case 'sp-pending':
    case 'split':
      return 'frozen';
    case 'resync-reverse':
      return active.backup === null ? 'restore' : 'restore-with-backup';
  }
}

/** The point in time that S holds now, where there is one: of a frozen pair, or the backup of a restore. */
export function frozenOf(state: PairState): Frozen | undefined {
  const active = activeState(state);
  switch (active.status) {
    case 'sp-pending':
    case 'split':
      return active.frozen;
    case 'resync-reverse':
      return active.backup ?? undefined;
    default:
      return undefined;
  }
}

/** Whether S was to show an instant and no longer can (DESIGN.md 3.1). */
export function pointInTimeLost(state: PairState): boolean {
  return frozenOf(state)?.pointInTimeLost === true;
}
