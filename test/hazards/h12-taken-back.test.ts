import { describe, expect, it } from 'vitest';
import { SimGroup } from '../simulation/system/sim-group.js';
import { formed } from './formation-orders.js';

describe('tracks that a recovery takes back', () => {
  it('H12: are on the way home too: both sides are the same after a failback', async () => {
    const group = await SimGroup.ready(1);
    await formed(group);
    await group.tokyo.write('db', 0, 2);
    await group.tokyo.write('db', 3, 2);
    await group.drain();
    group.tokyo.kill();
    group.kyoto.kill();
    await group.osaka.ask('cg.recover', { group: 'g', at: [group.osaka.ref], without: [] });
    expect(await group.osaka.read('db', 4)).toEqual([1, 0, 0, 0]);
    await group.osaka.write('db', 1, 7);
    await group.tokyo.restart();
    await group.kyoto.restart();
    expect(await group.osaka.ask('cg.failback', { group: 'g', wait: {} })).toMatchObject({ outcome: 'returned' });
    expect(await group.tokyo.read('db', 4)).toEqual([1, 7, 0, 0]);
  });
});
