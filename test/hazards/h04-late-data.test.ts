import { describe, expect, it } from 'vitest';
import { codeOfData } from '../../src/core/volume/volume.js';
import { TRACK } from '../simulation/system/sim-system.js';
import { REMOTE, TRACKS, TwoSystems } from '../simulation/system/two-systems.js';
import { codeOf, overSeeds, values } from './stage.js';

/** An order as the primary's half would send it, in a session of the test's own choosing. */
async function copyOrder(systems: TwoSystems, track: number, value: number, back: number, sequence = 1_000_000) {
  const { controller } = systems.own('osaka');
  const half = [...controller.catalog.pairs.values()][0];
  const taken = half?.remote?.taken ?? { term: 0, epoch: 0, session: 0 };
  const data = new Uint8Array(TRACK).fill(value);
  const mark = { ...taken, session: taken.session - back };
  const input = { pair: half?.remote?.id ?? '', mark, sequence, first: track, count: 1, codes: [codeOfData(data)] };
  return systems.world.run(controller.request('remote.copy', input, { data }));
}

describe('data that is late', () => {
  it('H4: of an earlier link session never lands, however late it comes', async () => {
    const systems = await TwoSystems.duplex(1);
    systems.cutLink();
    await systems.write('tokyo', 'db', 3, 2);
    await systems.rest();
    systems.healLink();
    await systems.rest();
    expect(await codeOf(copyOrder(systems, 3, 9, 1))).toBe('link-lost');
    expect(systems.image('osaka', 'db-copy')).toEqual(values(TRACKS, 1, [3, 2]));
    await systems.close();
  });

  it('H4: that comes a second time in its own session is dropped: it would land over later data', async () => {
    const systems = await TwoSystems.duplex(2);
    const { number } = [...systems.own('tokyo').controller.catalog.pairs.values()][0] ?? { number: 0 };
    await systems.world.run(systems.own('tokyo').controller.halves.link(number).demand());
    expect(await codeOf(copyOrder(systems, 3, 5, 0, 1_000_000))).toBe('nothing');
    expect(await codeOf(copyOrder(systems, 3, 6, 0, 1_000_001))).toBe('nothing');
    expect(await codeOf(copyOrder(systems, 3, 5, 0, 1_000_000))).toBe('link-lost');
    expect(systems.image('osaka', 'db-copy')).toEqual(values(TRACKS, 1, [3, 6]));
    await systems.close();
  });

  it('H5: never lands at a secondary where hosts write since a takeover, under whatever mark it comes', async () => {
    const systems = await TwoSystems.duplex(3);
    systems.kill('tokyo');
    await systems.ask('osaka', 'pair.takeover', { volumes: ['db-copy'] });
    await systems.write('osaka', 'db-copy', 3, 7);
    const { controller } = systems.own('osaka');
    const remote = [...controller.catalog.pairs.values()][0]?.remote;
    const from = remote?.peer.system ?? { id: '', name: '', path: '' };
    const mark = { term: (remote?.term ?? 0) + 1, epoch: 99, session: 1 };
    await systems.world.run(controller.request('remote.open', { pair: remote?.id ?? '', mark, sequence: 1, from }));
    expect(await codeOf(copyOrder(systems, 3, 9, 0))).toBe('term-superseded');
    expect(systems.image('osaka', 'db-copy')).toEqual(values(TRACKS, 1, [3, 7]));
    await systems.close();
  });

  it('H4: sent to a controller that died is not settled by the next one', async () => {
    await overSeeds(6, async (seed) => {
      const systems = await TwoSystems.duplex(seed);
      const { number } = [...systems.own('tokyo').controller.catalog.pairs.values()][0] ?? { number: 0 };
      await systems.world.run(systems.own('tokyo').controller.stopCopying(true));
      await systems.world.run(systems.own('tokyo').controller.halves.link(number).demand());
      systems.kill('osaka');
      await systems.start('osaka');
      expect(await codeOf(copyOrder(systems, 3, 9, 0))).toBe('link-lost');
      await systems.close();
    });
  });

  it('H4: with the link cut again and again, both sides hold the last write of each track', async () => {
    await overSeeds(12, async (seed) => {
      const systems = await TwoSystems.duplex(seed, { linkLimitMs: 500 });
      const { rng, clock } = systems.world;
      const last = values(TRACKS, 1);
      const host = async () => {
        for (let i = 0; i < 60; i += 1) {
          const track = rng.below(TRACKS);
          await systems.writeNow('tokyo', 'db', track, 2 + i);
          last[track] = 2 + i;
          await clock.sleep(rng.unit() * 20);
        }
      };
      const cutter = async () => {
        for (let i = 0; i < 12; i += 1) {
          await clock.sleep(rng.unit() * 60);
          systems.cutLink();
          await clock.sleep(rng.unit() * 100);
          systems.healLink();
        }
      };
      await systems.world.run(Promise.all([host(), cutter()]));
      for (let tries = 0; tries < 5 && (await systems.row('tokyo'))?.outOfSyncTracks !== 0; tries += 1)
        await systems.rest();
      expect(await systems.row('tokyo')).toMatchObject({ status: 'duplex', outOfSyncTracks: 0 });
      expect(systems.image('osaka', 'db-copy')).toEqual(last);
      await systems.close();
    });
  });

  it('H4: a formation or a split over a cut link sends the old contents, not the new', async () => {
    const systems = await TwoSystems.duplex(3, { linkLimitMs: 60_000 });
    systems.cutLink();
    await systems.write('tokyo', 'db', 3, 2);
    await systems.ask('tokyo', 'pair.split', { pairs: REMOTE });
    await systems.write('tokyo', 'db', 3, 7);
    systems.healLink();
    expect(await systems.wait('split')).toBe('reached');
    expect(await systems.read('osaka', 'db-copy')).toEqual(values(TRACKS, 1, [3, 2]));
    await systems.close();
  });
});
