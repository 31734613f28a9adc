import { expect, it } from 'vitest';
import { TRACK } from '../../simulation/system/sim-system.js';
import type { World } from '../../simulation/world/world.js';
import { bytes, inWorld, sites, TRACKS } from './sync-stage.js';

/** At which moments of a copy its pair is deleted, one after the other. */
const MOMENTS = 16;

async function deleteWhileCopying(world: World, mode: 'sync' | 'async', afterMs: number): Promise<string> {
  const [tokyo, osaka] = await sites(world, ['tokyo', 'osaka'], 'db', 'log');
  if (!tokyo || !osaka) throw new Error('two sites were made');
  await tokyo.pair('log', osaka, { mode });
  await tokyo.pair('db', osaka, { mode });
  await tokyo.ask('pair.split', { pairs: [{ primary: 'db' }] });
  await tokyo.until('db', 'split');
  for (let part = 0; part < 4; part += 1) {
    const offsetBytes = (part * TRACKS * TRACK) / 4;
    await tokyo.ask('volume.write', { volume: 'db', offsetBytes, durable: true }, bytes(1, (TRACKS * TRACK) / 4));
  }
  await tokyo.ask('pair.resync', { pairs: [{ primary: 'db' }] });
  await world.clock.sleep(afterMs);
  await tokyo.ask('pair.delete', { pairs: [{ primary: 'db' }], force: true });
  // Whoever copies goes on with the other pairs.
  await tokyo.ask('pair.split', { pairs: [{ primary: 'log' }] });
  await tokyo.ask('volume.write', { volume: 'log', offsetBytes: 0, durable: true }, bytes(2));
  await tokyo.ask('pair.resync', { pairs: [{ primary: 'log' }] });
  return tokyo.until('log', 'duplex');
}

it.each(['sync', 'async'] as const)(
  'a %s pair that is deleted while it is copied does not keep the others from copying',
  async (mode) => {
    for (let moment = 0; moment < MOMENTS; moment += 1)
      expect(await inWorld(moment + 1, (world) => deleteWhileCopying(world, mode, moment * 1.5))).toBe('reached');
  },
);
