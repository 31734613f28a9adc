import type { MapCounts } from './completeness.js';
import { mapTakingDoubt } from './doubt.js';
import { phaseOf, pointInTimeLost } from './phase.js';
import type { MapName, PairRecord, Side } from './record.js';

/**
 * Why a volume's tracks may not change at once, or be filled, because of another pair of that volume (DESIGN.md 2, "A jump", H11);
 * a whole sentence, or
 * undefined where that pair can take them. `side` is the volume's side in the other pair. A frozen pair whose instant is lost reads
 * nothing through P any more and can take them.
 */
export function jumpRefusal(other: PairRecord, side: Side, counts: MapCounts): string | undefined {
  const phase = phaseOf(other.state);
  if (phase === 'restore' || phase === 'restore-with-backup') {
    return 'Another pair of the volume is being restored.';
  }
  if (side === 'secondary' && other.state.status !== 'split') {
    return `The volume is the secondary of another pair, which is ${other.state.status}.`;
  }
  if (phase === 'frozen' && counts.outOfSync > 0 && !pointInTimeLost(other.state)) {
    const tracks = counts.outOfSync === 1 ? 'track' : 'tracks';
    return `Another pair of the volume holds a point in time with ${counts.outOfSync} ${tracks} not copied yet.`;
  }
  return undefined;
}

/**
 * The map of another pair that takes tracks which jumped: out-of-sync (not frozen), change-recording (frozen), secondary (the
 * volume is its S). They are the maps of recovery's table: both ask which map takes a change that no host made.
 */
export function mapTakingJump(other: PairRecord, side: Side): MapName {
  return mapTakingDoubt(other, side);
}
