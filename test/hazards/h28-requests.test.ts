import { describe, expect, it } from 'vitest';
import { connectChannel, type Sent } from '../../src/core/controller/control/control-client.js';
import {
  openClient,
  type RequestCode,
  type Requests,
  type SystemClient,
} from '../../src/core/controller/controller.js';
import { portsOf, SimSystem, TRACK } from '../simulation/system/sim-system.js';
import { codeOf, overSeeds, pairOf, staged } from './stage.js';

const db = pairOf('db', 'copy');

/** A second process, connected to the controller in the first. */
async function guest(system: SimSystem, name = 'guest'): Promise<SystemClient> {
  await system.world.scheduler.advance(100);
  const ports = portsOf(system.world.start(name));
  return system.world.run(openClient(ports, system.place, { purpose: name }));
}

/** Sends a request, and breaks the connection when `done` says that it took effect but was not answered. */
async function cutWhen<Code extends RequestCode>(
  system: SimSystem,
  client: SystemClient,
  code: Code,
  input: Requests[Code]['input'],
  done: () => Promise<boolean>,
): Promise<Requests[Code]['output']> {
  const { world, place } = system;
  const answer = client.request(code, input);
  const cut = async () => {
    while (!(await done())) await world.clock.sleep(0.01);
    world.network.cut(`${place.path}/control.sock`);
    await world.clock.sleep(5);
    world.network.heal(`${place.path}/control.sock`);
  };
  const [answered] = await world.run(Promise.all([answer, cut()]));
  return answered.output;
}

/** The rows of a pair action; how long hosts were held is not told a second time. */
function rowsOf(sent: Sent): unknown {
  return sent.kind === 'answered' ? (sent.output as { pairs: unknown }).pairs : sent.kind;
}

describe('requests of another process', () => {
  it('H28: a split sent again after the connection broke is answered, and not done twice', async () => {
    await overSeeds(15, async (seed) => {
      const system = await staged(seed, 16, 'db', 'copy');
      await system.write('db', 0, 1, 16);
      await system.pair('db', 'copy');
      await system.wait('db', 'copy', 'duplex');
      const client = await guest(system);
      const list = async () => (await system.client.request('pair.list', {})).output.pairs[0];
      const answer = await cutWhen(system, client, 'pair.split', { pairs: db }, async () => {
        return (await list())?.status !== 'duplex';
      });
      expect(answer.pairs[0]).toMatchObject({ before: 'duplex', outcome: 'done' });
      expect((await system.status('db', 'copy'))?.generation).toBe(1);
      await system.world.run(client.close());
      await system.close();
    });
  });

  it('H28: a volume asked for again after the connection broke is made once, and the answer says so', async () => {
    await overSeeds(15, async (seed) => {
      const system = await staged(seed, 16, 'db');
      const client = await guest(system);
      const made = async () => (await system.client.request('volume.list', {})).output.volumes.length === 2;
      const answer = await cutWhen(system, client, 'volume.create', { name: 'new', sizeBytes: 4 * TRACK }, made);
      expect(answer.volumes.map((volume) => volume.name)).toEqual(['new']);
      await system.world.run(client.close());
      await system.close();
    });
  });

  it('H28: the same id sent twice over one connection has one effect and one answer', async () => {
    const system = await staged(2, 16, 'db', 'copy');
    await system.world.scheduler.advance(100);
    const ports = portsOf(system.world.start('guest'));
    const channel = await system.world.run(connectChannel(ports, system.place));
    const id = '0123456789abcdef';
    const send = () => system.world.run(channel.send(id, 'guest', 'pair.create', { pairs: db }, {}));
    const first = await send();
    const second = await send();
    expect(rowsOf(second)).toEqual(rowsOf(first));
    expect(first).toMatchObject({ kind: 'answered', output: { pairs: [{ before: 'simplex', outcome: 'done' }] } });
    channel.close();
    await system.close();
  });

  it('H28: a request is answered from the record of a controller that was killed', async () => {
    const system = await staged(3, 16, 'db', 'copy');
    await system.pair('db', 'copy');
    await system.world.scheduler.advance(100);
    const ports = portsOf(system.world.start('guest'));
    const channel = await system.world.run(connectChannel(ports, system.place));
    const id = 'fedcba9876543210';
    const first = await system.world.run(channel.send(id, 'guest', 'pair.split', { pairs: db }, {}));
    const again = await SimSystem.open(system.world.crash('power', 'none'));
    await again.world.scheduler.advance(100);
    const next = await again.world.run(connectChannel(portsOf(again.world.start('guest')), again.place));
    const second = await again.world.run(next.send(id, 'guest', 'pair.split', { pairs: db }, {}));
    expect(rowsOf(first)).toMatchObject([{ outcome: 'done' }]);
    expect(rowsOf(second)).toEqual(rowsOf(first));
    next.close();
    await again.close();
  });

  it('H28: a controller that leaves does nothing new, says that it moved, and the next owner does it', async () => {
    const system = await staged(4, 16, 'db', 'copy');
    await system.write('db', 0, 1, 16);
    await system.pair('db', 'copy');
    await system.ask('pair.pace', { pairs: db, pace: 'hold' });
    await system.world.scheduler.advance(100);
    const ports = portsOf(system.world.start('raw'));
    const [busy, late] = [
      await system.world.run(connectChannel(ports, system.place)),
      await system.world.run(connectChannel(ports, system.place)),
    ];
    const client = await guest(system);
    const wait = busy.send(
      'wait-for-it-0000',
      'raw',
      'pair.wait',
      { pairs: db, statuses: ['duplex'], timeoutMs: 400 },
      {},
    );
    await system.world.scheduler.advance(50);
    const leaving = system.client.close();
    await system.world.scheduler.advance(50);
    const asked = late.send('too-late-0000000', 'raw', 'volume.create', { name: 'late', sizeBytes: TRACK * 4 }, {});
    expect(await system.world.run(asked)).toEqual({ kind: 'moved' });
    const made = client.request('volume.create', { name: 'new', sizeBytes: TRACK * 4 });
    const [, answer, waited] = await system.world.run(Promise.all([leaving, made, wait]));
    expect(answer.output.volumes[0]?.name).toBe('new');
    expect(waited).toMatchObject({ kind: 'answered' });
    const { output } = await system.world.run(client.request('volume.list', {}));
    expect(output.volumes.map((volume) => volume.name)).toEqual(['db', 'copy', 'new']);
    await system.world.run(client.close());
  });

  it('H28: a write whose answer was lost is not sent again: its outcome is unknown', async () => {
    const codes = new Set<string>();
    await overSeeds(15, async (seed) => {
      const system = await staged(seed, 16, 'db');
      const client = await guest(system);
      const { world, place } = system;
      const data = new Uint8Array(TRACK).fill(1);
      const write = client.request('volume.write', { volume: 'db', offsetBytes: 0, durable: true }, { data });
      const overwriteAndCut = async () => {
        for (;;) {
          const { data: seen } = await system.client.request('volume.read', {
            volume: 'db',
            offsetBytes: 0,
            lengthBytes: 1,
          });
          if (seen?.[0] === 1) break;
          await world.clock.sleep(0.01);
        }
        world.network.cut(`${place.path}/control.sock`);
        const later = new Uint8Array(TRACK).fill(2);
        await system.client.request('volume.write', { volume: 'db', offsetBytes: 0, durable: true }, { data: later });
        await world.clock.sleep(50);
        world.network.heal(`${place.path}/control.sock`);
        await world.clock.sleep(200);
      };
      const [code] = await world.run(Promise.all([codeOf(write), overwriteAndCut()]));
      codes.add(code);
      expect(await system.read('db', 1)).toEqual([2]);
      await world.run(client.close());
      await system.close();
    });
    // Where the answer was under way already, it may have come through.
    expect([...codes].filter((code) => code !== 'nothing')).toEqual(['outcome-unknown']);
  });
});
