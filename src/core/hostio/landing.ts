import type { ByteOffset, PairNumber, TrackRun, VolumeNumber } from '../foundation/foundation.js';
import type { Fabric } from './fabric.js';
import type { Follower } from './follower.js';
import type { LivePair, LiveVolume } from './live-volume.js';
import type { Recorder } from './recorder.js';

interface Along {
  readonly pair: LivePair;
  readonly follower: Follower;
}

/**
 * Lands a host's write, with nothing in its way: marks, records, writes the image, and hands it to the secondaries that go along, all in
 * this step, so that overlapping writes come to them in the order in which they landed here. The answer is what is to be awaited.
 */
export function land(
  fabric: Fabric,
  volume: LiveVolume,
  tracks: TrackRun,
  data: Uint8Array,
  offset: ByteOffset,
): Promise<void> | undefined {
  fabric.catalog.demandSound();
  const journalled = journalledPair(fabric, volume);
  const along = goingAlong(fabric, volume, tracks);
  if (along.length === 0) {
    fabric.mark(volume, tracks, journalled ? { along: journalled.alone } : {});
    write(fabric, volume, journalled, data, offset);
    return undefined;
  }
  const numbers = new Set<PairNumber>(along.map(({ pair }) => pair.number));
  if (journalled) numbers.add(journalled.number);
  fabric.mark(volume, tracks, { along: numbers });
  for (const { follower } of along) follower.markLacking(tracks);
  try {
    write(fabric, volume, journalled, data, offset);
  } catch (error) {
    // What lies here now is unknown, and nothing was sent.
    for (const { pair } of along) pair.outOfSync.mark(tracks.first, tracks.count);
    throw error;
  }
  const all = Promise.all(along.map(({ follower }) => follower.follow({ tracks, data, offset })));
  return all.then(() => undefined);
}

/** Writes the image; where a journal pair records, the record comes first: a kill in between is redone, the other way round is lost (H23). */
function write(
  fabric: Fabric,
  volume: LiveVolume,
  journalled: LivePair | undefined,
  data: Uint8Array,
  offset: ByteOffset,
): void {
  if (!journalled) {
    volume.image.write(data, offset);
    return;
  }
  const recorder = fabric.recorder(journalled);
  recorder.record(journalled, data, offset);
  fabric.hooks.step('journal.appended');
  try {
    volume.image.write(data, offset);
  } catch (error) {
    recorder.spoiled(error);
    throw error;
  }
}

/** The pair that records a volume's writes: there is one at most. */
export function journalledPair(fabric: Fabric, volume: LiveVolume): LivePair | undefined {
  for (const { pair, side } of fabric.legs(volume.number)) if (side === 'primary' && pair.isJournalled) return pair;
  return undefined;
}

/** The most that lands in one step. */
export function landingMaxBytes(fabric: Fabric, volume: LiveVolume): number {
  const journalled = journalledPair(fabric, volume);
  return journalled ? fabric.recorder(journalled).recordMaxBytes : Number.POSITIVE_INFINITY;
}

/** The recorder of a volume's writes, where it was used before. */
export function recorderOf(fabric: Fabric, volume: LiveVolume): Recorder | undefined {
  return journalledPair(fabric, volume)?.recorder;
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

/** A host's flush: what it completed is durable at both sides of a synchronous pair, and in the journal before it is in the image (H23). */
export async function flushAsHost(fabric: Fabric, number: VolumeNumber): Promise<void> {
  const volume = fabric.volume(number);
  const followers = followersOf(fabric, volume);
  await Promise.all([flushRecorded(fabric, volume), ...followers.map((follower) => follower.flush())]);
}

/** Records first, then data. */
export async function flushRecorded(fabric: Fabric, volume: LiveVolume): Promise<void> {
  await recorderOf(fabric, volume)?.durable();
  await fabric.flush(volume.number);
}
