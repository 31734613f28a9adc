import { describe, expect, it } from 'vitest';
import { SimGroup } from '../simulation/system/sim-group.js';
import { overSeeds } from './stage.js';

describe('a drill copy', () => {
  it('H13: does not change when the next formations move the backup', async () => {
    const group = await SimGroup.ready(1, 2);
    await group.tokyo.ask('cg.practice', { group: 'g', to: 'auto', drop: false });
    await group.write(2);
    expect(await group.start()).toMatchObject({ outcome: 'formed', sequence: 1 });
    expect(await group.first('spare-1', 'spare-1')).toEqual([2, 2]);
    for (const value of [3, 4]) {
      await group.write(value);
      await group.tokyo.write('db', 2, value);
      expect(await group.start()).toMatchObject({ outcome: 'formed' });
      expect(await group.first('db-backup', 'log-backup')).toEqual([value, value]);
      expect(await group.osaka.read('spare-1', 4)).toEqual([2, 0, 0, 0]);
      expect(await group.nara.read('spare-1', 4)).toEqual([2, 0, 0, 0]);
    }
  });

  it('H13: keeps what its hosts wrote and what it had, through formations, kills of its system and a recovery', async () => {
    await overSeeds(8, async (seed) => {
      const group = await SimGroup.ready(seed);
      const { rng } = group.world;
      await group.tokyo.ask('cg.practice', { group: 'g', to: 'auto', drop: false });
      for (let track = 0; track < 4; track += 1) await group.tokyo.write('db', track, 10 + track);
      await group.start();
      const drill = [10, 11, 12, 13];
      for (let round = 0; round < 6; round += 1) {
        await group.tokyo.write('db', rng.below(4), 20 + round);
        const own = rng.below(4);
        if (rng.chance(0.4)) {
          await group.osaka.write('spare-1', own, 50 + round);
          drill[own] = 50 + round;
        }
        if (rng.chance(0.6)) await group.start();
        else await group.drain();
        if (rng.chance(0.3)) {
          group.osaka.kill();
          await group.osaka.restart();
        }
        expect(await group.osaka.read('spare-1', 4)).toEqual(drill);
      }
      const backup = await group.osaka.read('db-backup', 4);
      group.tokyo.kill();
      await group.osaka.ask('cg.recover', { group: 'g', at: [group.osaka.ref], without: [] });
      expect(await group.osaka.read('db', 4)).toEqual(backup);
      expect(await group.osaka.read('spare-1', 4)).toEqual(drill);
    });
  });

  it('H13: pays alone where an old track cannot be saved to it; the group forms and recovers', async () => {
    const group = await SimGroup.ready(3);
    await group.tokyo.ask('cg.practice', { group: 'g', to: 'auto', drop: false });
    await group.start();
    await group.osaka.ask('fault.set', { kind: 'io-error', volume: 'spare-1', on: 'write' });
    await group.write(2);
    expect(await group.start()).toMatchObject({ outcome: 'formed', sequence: 2 });
    expect(await group.first('db-backup', 'log-backup')).toEqual([2, 2]);
    const { pairs } = await group.tokyo.ask('pair.list', {});
    expect(pairs).toMatchObject([{ primary: 'tokyo:db', status: 'duplex' }]);
    await expect(group.osaka.read('spare-1', 1)).rejects.toMatchObject({ code: 'incomplete' });
    expect(await group.osaka.read('spare-2', 1)).toEqual([1]);
    const again = group.tokyo.ask('cg.practice', { group: 'g', to: 'auto', drop: false });
    await expect(again).rejects.toMatchObject({ code: 'group-refuses' });
    await group.tokyo.ask('cg.practice', { group: 'g', to: 'auto', drop: true });
    await group.write(3);
    expect(await group.start()).toMatchObject({ outcome: 'formed', sequence: 3 });
  });
});
