import { describe, expect, it } from 'vitest';
import { type SimSystem, TRACK } from '../simulation/system/sim-system.js';
import { TwoSites } from '../simulation/system/two-sites.js';
import type { Keep } from '../simulation/world/world.js';
import { afterPowerLoss, overSeeds, pairOf, staged } from './stage.js';

const TRACKS = 48;
const db = pairOf('db', 'copy');

/** Writes one track after the other, each after the last was answered, none of them flushed. */
async function writeOn(system: SimSystem, done: { count: number }): Promise<void> {
  const { clock, rng } = system.world;
  for (let track = 0; track < TRACKS; track += 1) {
    const data = new Uint8Array(TRACK).fill(2);
    await system.client.request('volume.write', { volume: 'db', offsetBytes: track * TRACK, durable: false }, { data });
    done.count += 1;
    await clock.sleep(rng.unit() * 0.4);
  }
}

/** How many of the writes the copy holds; throws where it holds a later one without an earlier one. */
async function writesIn(system: SimSystem): Promise<number> {
  const seen = await system.read('copy', TRACKS);
  const count = seen.indexOf(1) === -1 ? TRACKS : seen.indexOf(1);
  expect(seen).toEqual(seen.map((_, track) => (track < count ? 2 : 1)));
  return count;
}

async function splitAmongWrites(seed: number): Promise<{ system: SimSystem; count: number }> {
  const system = await staged(seed, TRACKS, 'db', 'copy');
  await system.write('db', 0, 1, TRACKS);
  await system.pair('db', 'copy');
  await system.wait('db', 'copy', 'duplex');
  const done = { count: 0 };
  const split = async () => {
    await system.world.clock.sleep(system.world.rng.unit() * 8);
    const before = done.count;
    await system.client.request('pair.split', { pairs: db });
    return { before, after: done.count };
  };
  const writing = writeOn(system, done);
  const bounds = await system.world.run(split());
  const count = await writesIn(system);
  expect(count).toBeGreaterThanOrEqual(bounds.before);
  expect(count).toBeLessThanOrEqual(bounds.after + 1);
  writing.catch(() => undefined);
  return { system, count };
}

async function holdsAfter(keep: Keep, seeds: number): Promise<void> {
  await overSeeds(seeds, async (seed) => {
    const { system, count } = await splitAmongWrites(seed);
    const again = await afterPowerLoss(system, keep);
    expect((await again.status('db', 'copy'))?.status).toBe('sp-pending');
    expect(await writesIn(again)).toBe(count);
    expect(await again.wait('db', 'copy', 'split')).toBe('reached');
    expect(await writesIn(again)).toBe(count);
    await again.close();
  });
}

describe('a split that was answered', () => {
  it('H15: shows the same instant after a loss of power that kept nothing unflushed', async () => {
    await holdsAfter('none', 25);
  });

  it('H15: shows the same instant after a loss of power that kept any part of the unflushed', async () => {
    await holdsAfter('random', 25);
  });

  it('H15: has in its maps a track of a hot region whose mark was never logged', async () => {
    const system = await staged(90, 16, 'db', 'copy');
    await system.write('db', 0, 1, 16);
    await system.pair('db', 'copy');
    await system.wait('db', 'copy', 'duplex');
    await system.write('db', 0, 1);
    await system.write('db', 5, 2);
    await system.ask('pair.split', { pairs: db });
    const again = await afterPowerLoss(system);
    expect((await again.read('copy', 16))[5]).toBe(2);
    await again.wait('db', 'copy', 'split');
    expect((await again.read('copy', 16))[5]).toBe(2);
    await again.close();
  });
});

describe('a split over several systems that was answered', () => {
  it.each(['none', 'random'] as const)(
    'H15: shows the same instant after all lost power and kept %s of the unflushed',
    async (keep) => {
      await overSeeds(12, async (seed) => {
        const two = await TwoSites.create(seed);
        two.startWriting();
        await two.rest(two.world.rng.unit() * 12);
        const before = two.answered;
        await two.split();
        const shown = await two.shown();
        expect(shown).toBeGreaterThanOrEqual(before);
        const again = await two.afterCrash('power', keep);
        await again.rest(5_000);
        expect(await again.settledAs()).toBe('split');
        expect(await again.shown()).toBe(shown);
        for (const site of again.sites) await site.ask('pair.wait', { pairs: [{ primary: '*' }], statuses: ['split'] });
        expect(await again.shown()).toBe(shown);
      });
    },
  );

  it('H15: is durable at every member before it counts anywhere: a loss of power at any instant leaves all or none', async () => {
    const withinMs = await TwoSites.courseMs();
    await overSeeds(40, async (seed) => {
      const two = await TwoSites.create(seed);
      two.startWriting();
      await two.rest(5);
      two.coordinator.client.request('split.over', two.splitInput()).catch(() => undefined);
      await two.rest(two.world.rng.unit() * withinMs);
      const again = await two.afterCrash('power', 'none');
      await again.rest(20_000);
      await again.settledAs();
    });
  });

  it('H15: counts for the member that has not heard it, too, when all lost power after another had', async () => {
    const two = await TwoSites.create(7);
    await two.remote.ask('fault.set', { kind: 'link-slow', peer: two.coordinator.place.name, delayMs: 400 });
    await two.coordinator.write('db', 0, 1);
    await two.coordinator.ask('copier.drain', {});
    two.splitFromAfar().catch(() => undefined);
    // READY, PREPARE and RUN take 400 ms each; COMMIT is on its way to the slow one. Its host wrote a hot region after READY.
    await two.rest(600);
    await two.coordinator.write('db', 5, 2);
    await two.rest(900);
    const ofDb = async (of: TwoSites) => (await of.statuses()).filter((_, at) => at % 2 === 0);
    expect(await ofDb(two)).toEqual(['sp-pending', 'split']);
    const again = await two.afterCrash('power', 'none');
    await again.rest(10_000);
    for (const site of again.sites) await site.ask('pair.wait', { pairs: [{ primary: 'db' }], statuses: ['split'] });
    expect(await ofDb(again)).toEqual(['split', 'split']);
    expect(await again.coordinator.read('copy', 6)).toEqual([1, 0, 0, 0, 0, 2]);
  });
});
