import { tuning } from '../foundation/foundation.js';
import { coolRegions } from './cooling.js';
import type { Fabric } from './fabric.js';
import type { LiveVolume } from './live-volume.js';

/** Makes regions active, durably, so that writes may land in them; those used longest ago are cooled where there are too many. */
export async function activateRegions(fabric: Fabric, volume: LiveVolume, regions: readonly number[]): Promise<void> {
  const { catalog, hooks } = fabric;
  const surplus = volume.hot.size + regions.length - tuning.activeRegionsMax;
  if (surplus > 0) await coolRegions(fabric, volume, Math.max(surplus, tuning.activeRegionsMax / 2));
  keepWarm(volume, regions);
  await catalog.change(() => [{ do: 'activate', volume: volume.number, regions }]);
  await catalog.durable();
  // One that was cooled meanwhile is not active any more.
  setHot(volume, regions, catalog.active.get(volume.number));
  hooks.step('region.activated');
}

/** Regions that somebody makes active are written soon: the flush under way does not count for them. */
function keepWarm({ goingCold }: LiveVolume, regions: readonly number[]): void {
  for (const chosen of goingCold) for (const region of regions) chosen.delete(region);
}

function setHot(volume: LiveVolume, regions: readonly number[], active: ReadonlySet<number> | undefined): void {
  // Once more: they may have been chosen after this activation began.
  keepWarm(volume, regions);
  for (const region of regions) if (active?.has(region)) volume.hot.set(region, true);
}
