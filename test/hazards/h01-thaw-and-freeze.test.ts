import { describe, expect, it } from 'vitest';
import { SimGroup } from '../simulation/system/sim-group.js';
import { DRAIN_MS, formed, LIMIT_MS, Orders } from './formation-orders.js';
import { afterPowerLoss, overSeeds, pairOf, staged, values } from './stage.js';

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

describe("a formation's freeze", () => {
  it('H1: is made once, though coordinate comes twice; what was written since is sent after the thaw', async () => {
    const group = await SimGroup.ready(1);
    const orders = await Orders.of(group);
    expect(await orders.give(group.tokyo, 'coordinate', 1)).toMatchObject({ kind: 'ok' });
    expect(await orders.give(group.tokyo, 'run', 1)).toMatchObject({ kind: 'ok' });
    await group.tokyo.write('db', 2, 7);
    expect(await orders.give(group.tokyo, 'thaw', 1)).toMatchObject({ kind: 'ok' });
    expect(await orders.give(group.tokyo, 'coordinate', 1)).toMatchObject({ kind: 'refused' });
    expect(await orders.give(group.tokyo, 'run', 1)).toMatchObject({ kind: 'refused' });
    await formed(group);
    expect(await group.osaka.read('db-backup', 4)).toEqual([1, 0, 7, 0]);
  });

  it('H1: that ends at its drain limit gives back what was left over and what was written since', async () => {
    const group = await SimGroup.ready(2);
    const orders = await Orders.of(group);
    await group.tokyo.ask('fault.set', { kind: 'link-down', peer: 'osaka' });
    await group.tokyo.write('db', 1, 5);
    for (const kind of ['coordinate', 'run'] as const) await orders.give(group.tokyo, kind, 1);
    await group.tokyo.write('db', 2, 6);
    await group.pass(LIMIT_MS + DRAIN_MS + 100);
    await group.tokyo.ask('fault.clear', {});
    await group.duplex();
    await formed(group);
    expect(await group.osaka.read('db-backup', 4)).toEqual([1, 5, 6, 0]);
  });

  it('H1: takes its saved old contents with it: the next sends what its own instant had', async () => {
    const group = await SimGroup.ready(3);
    const orders = await Orders.of(group);
    await group.tokyo.ask('fault.set', { kind: 'link-down', peer: 'osaka' });
    await group.tokyo.write('db', 1, 5);
    for (const kind of ['coordinate', 'run'] as const) await orders.give(group.tokyo, kind, 1);
    await group.tokyo.write('db', 1, 6);
    await orders.give(group.tokyo, 'thaw', 1);
    await group.tokyo.ask('fault.clear', {});
    await formed(group);
    expect(await group.osaka.read('db-backup', 4)).toEqual([1, 6, 0, 0]);
  });

  it('H1: never comes after its own thaw, in whatever order the two arrive', async () => {
    await overSeeds(20, async (seed) => {
      const group = await SimGroup.ready(seed);
      const orders = await Orders.of(group);
      const { tokyo, world } = group;
      await world.run(Promise.all([orders.send(tokyo, 'coordinate', 1), orders.send(tokyo, 'thaw', 1)]));
      await group.pass(LIMIT_MS + 5);
      const { members } = await tokyo.ask('cg.list', {});
      expect(['idle', 'copying']).toContain(members[0]?.state);
    });
  });
});
