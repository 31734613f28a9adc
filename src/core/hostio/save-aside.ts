import { type Change, flatten, pairMapKey } from '../catalog/catalog.js';
import { failure, isToolkitError, type TrackRun } from '../foundation/foundation.js';
import type { Fabric, Writer } from './fabric.js';
import type { LivePair, LiveVolume } from './live-volume.js';

/**
 * Saves old tracks of a frozen remote primary beside it, so that no host waits for a link. For a split the old track is durable
 * there, and known to be, before the caller may overwrite it. A formation's saves need no flush: a loss of power ends the formation.
 */
export async function saveAside(
  fabric: Fabric,
  primary: LiveVolume,
  pair: LivePair,
  tracks: TrackRun,
  writer: Writer,
): Promise<void> {
  if (primary.claims.overlapping(tracks.first, tracks.count, writer.claim)) return primary.claims.released();
  const held = primary.claims.take(tracks.first, tracks.count);
  primary.gate.enter();
  const begun = pair.saveArea.begin(() => pair.saved.isEmpty);
  try {
    await begun;
    demandRoom(fabric, primary, unsaved(pair, tracks));
    const { forming } = pair;
    for (const run of unsaved(pair, tracks)) copyAside(fabric, primary, pair, run);
    fabric.hooks.step('aside.written');
    if (forming) {
      for (const run of unsaved(pair, tracks)) forming.saved.set(run.first, run.count);
      return;
    }
    await pair.saveArea.flush();
    await fabric.clearDurably(pair, [], () => savedChanges(pair, tracks));
    fabric.hooks.step('aside.saved');
  } catch (error) {
    await giveUp(fabric, pair, error);
  } finally {
    pair.saveArea.end();
    primary.gate.leave();
    primary.claims.release(held);
  }
}

/** The frozen tracks among these whose old contents are neither sent nor saved. */
export function unsaved(pair: LivePair, tracks: TrackRun): TrackRun[] {
  const lacking = pair.roles.savesAside ? pair.map(pair.roles.savesAside).map : undefined;
  if (!lacking) return [];
  const { saved } = pair;
  const end = tracks.first + tracks.count;
  const runs: { first: number; count: number }[] = [];
  for (let track = tracks.first; track < end; track += 1) {
    if (!lacking.has(track) || saved.has(track)) continue;
    const last = runs.at(-1);
    if (last && last.first + last.count === track) last.count += 1;
    else runs.push({ first: track, count: 1 });
  }
  return runs;
}

function copyAside(fabric: Fabric, primary: LiveVolume, pair: LivePair, run: TrackRun): void {
  const buffer = new Uint8Array(primary.geometry.bytesOfRun(run));
  const offset = primary.geometry.offsetOf(run.first);
  fabric.read(primary.number, buffer, offset);
  pair.saveArea.write(buffer, offset);
}

function savedChanges(pair: LivePair, tracks: TrackRun): Change[] {
  const runs = unsaved(pair, tracks);
  return runs.length === 0 ? [] : [{ do: 'set', map: pairMapKey(pair.number, 'saved'), runs: flatten(runs) }];
}

function demandRoom(fabric: Fabric, primary: LiveVolume, runs: readonly TrackRun[]): void {
  const bytes = runs.reduce((sum, run) => sum + primary.geometry.bytesOfRun(run), 0);
  if (fabric.savedBytes() + bytes <= fabric.saveLimitBytes) return;
  throw failure(
    'limit-reached',
    `The save areas of storage system ${fabric.system} hold ${fabric.saveLimitBytes} bytes, as many as they may.`,
    'Let the copies finish, or make the system with a larger --save-limit.',
  );
}

/** A full save area ends a formation and suspends nothing (H8); a split loses its point in time, durably, before the overwrite. */
async function giveUp(fabric: Fabric, pair: LivePair, error: unknown): Promise<void> {
  if (!pair.forming) return fabric.loseThePointInTime(pair, error);
  if (!isToolkitError(error)) throw error;
  await fabric.thaw(pair, `an old track could not be saved: ${error.message}`);
}
