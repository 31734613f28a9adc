import { type TrackRun, tuning } from '../foundation/foundation.js';
import type { Side } from '../pair/pair.js';
import type { Fabric, LiveLeg, Writer } from './fabric.js';
import { journalledPair } from './landing.js';
import type { LivePair, LiveVolume } from './live-volume.js';
import { coldRegions } from './regions.js';
import { unsaved } from './save-aside.js';

/** What stands between a write and its landing. */
export type Obstacle =
  | { readonly kind: 'gate' }
  | { readonly kind: 'claimed' }
  | { readonly kind: 'overlaid' }
  | { readonly kind: 'unlinked'; readonly pair: LivePair }
  | { readonly kind: 'journal'; readonly pair: LivePair; readonly lengthBytes: number }
  | { readonly kind: 'unrecorded'; readonly pair: LivePair }
  | { readonly kind: 'cold'; readonly regions: readonly number[] }
  | { readonly kind: 'save'; readonly pair: LivePair; readonly tracks: TrackRun }
  | { readonly kind: 'save-aside'; readonly pair: LivePair; readonly tracks: TrackRun }
  | { readonly kind: 'fill'; readonly pair: LivePair; readonly side: Side; readonly tracks: TrackRun }
  | { readonly kind: 'supersede'; readonly pair: LivePair; readonly side: Side; readonly tracks: TrackRun };

/**
 * The write path's decision table. The first row that holds is removed, then all are looked at again, because anything may have
 * happened meanwhile; when none holds the write lands in the same step.
 *
 * @A gate       a point in time is being made on this volume: wait until the gate opens.
 * @B claimed    another save, fill or copy holds one of the tracks: wait for a release (H9).
 * @K overlaid   records lie above the image here and would hide the write: they are landed first.
 * @C cold       a region is not active: make it so, durably, before its first mark (DESIGN.md 8).
 * @D save       a frozen secondary lacks a track: it goes there first, durably, before it is overwritten (P4).
 * @G save-aside a frozen track of a remote pair is neither sent nor saved: it goes to the save area first (DESIGN.md 2).
 * @E supersede  this volume lacks a track that is written whole: data, durable, then the cleared bit, durable.
 * @F fill       this volume lacks a track that is written in part: read it from the other side first.
 * @H unlinked   a host's write has to go to the secondary of a synchronous pair, whose link is not open: wait for it, or for the
 *               pair's suspension.
 * @I journal    a host's write has to be recorded and there is no room, or the pair is about to track: wait for either.
 * @J unrecorded what is copied into the primary of a journal pair is in no record: the pair tracks first, durably.
 *
 * Saves stand before fills because a save reads through this volume to where the old track still is.
 */
export function nextObstacle(
  fabric: Fabric,
  volume: LiveVolume,
  tracks: TrackRun,
  whole: TrackRun | undefined,
  writer: Writer,
): Obstacle | undefined {
  if (volume.gate.isClosed) return { kind: 'gate' };
  if (!volume.claims.isEmpty && volume.claims.overlapping(tracks.first, tracks.count, writer.claim))
    return { kind: 'claimed' };
  if (!writer.below && fabric.overlays.get(volume.number)?.any(tracks)) return { kind: 'overlaid' };
  const cold = coldRegions(volume, tracks);
  if (cold.length > 0) return { kind: 'cold', regions: cold };
  const legs = fabric.legs(volume.number);
  const between = saveIn(fabric, legs, tracks, volume, writer) ?? fillIn(legs, tracks, whole, volume, writer);
  if (between) return between;
  const journal = unrecordable(fabric, volume, tracks, writer);
  return journal ?? (writer.copierOf === undefined ? unlinked(fabric, legs) : undefined);
}

/** A track that a frozen secondary lacks, which this write would take away. */
function saveIn(
  fabric: Fabric,
  legs: readonly LiveLeg[],
  tracks: TrackRun,
  volume: LiveVolume,
  writer: Writer,
): Obstacle | undefined {
  for (const { pair, side } of legs) {
    if (side !== 'primary' || pair.number === writer.copierOf) continue;
    const lacking = lackingIn(pair, pair.roles.secondaryLacks, tracks, volume);
    if (lacking) return { kind: 'save', pair, tracks: lacking };
    const aside = asideIn(fabric, pair, tracks, volume);
    if (aside) return { kind: 'save-aside', pair, tracks: aside };
  }
  return undefined;
}

/** A track that this volume lacks itself. */
function fillIn(
  legs: readonly LiveLeg[],
  tracks: TrackRun,
  whole: TrackRun | undefined,
  volume: LiveVolume,
  writer: Writer,
): Obstacle | undefined {
  for (const { pair, side } of legs) {
    if (pair.number === writer.copierOf) continue;
    const lacks = side === 'primary' ? pair.roles.primaryLacks : pair.roles.secondaryLacks;
    const lacking = lackingIn(pair, lacks, tracks, volume);
    if (lacking) return fillOrSupersede(pair, side, lacking, whole);
  }
  return undefined;
}

function unrecordable(fabric: Fabric, volume: LiveVolume, tracks: TrackRun, writer: Writer): Obstacle | undefined {
  const pair = journalledPair(fabric, volume);
  if (!pair || pair.number === writer.copierOf) return undefined;
  if (writer.copierOf !== undefined) return { kind: 'unrecorded', pair };
  const recorder = fabric.recorder(pair);
  const lengthBytes = Math.min(recorder.recordMaxBytes, tracks.count * volume.geometry.trackSizeBytes);
  return recorder.hasRoom(lengthBytes) ? undefined : { kind: 'journal', pair, lengthBytes };
}

function unlinked(fabric: Fabric, legs: readonly LiveLeg[]): Obstacle | undefined {
  for (const { pair, side } of legs) {
    if (side !== 'primary' || pair.alongside !== 'always') continue;
    if (fabric.follower(pair)?.isReady === false) return { kind: 'unlinked', pair };
  }
  return undefined;
}

/** The first lacking run inside the tracks, reaching on behind them where the neighbours are lacking too. */
function lackingIn(
  pair: LivePair,
  name: 'outOfSync' | 'changed' | 'secondary' | null,
  tracks: TrackRun,
  volume: LiveVolume,
): TrackRun | undefined {
  if (!name) return undefined;
  const { map } = pair.map(name);
  if (map.isEmpty || !map.any(tracks.first, tracks.count)) return undefined;
  const limit = Math.max(1, Math.floor(tuning.aheadBytes / volume.geometry.trackSizeBytes));
  return map.nextRun(tracks.first, limit);
}

/** Frozen tracks to be saved aside, with lacking neighbours behind them, so that a sequential writer pays one flush for many. */
function asideIn(fabric: Fabric, pair: LivePair, tracks: TrackRun, volume: LiveVolume): TrackRun | undefined {
  if (!pair.roles.savesAside || unsaved(pair, tracks).length === 0) return undefined;
  const lacking = lackingIn(pair, pair.roles.savesAside, tracks, volume);
  if (!lacking) return undefined;
  const room = Math.floor((fabric.saveLimitBytes - fabric.savedBytes()) / volume.geometry.trackSizeBytes);
  const ahead = Math.min(lacking.first + lacking.count, tracks.first + Math.max(0, room));
  const end = Math.max(ahead, tracks.first + tracks.count);
  return { first: tracks.first, count: Math.min(end, volume.geometry.trackCount) - tracks.first };
}

function fillOrSupersede(pair: LivePair, side: Side, lacking: TrackRun, whole: TrackRun | undefined): Obstacle {
  if (whole && lacking.first >= whole.first && lacking.first < whole.first + whole.count) {
    const count = Math.min(lacking.count, whole.first + whole.count - lacking.first);
    return { kind: 'supersede', pair, side, tracks: { first: lacking.first, count } };
  }
  const until =
    whole && lacking.first < whole.first
      ? Math.min(lacking.first + lacking.count, whole.first)
      : lacking.first + lacking.count;
  return { kind: 'fill', pair, side, tracks: { first: lacking.first, count: until - lacking.first } };
}
