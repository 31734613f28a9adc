import { describe, expect, it } from 'vitest';
import { afterPowerLoss, pairOf, staged, values } from './stage.js';

describe('what an initial copy has to copy', () => {
  it('H19: with --overwrite no data of the secondary stays where the primary was never written', async () => {
    const system = await staged(1, 16, 'db', 'copy');
    await system.write('db', 2, 1, 2);
    await system.write('copy', 0, 9, 8);
    await system.ask('pair.create', { pairs: pairOf('db', 'copy'), overwrite: true });
    expect((await system.status('db', 'copy'))?.outOfSyncTracks).toBe(8);
    await system.wait('db', 'copy', 'duplex');
    await system.ask('pair.split', { pairs: pairOf('db', 'copy') });
    expect(await system.read('copy', 16)).toEqual(values(16, 0, [2, 1], [3, 1]));
    await system.close();
  });

  it('H19: a write whose allocation was not logged when the power failed is copied', async () => {
    let system = await staged(2, 16, 'db', 'copy');
    await system.write('db', 2, 1, 2);
    system = await afterPowerLoss(system);
    await system.pair('db', 'copy');
    await system.wait('db', 'copy', 'duplex');
    await system.ask('pair.split', { pairs: pairOf('db', 'copy') });
    expect(await system.read('copy', 16)).toEqual(values(16, 0, [2, 1], [3, 1]));
    await system.close();
  });
});
