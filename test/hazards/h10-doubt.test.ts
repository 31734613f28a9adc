import { describe, expect, it } from 'vitest';
import { afterPowerLoss, pairOf, staged, values } from './stage.js';

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
