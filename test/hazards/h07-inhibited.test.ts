import { describe, expect, it } from 'vitest';
import { SimGroup } from '../simulation/system/sim-group.js';
import { formed, Orders } from './formation-orders.js';

async function prepared(seed: number): Promise<{ group: SimGroup; orders: Orders }> {
  const group = await SimGroup.ready(seed, 2);
  const orders = await Orders.of(group);
  await orders.drained(1);
  for (const answer of await orders.both('prepare', 1)) expect(answer).toMatchObject({ kind: 'ok' });
  await orders.both('thaw', 1);
  await group.write(2);
  return { group, orders };
}

const sent = (group: SimGroup) =>
  Promise.all([
    group.tokyo.client.request('copier.drain', { timeoutMs: 500 }),
    group.kyoto.client.request('copier.drain', { timeoutMs: 500 }),
  ]).catch(() => undefined);

describe('a remote volume that is prepared', () => {
  it('H7: takes nothing before its own commit; the differences wait at the primary', async () => {
    const { group, orders } = await prepared(1);
    await group.world.run(sent(group));
    expect(await orders.give(group.kyoto, 'commit', 1)).toMatchObject({ kind: 'ok' });
    await group.world.run(sent(group));
    await orders.give(group.tokyo, 'commit', 1);
    expect(await group.first('db-backup', 'log-backup')).toEqual([1, 1]);
    await group.drain();
    expect(await group.first('db-backup', 'log-backup')).toEqual([1, 1]);
    await formed(group);
    expect(await group.first('db-backup', 'log-backup')).toEqual([2, 2]);
  });

  it('H7: stays so through a kill of its process, and after a revert it goes on', async () => {
    const { group, orders } = await prepared(2);
    group.osaka.kill();
    await group.osaka.restart();
    await group.world.run(sent(group));
    const { sheets } = await group.osaka.ask('cg.list', {});
    expect(sheets[0]?.remote?.volumes[0]).toMatchObject({ revertible: 1, committed: null });
    for (const answer of await orders.both('revert', 1)) expect(answer).toMatchObject({ kind: 'ok' });
    await group.drain();
    await formed(group);
    expect(await group.first('db-backup', 'log-backup')).toEqual([2, 2]);
  });

  it('H7: stays so through a loss of power right after its answer', async () => {
    const { group } = await prepared(3);
    group.osaka.losePower();
    await group.osaka.restart();
    const { sheets } = await group.osaka.ask('cg.list', {});
    expect(sheets[0]?.remote?.volumes[0]).toMatchObject({ revertible: 1 });
  });
});
