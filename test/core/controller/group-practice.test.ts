import { describe, expect, it } from 'vitest';
import { SimGroup } from '../../simulation/system/sim-group.js';
import { SimSite } from '../../simulation/system/sim-sites.js';

const order = (group: SimGroup, to: string | null = null) => {
  const volume = to === null ? ('auto' as const) : { system: group.osaka.ref, volume: to };
  return group.tokyo.ask('cg.practice', { group: 'g', to: volume, drop: false });
};
const drop = (group: SimGroup) => group.tokyo.ask('cg.practice', { group: 'g', to: 'auto', drop: true });

describe('cg practice', () => {
  it('is closed to hosts until the next formation makes the copies, of one group at all remotes', async () => {
    const group = await SimGroup.ready(1, 2);
    const ordered = await order(group);
    expect(ordered).toMatchObject({
      outcome: 'ordered',
      practice: [
        { secondary: 'osaka:db', backup: 'osaka:db-backup', practice: 'osaka:spare-1', sequence: null, lost: false },
        { secondary: 'nara:log', practice: 'nara:spare-1', sequence: null },
      ],
    });
    await expect(group.osaka.read('spare-1', 1)).rejects.toMatchObject({ code: 'not-readable' });
    expect((await order(group)).outcome).toBe('nothing');
    await group.start();
    const made = await order(group);
    expect(made).toMatchObject({ outcome: 'nothing', practice: [{ sequence: 1 }, { sequence: 1 }] });
    await group.osaka.write('spare-1', 0, 9);
    expect(await group.first('spare-1', 'spare-1')).toEqual([9, 1]);
    expect(await group.first('db-backup', 'log-backup')).toEqual([1, 1]);
  });

  it('waits for a formation that is formed: one that is void makes no copy', async () => {
    const group = await SimGroup.ready(2);
    await order(group);
    await group.kyoto.ask('fault.set', { kind: 'link-down', peer: 'osaka' });
    expect((await group.start()).outcome).not.toBe('formed');
    await expect(group.osaka.read('spare-1', 1)).rejects.toMatchObject({ code: 'not-readable' });
    await group.kyoto.ask('fault.clear', {});
    await group.pass(60_000);
    await group.duplex();
    expect(await group.start()).toMatchObject({ outcome: 'formed', sequence: 2 });
    expect((await order(group)).practice.map(({ sequence }) => sequence)).toEqual([2, 2]);
  });

  it('makes none while one remote has no volume for it; run again it takes up the rest', async () => {
    const group = await SimGroup.ready(3, 2);
    await group.nara.ask('volume.delete', { volumes: ['spare-1', 'spare-2'] });
    await expect(order(group)).rejects.toMatchObject({ code: 'no-candidate' });
    expect(await group.start()).toMatchObject({ outcome: 'formed', sequence: 1 });
    await group.nara.volumes(4, 'late');
    await group.nara.ask('volume.reserve', { volumes: ['late'] });
    expect((await order(group)).outcome).toBe('ordered');
    await group.start();
    expect((await order(group)).practice).toMatchObject([
      { practice: 'osaka:spare-1', sequence: 2 },
      { practice: 'nara:late', sequence: 2 },
    ]);
  });

  it('--drop gives the volumes back, and they are taken for the next drill whatever they hold', async () => {
    const group = await SimGroup.ready(4);
    await order(group);
    await group.start();
    await group.osaka.write('spare-1', 1, 7);
    expect((await drop(group)).outcome).toBe('dropped');
    expect((await drop(group)).outcome).toBe('nothing');
    await expect(group.osaka.read('spare-1', 1)).rejects.toMatchObject({ code: 'incomplete' });
    await group.write(5);
    await order(group);
    await group.start();
    expect(await group.osaka.read('spare-1', 4)).toEqual([5, 0, 0, 0]);
    await group.tokyo.ask('cg.delete', { group: 'g' });
    const { pairs } = await group.osaka.ask('pair.list', {});
    expect(pairs.map(({ secondary }) => secondary)).not.toContain('osaka:spare-1');
  });

  it('takes a named volume for a group of one member, and no other is changed or refused in silence', async () => {
    const group = await SimGroup.ready(5);
    await expect(order(group, 'spare-2')).rejects.toMatchObject({ code: 'usage' });
    await group.tokyo.ask('cg.remove', { group: 'g', primary: { system: group.kyoto.ref, volume: 'log' } });
    expect((await order(group, 'spare-2')).practice).toMatchObject([{ practice: 'osaka:spare-2' }]);
    await expect(order(group, 'spare-1')).rejects.toMatchObject({ code: 'group-refuses' });
    const there = group.tokyo.ask('cg.practice', {
      group: 'g',
      to: { system: group.kyoto.ref, volume: 'x' },
      drop: false,
    });
    await expect(there).rejects.toMatchObject({ code: 'usage' });
  });

  it('leaves pair verbs no say over a drill copy, until the group was recovered', async () => {
    const group = await SimGroup.ready(6);
    await order(group);
    await group.start();
    const pairs = [{ primary: 'db', secondary: 'spare-1' }];
    await expect(group.osaka.ask('pair.delete', { pairs, force: true })).rejects.toMatchObject({ code: 'in-group' });
    await expect(group.osaka.ask('pair.resync', { pairs })).rejects.toMatchObject({ code: 'in-group' });
    group.tokyo.kill();
    await group.osaka.ask('cg.recover', { group: 'g', at: [group.osaka.ref], without: [] });
    await group.osaka.ask('pair.delete', { pairs, force: true });
  });

  it('refuses while a member was not yet copied', async () => {
    const group = await SimGroup.create(7);
    const nagoya = await SimSite.create(group.world, 'nagoya');
    await nagoya.volumes(4, 'web');
    await nagoya.write('web', 0, 1);
    await group.osaka.volumes(4, 'web', 'web-backup');
    await group.add(nagoya, 'web', group.osaka);
    await nagoya.ask('fault.set', { kind: 'link-down', peer: 'osaka' });
    await group.duplex();
    await expect(order(group)).rejects.toMatchObject({ code: 'member-not-ready' });
  });
});
