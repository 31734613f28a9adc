import { describe, expect, it } from 'vitest';
import { openClient, openOwner, openReader } from '../../../src/core/controller/controller.js';
import { portsOf, SimSystem, TRACK } from '../../simulation/system/sim-system.js';
import { codeOf, db, deskSystem, TRACKS } from './desk.js';

const ON_HOLD = [{ primary: 'db', secondary: 'copy', pace: 'hold' as const }];

describe('several commands at one system', () => {
  it('make their changes one after the other, each whole', async () => {
    const system = await deskSystem();
    await system.close();
    const commands = Array.from({ length: 6 }, async (_, at) => {
      const ports = portsOf(system.world.start(`command-${at}`));
      const client = await openClient(ports, system.place, { purpose: `command-${at}` });
      await client.request('volume.create', { name: `of-${at}`, sizeBytes: 4 * TRACK });
      await client.close();
    });
    await system.world.run(Promise.all(commands));
    const again = await SimSystem.open(system.world);
    const { volumes } = await again.ask('volume.list', {});
    expect(volumes.map((volume) => volume.name).sort()).toEqual([
      'copy',
      'db',
      'of-0',
      'of-1',
      'of-2',
      'of-3',
      'of-4',
      'of-5',
    ]);
    expect(new Set(volumes.map((volume) => volume.number)).size).toBe(8);
    await again.close();
  });

  it('that make the same pair at once make it once', async () => {
    const system = await deskSystem();
    await system.world.scheduler.advance(100);
    const guest = await system.world.run(
      openClient(portsOf(system.world.start('guest')), system.place, { purpose: 'guest' }),
    );
    const create = { pairs: db };
    const [own, other] = await system.world.run(
      Promise.all([system.client.request('pair.create', create), guest.request('pair.create', create)]),
    );
    expect([own.output.pairs[0]?.outcome, other.output.pairs[0]?.outcome].sort()).toEqual(['done', 'nothing']);
    expect((await system.ask('pair.list', {})).pairs).toHaveLength(1);
    await system.world.run(guest.close());
    await system.close();
  });

  it('go on with the work of one that was killed, as soon as its death is known', async () => {
    const system = await deskSystem();
    await system.close();
    const holder = system.world.start('holder');
    const held = await system.world.run(openClient(portsOf(holder), system.place, { purpose: 'holder' }));
    await system.world.run(held.request('volume.create', { name: 'kept', sizeBytes: 4 * TRACK }));
    await system.world.scheduler.advance(100);
    const other = await system.world.run(
      openClient(portsOf(system.world.start('other')), system.place, { purpose: 'other' }),
    );
    holder.process.end();
    const { output } = await system.world.run(other.request('volume.list', {}));
    expect(output.volumes.map((volume) => volume.name)).toContain('kept');
    await system.world.run(other.close());
  });

  it('are busy where the owner neither answers nor lets go, and say who it is', async () => {
    const system = await deskSystem();
    await system.world.scheduler.advance(100);
    system.world.network.cut(`${system.place.path}/control.sock`);
    const other = openClient(portsOf(system.world.start('other')), system.place, { purpose: 'other', timeoutMs: 300 });
    expect(await codeOf(system.world.run(other))).toBe('busy');
    await system.close();
    const foreign = { host: 'elsewhere', pid: 4, purpose: 'serve' };
    system.world.ownerTable.plantForeign(system.place.path, foreign);
    const refused = openClient(portsOf(system.world.start('late')), system.place, { purpose: 'late', timeoutMs: 300 });
    await expect(system.world.run(refused)).rejects.toThrow(/process 4 on elsewhere/);
  });

  it('refuse at once to serve what is served, but wait for a server that leaves', async () => {
    const system = await deskSystem();
    await system.close();
    const { world, place } = system;
    const serve = (name: string) => openOwner(portsOf(world.start(name)), place, { purpose: 'serve' });
    const first = await world.run(serve('first'));
    const askedMs = world.clock.monotonicMs();
    expect(await codeOf(world.run(serve('second')))).toBe('busy');
    expect(world.clock.monotonicMs() - askedMs).toBeLessThan(1_000);
    await world.run(first.request('pair.create', { pairs: ON_HOLD }));
    const waits = first.request('pair.wait', { pairs: db, statuses: ['duplex'], timeoutMs: 2_000 });
    await world.scheduler.advance(10);
    const leaves = first.close();
    const third = await world.run(serve('third'));
    expect(world.clock.monotonicMs() - askedMs).toBeGreaterThan(1_900);
    expect((await waits).output.verdict).toBe('timed-out');
    await world.run(leaves);
    expect(third.controller.catalog.volumes.size).toBe(2);
    await world.run(third.close());
  });

  it('hurry a pair while one of them waits for it, and no longer', async () => {
    const system = await deskSystem();
    await system.close();
    const owner = await system.world.run(
      openOwner(portsOf(system.world.start('owner')), system.place, { purpose: 'serve' }),
    );
    await system.world.run(owner.request('pair.create', { pairs: ON_HOLD }));
    const [number = 0] = owner.controller.catalog.pairs.keys();
    const pair = owner.controller.fabric.pair(number);
    const wait = owner.request('pair.wait', { pairs: db, statuses: ['duplex'], timeoutMs: 500 });
    await system.world.scheduler.advance(100);
    expect(pair.waiters).toBe(1);
    await system.world.run(wait);
    expect(pair.waiters).toBe(0);
    await system.world.run(owner.close());
  });

  it('write nothing more once their lock was taken away', async () => {
    const system = await deskSystem();
    system.world.owners.breakLock(system.place.path);
    expect(await codeOf(system.write('db', 0, 5))).toBe('ownership-lost');
    expect(await codeOf(system.pair('db', 'copy'))).toBe('ownership-lost');
  });

  it('list without the lock: from the running controller, or from the files of a dead one', async () => {
    const system = await deskSystem();
    await system.pair('db', 'copy');
    await system.world.scheduler.advance(100);
    const look = async (world = system.world) => {
      const reader = await world.run(openReader(portsOf(world.start('reader')), system.place));
      const { output } = await world.run(reader.request('pair.list'));
      await world.run(reader.close());
      return output.pairs.map((pair) => [pair.status, pair.outOfSyncTracks]);
    };
    expect(await look()).toEqual([['pending', TRACKS]]);
    expect(await look(system.world.crash('kill'))).toEqual([['pending', TRACKS]]);
  });
});
