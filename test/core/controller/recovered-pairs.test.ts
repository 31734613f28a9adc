import { describe, expect, it } from 'vitest';
import { SimGroup, TRACKS } from '../../simulation/system/sim-group.js';
import { SESSION, SimSession } from '../../simulation/system/sim-session.js';
import type { SimSite } from '../../simulation/system/sim-sites.js';

const DB = { pairs: [{ primary: 'db' }], discard: true };

/** Both primaries were lost and are back; the remote went on with 7. */
async function recoveredGroup(): Promise<SimGroup> {
  const group = await SimGroup.ready(1);
  await group.start();
  await group.tokyo.write('db', 0, 2);
  group.tokyo.kill();
  group.kyoto.kill();
  await group.osaka.ask('cg.recover', { group: 'g', at: [group.osaka.ref], without: [] });
  await group.osaka.write('db', 1, 7);
  await group.tokyo.restart();
  await group.kyoto.restart();
  return group;
}

describe('the old primary of a recovered group', () => {
  it('is not copied over what was recovered, and what it says leads to the way home', async () => {
    const group = await recoveredGroup();
    await expect(group.tokyo.write('db', 0, 3)).rejects.toMatchObject({
      code: 'displaced',
      hint: 'copyset cg failback g --wait brings back what was recovered.',
    });
    await expect(group.tokyo.ask('pair.resync', DB)).rejects.toMatchObject({
      code: 'force-needed',
      hint: expect.stringContaining('copyset cg failback g --wait'),
    });
    expect(await group.osaka.read('db', 4)).toEqual([1, 7, 0, 0]);
    expect(await group.osaka.ask('cg.failback', { group: 'g', wait: {} })).toMatchObject({ outcome: 'returned' });
    expect(await group.tokyo.read('db', 4)).toEqual([1, 7, 0, 0]);
  });

  it('tells with --plan what would be lost, and overwrites it with --force', async () => {
    const group = await recoveredGroup();
    const { plan = [] } = await group.tokyo.ask('pair.resync', { ...DB, plan: true });
    expect(plan[0]?.bytesLost).toBeGreaterThan(0);
    expect(plan[0]?.refusedUnless).toBe('--force');
    await group.tokyo.ask('pair.resync', { ...DB, force: true });
    await group.tokyo.ask('pair.wait', { pairs: DB.pairs, statuses: ['duplex'] });
    await expect(group.osaka.write('db', 1, 8)).rejects.toMatchObject({ code: 'not-writable' });
    await group.tokyo.ask('pair.split', { pairs: DB.pairs });
    await group.tokyo.ask('pair.wait', { pairs: DB.pairs, statuses: ['split'] });
    expect(await group.osaka.read('db', 2)).toEqual([2, 0]);
  });
});

describe('a recovered group', () => {
  const recover = (group: SimGroup, at: readonly SimSite[], without: string[] = []) =>
    group.osaka.ask('cg.recover', { group: 'g', at: at.map((site) => site.ref), without });

  /** The remotes hold what was written after the last group, so that they are brought back from their backups. */
  async function ahead(seed: number, remotes: 1 | 2): Promise<SimGroup> {
    const group = await SimGroup.ready(seed, remotes);
    await group.start();
    await group.write(2);
    await group.drain();
    return group;
  }

  /** Step by step, as whoever leads a way back that does not wait for the restore. */
  async function comeHomeUnrestored(group: SimGroup): Promise<void> {
    await group.osaka.ask('cg.failback', { group: 'g' });
    const { sheets } = await group.osaka.ask('cg.list', {});
    const { id = '', remote } = sheets[0] ?? {};
    for (const step of ['drain', 'close', 'drain', 'finish'] as const)
      for (const { primary, pairId } of remote?.members ?? []) {
        const site = group.sites.find(({ ref }) => ref.id === primary.system.id) ?? group.tokyo;
        await site.ask('group.return', { group: id, step, pairs: [pairId] });
      }
    const term = (remote?.term ?? 0) + 1;
    for (const site of [group.kyoto, group.tokyo, group.osaka]) await site.ask('group.home', { group: id, term });
  }

  it('that is recovered again with a remote that was given up keeps what hosts wrote since', async () => {
    const group = await ahead(21, 2);
    await recover(group, [group.osaka], ['nara:log']);
    await group.osaka.ask('copier.drain', { timeoutMs: 5_000 });
    await group.osaka.write('db', 0, 7);
    const again = await recover(group, group.remotes);
    expect(again.verdict).toContain('left as its hosts have written it since: osaka:db');
    expect(await group.first('db', 'log')).toEqual([7, 1]);
    await group.osaka.write('db', 1, 8);
    expect(await group.osaka.ask('cg.failback', { group: 'g', wait: {} })).toMatchObject({ outcome: 'returned' });
    expect(await group.tokyo.read('db', 2)).toEqual([7, 8]);
    expect(await group.kyoto.read('log', 1)).toEqual([1]);
  });

  it('would need a group that was formed: where there is none yet, its living primaries go on', async () => {
    const group = await SimGroup.ready(24);
    expect(await recover(group, [group.osaka])).toMatchObject({ case: 'none' });
    await group.write(2);
    await group.drain();
    await group.write(3);
    expect((await group.start()).outcome).toBe('formed');
  });

  it('that came home at once forms groups that hold what its primaries hold', async () => {
    const group = await ahead(22, 1);
    await recover(group, [group.osaka]);
    await group.osaka.ask('cg.failback', { group: 'g', wait: {} });
    expect([await group.tokyo.read('db', 1), await group.kyoto.read('log', 1)]).toEqual([[1], [1]]);
    expect((await group.start()).outcome).toBe('formed');
    await recover(group, [group.osaka]);
    expect(await group.first('db', 'log')).toEqual([1, 1]);
  });

  it('forms nothing over a remote volume of which tracks still lie on its backup', async () => {
    const group = await ahead(23, 1);
    await recover(group, [group.osaka]);
    await comeHomeUnrestored(group);
    expect(await group.start()).toMatchObject({
      outcome: 'failed',
      reason: expect.stringContaining('still being brought back from osaka:'),
    });
    await group.osaka.ask('copier.drain', { timeoutMs: 5_000 });
    expect((await group.start()).outcome).toBe('formed');
  });
});

describe('a member that a recovery left out', () => {
  const X = { pairs: [{ primary: 'x' }] };

  /** x came to the group after the last formation. */
  async function withLateMember(seed: number): Promise<SimGroup> {
    const group = await SimGroup.ready(seed);
    await group.start();
    await group.tokyo.volumes(TRACKS, 'x');
    await group.osaka.volumes(TRACKS, 'x', 'x-backup');
    await group.tokyo.write('x', 0, 4);
    await group.add(group.tokyo, 'x', group.osaka);
    await group.tokyo.ask('pair.wait', { ...X, statuses: ['duplex'] });
    await group.tokyo.write('x', 1, 5);
    return group;
  }

  it('follows its primary again once the group is home, and nothing that was written at either side is lost', async () => {
    const group = await withLateMember(11);
    await group.osaka.ask('cg.recover', { group: 'g', at: [group.osaka.ref], without: [] });
    await group.drain();
    await expect(group.tokyo.write('x', 2, 6)).rejects.toMatchObject({ code: 'displaced' });
    await group.osaka.write('db', 1, 7);
    expect(await group.osaka.ask('cg.failback', { group: 'g', wait: {} })).toMatchObject({ outcome: 'returned' });
    await group.tokyo.write('x', 2, 6);
    expect(await group.tokyo.ask('pair.wait', { ...X, statuses: ['duplex'] })).toMatchObject({ verdict: 'reached' });
    expect((await group.start()).outcome).toBe('formed');
    expect(await group.osaka.ask('cg.recover', { group: 'g', at: [group.osaka.ref], without: [] })).toMatchObject({
      members: [{ action: 'keep' }, { action: 'keep' }, { action: 'keep' }],
    });
    expect(await group.osaka.read('x', 4)).toEqual([4, 5, 6, 0]);
    expect(await group.osaka.read('db', 2)).toEqual([1, 7]);
  });

  it('and whose secondary was given up by name follows again, too', async () => {
    const group = await SimGroup.ready(12, 2);
    await group.start();
    const at = group.remotes.map((site) => site.ref);
    await group.osaka.ask('cg.recover', { group: 'g', at, without: ['nara:log'] });
    await group.kyoto.write('log', 2, 9);
    await group.drain();
    await expect(group.kyoto.write('log', 1, 6)).rejects.toMatchObject({ code: 'displaced' });
    expect(await group.osaka.ask('cg.failback', { group: 'g', wait: {} })).toMatchObject({ outcome: 'returned' });
    await group.kyoto.write('log', 1, 6);
    await group.duplex();
    expect((await group.start()).outcome).toBe('formed');
  });

  it('does not keep the others from their way home where its system is lost for good', async () => {
    const group = await SimGroup.ready(13, 2);
    await group.start();
    group.nara.kill();
    for (const site of [group.tokyo, group.kyoto, group.osaka])
      await site.ask('fault.set', { kind: 'link-down', peer: 'nara' });
    await group.osaka.ask('cg.recover', { group: 'g', at: [group.osaka.ref], without: ['nara:log'] });
    await group.osaka.write('db', 1, 7);
    expect(await group.osaka.ask('cg.failback', { group: 'g', wait: {} })).toMatchObject({ outcome: 'returned' });
    expect(await group.tokyo.read('db', 2)).toEqual([1, 7]);
    await group.kyoto.write('log', 1, 6);
  });
});

describe('the old primary of a recovered session', () => {
  it('is not copied over what was recovered, and what it says leads to the way home', async () => {
    const session = await SimSession.ready(7);
    await session.write(1, 3);
    await session.show();
    for (const number of session.numbers) session.kill(`p${number}`);
    const at = session.secondaries.map((name) => session.ref(name));
    await session.ask('s1', 'session.recover', { session: SESSION, at });
    for (const number of session.numbers) await session.start(`p${number}`);
    await expect(session.write(1, 5)).rejects.toMatchObject({
      code: 'displaced',
      hint: expect.stringContaining('copyset checkpoint failback'),
    });
    await expect(session.ask('p1', 'pair.resync', DB)).rejects.toMatchObject({
      code: 'force-needed',
      hint: expect.stringContaining(`copyset checkpoint failback ${SESSION} --wait`),
    });
    const back = await session.ask('s1', 'session.failback', { session: SESSION, wait: { timeoutMs: 60_000 } });
    expect(back).toMatchObject({ outcome: 'returned' });
    expect(await session.read('p1')).toBe(3);
  });

  it('goes on where the secondaries could show nothing', async () => {
    const session = await SimSession.ready(8);
    await session.ask('p1', 'session.stop', { session: SESSION });
    await session.write(1, 3);
    await session.ask('p1', 'session.start', { session: SESSION });
    await session.follows();
    const at = session.secondaries.map((name) => session.ref(name));
    expect(await session.ask('s1', 'session.recover', { session: SESSION, at })).toMatchObject({ case: 'mixed' });
    await session.write(1, 4);
    await session.follows();
    await session.write(1, 5);
    await session.show();
    expect(await session.shown()).toEqual([5, 0]);
  });
});
