import { describe, expect, it } from 'vitest';
import { type ClientOptions, openClient, type SystemClient } from '../../src/core/controller/controller.js';
import { portsOf, SimSystem, TRACK } from '../simulation/system/sim-system.js';
import { FaultFiles, WorldStopped } from '../simulation/world/world.js';
import {
  afterPowerLoss,
  codeOf,
  contents,
  differing,
  Expected,
  Host,
  overSeeds,
  pairOf,
  staged,
  values,
} from './stage.js';

const db = pairOf('db', 'copy');
const OPTIONS: ClientOptions = { purpose: 'test' };

async function duplex(seed: number, tracks = 16): Promise<SimSystem> {
  const system = await staged(seed, tracks, 'db', 'copy');
  await system.write('db', 0, 1, tracks);
  await system.pair('db', 'copy');
  await system.wait('db', 'copy', 'duplex');
  return system;
}

/** Closed and opened again: no region is active. */
async function cooled(system: SimSystem): Promise<SimSystem> {
  await system.close();
  return SimSystem.open(system.world);
}

async function copyOf(system: SimSystem): Promise<number[]> {
  await system.ask('pair.split', { pairs: db });
  return system.read('copy', 16);
}

describe('the write protocols', () => {
  it('P1: a write whose data survived a loss of power is in a map, though its mark was never logged', async () => {
    let system = await cooled(await duplex(1));
    await system.write('db', 5, 2);
    system = await afterPowerLoss(system);
    expect(await copyOf(system)).toEqual(values(16, 1, [5, 2]));
    await system.close();
  });

  it('P1: regions that go cold leave their marks behind', async () => {
    const regions = 520;
    let system = await staged(2, regions * 1024, 'db', 'copy');
    await system.pair('db', 'copy');
    await system.wait('db', 'copy', 'duplex');
    for (let region = 0; region < regions; region += 1) await system.write('db', region * 1024, 1);
    system = await afterPowerLoss(system);
    await system.ask('pair.split', { pairs: db });
    for (let region = 0; region < regions; region += 13) {
      const input = { volume: 'copy', offsetBytes: region * 1024 * TRACK, lengthBytes: 1 };
      const { data } = await system.world.run(system.client.request('volume.read', input));
      expect([region, data?.[0]]).toEqual([region, 1]);
    }
    await system.close();
  });

  it('P2: a track is called identical only when its data is durable at the secondary', async () => {
    let system = await duplex(3);
    await system.close();
    system = await afterPowerLoss(system);
    expect(await copyOf(system)).toEqual(values(16, 1));
    await system.close();
  });

  it('P2: a track is called identical only when its data is durable at the primary', async () => {
    let system = await staged(4, 16, 'db', 'copy');
    await system.write('db', 0, 1, 16);
    await system.pair('db', 'copy');
    const input = { volume: 'db', offsetBytes: 0, durable: false };
    await system.ask('volume.write', input, new Uint8Array(16 * TRACK).fill(2));
    await system.wait('db', 'copy', 'duplex');
    await system.close();
    system = await afterPowerLoss(system);
    const { pairs } = await system.ask('pair.verify', { pairs: db, repair: false });
    expect(pairs[0]?.differingTracks).toEqual([]);
    await system.close();
  });

  it('P2: a track written again while it was copied is copied again', async () => {
    await overSeeds(12, async (seed) => {
      const system = await staged(seed, 300, 'db', 'copy');
      await system.write('db', 0, 1, 300);
      await system.pair('db', 'copy');
      const expected = new Expected(300);
      expected.bytes.fill(1);
      const host = new Host(system, 'db', expected);
      const wait = system.client.request('pair.wait', { pairs: db, statuses: ['duplex'] });
      await system.world.run(Promise.all([wait, host.writeSome(60, 50)]));
      await system.ask('pair.split', { pairs: db });
      expect(differing(await contents(system, 'copy', 300), expected.bytes)).toEqual([]);
      await system.close();
    });
  });

  it('P4: a track is saved, durably and with its bit, before it is overwritten', async () => {
    let system = await staged(6, 16, 'db', 'copy');
    await system.write('db', 0, 1, 16);
    await system.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'copy', virtual: true }] });
    await system.write('db', 5, 2);
    system = await afterPowerLoss(system);
    expect(await system.read('copy', 16)).toEqual(values(16, 1));
    await system.close();
  });

  it('P4: the secondary keeps its instant wherever the power fails inside a write that saves', async () => {
    await overSeeds(40, async (seed) => {
      const system = await staged(seed, 16, 'db', 'copy');
      await system.write('db', 0, 1, 16);
      await system.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'copy', virtual: true }] });
      const { process } = system.world;
      process.stopAtCall(process.calls + 1 + (seed % 20));
      await system.write('db', 5, 2).catch((error: unknown) => {
        if (!(error instanceof WorldStopped)) throw error;
      });
      const again = await afterPowerLoss(system, 'random');
      expect(await again.read('copy', 16)).toEqual(values(16, 1));
      await again.close();
    });
  });

  it('P4: a whole-track write to a lacking track is there after it was acknowledged as durable', async () => {
    let system = await staged(7, 16, 'db', 'copy');
    await system.write('db', 0, 1, 16);
    await system.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'copy', virtual: true }] });
    await system.write('copy', 5, 2);
    system = await afterPowerLoss(system);
    expect(await system.read('copy', 16)).toEqual(values(16, 1, [5, 2]));
    await system.close();
  });

  it('P4: a whole-track write to a lacking track leaves the old or the new one, wherever the power fails', async () => {
    await overSeeds(40, async (seed) => {
      const system = await staged(seed, 16, 'db', 'copy');
      await system.write('db', 0, 1, 16);
      await system.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'copy', virtual: true }] });
      const { process } = system.world;
      process.stopAtCall(process.calls + 1 + (seed % 10));
      const input = { volume: 'copy', offsetBytes: 5 * TRACK, durable: false };
      await system.ask('volume.write', input, new Uint8Array(TRACK).fill(2)).catch((error: unknown) => {
        if (!(error instanceof WorldStopped)) throw error;
      });
      const again = await afterPowerLoss(system, seed % 3 === 0 ? 'random' : 'none');
      const [seen] = (await again.read('copy', 16)).slice(5);
      if (seed % 3 !== 0) expect([1, 2]).toContain(seen);
      expect((await again.read('copy', 16)).filter((_, track) => track !== 5)).toEqual(values(15, 1));
      await again.close();
    });
  });

  it('P4: the secondary keeps its instant when the power fails while copier and host work', async () => {
    await overSeeds(60, async (seed) => {
      const system = await staged(seed, 64, 'db', 'copy');
      await system.write('db', 0, 1, 64);
      await system.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'copy', split: true }] });
      const { world, client } = system;
      const host = async () => {
        for (;;) {
          const data = new Uint8Array(TRACK).fill(2);
          const input = { volume: 'db', offsetBytes: world.rng.below(64) * TRACK, durable: true };
          await client.request('volume.write', input, { data });
        }
      };
      for (const work of [client.request('pair.wait', { pairs: db, statuses: ['split'] }), host()]) {
        work.catch(() => undefined);
      }
      await world.scheduler.advance(world.rng.unit() * 60);
      const again = await afterPowerLoss(system, seed % 2 === 0 ? 'random' : 'none');
      expect(await again.read('copy', 64)).toEqual(values(64, 1));
      await again.close();
    });
  });

  it('P4: a part written to a lacking track stands on the rest of the track after a loss of power', async () => {
    let system = await staged(8, 16, 'db', 'copy');
    await system.write('db', 0, 1, 16);
    await system.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'copy', virtual: true }] });
    await system.writePart('copy', 5, 2);
    system = await afterPowerLoss(system);
    const bytes = await contents(system, 'copy', 16);
    expect([bytes[5 * TRACK], bytes[5 * TRACK + 512], bytes[5 * TRACK + 1024]]).toEqual([1, 2, 1]);
    await system.close();
  });

  it('P9: a flush that failed is never tried again: the volume is blocked and its pairs are suspended', async () => {
    const system = await duplex(9);
    await system.close();
    const files = new FaultFiles(system.world.files);
    const client = await system.world.run(
      openClient({ ...portsOf(system.world), files } as Parameters<typeof openClient>[0], system.place, OPTIONS),
    );
    files.plan({ call: 'flush', nth: 1, fault: 'io', path: 'images/db.img' });
    const data = new Uint8Array(TRACK).fill(3);
    const write = (client: SystemClient) =>
      system.world.run(client.request('volume.write', { volume: 'db', offsetBytes: 0, durable: true }, { data }));
    expect(await codeOf(write(client))).toBe('io-error');
    files.clear();
    expect(await codeOf(write(client))).toBe('volume-blocked');
    const { output } = await system.world.run(client.request('pair.list', {}));
    expect(output.pairs[0]?.status).toBe('suspended');
    await system.world.run(client.close());
  });
});
