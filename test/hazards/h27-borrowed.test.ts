import { describe, expect, it } from 'vitest';
import { openClient, openOwner } from '../../src/core/controller/controller.js';
import { portsOf } from '../simulation/system/sim-system.js';
import { REMOTE, TwoSystems } from '../simulation/system/two-systems.js';
import { overSeeds } from './stage.js';

describe('a controller that was opened for another system’s sake', () => {
  it('H27: is given up to whoever comes to serve, and copying goes on through the link', async () => {
    await overSeeds(10, async (seed) => {
      const systems = await TwoSystems.duplex(seed);
      await systems.world.run(systems.own('osaka').close());
      await systems.write('tokyo', 'db', 3, 2);
      await systems.rest(); // tokyo borrows osaka.
      const began = systems.world.clock.monotonicMs();
      await systems.start('osaka');
      expect(systems.world.clock.monotonicMs() - began).toBeLessThan(1_500);
      await systems.write('tokyo', 'db', 4, 3);
      await systems.rest();
      expect(systems.image('osaka', 'db-copy')[4]).toBe(3);
      await systems.close();
    });
  });

  it('H27: answers commands meanwhile, and is let go when its borrower leaves', async () => {
    const systems = await TwoSystems.duplex(3);
    await systems.world.run(systems.own('osaka').close());
    await systems.write('tokyo', 'db', 3, 2);
    await systems.rest();
    const process = systems.world.start('look');
    const client = await systems.world.run(openClient(portsOf(process), systems.place('osaka'), { purpose: 'look' }));
    const { output } = await systems.world.run(client.request('volume.list', {}));
    expect(output.volumes.map(({ name }) => name)).toEqual(['db-copy']);
    await systems.world.run(client.close());
    await systems.world.run(systems.own('tokyo').close());
    const next = await systems.world.run(openOwner(portsOf(process), systems.place('osaka'), { purpose: 'serve' }));
    await systems.world.run(next.close());
  });

  it('H26: two systems whose pairs cross, asked at once, are both answered', async () => {
    await overSeeds(10, async (seed) => {
      const systems = await TwoSystems.duplex(seed);
      await systems.ask('tokyo', 'volume.create', { name: 'log-copy', sizeBytes: 65_536 });
      await systems.ask('osaka', 'volume.create', { name: 'log', sizeBytes: 65_536 });
      const { info, name, path } = systems.place('tokyo');
      const row = { primary: 'log', secondary: 'log-copy', secondarySystem: { id: info.id, name, path } };
      await systems.ask('osaka', 'pair.create', { pairs: [row], mode: 'async' });
      const back = [{ primary: 'log', secondary: 'log-copy', secondarySystem: 'tokyo' }];
      const began = systems.world.clock.monotonicMs();
      await systems.world.run(
        Promise.all([
          systems.askNow('tokyo', 'pair.split', { pairs: REMOTE }),
          systems.askNow('osaka', 'pair.split', { pairs: back }),
        ]),
      );
      await systems.world.run(
        Promise.all([
          systems.askNow('tokyo', 'pair.resync', { pairs: REMOTE }),
          systems.askNow('osaka', 'pair.resync', { pairs: back }),
        ]),
      );
      expect(systems.world.clock.monotonicMs() - began).toBeLessThan(1_500);
      await systems.close();
    });
  });
});
