import { describe, expect, it } from 'vitest';
import { SimGroup } from '../simulation/system/sim-group.js';
import { formed } from './formation-orders.js';
import { afterPowerLoss, overSeeds, pairOf, staged, values } from './stage.js';

describe('regions that were active when the power failed', () => {
  it('H10: doubt at the primary of a frozen pair never sends its secondary to the new data', async () => {
    let system = await staged(1, 16, 'a', 'b', 'c');
    await system.write('a', 0, 1, 16);
    await system.pair('a', 'b');
    await system.wait('a', 'b', 'duplex');
    await system.ask('pair.split', { pairs: pairOf('a', 'b') });
    await system.wait('a', 'b', 'split');
    await system.ask('pair.create', { pairs: [{ primary: 'b', secondary: 'c', virtual: true }] });
    await system.write('a', 2, 2);
    await system.write('b', 5, 3);
    system = await afterPowerLoss(system);
    expect(await system.read('b', 16)).toEqual(values(16, 1, [5, 3]));
    expect(await system.read('c', 16)).toEqual(values(16, 1));
    expect((await system.status('b', 'c'))?.changedTracks).toBe(16);
    await system.close();
  });

  it('H10: doubt at a split secondary takes nothing back from what its host wrote there', async () => {
    let system = await staged(2, 16, 'db', 'copy');
    await system.write('db', 0, 1, 16);
    await system.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'copy', virtual: true }] });
    await system.write('copy', 3, 7);
    await system.writePart('copy', 5, 8);
    await system.write('copy', 6, 9);
    system = await afterPowerLoss(system);
    expect(await system.read('copy', 16)).toEqual(values(16, 1, [3, 7], [6, 9]));
    expect((await system.status('db', 'copy'))?.secondaryChangedTracks).toBe(16);
    await system.close();
  });

  it('H10: a restore behind doubt copies nothing from a side that lacks it', async () => {
    let system = await staged(3, 16, 'db', 'copy');
    await system.write('db', 0, 1, 16);
    await system.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'copy', split: true }] });
    await system.write('db', 15, 1);
    system = await afterPowerLoss(system);
    await system.ask('pair.resync', { pairs: pairOf('db', 'copy'), reverse: true, discard: true });
    await system.wait('db', 'copy', 'resync', 'duplex');
    expect(await system.read('db', 16)).toEqual(values(16, 1));
    await system.wait('db', 'copy', 'duplex');
    expect(await system.read('db', 16)).toEqual(values(16, 1));
    await system.ask('pair.split', { pairs: pairOf('db', 'copy') });
    expect(await system.read('copy', 16)).toEqual(values(16, 1));
    await system.close();
  });
});

describe('a remote that loses its power with regions active', () => {
  it('H10: shows the last group in its virtual copies, whatever was landing', async () => {
    await overSeeds(12, async (seed) => {
      const group = await SimGroup.ready(seed);
      const { world } = group;
      const { rng } = world;
      for (const value of [2, 3]) {
        await group.write(value);
        await formed(group);
      }
      for (const track of [0, 1, 2]) await group.tokyo.write('db', track, 9);
      await world.run(
        Promise.race([
          group.tokyo.client.request('copier.drain', { timeoutMs: 1_000 }).catch(() => undefined),
          group.kyoto.process.clock.sleep(rng.unit() * 60),
        ]),
      );
      group.osaka.losePower(rng.pick(['none', 'all', 'random']));
      await group.osaka.restart();
      expect(await group.osaka.read('db-backup', 4)).toEqual([3, 0, 0, 0]);
      await group.osaka.ask('cg.recover', { group: 'g', at: [group.osaka.ref], without: [] });
      await group.osaka.ask('copier.drain', {});
      expect(await group.osaka.read('db', 4)).toEqual([3, 0, 0, 0]);
    });
  });

  it('H10: shows what a commit folded, though it was marked in memory alone', async () => {
    const group = await SimGroup.ready(40);
    await formed(group);
    group.osaka.kill();
    await group.osaka.restart();
    expect(await group.first('db-backup', 'log-backup')).toEqual([1, 1]);
  });
});
