import { describe, expect, it } from 'vitest';
import type { SplitAnswer, SplitStep } from '../../src/core/group/group.js';
import { advanceSplit, beginSplit, type SplitState } from '../../src/core/group/group.js';
import { TwoSites } from '../simulation/system/two-sites.js';
import { codeOf, overSeeds } from './stage.js';

const LIMIT_MS = 200;

/** The test as a coordinator that was not scheduled for a while: it sends what its machine orders, as late as it likes. */
class SlowCoordinator {
  readonly #two: TwoSites;
  readonly #id = 'c0de'.repeat(8);
  #state: SplitState;

  constructor(two: TwoSites) {
    this.#two = two;
    const systems = two.sites.map(({ ref }) => ref);
    this.#state = beginSplit({ id: this.#id, limitMs: LIMIT_MS, systems }).state;
  }

  get state(): SplitState {
    return this.#state;
  }

  /** Sends one order to one member and tells the machine the answer. */
  async order(at: 'coordinator' | 'member', step: SplitStep): Promise<SplitAnswer> {
    const site = this.#two[at];
    const pairs = [{ primary: 'db' }];
    const order =
      step === 'ready'
        ? { kind: step, pairs, words: {} }
        : step === 'prepare'
          ? { kind: step, pairs, words: {}, limitMs: LIMIT_MS }
          : { kind: step };
    const { answer } = await site.ask('split.order', { split: this.#id, by: this.#two.remote.ref, order });
    this.#state = advanceSplit(this.#state, { kind: 'answered', step, from: site.ref.id, answer }).state;
    return answer;
  }
}

describe('a split over several systems', () => {
  it('H2: is void where one gate opened by itself before the other was frozen: no write is shown without the one before it', async () => {
    const two = await TwoSites.create(1);
    const slow = new SlowCoordinator(two);
    await slow.order('coordinator', 'ready');
    await slow.order('member', 'ready');
    expect(await slow.order('coordinator', 'prepare')).toMatchObject({ kind: 'ok' });
    await two.rest(LIMIT_MS + 1);
    // The first write is answered outside the split, and the second, which depends on it, inside.
    await two.coordinator.write('db', 0, 1);
    await two.member.write('db', 0, 2);
    expect(await slow.order('member', 'prepare')).toMatchObject({ kind: 'ok' });
    expect(slow.state.phase).toBe('run');
    expect(await slow.order('coordinator', 'run')).toMatchObject({ kind: 'opened-by-itself' });
    expect(slow.state.phase).toBe('undo');
    for (const site of two.sites) expect(await codeOf(site.read('copy', 1))).toBe('not-readable');
    // The coordinator says no more; who asks it hears that it decided nothing.
    await two.rest(10_000);
    expect(await two.settledAs()).toBe('following');
  });

  it('H2: shows a prefix of dependent writes however far apart the orders arrive, or is void', async () => {
    const ends = new Set<string>();
    await overSeeds(20, async (seed) => {
      const two = await TwoSites.create(seed);
      const delayMs = 1 + Math.floor(two.world.rng.unit() * 30);
      await two.coordinator.ask('fault.set', { kind: 'link-slow', peer: two.member.place.name, delayMs });
      two.startWriting();
      await two.rest(5);
      const told = await two.outcome(two.coordinator.client.request('split.over', two.splitInput({}, 'db')));
      ends.add(told);
      await two.stopWriting();
      await two.shown();
    });
    expect([...ends]).toEqual(['split']);
  });

  it('H2: opens no secondary before it is decided, and all of them after', async () => {
    const two = await TwoSites.create(3);
    const slow = new SlowCoordinator(two);
    for (const step of ['ready', 'prepare', 'run'] as const)
      for (const at of ['coordinator', 'member'] as const) {
        await slow.order(at, step);
        if (step !== 'ready') expect(await codeOf(two[at].read('copy', 1))).toBe('not-readable');
      }
    expect(slow.state.phase).toBe('deciding');
    await slow.order('coordinator', 'commit');
    expect(await two.coordinator.read('copy', 1)).toEqual([0]);
    expect(await codeOf(two.member.read('copy', 1))).toBe('not-readable');
    await slow.order('member', 'commit');
    expect(await two.member.read('copy', 1)).toEqual([0]);
  });

  it('H2: lets hosts go on at the limit when nobody orders anything any more, and forgets no difference', async () => {
    const two = await TwoSites.create(4);
    const slow = new SlowCoordinator(two);
    for (const step of ['ready', 'prepare'] as const)
      for (const at of ['coordinator', 'member'] as const) await slow.order(at, step);
    const begunMs = two.world.clock.monotonicMs();
    await two.coordinator.write('db', 3, 9);
    expect(two.world.clock.monotonicMs() - begunMs).toBeLessThan(LIMIT_MS + 20);
    await two.rest(10_000);
    expect(await two.settledAs()).toBe('following');
    await two.coordinator.ask('pair.split', { pairs: [{ primary: 'db' }] });
    expect(await two.coordinator.read('copy', 4)).toEqual([0, 0, 0, 9]);
  });
});
