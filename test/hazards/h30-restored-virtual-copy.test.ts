import { describe, expect, it } from 'vitest';
import { SimGroup } from '../simulation/system/sim-group.js';
import { Orders } from './formation-orders.js';
import { afterPowerLoss, codeOf, pairOf, staged, values } from './stage.js';

const db = pairOf('db', 'copy');

describe('a virtual copy that is restored', () => {
  it('H30: returns to split with its image kept, and copies only what had changed', async () => {
    const system = await staged(1, 600, 'db', 'copy');
    await system.write('db', 0, 1, 600);
    await system.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'copy', virtual: true }] });
    const instant = (await system.status('db', 'copy'))?.pointInTime;
    await system.write('db', 4, 2);
    const lacking = (await system.status('db', 'copy'))?.outOfSyncTracks ?? 0;
    expect(lacking).toBeGreaterThan(300);
    const { pairs } = await system.ask('pair.resync', { pairs: db, reverse: true, discard: true });
    expect(pairs[0]).toMatchObject({ after: 'resync-reverse', tracks: 1 });
    expect((await system.read('db', 8))[4]).toBe(1);
    await system.write('db', 500, 3);
    expect(await system.wait('db', 'copy', 'split')).toBe('reached');
    const row = await system.status('db', 'copy');
    expect(row).toMatchObject({ status: 'split', virtual: true, imageComplete: false, pointInTime: instant });
    expect(await system.read('copy', 600)).toEqual(values(600, 1));
    expect(await system.read('db', 600)).toEqual(values(600, 1, [500, 3]));
    await system.write('db', 10, 4);
    expect(await system.read('copy', 600)).toEqual(values(600, 1));
    await system.close();
  });

  it('H30: keeps its image through a loss of power in the middle of the restore', async () => {
    let system = await staged(2, 16, 'db', 'copy');
    await system.write('db', 0, 1, 16);
    await system.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'copy', virtual: true }] });
    await system.write('db', 4, 2);
    await system.ask('pair.resync', { pairs: db, reverse: true, discard: true });
    await system.write('db', 9, 3);
    system = await afterPowerLoss(system);
    expect(await system.read('db', 16)).toEqual(values(16, 1, [9, 3]));
    expect(await system.wait('db', 'copy', 'split')).toBe('reached');
    expect(await system.read('copy', 16)).toEqual(values(16, 1));
    expect(await system.read('db', 16)).toEqual(values(16, 1, [9, 3]));
    await system.close();
  });
});

describe("a formation's freeze", () => {
  it('H30: is no split: the status stays, and no host reads or writes the remote volume', async () => {
    const group = await SimGroup.ready(1);
    const orders = await Orders.of(group);
    await orders.drained(1);
    const { pairs } = await group.tokyo.ask('pair.list', {});
    expect(pairs[0]).toMatchObject({ status: 'duplex' });
    expect(await codeOf(group.osaka.read('db', 1))).toBe('not-readable');
    expect(await codeOf(group.osaka.write('db', 0, 9))).toBe('not-writable');
    await orders.both('prepare', 1);
    expect(await codeOf(group.osaka.write('db', 0, 9))).toBe('not-writable');
  });
});
