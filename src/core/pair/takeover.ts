import type { TrackCount } from '../foundation/foundation.js';
import { activeState, pointInTimeLost } from './phase.js';
import type { PairState } from './record.js';

/** Whether the secondary holds what its primary held at one time, or nearly: not in the middle of being copied. */
export function isWholeAtSecondary(state: PairState): boolean {
  if (pointInTimeLost(state)) return false;
  const { status } = activeState(state);
  return status === 'duplex' || status === 'split' || status === 'resync-reverse';
}

/** Tracks that a secondary in this state lacks, by what it was told; at least one where it is a mix. */
export function takeoverMissing(state: PairState, told: TrackCount): TrackCount {
  return isWholeAtSecondary(state) ? 0 : Math.max(1, told);
}
