import { assert, type ByteOffset } from '../foundation/foundation.js';
import { activateRegions } from './activating.js';
import type { Fabric, Writer } from './fabric.js';
import type { LiveVolume } from './live-volume.js';
import type { Obstacle } from './obstacles.js';
import { fillTracks, saveTracks, supersedeTracks } from './save-and-fill.js';
import { saveAside } from './save-aside.js';
import { degradePair } from './suspending.js';

/** Removes what stands between a write and its landing, or waits until it is gone. `write` is a host's. */
export async function removeObstacle(
  fabric: Fabric,
  volume: LiveVolume,
  obstacle: Obstacle,
  writer: Writer,
  write?: { data: Uint8Array; offset: ByteOffset },
): Promise<void> {
  if (obstacle.kind === 'gate') await volume.gate.opened();
  else if (obstacle.kind === 'claimed') await volume.claims.released();
  else if (obstacle.kind === 'overlaid') await fabric.hooks.landOverlay?.(volume.number);
  else if (obstacle.kind === 'unlinked') await fabric.follower(obstacle.pair)?.ready();
  else if (obstacle.kind === 'journal') await fabric.recorder(obstacle.pair).ready(obstacle.lengthBytes);
  else if (obstacle.kind === 'unrecorded') await degradePair(fabric, obstacle.pair, 'its primary is copied into');
  else if (obstacle.kind === 'cold') await activateRegions(fabric, volume, obstacle.regions);
  else if (obstacle.kind === 'save') await saveTracks(fabric, volume, obstacle.pair, obstacle.tracks, writer);
  else if (obstacle.kind === 'save-aside') await saveAside(fabric, volume, obstacle.pair, obstacle.tracks, writer);
  else if (obstacle.kind === 'fill')
    await fillTracks(fabric, volume, obstacle.pair, obstacle.side, obstacle.tracks, writer);
  else {
    assert(write, 'only a host supersedes tracks');
    await supersedeTracks(fabric, volume, obstacle.pair, obstacle.side, obstacle.tracks, write);
  }
}
