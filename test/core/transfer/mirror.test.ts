import { describe, expect, it } from 'vitest';
import { TRACK } from '../../simulation/system/sim-system.js';
import { apart, bytes, inWorld, LIMIT_MS, sites, TRACKS } from './sync-stage.js';

describe('a synchronous pair in duplex', () => {
  it('completes a host write when both sides have it, and marks nothing', () =>
    inWorld(1, async (world) => {
      const [tokyo, osaka] = await sites(world, ['tokyo', 'osaka'], 'db');
      if (!tokyo || !osaka) throw new Error('two sites');
      await tokyo.pair('db', osaka);
      await tokyo.device('db').write(bytes(7), 3 * TRACK + 512);
      expect(osaka.image('db', TRACKS).slice(3 * TRACK, 3 * TRACK + 1536)).toEqual(
        Uint8Array.from([...bytes(0), ...bytes(7), ...bytes(0)]),
      );
      expect([...tokyo.marked('db')]).toEqual([]);
      expect([tokyo.status('db'), osaka.status('db')]).toEqual(['duplex', 'duplex']);
    }));

  it('sends a small write as it is and copies no track for it', () =>
    inWorld(2, async (world) => {
      const [tokyo, osaka] = await sites(world, ['tokyo', 'osaka'], 'db');
      if (!tokyo || !osaka) throw new Error('two sites');
      await tokyo.pair('db', osaka);
      const sent: string[] = [];
      const { peers } = tokyo.owner.controller;
      const request = peers.request.bind(peers);
      peers.request = (system, code, input, options) => {
        if (code !== 'remote.beat') sent.push(`${code} ${options.data?.length ?? 0}`);
        return request(system, code, input, options);
      };
      await tokyo.device('db').write(bytes(1), TRACK);
      await world.clock.sleep(2_000);
      expect(sent).toEqual(['remote.write 512']);
    }));

  it('has what a host flushed durably at both sides', () =>
    inWorld(3, async (world) => {
      const [tokyo, osaka] = await sites(world, ['tokyo', 'osaka'], 'db');
      if (!tokyo || !osaka) throw new Error('two sites');
      await tokyo.pair('db', osaka);
      const device = tokyo.device('db');
      await device.write(bytes(9), 5 * TRACK);
      await device.flush();
      osaka.crash('power', 'none');
      await osaka.up();
      expect(osaka.image('db', TRACKS)[5 * TRACK]).toBe(9);
    }));

  it('lands overlapping writes in one order at both sides, however many are under way', () =>
    inWorld(4, async (world) => {
      const [tokyo, osaka] = await sites(world, ['tokyo', 'osaka'], 'db');
      if (!tokyo || !osaka) throw new Error('two sites');
      await tokyo.pair('db', osaka);
      const device = tokyo.device('db');
      const writes = Array.from({ length: 200 }, async (_, i) => {
        await world.clock.sleep(world.rng.unit() * 20);
        await device.write(bytes(i + 1, 512 * (1 + world.rng.below(20))), 512 * world.rng.below(100));
      });
      await Promise.all(writes);
      expect(apart(tokyo.image('db', TRACKS), osaka.image('db', TRACKS))).toEqual([]);
      expect([...tokyo.marked('db')]).toEqual([]);
    }));

  it('goes on after a moment without link as if nothing had been', () =>
    inWorld(5, async (world) => {
      const [tokyo, osaka] = await sites(world, ['tokyo', 'osaka'], 'db');
      if (!tokyo || !osaka) throw new Error('two sites');
      await tokyo.pair('db', osaka);
      world.network.cut(osaka.address);
      const write = tokyo.device('db').write(bytes(3), 0);
      await world.clock.sleep(LIMIT_MS / 2);
      expect(osaka.image('db', TRACKS)[0]).toBe(0);
      world.network.heal(osaka.address);
      await write;
      expect(osaka.image('db', TRACKS)[0]).toBe(3);
      expect([...tokyo.marked('db')]).toEqual([]);
      expect(tokyo.status('db')).toBe('duplex');
    }));

  it('is suspended when a write has waited for the link limit, and returns by differences', () =>
    inWorld(6, async (world) => {
      const [tokyo, osaka] = await sites(world, ['tokyo', 'osaka'], 'db');
      if (!tokyo || !osaka) throw new Error('two sites');
      await tokyo.pair('db', osaka);
      world.network.cut(osaka.address);
      const begun = world.clock.monotonicMs();
      await tokyo.device('db').write(bytes(3), 4 * TRACK);
      const waitedMs = world.clock.monotonicMs() - begun;
      expect(waitedMs).toBeGreaterThanOrEqual(LIMIT_MS);
      expect(waitedMs).toBeLessThan(LIMIT_MS + 100);
      expect([tokyo.status('db'), osaka.status('db')]).toEqual(['suspended', 'suspended']);
      expect([...tokyo.marked('db')]).toEqual([4]);
      world.network.heal(osaka.address);
      expect(await tokyo.until('db', 'duplex')).toBe('suspended');
      while (tokyo.status('db') !== 'duplex') await world.clock.sleep(50);
      expect(apart(tokyo.image('db', TRACKS), osaka.image('db', TRACKS))).toEqual([]);
    }));
});
