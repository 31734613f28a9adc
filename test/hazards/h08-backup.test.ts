import { describe, expect, it } from 'vitest';
import { SimGroup } from '../simulation/system/sim-group.js';
import { formed, Orders } from './formation-orders.js';

describe('the last group', () => {
  it('H8: stands where its backup takes no more; the remote pair is suspended in its stead', async () => {
    const group = await SimGroup.ready(1);
    await formed(group);
    await group.osaka.ask('fault.set', { kind: 'io-error', volume: 'db-backup', on: 'write' });
    await group.tokyo.write('db', 0, 2);
    await group.tokyo.ask('copier.drain', { timeoutMs: 2_000 });
    await group.osaka.ask('fault.clear', {});
    expect(await group.first('db-backup', 'log-backup')).toEqual([1, 1]);
    const { pairs } = await group.tokyo.ask('pair.list', {});
    expect(pairs[0]).toMatchObject({ status: 'suspended' });
    const input = { group: 'g', at: [group.osaka.ref], without: [] };
    expect(await group.osaka.ask('cg.recover', input)).toMatchObject({ case: 'keep' });
    expect(await group.first('db', 'log')).toEqual([1, 1]);
  });

  it('H8: is followed by the next after a save area was full, which voided a formation and suspended nothing', async () => {
    const group = await SimGroup.ready(2, 1, { saveLimitBytes: 4_096 });
    const orders = await Orders.of(group);
    await group.tokyo.ask('fault.set', { kind: 'link-down', peer: 'osaka' });
    for (const track of [1, 2]) await group.tokyo.write('db', track, 5);
    for (const kind of ['coordinate', 'run'] as const) await orders.give(group.tokyo, kind, 1);
    for (const track of [1, 2]) await group.tokyo.write('db', track, 6);
    expect(await orders.give(group.tokyo, 'drain', 1)).toMatchObject({ kind: 'refused' });
    await group.tokyo.ask('fault.clear', {});
    const { pairs } = await group.tokyo.ask('pair.list', {});
    expect(['duplex', 'resync']).toContain(pairs[0]?.status);
    await formed(group);
    expect(await group.osaka.read('db-backup', 4)).toEqual([1, 6, 6, 0]);
  });
});
