import { describe, expect, it } from 'vitest';
import { tuning } from '../../../src/core/foundation/foundation.js';
import { TRACK } from '../../simulation/system/sim-system.js';
import type { Site } from '../../simulation/system/sites.js';
import { apart, bytes, inWorld, sites, TRACKS } from './sync-stage.js';

/** Lanes of eight tracks, all of them read beside the loop. */
async function withLargePieces<T>(work: () => Promise<T>): Promise<T> {
  const { readAsideBytes, laneBytes } = tuning;
  tuning.readAsideBytes = 2 * TRACK;
  tuning.laneBytes = 8 * TRACK;
  try {
    return await work();
  } finally {
    tuning.readAsideBytes = readAsideBytes;
    tuning.laneBytes = laneBytes;
  }
}

/** The disk takes long for the next large piece of the volume: so long that something else happens meanwhile. Counts such pieces. */
function slowly(site: Site, volume: string, meanwhile: () => Promise<void>): { pieces: number } {
  const { image } = site.owner.controller.fabric.volume(site.volumeNumber(volume));
  const readBulk = image.readBulk.bind(image);
  const counted = { pieces: 0 };
  image.readBulk = async (target, offset) => {
    counted.pieces += 1;
    await Promise.all([readBulk(target, offset), counted.pieces === 1 ? meanwhile() : undefined]);
  };
  return counted;
}

describe('a large piece that is read for the other half, beside the loop', () => {
  it('is not held against the check code that came with what was received meanwhile', () =>
    inWorld(1, (world) =>
      withLargePieces(async () => {
        const [kyoto, tokyo, osaka] = await sites(world, ['kyoto', 'tokyo', 'osaka'], 'db');
        if (!kyoto || !tokyo || !osaka) throw new Error('three sites were made');
        for (let track = 0; track < TRACKS; track += 8)
          await kyoto.device('db').write(bytes(1, 8 * TRACK), track * TRACK);
        await kyoto.pair('db', tokyo, { mode: 'async' });
        const { codeless, codes } = tokyo.owner.controller.fabric.volume(tokyo.volumeNumber('db'));
        const codeOf = (track: number) => {
          const stored = new Uint32Array(1);
          codes.read(track, 1, stored);
          return stored[0];
        };
        const before = codeOf(1);
        const read = slowly(tokyo, 'db', async () => {
          await kyoto.device('db').write(bytes(7), TRACK);
          // It arrives, and is settled with its code.
          while (codeOf(1) === before || codeless.map.has(1)) await world.clock.sleep(1);
        });
        await tokyo.pair('db', osaka, { mode: 'async' });
        expect(read.pieces).toBeGreaterThan(0);
        expect(await tokyo.until('db', 'duplex')).toBe('reached');
        expect(osaka.status('db')).toBe('duplex');
        expect(apart(kyoto.image('db', TRACKS), osaka.image('db', TRACKS))).toEqual([]);
      }),
    ));
});
