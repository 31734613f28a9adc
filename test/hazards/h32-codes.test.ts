import { describe, expect, it } from 'vitest';
import type { SimSystem } from '../simulation/system/sim-system.js';
import { WorldStopped } from '../simulation/world/world.js';
import { afterKill, afterPowerLoss, Expected, Host, overSeeds, pairOf, staged } from './stage.js';

const db = pairOf('db', 'copy');

async function demandSound(system: SimSystem): Promise<void> {
  const { volumes } = await system.ask('volume.scrub', { volumes: ['db', 'copy'], accept: false });
  expect(volumes.map((row) => row.badTracks)).toEqual([[], []]);
}

describe('check codes', () => {
  it('H32: fit after a loss of power at any moment of a copy, and the healthy pair goes on', async () => {
    await overSeeds(60, async (seed) => {
      const system = await staged(seed, 24, 'db', 'copy');
      await system.write('db', 0, 1, 24);
      await system.pair('db', 'copy');
      const { process } = system.world;
      process.stopAtCall(process.calls + 1 + (seed % 30));
      await system.wait('db', 'copy', 'duplex').catch((error: unknown) => {
        if (!(error instanceof WorldStopped)) throw error;
      });
      const again = await afterPowerLoss(system, seed % 2 === 0 ? 'random' : 'none');
      expect(await again.wait('db', 'copy', 'duplex')).toBe('reached');
      await demandSound(again);
      await again.close();
    });
  });

  it('H32: count only where they were durable before their tracks were called identical', async () => {
    let system = await staged(91, 24, 'db', 'copy');
    await system.write('db', 0, 1, 24);
    await system.pair('db', 'copy');
    await system.wait('db', 'copy', 'duplex');
    await system.close();
    system = await afterPowerLoss(system, 'all');
    // From here on both sides have codes at rest that a later copy must replace, or unset.
    await system.ask('volume.scrub', { volumes: ['db', 'copy'], accept: true });
    await system.ask('pair.split', { pairs: db });
    await system.write('db', 0, 2, 24);
    await system.ask('pair.resync', { pairs: db });
    await system.wait('db', 'copy', 'duplex');
    await system.close();
    system = await afterPowerLoss(system);
    await demandSound(system);
    await system.close();
  });

  it('H32: that power took away with their file do not count, also where a kill follows', async () => {
    let system = await staged(93, 24, 'db', 'copy');
    await system.write('db', 0, 1, 24);
    await system.pair('db', 'copy');
    await system.wait('db', 'copy', 'duplex');
    await system.close();
    system = await afterPowerLoss(system);
    await system.read('db', 1);
    system = await afterKill(system);
    await demandSound(system);
    await system.close();
  });

  it('H32: of tracks that a host overwrote are unset, also where power failed before that was logged', async () => {
    let system = await staged(92, 24, 'db', 'copy');
    await system.write('db', 0, 1, 24);
    await system.pair('db', 'copy');
    await system.wait('db', 'copy', 'duplex');
    await system.close();
    system = await afterPowerLoss(system);
    await system.write('db', 3, 2);
    system = await afterPowerLoss(system);
    await demandSound(system);
    expect(await system.wait('db', 'copy', 'duplex')).toBe('reached');
    await system.ask('pair.split', { pairs: db });
    expect((await system.read('copy', 8))[3]).toBe(2);
    await system.close();
  });

  it('H32: fit after hosts wrote both sides beside the copier, in a split and in the restore from it', async () => {
    await overSeeds(10, async (seed) => {
      const system = await staged(seed, 300, 'db', 'copy');
      await system.write('db', 0, 1, 300);
      await system.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'copy', split: true }] });
      const hosts = [new Host(system, 'db', new Expected(300)), new Host(system, 'copy', new Expected(300))] as const;
      const split = system.client.request('pair.wait', { pairs: db, statuses: ['split'] });
      await system.world.run(Promise.all([split, hosts[0].writeSome(40, 50), hosts[1].writeSome(40, 120)]));
      await system.wait('db', 'copy', 'split');
      await demandSound(system);
      await system.ask('pair.resync', { pairs: db, reverse: true, discard: true });
      const restore = system.client.request('pair.wait', { pairs: db, statuses: ['duplex'] });
      await system.world.run(Promise.all([restore, hosts[0].writeSome(40, 50)]));
      expect(await system.wait('db', 'copy', 'duplex')).toBe('reached');
      await demandSound(system);
      await system.close();
    });
  });
});
