import type { ByteOffset, PairNumber, TrackRun, VolumeNumber } from '../foundation/foundation.js';
import type { Fabric } from './fabric.js';
import type { Follower } from './follower.js';
import type { LivePair, LiveVolume } from './live-volume.js';

interface Along {
  readonly pair: LivePair;
  readonly follower: Follower;
}

/**
 * Lands a host's write, with nothing in its way: marks, writes the image, and hands it to the secondaries that go along, all in this
 * step, so that overlapping writes come to them in the order in which they landed here. The answer is what is to be awaited.
 */
export function land(
  fabric: Fabric,
  volume: LiveVolume,
  tracks: TrackRun,
  data: Uint8Array,
  offset: ByteOffset,
): Promise<void> | undefined {
  fabric.catalog.demandSound();
  const along = goingAlong(fabric, volume, tracks);
  if (along.length === 0) {
    fabric.mark(volume, tracks, {});
    volume.image.write(data, offset);
    return undefined;
  }
  const numbers = new Set<PairNumber>(along.map(({ pair }) => pair.number));
  fabric.mark(volume, tracks, { along: numbers });
  for (const { follower } of along) follower.markLacking(tracks);
  try {
    volume.image.write(data, offset);
  } catch (error) {
    // What lies here now is unknown, and nothing was sent.
    for (const { pair } of along) pair.outOfSync.mark(tracks.first, tracks.count);
    throw error;
  }
  const all = Promise.all(along.map(({ follower }) => follower.follow({ tracks, data, offset })));
  return all.then(() => undefined);
}

function goingAlong(fabric: Fabric, volume: LiveVolume, tracks: TrackRun): readonly Along[] {
  const along: Along[] = [];
  for (const { pair, side } of fabric.legs(volume.number)) {
    if (side !== 'primary' || pair.alongside === null) continue;
    const follower = fabric.follower(pair);
    if (follower?.takes(tracks)) along.push({ pair, follower });
  }
  return along;
}

/** Those that take a volume's writes to the secondaries of its synchronous pairs. */
export function followersOf(fabric: Fabric, volume: LiveVolume): readonly Follower[] {
  const followers: Follower[] = [];
  for (const { pair, side } of fabric.legs(volume.number)) {
    const follower = side === 'primary' ? fabric.follower(pair) : undefined;
    if (follower) followers.push(follower);
  }
  return followers;
}

/** A host's flush: what it completed is durable at both sides of a synchronous pair. */
export async function flushAsHost(fabric: Fabric, number: VolumeNumber): Promise<void> {
  const followers = followersOf(fabric, fabric.volume(number));
  await Promise.all([fabric.flush(number), ...followers.map((follower) => follower.flush())]);
}
