import type { Change } from '../catalog/catalog.js';
import type { PairNumber, TrackRun } from '../foundation/foundation.js';
import type { PairRecord } from '../pair/pair.js';
import type { Fabric } from './fabric.js';
import { flushRecorded, followersOf } from './landing.js';
import type { LiveVolume } from './live-volume.js';

/**
 * Logs all marks and lets the regions used longest ago go cold. Needs no flush, for a lost frame only leaves doubt, but where a sync or
 * a journal pair writes without marks: there the region is all that tells of a write that one side may still lose, so the data is made durable
 * first, and a region with a write under way stays active.
 */
export async function coolRegions(fabric: Fabric, volume: LiveVolume, count: number): Promise<void> {
  const unmarked = fabric.legs(volume.number).some(({ pair }) => pair.record?.mode === 'sync' || pair.isJournalled);
  if (unmarked) return coolFlushed(fabric, volume, count);
  await logCool(fabric, volume, () => [...volume.hot.keys()].slice(0, count));
}

/** Takes regions out of use, so that a write there has to make them active again, flushes what was written there, and lets them go. */
async function coolFlushed(fabric: Fabric, volume: LiveVolume, count: number): Promise<void> {
  const followers = followersOf(fabric, volume);
  const idle = (region: number) => !followers.some((follower) => follower.holds(tracksOf(volume, region)));
  const chosen = new Set([...volume.hot.keys()].filter(idle).slice(0, count));
  for (const region of chosen) volume.hot.delete(region);
  volume.goingCold.add(chosen);
  try {
    if (chosen.size > 0) await flushRecorded(fabric, volume);
    await logCool(fabric, volume, () => [...chosen]);
  } finally {
    volume.goingCold.delete(chosen);
  }
}

/**
 * What lets all regions go cold of the secondaries that these changes split. The copier made them active, and after an unclean stop they
 * would count as written by the secondary's host. To be asked in the step that logs the changes together with all marks: those say of every
 * write so far what there is to say, whether it is flushed or not. A volume whose own writes leave no marks keeps its regions.
 */
export function coolSplit(fabric: Fabric, changes: readonly Change[]): readonly Change[] {
  const split = changes.flatMap((change) =>
    change.do === 'put-pair' && isSplitBy(change.record, fabric.catalog.pairs.get(change.record.number))
      ? [change.record]
      : [],
  );
  return split.flatMap(({ number, secondary }): Change[] => {
    const volume = fabric.volume(secondary);
    const regions = [...volume.hot.keys()];
    if (regions.length === 0 || sendsUnmarked(fabric, volume, number)) return [];
    volume.hot.clear();
    return [{ do: 'cool', volume: secondary, regions }];
  });
}

/** The secondary lies here and is at a point in time from now on. What the records of a session left there is told by the session. */
function isSplitBy({ state, remote }: PairRecord, before: PairRecord | undefined): boolean {
  if (state.status !== 'sp-pending' && state.status !== 'split') return false;
  if (remote && (remote.side === 'primary' || remote.journal)) return false;
  return before?.state.status !== state.status;
}

function sendsUnmarked(fabric: Fabric, volume: LiveVolume, except: PairNumber): boolean {
  return fabric
    .legs(volume.number)
    .some(({ pair }) => pair.number !== except && (pair.record?.mode === 'sync' || pair.isJournalled));
}

async function logCool(fabric: Fabric, volume: LiveVolume, choose: () => readonly number[]): Promise<void> {
  await fabric.catalog.change(() => {
    const regions = choose();
    for (const region of regions) volume.hot.delete(region);
    return regions.length === 0 ? [] : [{ do: 'cool', volume: volume.number, regions }];
  }, true);
}

function tracksOf({ tracksPerRegion, geometry }: LiveVolume, region: number): TrackRun {
  const first = region * tracksPerRegion;
  return { first, count: Math.min(tracksPerRegion, geometry.trackCount - first) };
}
