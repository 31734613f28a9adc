import { describe, expect, it } from 'vitest';
import { SimGroup } from '../simulation/system/sim-group.js';
import { DRAIN_MS, formed, LIMIT_MS, Orders } from './formation-orders.js';
import { codeOf, overSeeds } from './stage.js';

describe('a prepare', () => {
  it('H3: is refused once the remote holds more than the group', async () => {
    const group = await SimGroup.ready(1);
    const orders = await Orders.of(group);
    await orders.drained(1);
    await orders.give(group.tokyo, 'thaw', 1);
    await group.tokyo.write('db', 1, 9);
    await group.tokyo.ask('copier.drain', { timeoutMs: 5_000 });
    expect(await codeOf(group.world.run(orders.copy(group.tokyo, 'prepare', 1)))).toBe('formation-failed');
    expect(await codeOf(group.world.run(orders.copy(group.kyoto, 'prepare', 1)))).toBe('nothing');
  });

  it('H3: is refused where not all of the group has arrived', async () => {
    const group = await SimGroup.ready(2);
    const orders = await Orders.of(group);
    await group.tokyo.ask('fault.set', { kind: 'link-down', peer: 'osaka' });
    await group.write(2);
    for (const kind of ['coordinate', 'run'] as const) await orders.give(group.tokyo, kind, 1);
    expect(await codeOf(group.world.run(orders.copy(group.tokyo, 'prepare', 1)))).toBe('formation-failed');
  });

  it('H3: is not passed on by a controller that did not make the freeze itself', async () => {
    const group = await SimGroup.ready(3);
    const orders = await Orders.of(group);
    await orders.drained(1);
    group.tokyo.kill();
    await group.tokyo.restart();
    expect(await orders.give(group.tokyo, 'prepare', 1)).toMatchObject({ kind: 'refused' });
  });

  it('H3: that meets later data on its way finds either all of the group and no more, or refuses', async () => {
    let prepared = 0;
    await overSeeds(60, async (seed) => {
      const group = await SimGroup.ready(seed);
      const orders = await Orders.of(group);
      await orders.drained(1);
      const { world, tokyo } = group;
      const data = new Uint8Array(4_096).fill(9);
      const later = async () => {
        await orders.send(tokyo, 'thaw', 1);
        await tokyo.client.request('volume.write', { volume: 'db', offsetBytes: 3 * 4_096, durable: true }, { data });
        await tokyo.client.request('copier.drain', { timeoutMs: 200 });
      };
      const prepare = async () => {
        await world.clock.sleep(world.rng.unit() * 15);
        return codeOf(orders.copy(tokyo, 'prepare', 1));
      };
      const [code] = await world.run(Promise.all([prepare(), later().catch(() => undefined)]));
      if (code !== 'nothing') return;
      prepared += 1;
      await world.run(orders.copy(tokyo, 'commit', 1));
      expect(await group.osaka.read('db-backup', 4)).toEqual([1, 0, 0, 0]);
    });
    expect(prepared).toBeGreaterThan(5);
  });

  it('H3: of a freeze that a kill ended comes to nothing, and nothing that was written is lost', async () => {
    const group = await SimGroup.ready(4);
    const orders = await Orders.of(group);
    for (const kind of ['coordinate', 'run'] as const) await orders.give(group.tokyo, kind, 1);
    await group.tokyo.write('db', 2, 6);
    group.tokyo.kill();
    await group.tokyo.restart();
    await group.pass(LIMIT_MS + DRAIN_MS);
    await formed(group);
    expect(await group.osaka.read('db-backup', 4)).toEqual([1, 0, 6, 0]);
  });
});
