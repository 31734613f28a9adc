import type { TrackRun } from '../foundation/foundation.js';
import type { Fabric } from './fabric.js';
import { followersOf } from './landing.js';
import type { LiveVolume } from './live-volume.js';

/**
 * Logs all marks and lets the regions used longest ago go cold. Needs no flush, for a lost frame only leaves doubt, but where a sync pair
 * writes without marks: there the region is all that tells of a write that one side may still lose, so the data is made durable
 * first, and a region with a write under way stays active.
 */
export async function coolRegions(fabric: Fabric, volume: LiveVolume, count: number): Promise<void> {
  const unmarked = fabric.legs(volume.number).some(({ pair }) => pair.record?.mode === 'sync');
  const chosen = unmarked ? await flushedRegions(fabric, volume, count) : undefined;
  await fabric.catalog.change(() => {
    // One that was made active again meanwhile may have been written since the flush.
    const regions = chosen?.filter((region) => !volume.hot.has(region)) ?? [...volume.hot.keys()].slice(0, count);
    for (const region of regions) volume.hot.delete(region);
    return regions.length === 0 ? [] : [{ do: 'cool', volume: volume.number, regions }];
  }, true);
}

/** Takes regions out of use, so that a write there has to make them active again, and flushes what was written there. */
async function flushedRegions(fabric: Fabric, volume: LiveVolume, count: number): Promise<readonly number[]> {
  const followers = followersOf(fabric, volume);
  const idle = (region: number) => !followers.some((follower) => follower.holds(tracksOf(volume, region)));
  const regions = [...volume.hot.keys()].filter(idle).slice(0, count);
  for (const region of regions) volume.hot.delete(region);
  if (regions.length > 0) await fabric.flush(volume.number);
  return regions;
}

function tracksOf({ tracksPerRegion, geometry }: LiveVolume, region: number): TrackRun {
  const first = region * tracksPerRegion;
  return { first, count: Math.min(tracksPerRegion, geometry.trackCount - first) };
}
