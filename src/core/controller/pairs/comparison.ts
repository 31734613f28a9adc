import type { TrackIndex } from '../../foundation/foundation.js';
import type { LivePair } from '../../hostio/hostio.js';
import type { TrackMap } from '../../trackmap/trackmap.js';

/** What comparing two volumes found. Tracks that a map of their pair holds are known to differ: they are left out, not compared. */
export interface Comparison {
  readonly tracks: TrackIndex[];
  readonly compared: number;
  readonly leftOut: number;
  readonly truncated: boolean;
}

/** The maps whose tracks are known to differ, or may. */
export function knownMaps({ outOfSync, changed, secondary }: LivePair): TrackMap[] {
  return [outOfSync.map, changed.map, secondary.map];
}

/** The next track that any of these maps holds, where there is one. */
export function nextOf(maps: readonly TrackMap[], from: TrackIndex): TrackIndex | undefined {
  const firsts = maps.flatMap((map) => (from < map.trackCount ? (map.nextRun(from, 1)?.first ?? []) : []));
  return firsts.length === 0 ? undefined : Math.min(...firsts);
}
