import { describe, expect, it } from 'vitest';
import { codeOf } from '../../hazards/stage.js';
import { SimSite } from '../../simulation/system/sim-sites.js';
import { World } from '../../simulation/world/world.js';

const MEMBERS = { tokyo: 'db', kyoto: 'log' } as const;

/** A group of two members on two systems with one remote; all duplex, and the gates may be closed for 50 ms. */
async function group(seed: number) {
  const world = new World(seed);
  const tokyo = await SimSite.create(world, 'tokyo');
  const kyoto = await SimSite.create(world, 'kyoto');
  const osaka = await SimSite.create(world, 'osaka');
  await osaka.volumes(4, 'db', 'log', 'db-backup', 'log-backup');
  await tokyo.ask('cg.create', { group: 'g', policy: {} });
  for (const site of [tokyo, kyoto]) {
    const volume = MEMBERS[site.place.name as 'tokyo' | 'kyoto'];
    await site.volumes(4, volume);
    await tokyo.ask('cg.add', {
      group: 'g',
      primary: { system: site.ref, volume },
      secondary: { system: osaka.ref, volume },
      backup: { system: osaka.ref, volume: `${volume}-backup` },
    });
    await site.write(volume, 0, 1);
    await site.ask('copier.drain', {});
  }
  const statuses = async () => {
    const lists = [await tokyo.ask('pair.list', {}), await kyoto.ask('pair.list', {})];
    return lists.flatMap(({ pairs }) => pairs.map(({ status }) => status));
  };
  return { world, tokyo, kyoto, osaka, statuses };
}

describe('A split of a group', () => {
  it('is one instant over all its systems, coordinated by its master', async () => {
    const { tokyo, kyoto, osaka, statuses } = await group(1);
    const { parts } = await tokyo.ask('cg.split', { group: 'g', words: { readOnly: true } });
    expect(parts.map(({ system, answer }) => [system.name, answer.pairs.length, answer.copying.length])).toEqual([
      ['tokyo', 1, 0],
      ['kyoto', 1, 0],
    ]);
    await tokyo.write('db', 1, 2);
    await kyoto.write('log', 1, 2);
    expect(await statuses()).toEqual(['split', 'split']);
    // In both of their volumes.
    expect(await osaka.read('db', 2)).toEqual([1, 0]);
    expect(await osaka.read('log', 2)).toEqual([1, 0]);
    await expect(osaka.write('db', 2, 3)).rejects.toMatchObject({ code: 'not-writable' });
  });

  it("is void past the policy's limit, and the group forms again", async () => {
    const { world, tokyo, kyoto, statuses } = await group(2);
    await tokyo.ask('fault.set', { kind: 'link-slow', peer: 'kyoto', delayMs: 60 });
    expect(await codeOf(tokyo.ask('cg.split', { group: 'g' }))).toBe('split-void');
    await tokyo.ask('fault.clear', {});
    await world.run(world.clock.sleep(10_000));
    for (const [site, volume] of [
      [tokyo, 'db'],
      [kyoto, 'log'],
    ] as const)
      await site.ask('pair.wait', { pairs: [{ primary: volume }], statuses: ['duplex'] });
    expect(await statuses()).toEqual(['duplex', 'duplex']);
    expect(await tokyo.ask('cg.start', { group: 'g' })).toMatchObject({ outcome: 'formed' });
  });

  it('of which a system gives no answer is a lost link, and no interruption', async () => {
    const { tokyo, statuses } = await group(8);
    await tokyo.ask('fault.set', { kind: 'link-slow', peer: 'kyoto', delayMs: 120_000 });
    expect(await codeOf(tokyo.ask('cg.split', { group: 'g' }))).toBe('link-lost');
    await tokyo.ask('fault.clear', {});
    expect(await statuses()).toEqual(['duplex', 'duplex']);
  });

  it('shows its plan and changes nothing', async () => {
    const { tokyo, statuses } = await group(3);
    const { parts } = await tokyo.ask('cg.split', { group: 'g', plan: true });
    expect(parts.map(({ answer }) => answer.plan)).toMatchObject([[{ to: 'split' }], [{ to: 'split' }]]);
    expect(await statuses()).toEqual(['duplex', 'duplex']);
  });

  it('waits for the formation under way, and comes before the next of a group that forms without a pause', async () => {
    const { world, tokyo, statuses } = await group(4);
    await tokyo.ask('cg.run', { group: 'g' });
    const stop = new AbortController();
    const following = tokyo.client.request('cg.follow', { group: 'g' }, { signal: stop.signal });
    following.catch(() => undefined);
    await world.run(world.clock.sleep(500));
    expect((await tokyo.ask('cg.split', { group: 'g' })).parts).toHaveLength(2);
    expect(await statuses()).toEqual(['split', 'split']);
    stop.abort();
  });

  it('is refused where the formation under way takes too long', async () => {
    const { world, tokyo } = await group(5);
    await tokyo.write('db', 2, 2);
    await tokyo.ask('fault.set', { kind: 'link-slow', peer: 'osaka', delayMs: 6_000 });
    const forming = tokyo.client.request('cg.start', { group: 'g' });
    expect(await codeOf(tokyo.ask('cg.split', { group: 'g' }))).toBe('group-forming');
    await world.run(forming);
  });
});
