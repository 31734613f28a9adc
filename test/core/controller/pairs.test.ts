import { describe, expect, it } from 'vitest';
import { SimSystem } from '../../simulation/system/sim-system.js';
import { World } from '../../simulation/world/world.js';

describe('a pair inside one storage system', () => {
  it('is copied, split at an instant, written on both sides and resynced by differences', async () => {
    const system = await SimSystem.create(new World(1));
    await system.volumes(16, 'db', 'copy');
    await system.write('db', 0, 7, 8);
    await system.pair('db', 'copy');
    expect(await system.wait('db', 'copy', 'duplex')).toBe('reached');
    await system.ask('pair.split', { pairs: [{ primary: 'db', secondary: 'copy' }] });
    await system.write('db', 1, 9);
    await system.writePart('copy', 2, 5);
    expect(await system.wait('db', 'copy', 'split')).toBe('reached');
    expect(await system.read('copy', 8)).toEqual([7, 7, 7, 7, 7, 7, 7, 7]);
    expect(await system.read('db', 8)).toEqual([7, 9, 7, 7, 7, 7, 7, 7]);
    const answer = await system.ask('pair.resync', { pairs: [{ primary: 'db', secondary: 'copy' }], discard: true });
    expect(answer.pairs[0]?.tracks).toBe(2);
    expect(await system.wait('db', 'copy', 'duplex')).toBe('reached');
    expect((await system.status('db', 'copy'))?.percentIdentical).toBe(100);
    expect((await system.ask('pair.verify', { pairs: [{ primary: 'db' }], repair: false })).pairs[0]?.same).toBe(true);
    await system.close();
  });
});
