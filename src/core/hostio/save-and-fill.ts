import { pairMapKey } from '../catalog/catalog.js';
import { assert, type ByteOffset, type TrackRun } from '../foundation/foundation.js';
import type { Side } from '../pair/pair.js';
import { activateRegions } from './activating.js';
import type { Fabric, Writer } from './fabric.js';
import type { LivePair, LiveVolume } from './live-volume.js';
import { coldRegions } from './regions.js';

/**
 * Saves old tracks of a primary to its frozen secondary: data durable there, the cleared bit durable, and only then may the
 * caller overwrite (P4). The primary's tracks are held until the clear is durable. Saves and fills count as in flight at the
 * gates, so a pair's state never changes between a track's reading and the clearing of its bit.
 */
export async function saveTracks(
  fabric: Fabric,
  primary: LiveVolume,
  pair: LivePair,
  tracks: TrackRun,
  writer: Writer,
): Promise<void> {
  const record = pair.record;
  if (!record) return;
  const secondary = fabric.volume(record.secondary);
  if (primary.claims.overlapping(tracks.first, tracks.count, writer.claim)) return primary.claims.released();
  if (secondary.claims.overlapping(tracks.first, tracks.count)) return secondary.claims.released();
  const cold = coldRegions(secondary, tracks);
  if (cold.length > 0) return activateRegions(fabric, secondary, cold);
  const held = [
    primary.claims.take(tracks.first, tracks.count),
    secondary.claims.take(tracks.first, tracks.count),
  ] as const;
  primary.gate.enter();
  secondary.gate.enter();
  try {
    await moveTracks(fabric, primary, secondary, pair, 'outOfSync', tracks, 'save');
  } catch (error) {
    // The only good image of a remote, which a drill copy is not (H13): rather the write fails, and the pair that brought it is suspended (H8).
    if (record.virtualCopyOf !== undefined) throw error;
    await fabric.loseThePointInTime(pair, error);
  } finally {
    primary.gate.leave();
    secondary.gate.leave();
    primary.claims.release(held[0]);
    secondary.claims.release(held[1]);
  }
}

/** Fills tracks that the volume lacks from the other side of the pair. The volume's contents stay the same; nothing is marked. */
export async function fillTracks(
  fabric: Fabric,
  volume: LiveVolume,
  pair: LivePair,
  side: Side,
  tracks: TrackRun,
  writer: Writer,
): Promise<void> {
  if (volume.claims.overlapping(tracks.first, tracks.count, writer.claim)) return volume.claims.released();
  const cold = coldRegions(volume, tracks);
  if (cold.length > 0) return activateRegions(fabric, volume, cold);
  const claim = volume.claims.take(tracks.first, tracks.count);
  volume.gate.enter();
  try {
    await moveTracks(fabric, volume, volume, pair, lackingMapOf(side), tracks, 'fill');
  } finally {
    volume.gate.leave();
    volume.claims.release(claim);
  }
}

/** A whole-track write to tracks that the volume lacks: the new data, durable, then the cleared bit, durable. */
export async function supersedeTracks(
  fabric: Fabric,
  volume: LiveVolume,
  pair: LivePair,
  side: Side,
  tracks: TrackRun,
  write: { data: Uint8Array; offset: ByteOffset },
): Promise<void> {
  const claim = volume.claims.take(tracks.first, tracks.count);
  volume.gate.enter();
  try {
    const from = volume.geometry.offsetOf(tracks.first);
    const length = volume.geometry.bytesOfRun(tracks);
    fabric.catalog.demandSound();
    fabric.mark(volume, tracks, {});
    volume.image.write(write.data.subarray(from - write.offset, from - write.offset + length), from);
    fabric.hooks.step('supersede.written');
    await fabric.flush(volume.number);
    await clearTracks(fabric, pair, lackingMapOf(side), tracks);
    fabric.hooks.step('supersede.cleared');
  } finally {
    volume.gate.leave();
    volume.claims.release(claim);
  }
}

/** Reads what `reader` holds logically, lands it in `target`'s image, and clears the lacking bits, each durable before the next. */
async function moveTracks(
  fabric: Fabric,
  reader: LiveVolume,
  target: LiveVolume,
  pair: LivePair,
  map: 'outOfSync' | 'secondary',
  tracks: TrackRun,
  kind: 'save' | 'fill',
): Promise<void> {
  // What became clear while the claims were awaited is whole at the target already and must not be written over.
  const { first, count } = tracks;
  const lacks = map === 'outOfSync' ? pair.roles.secondaryLacks : pair.roles.primaryLacks;
  if (lacks !== map || !pair.map(map).map.all(first, count)) return;
  fabric.demandUnblocked(target.number);
  const buffer = new Uint8Array(target.geometry.bytesOfRun(tracks));
  const offset = target.geometry.offsetOf(first);
  fabric.read(reader.number, buffer, offset);
  assert(coldRegions(target, tracks).length === 0, 'a save or fill lands in active regions');
  fabric.catalog.demandSound();
  target.allocated.mark(first, count);
  target.codeless.mark(first, count);
  target.image.write(buffer, offset);
  fabric.hooks.step(`${kind}.written`);
  await fabric.flush(target.number);
  await clearTracks(fabric, pair, map, tracks);
  fabric.hooks.step(`${kind}.cleared`);
}

function clearTracks(fabric: Fabric, pair: LivePair, map: 'outOfSync' | 'secondary', run: TrackRun): Promise<void> {
  const runs = [run.first, run.count];
  return fabric.clearDurably(pair, [run], () =>
    pair.record ? [{ do: 'clear', map: pairMapKey(pair.number, map), runs }] : [],
  );
}

function lackingMapOf(side: Side): 'outOfSync' | 'secondary' {
  return side === 'primary' ? 'secondary' : 'outOfSync';
}
