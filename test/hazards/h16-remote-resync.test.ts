import { describe, expect, it } from 'vitest';
import { isToolkitError } from '../../src/core/foundation/foundation.js';
import { REMOTE, TwoSystems } from '../simulation/system/two-systems.js';
import { overSeeds } from './stage.js';

describe('a resync of a pair between systems, while hosts write its secondary', () => {
  it('H16: every write that was answered there is copied over: the secondary is what the primary is', async () => {
    await overSeeds(25, async (seed) => {
      const systems = await TwoSystems.duplex(seed);
      await systems.ask('tokyo', 'pair.split', { pairs: REMOTE });
      await systems.wait('split');
      const { rng, clock } = systems.world;
      const host = async () => {
        try {
          for (let i = 0; i < 400; i += 1) {
            await systems.writeNow('osaka', 'db-copy', rng.below(16), 2 + (i % 200));
            await clock.sleep(rng.unit());
          }
        } catch (error) {
          if (!isToolkitError(error, 'not-writable')) throw error;
        }
      };
      const resync = async () => {
        await clock.sleep(rng.unit() * 30);
        await systems.askNow('tokyo', 'pair.resync', { pairs: REMOTE, discard: true });
      };
      await systems.world.run(Promise.all([host(), resync()]));
      await systems.wait('duplex');
      expect(systems.image('osaka', 'db-copy')).toEqual(systems.image('tokyo', 'db'));
      await systems.close();
    });
  });

  it('H16: the roles are turned back while its host writes on: nothing that was answered is lost', async () => {
    await overSeeds(25, async (seed) => {
      const systems = await TwoSystems.duplex(seed);
      await systems.ask('osaka', 'pair.takeover', { volumes: ['db-copy'] });
      const { rng, clock } = systems.world;
      const last = new Array<number>(16).fill(1);
      const host = async () => {
        try {
          for (let i = 0; ; i += 1) {
            const track = rng.below(16);
            await systems.writeNow('osaka', 'db-copy', track, 2 + (i % 200));
            last[track] = 2 + (i % 200);
            await clock.sleep(rng.unit() * 4);
          }
        } catch (error) {
          if (!isToolkitError(error, 'not-writable')) throw error;
        }
      };
      const back = systems.askNow('tokyo', 'pair.resync', { pairs: REMOTE, reverse: true, discard: true });
      await systems.world.run(Promise.all([host(), back]));
      expect(await systems.wait('duplex')).toBe('reached');
      expect(await systems.read('tokyo', 'db')).toEqual(last);
      await systems.close();
    });
  });
});
