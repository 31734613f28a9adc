import { describe, expect, it } from 'vitest';
import { SimGroup } from '../simulation/system/sim-group.js';
import { formed, Orders } from './formation-orders.js';
import { codeOf } from './stage.js';

describe('a recovery', () => {
  it('H6: finds that no group was ever formed, and restores no empty backup', async () => {
    const group = await SimGroup.ready(1, 2);
    const at = group.remotes.map(({ ref }) => ref);
    expect(await group.osaka.ask('cg.recover', { group: 'g', at, without: [] })).toMatchObject({ case: 'none' });
    expect(await codeOf(group.osaka.read('db', 1))).toBe('not-readable');
  });

  it('H6: that does not reach a remote of the list stops: it may have committed', async () => {
    const group = await SimGroup.ready(2, 2);
    await formed(group);
    const orders = await Orders.of(group);
    await orders.drained(5);
    for (const answer of await orders.both('prepare', 5)) expect(answer).toMatchObject({ kind: 'ok' });
    await orders.give(group.kyoto, 'commit', 5);
    const input = { group: 'g', at: [group.osaka.ref], without: [] };
    expect(await codeOf(group.osaka.ask('cg.recover', input))).toBe('peer-missing');
    const all = { ...input, at: group.remotes.map(({ ref }) => ref) };
    expect(await group.osaka.ask('cg.recover', all)).toMatchObject({ case: 'commit', sequence: 5 });
  });

  it('H6: names a member that was added after the last group, and leaves it out', async () => {
    const group = await SimGroup.ready(3);
    await formed(group);
    await group.tokyo.volumes(4, 'extra');
    await group.osaka.volumes(4, 'extra', 'extra-backup');
    await group.add(group.tokyo, 'extra', group.osaka);
    const input = { group: 'g', at: [group.osaka.ref], without: [] };
    expect(await group.osaka.ask('cg.recover', input)).toMatchObject({ case: 'keep', sequence: 1 });
    expect(await group.first('db', 'log')).toEqual([1, 1]);
  });

  it('H6: goes by the decision of the master where all are prepared and it can be read', async () => {
    const group = await SimGroup.ready(4, 2);
    await formed(group);
    await group.write(2);
    await group.tokyo.ask('fault.set', { kind: 'crash', step: 'formation.decided' });
    await group.world.run(
      Promise.race([
        group.tokyo.client.request('cg.start', { group: 'g' }).catch(() => undefined),
        group.kyoto.process.clock.sleep(20_000),
      ]),
    );
    const input = { group: 'g', at: group.remotes.map(({ ref }) => ref), without: [] };
    expect(await group.osaka.ask('cg.recover', input)).toMatchObject({ case: 'decided', sequence: 2 });
    expect(await group.first('db', 'log')).toEqual([2, 2]);
  });
});
