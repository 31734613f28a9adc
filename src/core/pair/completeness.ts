import type { TrackCount } from '../foundation/foundation.js';
import { phaseOf, pointInTimeLost } from './phase.js';
import type { MapName, PairState, Side } from './record.js';

/** How many tracks each of a pair's maps holds. */
export type MapCounts = Readonly<Record<MapName, TrackCount>>;

/** Whether S holds every track itself: of the primary as it is, or of the instant of the split. */
export function secondaryComplete(state: PairState, outOfSyncCount: TrackCount): boolean {
  return outOfSyncCount === 0 && !pointInTimeLost(state);
}

/** Whether the raw image of this side is the volume, with nothing to be read from elsewhere (`imageComplete`). */
export function imageComplete(state: PairState, side: Side, counts: MapCounts): boolean {
  return missingTracks(state, side, counts) === 0;
}

/** Tracks that the image of this side lacks. A lost instant counts as one at least. */
export function missingTracks(state: PairState, side: Side, counts: MapCounts): TrackCount {
  if (side === 'secondary') return pointInTimeLost(state) ? Math.max(1, counts.outOfSync) : counts.outOfSync;
  const phase = phaseOf(state);
  return phase === 'restore' || phase === 'restore-with-backup' ? counts.secondary : 0;
}

export interface LeftIncomplete {
  readonly side: Side;
  readonly missingTracks: TrackCount;
}

/**
 * The sides that a delete would leave incomplete (DESIGN.md 3.2); none = it needs no `--force`. A restore may leave two: P lacks what
 * has not come back, and S what P wrote meanwhile.
 */
export function incompleteAfterDelete(state: PairState, counts: MapCounts): readonly LeftIncomplete[] {
  return (['primary', 'secondary'] as const)
    .map((side) => ({ side, missingTracks: missingTracks(state, side, counts) }))
    .filter((left) => left.missingTracks > 0);
}

/**
 * Identical tracks of all tracks, in percent with two decimals, rounded down: 100 only where none differ. `differing` is the size of
 * the union of the pair's maps; where only their counts are known their sum stands for it, which never promises too much.
 */
export function percentIdentical(trackCount: TrackCount, differing: TrackCount | MapCounts): number {
  if (trackCount <= 0) return 100;
  const counted =
    typeof differing === 'number' ? differing : differing.outOfSync + differing.changed + differing.secondary;
  const identical = trackCount - Math.min(trackCount, Math.max(0, counted));
  return Math.floor((identical * 10_000) / trackCount) / 100;
}
