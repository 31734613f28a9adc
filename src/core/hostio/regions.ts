import type { TrackRun } from '../foundation/foundation.js';
import type { LiveVolume } from './live-volume.js';

const NONE: readonly number[] = [];

/** The regions under these tracks that are not active. */
export function coldRegions(volume: LiveVolume, tracks: TrackRun): readonly number[] {
  const last = Math.floor((tracks.first + tracks.count - 1) / volume.tracksPerRegion);
  const firstRegion = Math.floor(tracks.first / volume.tracksPerRegion);
  if (firstRegion === last && volume.hot.has(last)) return NONE;
  const cold: number[] = [];
  for (let region = firstRegion; region <= last; region += 1) {
    if (!volume.hot.has(region)) cold.push(region);
  }
  return cold;
}
