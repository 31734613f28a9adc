import { tuning } from '../../../src/core/foundation/foundation.js';
import { TRACK } from '../../simulation/system/sim-system.js';
import { Site } from '../../simulation/system/sites.js';
import { World } from '../../simulation/world/world.js';

export const TRACKS = 32;
export const LIMIT_MS = 1_000;

/** Sites of one world that know each other, up, each with these volumes. */
export async function sites(world: World, names: readonly string[], ...volumes: string[]): Promise<Site[]> {
  const made: Site[] = [];
  for (const name of names) made.push(await Site.make(world, name, { linkLimitMs: LIMIT_MS }));
  for (const site of made) for (const other of made) if (other !== site) await site.meet(other);
  for (const site of made) {
    await site.up();
    await site.volumes(TRACKS, ...volumes);
  }
  return made;
}

/** Regions of one track, of which half the volume's may be active, and small lanes: a small volume then meets what a large one does. */
export async function withSmallRegions<T>(work: () => Promise<T>): Promise<T> {
  const { regionBytes, activeRegionsMax, laneBytes } = tuning;
  tuning.regionBytes = TRACK;
  tuning.activeRegionsMax = TRACKS / 2;
  tuning.laneBytes = 2 * TRACK;
  try {
    return await work();
  } finally {
    tuning.regionBytes = regionBytes;
    tuning.activeRegionsMax = activeRegionsMax;
    tuning.laneBytes = laneBytes;
  }
}

/** Runs a story in a world of its own. */
export async function inWorld<T>(seed: number, story: (world: World) => Promise<T>): Promise<T> {
  const world = new World(seed);
  return withSmallRegions(() => world.run(story(world)));
}

export const bytes = (value: number, length = 512) => new Uint8Array(length).fill(value);

/** The tracks in which two images differ. */
export function apart(left: Uint8Array, right: Uint8Array): number[] {
  const tracks: number[] = [];
  for (let at = 0; at < left.length; at += TRACK)
    if (Buffer.compare(left.subarray(at, at + TRACK), right.subarray(at, at + TRACK)) !== 0) tracks.push(at / TRACK);
  return tracks;
}

/** Tracks that differ without a bit at either side. No host write is under way (I1). */
export function unmarked(primary: Site, secondary: Site, volume: string): number[] {
  const [here, there] = [primary.marked(volume), secondary.marked(volume)];
  const differing = apart(primary.image(volume, TRACKS), secondary.image(volume, TRACKS));
  return differing.filter((track) => !here.has(track) && !there.has(track));
}
