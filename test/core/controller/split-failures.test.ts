import { describe, expect, it } from 'vitest';
import { FAULT_TABLE } from '../../../src/core/catalog/catalog.js';
import { SPLIT_LIMIT_MS } from '../../../src/core/foundation/foundation.js';
import { TwoSites } from '../../simulation/system/two-sites.js';
import { withSeed } from '../../simulation/world/world.js';

const STEPS = [
  'split.ready',
  'split.gated',
  'split.logged',
  'split.prepared',
  'split.opened',
  'split.decided',
  'split.committed',
  'split.undone',
] as const;

/** How long a host's write at a site takes now. */
async function writeMs(two: TwoSites, at: 'coordinator' | 'member'): Promise<number> {
  const { clock } = two.world;
  const begunMs = clock.monotonicMs();
  await two[at].write('log', 20, 7);
  return clock.monotonicMs() - begunMs;
}

describe.each(['coordinator', 'member'] as const)('A split over several systems whose %s dies', (victim) => {
  const survivor = victim === 'member' ? 'coordinator' : 'member';

  // The decision is the coordinator's alone.
  it.each(STEPS.filter((step) => victim === 'coordinator' || step !== 'split.decided'))(
    'at %s is made at all systems or at none, and no host waits longer than the limit',
    async (step) => {
      const ends = new Set<string>();
      for (let seed = 1; seed <= 4; seed += 1) {
        await withSeed(seed, step, async () => {
          const two = await TwoSites.create(seed);
          // Only an undo that is provoked is ever come to.
          const slow = { kind: 'link-slow', peer: two.member.place.name, delayMs: 3_000 } as const;
          if (step === 'split.undone') await two.coordinator.ask('fault.set', slow);
          await two[victim].ask('fault.set', { kind: 'crash', step });
          two.startWriting();
          await two.rest(two.world.rng.unit() * 10);
          const split = two.coordinator.client.request('split.over', two.splitInput());
          await two.rest(two.world.rng.unit() * 3);
          expect(await writeMs(two, survivor)).toBeLessThan(SPLIT_LIMIT_MS + 100);
          const told = await two.outcome(split);
          await two.rest(5_000);
          expect(two[victim].process.process.alive).toBe(false);
          await two.comeBack();
          const end = await two.settledAs();
          if (told === 'split') expect(end).toBe('split');
          if (told === 'split-void') expect(end).toBe('following');
          ends.add(end);
        });
      }
      // From the decision on it counts, before it does not.
      expect([...ends]).toEqual(step === 'split.decided' || step === 'split.committed' ? ['split'] : ['following']);
    },
  );
});

describe('A split over several systems of which everybody dies', () => {
  it.each(['kill', 'power'] as const)('by %s, at any instant, comes to the same end at all', async (kind) => {
    const ends: string[] = [];
    const withinMs = await TwoSites.courseMs();
    for (let seed = 1; seed <= 25; seed += 1) {
      await withSeed(seed, kind, async () => {
        const two = await TwoSites.create(seed);
        two.startWriting();
        await two.rest(5);
        two.coordinator.client.request('split.over', two.splitInput()).catch(() => undefined);
        await two.rest(two.world.rng.unit() * withinMs);
        const again = await two.afterCrash(kind, 'random');
        await again.rest(20_000);
        ends.push(await again.settledAs());
      });
    }
    expect(new Set(ends).size).toBe(2);
  });
});

describe('A split over several systems whose link is cut', () => {
  it('for a while, at any instant, is made at all or at none, and the hosts go on', async () => {
    const ends: string[] = [];
    const withinMs = await TwoSites.courseMs();
    for (let seed = 1; seed <= 25; seed += 1) {
      await withSeed(seed, 'cut', async () => {
        const two = await TwoSites.create(seed);
        const peer = two.member.place.name;
        two.startWriting();
        await two.rest(5);
        const split = two.coordinator.client.request('split.over', two.splitInput());
        await two.rest(two.world.rng.unit() * withinMs);
        await two.coordinator.ask('fault.set', { kind: 'link-down', peer });
        for (const at of ['coordinator', 'member'] as const)
          expect(await writeMs(two, at)).toBeLessThan(SPLIT_LIMIT_MS + 100);
        const told = await two.outcome(split);
        await two.rest(5_000);
        await two.coordinator.ask('fault.clear', {});
        await two.comeBack();
        const end = await two.settledAs();
        if (told === 'split' || told === 'undecided') expect(end).toBe('split');
        else expect(end).toBe('following');
        ends.push(`${told} ${end}`);
      });
    }
    expect(ends.some((end) => end.endsWith('split'))).toBe(true);
    expect(ends.some((end) => end.endsWith('following'))).toBe(true);
  });
});

describe('A pair that is prepared and not decided', () => {
  /** The coordinator died with the member prepared. */
  async function left(seed: number, step: 'split.prepared' | 'split.decided' = 'split.prepared'): Promise<TwoSites> {
    const two = await TwoSites.create(seed);
    await two.coordinator.ask('fault.set', { kind: 'crash', step });
    const split = two.coordinator.client.request('split.over', two.splitInput());
    split.catch(() => undefined);
    await two.rest(1_500);
    // Nobody can become the coordinator's controller, so nobody can be asked.
    return two;
  }

  it('has its secondary closed, is busy for other verbs, and its host goes on', async () => {
    const two = await left(1);
    const { place } = two.coordinator;
    two.world.files.rename(place.path, '/sys/away');
    expect(await two.member.ask('pair.list', {})).toMatchObject({
      pairs: [
        { status: 'sp-pending', reason: `its split waits for the decision of storage system ${place.name}` },
        { status: 'sp-pending' },
      ],
    });
    await expect(two.member.read('copy', 1)).rejects.toMatchObject({ code: 'not-readable' });
    await two.member.write('db', 0, 9);
    const pairs = [{ primary: 'db' }];
    await expect(two.member.ask('pair.resync', { pairs })).rejects.toMatchObject({ code: 'inhibited' });
    await expect(two.member.ask('pair.split', { pairs })).rejects.toMatchObject({ code: 'inhibited' });
    await expect(two.member.ask('pair.delete', { pairs })).rejects.toMatchObject({ code: 'inhibited' });
    await expect(
      two.member.ask('pair.create', { pairs: [{ primary: 'copy', secondary: 'auto', split: true }] }),
    ).rejects.toMatchObject({ code: expect.stringMatching(/inhibited|no-candidate/) });
    await two.member.ask('pair.delete', { pairs: [{ primary: 'db' }], force: true });
    expect((await two.member.ask('pair.list', {})).pairs).toHaveLength(1);
  });

  it('is settled by whoever needs it: a verb asks for the decision first', async () => {
    const two = await left(2);
    two.world.files.remove(`${two.coordinator.place.path}/${FAULT_TABLE}`);
    await two.coordinator.restart();
    await two.member.ask('pair.split', { pairs: [{ primary: 'db' }] });
    expect((await two.statuses()).filter((status) => status === 'split')).toHaveLength(1);
  });
});
