import { describe, expect, it } from 'vitest';
import { apart, bytes, inWorld, LIMIT_MS, sites, TRACKS } from '../core/transfer/sync-stage.js';
import { SyncRun } from '../simulation/campaign/sync-run.js';
import { TRACK } from '../simulation/system/sim-system.js';
import type { Site } from '../simulation/system/sites.js';
import type { World } from '../simulation/world/world.js';
import { overSeeds } from './stage.js';

const SESSION = { session: 's' };

/** Cuts the link to a site, and lets what was under way arrive or not. */
async function cut(world: World, site: Site): Promise<void> {
  world.network.cut(site.address);
  await world.clock.sleep(50);
}

/** Writes to `db`, and to `log` only when that completed, and says what each secondary has of it. */
async function dependent(tokyo: Site, value: number): Promise<void> {
  await tokyo.device('db').write(bytes(value), 0);
  await tokyo.device('log').write(bytes(value), 0);
}

describe('synchronous pairs whose link is lost', () => {
  it('H29: are suspended together with those of their session, before a write completes at a primary alone', async () => {
    await overSeeds(6, (seed) =>
      inWorld(seed, async (world) => {
        const [tokyo, osaka, nagoya] = (await sites(world, ['tokyo', 'osaka', 'nagoya'], 'db', 'log')) as [
          Site,
          Site,
          Site,
        ];
        await tokyo.pair('db', osaka, SESSION);
        await tokyo.pair('log', nagoya, SESSION);
        await dependent(tokyo, 1);
        await cut(world, osaka);
        await dependent(tokyo, 2);
        // The second write depends on the first, which one secondary lacks: the other must lack it too.
        expect([osaka.image('db', 1)[0], nagoya.image('log', 1)[0]]).toEqual([1, 1]);
        tokyo.crash('power', 'none');
        await tokyo.up();
        expect([tokyo.status('db'), tokyo.status('log')]).toEqual(['suspended', 'suspended']);
      }),
    );
  });

  it('H29: of the same two systems are suspended together without a session too, and others are not', () =>
    inWorld(7, async (world) => {
      const [tokyo, osaka, nagoya] = (await sites(world, ['tokyo', 'osaka', 'nagoya'], 'db', 'log', 'tmp')) as [
        Site,
        Site,
        Site,
      ];
      await tokyo.pair('db', osaka);
      await tokyo.pair('log', osaka);
      await tokyo.pair('tmp', nagoya);
      await cut(world, osaka);
      await tokyo.device('db').write(bytes(2), 0);
      expect(['db', 'log', 'tmp'].map((name) => tokyo.status(name))).toEqual(['suspended', 'suspended', 'duplex']);
    }));

  it('H29: no longer count as duplex at the secondary when their primary goes on alone', () =>
    inWorld(8, async (world) => {
      const [tokyo, osaka] = (await sites(world, ['tokyo', 'osaka'], 'db')) as [Site, Site];
      await tokyo.pair('db', osaka);
      await world.clock.sleep(5 * LIMIT_MS);
      expect(osaka.status('db')).toBe('duplex');
      world.network.cut(osaka.address);
      await world.clock.sleep(LIMIT_MS * 0.9);
      expect(osaka.status('db')).toBe('suspended');
    }));

  it('H29: do not return by themselves where they were made with --manual, nor over a secondary that was written', () =>
    inWorld(9, async (world) => {
      const [tokyo, osaka] = (await sites(world, ['tokyo', 'osaka'], 'db', 'log')) as [Site, Site];
      await tokyo.pair('db', osaka, { manual: true });
      await tokyo.pair('log', osaka);
      await cut(world, osaka);
      await tokyo.device('db').write(bytes(2), 0);
      world.network.heal(osaka.address);
      await world.clock.sleep(5 * LIMIT_MS);
      expect([tokyo.status('db'), tokyo.status('log')]).toEqual(['suspended', 'duplex']);
      await tokyo.ask('pair.suspend', { pairs: [{ primary: 'log' }], allowWrite: true });
      await osaka.device('log').write(bytes(3), 0);
      await world.clock.sleep(5 * LIMIT_MS);
      expect(tokyo.status('log')).toBe('suspended');
    }));

  it('H29: take over what a crash of the secondary left in doubt, each pair for itself', () =>
    inWorld(11, async (world) => {
      const [tokyo, osaka] = (await sites(world, ['tokyo', 'osaka'], 'db', 'log')) as [Site, Site];
      for (const name of ['db', 'log']) await tokyo.pair(name, osaka);
      await dependent(tokyo, 1);
      osaka.crash('power', 'none');
      await osaka.up();
      // The first finds the connection broken; the second goes over the one that the first has made.
      await tokyo.device('db').write(bytes(2), 3 * TRACK);
      await tokyo.device('log').write(bytes(2), 3 * TRACK);
      await world.clock.sleep(3 * LIMIT_MS);
      for (const name of ['db', 'log']) {
        expect(tokyo.status(name)).toBe('duplex');
        expect(apart(tokyo.image(name, TRACKS), osaka.image(name, TRACKS)), name).toEqual([]);
      }
    }));

  it('H29: return without a copy that overtakes a write which is older', () =>
    inWorld(12, async (world) => {
      const [tokyo, osaka] = (await sites(world, ['tokyo', 'osaka'], 'db')) as [Site, Site];
      await tokyo.pair('db', osaka);
      const device = tokyo.device('db');
      await cut(world, osaka);
      await device.write(bytes(1), TRACK);
      await tokyo.ask('pair.pace', { pairs: [{ primary: 'db' }], pace: 'hold' });
      world.network.heal(osaka.address);
      while (tokyo.status('db') !== 'resync') await world.clock.sleep(50);
      await world.clock.sleep(500);
      // Track 0 is there already, track 1 is not: a write of both goes to both sides and takes its time.
      const { peers } = tokyo.owner.controller;
      const request = peers.request.bind(peers);
      peers.request = async (system, code, input, options) => {
        if (code === 'remote.write') await world.clock.sleep(LIMIT_MS / 3);
        return request(system, code, input, options);
      };
      const both = device.write(bytes(2, 2 * TRACK), 0);
      await world.clock.sleep(10);
      await device.write(bytes(3), TRACK);
      await tokyo.ask('pair.pace', { pairs: [{ primary: 'db' }], pace: 'medium' });
      await both;
      while (tokyo.status('db') !== 'duplex') await world.clock.sleep(50);
      expect(apart(tokyo.image('db', TRACKS), osaka.image('db', TRACKS))).toEqual([]);
    }));

  it('H29: keep dependent writes in order over random trouble', async () => {
    await overSeeds(6, (seed) =>
      inWorld(1_000 + seed, (world) => new SyncRun(world, { threeSites: seed % 2 === 0, rounds: 3 }).run()),
    );
  }, 60_000);
});

describe('a synchronous secondary that is copied on to a third site', () => {
  it('marks what lands there for the third site like any write (DESIGN 5.3)', () =>
    inWorld(10, async (world) => {
      const [tokyo, osaka, nagoya] = (await sites(world, ['tokyo', 'osaka', 'nagoya'], 'db')) as [Site, Site, Site];
      await tokyo.pair('db', osaka);
      const { id } = nagoya.place.info;
      const secondarySystem = { id, name: 'nagoya', path: nagoya.path };
      await osaka.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'db', secondarySystem }], mode: 'async' });
      const device = tokyo.device('db');
      for (let i = 0; i < 40; i += 1) await device.write(bytes(i + 1, 3 * 512), world.rng.below(TRACKS * 8 - 3) * 512);
      for (
        let left = 100;
        left > 0 && apart(tokyo.image('db', TRACKS), nagoya.image('db', TRACKS)).length > 0;
        left -= 1
      )
        await world.clock.sleep(100);
      expect(apart(osaka.image('db', TRACKS), nagoya.image('db', TRACKS))).toEqual([]);
      expect(nagoya.image('db', 1).length).toBe(TRACK);
    }));
});
