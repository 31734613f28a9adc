import { describe, expect, it } from 'vitest';
import { createSystem, openClient } from '../../src/core/controller/controller.js';
import { portsOf, TRACK } from '../simulation/system/sim-system.js';
import { World } from '../simulation/world/world.js';
import { overSeeds } from './stage.js';

describe('two processes that each own one of two storage systems', () => {
  it('H26: ask each other at once and both are answered: nobody is waited for with a lock held', async () => {
    await overSeeds(20, async (seed) => {
      const world = new World(seed);
      world.files.makeFolder('/sys');
      await world.run(world.files.flushFolder('/'));
      const make = (name: string) =>
        world.run(createSystem(portsOf(world), `/sys/${name}`, { name, trackSizeBytes: TRACK }));
      const [tokyo, osaka] = [await make('tokyo'), await make('osaka')];
      const crosswise = async (name: string, first: typeof tokyo, second: typeof tokyo) => {
        const ports = portsOf(world.start(name));
        const own = await openClient(ports, first, { purpose: name, timeoutMs: 2_000 });
        const other = await openClient(ports, second, { purpose: name, timeoutMs: 2_000 });
        await other.request('volume.create', { name: `of-${name}`, sizeBytes: 4 * TRACK });
        await own.request('volume.create', { name: `of-${name}`, sizeBytes: 4 * TRACK });
        await other.close();
        await own.close();
      };
      await world.run(Promise.all([crosswise('x', tokyo, osaka), crosswise('y', osaka, tokyo)]));
      for (const place of [tokyo, osaka]) {
        const client = await world.run(openClient(portsOf(world), place, { purpose: 'look' }));
        const { output } = await world.run(client.request('volume.list', {}));
        expect(output.volumes.map((volume) => volume.name).sort()).toEqual(['of-x', 'of-y']);
        await world.run(client.close());
      }
    });
  });
});
