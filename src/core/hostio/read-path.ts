import type { ByteOffset, TrackRun } from '../foundation/foundation.js';
import type { TrackMap } from '../trackmap/trackmap.js';
import type { Fabric } from './fabric.js';
import type { LiveVolume } from './live-volume.js';

/**
 * Reads a volume's logical contents in one step that nothing can come between: tracks it lacks are read from the other side of
 * their pair, along a chain of pairs if need be. All of a step's reads see the same moment, so no claim is needed.
 */
export function readThrough(fabric: Fabric, volume: LiveVolume, target: Uint8Array, offset: ByteOffset): void {
  readBelow(fabric, volume, target, offset);
  fabric.overlays.get(volume.number)?.patch(target, offset);
}

function readBelow(fabric: Fabric, volume: LiveVolume, target: Uint8Array, offset: ByteOffset): void {
  const lacking = lackingMap(fabric, volume, offset, target.length);
  if (!lacking) {
    volume.image.read(target, offset);
    return;
  }
  const { trackSizeBytes } = volume.geometry;
  const end = offset + target.length;
  let at = offset;
  while (at < end) {
    const track = Math.floor(at / trackSizeBytes);
    const isLacking = lacking.map.has(track);
    const next = isLacking
      ? firstHeld(lacking.map, track, end / trackSizeBytes)
      : (lacking.map.nextRun(track)?.first ?? Number.POSITIVE_INFINITY);
    const until = Math.min(end, next * trackSizeBytes);
    const part = target.subarray(at - offset, until - offset);
    if (isLacking) readElsewhere(fabric, lacking.from, part, at);
    else volume.image.read(part, at);
    at = until;
  }
}

/** What a fault blocked is not read for another volume's sake either (DESIGN.md 3.5). */
function readElsewhere(fabric: Fabric, from: LiveVolume, target: Uint8Array, offset: ByteOffset): void {
  fabric.demandUnblocked(from.number);
  readThrough(fabric, from, target, offset);
}

/** The first track behind `track` that the map does not hold, looking no farther than `endTrack`. */
function firstHeld(map: TrackMap, track: number, endTrack: number): number {
  const run = map.nextRun(track, Math.ceil(endTrack) - track);
  return run ? run.first + run.count : track;
}

/** The map of tracks in this range that the volume lacks, and the volume to read them from. */
function lackingMap(
  fabric: Fabric,
  volume: LiveVolume,
  offset: ByteOffset,
  length: number,
): { map: TrackMap; from: LiveVolume } | undefined {
  for (const { pair, side } of fabric.legs(volume.number)) {
    const name = side === 'primary' ? pair.roles.primaryLacks : pair.roles.secondaryLacks;
    if (!name) continue;
    const { map } = pair.map(name);
    if (map.isEmpty) continue;
    const tracks = volume.geometry.tracksOf(offset, length);
    const record = pair.record;
    if (!record || !map.any(tracks.first, tracks.count)) continue;
    return { map, from: fabric.volume(side === 'primary' ? record.secondary : record.primary) };
  }
  return undefined;
}

/** Whether some of the tracks are read from another volume, or from records above the image. */
export function lacksAny(fabric: Fabric, volume: LiveVolume, { first, count }: TrackRun): boolean {
  const { geometry } = volume;
  if (fabric.overlays.get(volume.number)?.any({ first, count })) return true;
  return lackingMap(fabric, volume, geometry.offsetOf(first), geometry.bytesOfRun({ first, count })) !== undefined;
}

/** Whether a track's bytes lie in the volume's own image. */
export function holdsTrack(fabric: Fabric, volume: LiveVolume, track: number): boolean {
  if (fabric.overlays.get(volume.number)?.has(track)) return false;
  for (const { pair, side } of fabric.legs(volume.number)) {
    const name = side === 'primary' ? pair.roles.primaryLacks : pair.roles.secondaryLacks;
    if (name && pair.map(name).map.has(track)) return false;
  }
  return true;
}
