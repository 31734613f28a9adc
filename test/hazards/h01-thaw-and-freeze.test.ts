import { describe, expect, it } from 'vitest';
import { afterPowerLoss, pairOf, staged, values } from './stage.js';

const db = pairOf('db', 'copy');

describe('a thaw, and a freeze right behind it', () => {
  it('H1: every track that was left over, changed at P or changed at S is copied after a resync', async () => {
    const system = await staged(1, 16, 'db', 'copy');
    await system.write('db', 0, 1, 16);
    await system.pair('db', 'copy');
    await system.wait('db', 'copy', 'duplex');
    await system.write('db', 2, 2);
    await system.ask('pair.split', { pairs: db });
    await system.write('db', 5, 3);
    await system.write('copy', 9, 4);
    const { pairs } = await system.ask('pair.resync', { pairs: db, discard: true });
    expect(pairs[0]).toMatchObject({ after: 'resync', tracks: 3 });
    expect(await system.status('db', 'copy')).toMatchObject({ outOfSyncTracks: 3, changedTracks: 0 });
    await system.wait('db', 'copy', 'duplex');
    await system.ask('pair.split', { pairs: db });
    expect(await system.read('copy', 16)).toEqual(values(16, 1, [2, 2], [5, 3]));
    await system.close();
  });

  it('H1: a second split before the first differences are copied forgets none of them', async () => {
    const system = await staged(2, 16, 'db', 'copy');
    await system.write('db', 0, 1, 16);
    await system.pair('db', 'copy');
    await system.wait('db', 'copy', 'duplex');
    await system.write('db', 2, 2);
    await system.ask('pair.split', { pairs: db });
    await system.write('db', 5, 3);
    await system.ask('pair.resync', { pairs: db });
    await system.ask('pair.split', { pairs: db });
    await system.write('db', 7, 4);
    expect(await system.status('db', 'copy')).toMatchObject({ outOfSyncTracks: 2, changedTracks: 1 });
    expect(await system.wait('db', 'copy', 'split')).toBe('reached');
    expect(await system.read('copy', 16)).toEqual(values(16, 1, [2, 2], [5, 3]));
    await system.close();
  });

  it('H1: power lost right after the answer of a resync loses none of the differences that it gathered', async () => {
    let system = await staged(3, 16, 'db', 'copy');
    await system.write('db', 0, 1, 16);
    await system.pair('db', 'copy');
    await system.wait('db', 'copy', 'duplex');
    await system.ask('pair.split', { pairs: db });
    await system.wait('db', 'copy', 'split');
    await system.close();
    system = await afterPowerLoss(system);
    await system.write('db', 5, 3);
    await system.write('copy', 9, 4);
    await system.close();
    system = await afterPowerLoss(system);
    await system.ask('pair.resync', { pairs: db, discard: true });
    system = await afterPowerLoss(system);
    expect(await system.status('db', 'copy')).toMatchObject({ status: 'resync', outOfSyncTracks: 2 });
    await system.wait('db', 'copy', 'duplex');
    await system.ask('pair.split', { pairs: db });
    expect(await system.read('copy', 16)).toEqual(values(16, 1, [5, 3]));
    await system.close();
  });
});
