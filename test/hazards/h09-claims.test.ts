import { describe, expect, it } from 'vitest';
import { contents, differing, Expected, Host, overSeeds, pairOf, staged } from './stage.js';

const TRACKS = 600;
const db = pairOf('db', 'copy');

async function filled(seed: number): Promise<Awaited<ReturnType<typeof staged>>> {
  const system = await staged(seed, TRACKS, 'db', 'copy');
  await system.write('db', 0, 1, TRACKS);
  return system;
}

function full(value: number): Expected {
  const expected = new Expected(TRACKS);
  expected.bytes.fill(value);
  return expected;
}

describe('copying beside writing hosts', () => {
  it("H9: what S's host writes while the copier works on a split is never overwritten by an old track", async () => {
    await overSeeds(12, async (seed) => {
      const system = await filled(seed);
      await system.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'copy', split: true }] });
      const host = new Host(system, 'copy', full(1));
      const wait = system.client.request('pair.wait', { pairs: db, statuses: ['split'] });
      await system.world.run(Promise.all([wait, host.writeSome(60, 50)]));
      expect(differing(await contents(system, 'copy', TRACKS), host.expected.bytes)).toEqual([]);
      await system.close();
    });
  });

  it("H9: what P's host writes while the copier works on a split never reaches S", async () => {
    await overSeeds(12, async (seed) => {
      const system = await filled(seed);
      await system.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'copy', split: true }] });
      const host = new Host(system, 'db', full(1));
      const wait = system.client.request('pair.wait', { pairs: db, statuses: ['split'] });
      await system.world.run(Promise.all([wait, host.writeSome(60, 50)]));
      expect(differing(await contents(system, 'db', TRACKS), host.expected.bytes)).toEqual([]);
      expect(differing(await contents(system, 'copy', TRACKS), full(1).bytes)).toEqual([]);
      await system.close();
    });
  });

  it('H9: hosts on both sides and the copier leave each side with its own writes on the instant', async () => {
    await overSeeds(12, async (seed) => {
      const system = await filled(seed);
      await system.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'copy', split: true }] });
      const hosts = [new Host(system, 'db', full(1)), new Host(system, 'copy', full(1))] as const;
      const wait = system.client.request('pair.wait', { pairs: db, statuses: ['split'] });
      await system.world.run(Promise.all([wait, hosts[0].writeSome(60, 50), hosts[1].writeSome(60, 120)]));
      expect(differing(await contents(system, 'db', TRACKS), hosts[0].expected.bytes)).toEqual([]);
      expect(differing(await contents(system, 'copy', TRACKS), hosts[1].expected.bytes)).toEqual([]);
      await system.close();
    });
  });

  it("H9: what P's host writes during a restore stays, and comes to S with the rest", async () => {
    await overSeeds(12, async (seed) => {
      const system = await filled(seed);
      await system.pair('db', 'copy');
      await system.wait('db', 'copy', 'duplex');
      await system.ask('pair.split', { pairs: db });
      await system.wait('db', 'copy', 'split');
      await system.write('db', 0, 2, TRACKS);
      await system.ask('pair.resync', { pairs: db, reverse: true, discard: true });
      const host = new Host(system, 'db', full(1));
      const wait = system.client.request('pair.wait', { pairs: db, statuses: ['duplex'] });
      await system.world.run(Promise.all([wait, host.writeSome(60, 50)]));
      expect(differing(await contents(system, 'db', TRACKS), host.expected.bytes)).toEqual([]);
      await system.wait('db', 'copy', 'duplex');
      await system.ask('pair.split', { pairs: db });
      await system.wait('db', 'copy', 'split');
      expect(differing(await contents(system, 'copy', TRACKS), host.expected.bytes)).toEqual([]);
      await system.close();
    });
  });
});
