import { describe, expect, it } from 'vitest';
import { FAULT_TABLE } from '../../../src/core/catalog/catalog.js';
import type { Requests } from '../../../src/core/controller/controller.js';
import { SimSite } from '../../simulation/system/sim-sites.js';
import { World } from '../../simulation/world/world.js';

/** A group of two members on two systems with one remote; all duplex. */
async function twoSites(seed: number) {
  const world = new World(seed);
  const tokyo = await SimSite.create(world, 'tokyo');
  const kyoto = await SimSite.create(world, 'kyoto');
  const osaka = await SimSite.create(world, 'osaka');
  await tokyo.volumes(4, 'db');
  await kyoto.volumes(4, 'log');
  await osaka.volumes(4, 'db', 'log', 'db-backup', 'log-backup');
  await tokyo.ask('cg.create', { group: 'g', policy: {} });
  for (const [site, volume] of [
    [tokyo, 'db'],
    [kyoto, 'log'],
  ] as const) {
    await tokyo.ask('cg.add', {
      group: 'g',
      primary: { system: site.ref, volume },
      secondary: { system: osaka.ref, volume },
      backup: { system: osaka.ref, volume: `${volume}-backup` },
    });
  }
  return { world, tokyo, kyoto, osaka };
}

describe('A formation', () => {
  it('leaves the virtual copies of all members at one instant, and the hosts go on', async () => {
    const { tokyo, kyoto, osaka } = await twoSites(1);
    await tokyo.write('db', 0, 1);
    await kyoto.write('log', 0, 1);
    for (const [site, volume] of [
      [tokyo, 'db'],
      [kyoto, 'log'],
    ] as const)
      await site.ask('pair.wait', { pairs: [{ primary: volume }], statuses: ['duplex'] });
    const first = await tokyo.ask('cg.start', { group: 'g' });
    expect(first).toMatchObject({ outcome: 'formed', sequence: 1 });
    await tokyo.write('db', 0, 2);
    await kyoto.write('log', 1, 2);
    expect(await osaka.read('db-backup', 2)).toEqual([1, 0]);
    const second = await tokyo.ask('cg.start', { group: 'g' });
    expect(second).toMatchObject({ outcome: 'formed', sequence: 2, reason: null });
    expect(await osaka.read('db-backup', 2)).toEqual([2, 0]);
    expect(await osaka.read('log-backup', 2)).toEqual([1, 2]);
  });

  it('is what a recovery brings the remotes back to, with what was written since marked for the way home', async () => {
    const { tokyo, kyoto, osaka } = await twoSites(2);
    await tokyo.write('db', 0, 1);
    await kyoto.write('log', 0, 1);
    for (const [site, volume] of [
      [tokyo, 'db'],
      [kyoto, 'log'],
    ] as const)
      await site.ask('pair.wait', { pairs: [{ primary: volume }], statuses: ['duplex'] });
    expect(await tokyo.ask('cg.start', { group: 'g' })).toMatchObject({ outcome: 'formed', sequence: 1 });
    await tokyo.write('db', 0, 2);
    await tokyo.write('db', 1, 2);
    await tokyo.ask('copier.drain', {});
    expect(await osaka.read('db-backup', 2)).toEqual([1, 0]);
    tokyo.kill();
    kyoto.kill();
    const at = { group: 'g', at: [osaka.ref], without: [] };
    expect(await osaka.ask('cg.recover', { ...at, plan: true })).toMatchObject({ case: 'keep', sequence: 1, term: 1 });
    expect(await osaka.ask('cg.recover', at)).toMatchObject({ case: 'keep', sequence: 1, term: 2 });
    expect(await osaka.read('db', 2)).toEqual([1, 0]);
    expect(await osaka.read('log', 2)).toEqual([1, 0]);
    expect(await osaka.ask('cg.recover', at)).toMatchObject({ case: 'keep', sequence: 1, term: 2 });
    await osaka.write('db', 3, 9);
    await osaka.ask('copier.drain', {});
    expect(await osaka.read('db', 4)).toEqual([1, 0, 0, 9]);
    const { pairs } = await osaka.ask('pair.list', {});
    const half = pairs.find(({ secondary }) => secondary === 'osaka:db');
    expect(half).toMatchObject({ status: 'split', secondaryChangedTracks: 3 });
    await tokyo.restart();
    await kyoto.restart();
    await expect(tokyo.write('db', 0, 3)).rejects.toMatchObject({ code: 'displaced' });
    const back = await osaka.ask('cg.failback', { group: 'g', wait: {} });
    expect(back).toMatchObject({ outcome: 'returned', term: 3 });
    expect(await tokyo.read('db', 4)).toEqual([1, 0, 0, 9]);
    await tokyo.write('db', 2, 5);
    await expect(osaka.write('db', 0, 1)).rejects.toMatchObject({ code: 'not-writable' });
    expect(await tokyo.ask('cg.start', { group: 'g' })).toMatchObject({ outcome: 'formed', sequence: 2 });
    expect(await osaka.read('db-backup', 4)).toEqual([1, 0, 5, 9]);
  });

  it('that ends only after the group was recovered and brought home leaves its master in office', async () => {
    const { world, tokyo, kyoto, osaka } = await twoSites(4);
    for (const [site, volume] of [
      [tokyo, 'db'],
      [kyoto, 'log'],
    ] as const)
      await site.ask('pair.wait', { pairs: [{ primary: volume }], statuses: ['duplex'] });
    await tokyo.ask('cg.start', { group: 'g' });
    await tokyo.write('db', 0, 2);
    const master = async () => (await tokyo.ask('cg.list', {})).sheets[0]?.master;
    const late = tokyo.client.request('cg.start', { group: 'g' });
    // Recovered once a member is prepared: the master then orders a revert, again and again, that nobody obeys any more.
    const isPrepared = ({ sheets }: Requests['cg.list']['output']) =>
      sheets.some(({ remote }) => remote?.volumes.some(({ revertible }) => revertible !== null));
    while (!isPrepared(await osaka.ask('cg.list', {}))) await world.run(world.clock.sleep(1));
    await osaka.ask('cg.recover', { group: 'g', at: [osaka.ref], without: [] });
    expect(await osaka.ask('cg.failback', { group: 'g', wait: {} })).toMatchObject({ outcome: 'returned' });
    expect(await master()).toMatchObject({ term: 3, handedOver: false });
    expect((await world.run(late)).output.outcome).not.toBe('formed');
    expect(await master()).toMatchObject({ term: 3, handedOver: false });
    expect(await tokyo.ask('cg.start', { group: 'g' })).toMatchObject({ outcome: 'formed' });
  });

  it.each(['master', 'subordinate', 'remote'] as const)(
    'forms again where its %s dies when it comes home, and the way back is gone on with',
    async (who) => {
      const { world, tokyo, kyoto, osaka } = await twoSites(5);
      for (const [site, volume] of [
        [tokyo, 'db'],
        [kyoto, 'log'],
      ] as const)
        await site.ask('pair.wait', { pairs: [{ primary: volume }], statuses: ['duplex'] });
      await tokyo.ask('cg.start', { group: 'g' });
      await osaka.ask('cg.recover', { group: 'g', at: [osaka.ref], without: [] });
      const dying = { master: tokyo, subordinate: kyoto, remote: osaka }[who];
      await dying.ask('fault.set', { kind: 'crash', step: 'group.home' });
      const first = osaka.client.request('cg.failback', { group: 'g', wait: {} }).catch((error: unknown) => error);
      await world.run(Promise.race([first, world.clock.sleep(60_000)]));
      expect(dying.process.process.alive).toBe(false);
      world.files.remove(`${dying.place.path}/${FAULT_TABLE}`);
      await dying.restart();
      const again = osaka.client.request('cg.failback', { group: 'g', wait: {} });
      // The remote comes home last: what died there was done.
      if (who === 'remote') await expect(world.run(again)).rejects.toMatchObject({ code: 'group-refuses' });
      else expect((await world.run(again)).output).toMatchObject({ outcome: 'returned' });
      expect(await tokyo.ask('cg.start', { group: 'g' })).toMatchObject({ outcome: 'formed', sequence: 2 });
    },
  );

  it('is there after a crash of the remote, though what a commit folded was marked in memory alone', async () => {
    const { tokyo, kyoto, osaka } = await twoSites(3);
    await tokyo.write('db', 0, 1);
    await kyoto.write('log', 0, 1);
    for (const [site, volume] of [
      [tokyo, 'db'],
      [kyoto, 'log'],
    ] as const)
      await site.ask('pair.wait', { pairs: [{ primary: volume }], statuses: ['duplex'] });
    expect(await tokyo.ask('cg.start', { group: 'g' })).toMatchObject({ outcome: 'formed', sequence: 1 });
    for (const site of [tokyo, kyoto, osaka]) site.kill();
    await osaka.restart();
    const at = { group: 'g', at: [osaka.ref], without: [] };
    expect(await osaka.ask('cg.recover', at)).toMatchObject({ case: 'keep', sequence: 1 });
    await osaka.ask('copier.drain', {});
    expect(await osaka.read('db', 2)).toEqual([1, 0]);
    expect(await osaka.read('log', 2)).toEqual([1, 0]);
  });

  it('begins once by a number that was announced, and never after a restart', async () => {
    const { tokyo, kyoto } = await twoSites(4);
    await tokyo.ask('pair.wait', { pairs: [{ primary: 'db' }], statuses: ['duplex'] });
    const { sheets } = await tokyo.ask('cg.list', {});
    const of = { group: sheets[0]?.id ?? '', term: 1 };
    const limits = { coordinationLimitMs: 50, drainLimitMs: 1_000 };
    const coordinate = (sequence: number) =>
      kyoto.ask('group.order', {
        ...of,
        order: { kind: 'coordinate', to: '', sequence, term: 1, ...limits, relationshipIds: [2] },
      });
    const refused = { answer: { kind: 'refused' } };
    await kyoto.ask('pair.wait', { pairs: [{ primary: 'log' }], statuses: ['duplex'] });
    await kyoto.ask('group.announce', { ...of, sequence: 7 });
    expect(await coordinate(7)).toMatchObject({ answer: { kind: 'ok' } });
    expect(await coordinate(7)).toMatchObject(refused);
    await kyoto.ask('group.announce', { ...of, sequence: 7 });
    expect(await coordinate(7)).toMatchObject(refused);
    await kyoto.ask('group.announce', { ...of, sequence: 8 });
    await kyoto.ask('group.order', {
      ...of,
      order: { kind: 'thaw', to: '', sequence: 8, term: 1, stopSending: false },
    });
    expect(await coordinate(8)).toMatchObject(refused);
    await kyoto.ask('group.announce', { ...of, sequence: 9 });
    kyoto.kill();
    await kyoto.restart();
    expect(await coordinate(9)).toMatchObject(refused);
  });
});
