import type { TrackRun } from '../foundation/foundation.js';
import type { LiveVolume } from './live-volume.js';

/** The regions under these tracks that are not active. */
export function coldRegions(volume: LiveVolume, tracks: TrackRun): number[] {
  const last = Math.floor((tracks.first + tracks.count - 1) / volume.tracksPerRegion);
  const cold: number[] = [];
  for (let region = Math.floor(tracks.first / volume.tracksPerRegion); region <= last; region += 1) {
    if (!volume.hot.has(region)) cold.push(region);
  }
  return cold;
}
