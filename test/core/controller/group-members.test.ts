import { describe, expect, it } from 'vitest';
import { SimGroup } from '../../simulation/system/sim-group.js';
import { SimSite } from '../../simulation/system/sim-sites.js';

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: { code?: string }) => error.code ?? String(error),
  );
const remove = (group: SimGroup, site: SimSite, volume: string) =>
  group.tokyo.ask('cg.remove', { group: 'g', primary: { system: site.ref, volume } });
const pairsAt = async (site: SimSite) => (await site.ask('pair.list', {})).pairs.map((pair) => pair.secondary);

describe('cg add', () => {
  const add = (group: SimGroup, primary: string, secondary: string, backup: string | null, from = group.tokyo) =>
    group.tokyo.ask('cg.add', {
      group: 'g',
      primary: { system: from.ref, volume: primary },
      secondary: { system: group.osaka.ref, volume: secondary },
      backup: backup === null ? 'auto' : { system: group.osaka.ref, volume: backup },
    });

  it('with a wrong name, or a backup that does not fit, makes nothing', async () => {
    const group = await SimGroup.ready(1);
    await group.tokyo.volumes(4, 'web');
    await group.osaka.volumes(4, 'web');
    await group.osaka.volumes(5, 'large');
    expect(await codeOf(add(group, 'wep', 'web', null))).toBe('volume-not-found');
    expect(await codeOf(add(group, 'web', 'wep', null))).toBe('volume-not-found');
    expect(await codeOf(add(group, 'web', 'web', 'wep'))).toBe('volume-not-found');
    expect(await codeOf(add(group, 'web', 'web', 'large'))).toBe('sizes-differ');
    expect(await codeOf(add(group, 'web', 'web', 'db-backup'))).not.toBe('done');
    expect(await pairsAt(group.tokyo)).toEqual(['osaka:db']);
    expect((await group.status()).members).toHaveLength(2);
  });

  it('refuses the pair of another group, and one that is not async', async () => {
    const group = await SimGroup.ready(2);
    await group.tokyo.ask('cg.create', { group: 'h', policy: {} });
    const other = group.tokyo.ask('cg.add', {
      group: 'h',
      primary: { system: group.tokyo.ref, volume: 'db' },
      secondary: { system: group.osaka.ref, volume: 'db' },
      backup: 'auto',
    });
    expect(await codeOf(other)).toBe('in-group');
    await group.tokyo.volumes(4, 'web');
    await group.osaka.volumes(4, 'web');
    const row = { primary: 'web', secondary: 'web', secondarySystem: group.osaka.ref };
    await group.tokyo.ask('pair.create', { pairs: [row], mode: 'sync' });
    expect(await codeOf(add(group, 'web', 'web', null))).toBe('mode-not-here');
  });

  it('knows a member again by any name of its volumes, and refuses another backup for it', async () => {
    const group = await SimGroup.ready(3);
    const { volumes } = await group.osaka.ask('volume.list', {});
    const number = volumes.find(({ name }) => name === 'db')?.number ?? '';
    expect(await add(group, 'db', number, null)).toMatchObject({ outcome: 'nothing', paired: false });
    expect(await add(group, 'db', 'db', 'db-backup')).toMatchObject({ outcome: 'nothing' });
    expect(await codeOf(add(group, 'db', 'db', 'spare-1'))).toBe('group-refuses');
  });

  it('that did not reach every system is finished when it is run again', async () => {
    const group = await SimGroup.ready(4);
    await group.tokyo.volumes(4, 'web');
    await group.osaka.volumes(4, 'web');
    await group.tokyo.ask('fault.set', { kind: 'link-down', peer: 'kyoto' });
    expect(await codeOf(add(group, 'web', 'web', null))).toBe('link-lost');
    await group.tokyo.ask('fault.clear', {});
    expect(await add(group, 'web', 'web', null)).toMatchObject({ outcome: 'nothing' });
    await group.tokyo.ask('pair.wait', { pairs: [{ primary: 'web' }], statuses: ['duplex'] });
    expect(await group.start()).toMatchObject({ outcome: 'formed' });
    expect((await group.status()).members.map(({ sequence }) => sequence)).toEqual([1, 1, 1]);
  });

  it('lets a member that was not yet copied wait: one formation is refused, a running group goes on without it', async () => {
    const group = await SimGroup.ready(5);
    const nagoya = await SimSite.create(group.world, 'nagoya');
    await nagoya.volumes(4, 'web');
    await nagoya.write('web', 0, 1);
    await group.osaka.volumes(4, 'web');
    await add(group, 'web', 'web', null, nagoya);
    await nagoya.ask('fault.set', { kind: 'link-down', peer: 'osaka' });
    expect(await codeOf(group.start())).toBe('member-not-ready');
    await group.tokyo.ask('cg.run', { group: 'g' });
    void group.tokyo.client.request('cg.follow', { group: 'g' }).catch(() => undefined);
    await group.pass(3_000);
    const { formed, members } = await group.status();
    expect(formed).toBeGreaterThan(0);
    expect(members.map(({ joined }) => joined)).toEqual([true, true, false]);
  });

  it('lets a member wait whose remote has none of the others of its system: groups are formed without it', async () => {
    const group = await SimGroup.ready(6);
    const nagoya = await SimSite.create(group.world, 'nagoya');
    await group.tokyo.volumes(4, 'web');
    await nagoya.volumes(4, 'web', 'web-backup');
    await group.add(group.tokyo, 'web', nagoya);
    await group.tokyo.ask('pair.suspend', { pairs: [{ primary: 'web' }] });
    await group.tokyo.ask('cg.run', { group: 'g' });
    void group.tokyo.client.request('cg.follow', { group: 'g' }).catch(() => undefined);
    await group.pass(3_000);
    const { formed, members } = await group.status();
    expect(formed).toBeGreaterThan(0);
    expect(members.map(({ joined }) => joined)).toEqual([true, true, false]);
  });
});

describe('cg remove', () => {
  it('is refused while a formation is not settled, and takes the member out of every list after it', async () => {
    const group = await SimGroup.ready(10);
    await group.start();
    const forming = group.tokyo.client.request('cg.start', { group: 'g' }).catch(() => undefined);
    await group.world.run(Promise.race([forming, group.world.clock.sleep(6)]));
    group.tokyo.kill();
    await group.tokyo.restart();
    expect(await codeOf(remove(group, group.kyoto, 'log'))).toBe('undecided');
    await group.start();
    await remove(group, group.kyoto, 'log');
    expect(await group.start()).toMatchObject({ outcome: 'formed', members: [{ primary: 'tokyo:db' }] });
    expect(await pairsAt(group.osaka)).toEqual(['osaka:db', 'osaka:db-backup', 'osaka:log']);
    expect((await remove(group, group.kyoto, 'log')).outcome).toBe('nothing');
  });

  it('is finished when it is run again, and needs no system that leaves the group with it', async () => {
    const group = await SimGroup.ready(11, 2);
    await group.tokyo.ask('fault.set', { kind: 'link-down', peer: 'nara' });
    expect(await codeOf(remove(group, group.kyoto, 'log'))).toBe('link-lost');
    await group.tokyo.ask('fault.clear', {});
    await group.tokyo.ask('fault.set', { kind: 'link-down', peer: 'kyoto' });
    expect((await remove(group, group.kyoto, 'log')).outcome).toBe('done');
    expect(await group.start()).toMatchObject({ outcome: 'formed' });
  });
});

describe('cg delete and cg policy', () => {
  it('leave the pairs free of the group, run again where a system was not reached', async () => {
    const group = await SimGroup.ready(20);
    await group.tokyo.ask('fault.set', { kind: 'link-down', peer: 'kyoto' });
    expect(await codeOf(group.tokyo.ask('cg.policy', { group: 'g', change: { drainLimitMs: 1_000 } }))).toBe(
      'link-lost',
    );
    expect(await codeOf(group.tokyo.ask('cg.delete', { group: 'g' }))).toBe('link-lost');
    await group.tokyo.ask('fault.clear', {});
    expect((await group.tokyo.ask('cg.policy', { group: 'g', change: { drainLimitMs: 1_000 } })).outcome).toBe(
      'nothing',
    );
    const [sheet] = (await group.kyoto.ask('cg.list', {})).sheets;
    expect(sheet?.subordinate?.policy.drainLimitMs).toBe(1_000);
    await group.tokyo.ask('cg.delete', { group: 'g' });
    for (const site of group.sites) expect((await site.ask('cg.list', {})).sheets).toEqual([]);
    await group.tokyo.ask('pair.delete', { pairs: [{ primary: 'db' }], force: true });
    await group.kyoto.ask('pair.delete', { pairs: [{ primary: 'log' }], force: true });
  });
});

describe("A group's pairs and volumes", () => {
  it('are not deleted under it', async () => {
    const group = await SimGroup.ready(30);
    const gone = (site: SimSite, primary: string) =>
      codeOf(site.ask('pair.delete', { pairs: [{ primary }], force: true }));
    expect(await gone(group.tokyo, 'db')).toBe('in-group');
    expect(await gone(group.osaka, 'db')).toBe('in-group');
    for (const [site, volume] of [
      [group.tokyo, 'db'],
      [group.osaka, 'db'],
      [group.osaka, 'db-backup'],
    ] as const)
      expect(await codeOf(site.ask('volume.delete', { volumes: [volume] }))).toBe('in-group');
    expect(await group.start()).toMatchObject({ outcome: 'formed' });
  });

  it('are looked at by system check', async () => {
    const group = await SimGroup.ready(31);
    await group.start();
    const check = async (site: SimSite) =>
      (await site.ask('system.check', { repair: false, deep: false })).findings.filter(
        ({ subject }) => subject === 'group g',
      );
    for (const site of group.sites) expect(await check(site)).toEqual([]);
    const forming = group.tokyo.client.request('cg.start', { group: 'g' }).catch(() => undefined);
    await group.world.run(Promise.race([forming, group.world.clock.sleep(6)]));
    group.tokyo.kill();
    await group.tokyo.restart();
    expect(await check(group.tokyo)).toMatchObject([
      { severity: 'warning', message: expect.stringContaining('not settled') },
    ]);
    await group.start();
    await group.osaka.ask('cg.recover', { group: 'g', at: [group.osaka.ref], without: [] });
    expect(await check(group.osaka)).toMatchObject([{ message: 'it was recovered here and not brought back' }]);
  });
});
