import { describe, expect, it } from 'vitest';
import { openClient, type SystemClient } from '../../src/core/controller/controller.js';
import { SimGroup } from '../simulation/system/sim-group.js';
import { portsOf, TRACK } from '../simulation/system/sim-system.js';
import { REMOTE, TRACKS, TwoSystems } from '../simulation/system/two-systems.js';
import { formed, Orders } from './formation-orders.js';
import { codeOf, overSeeds, values } from './stage.js';

const TAKEN = { volumes: ['db-copy'] };

describe('a secondary that was made a primary', () => {
  it('H5: takes nothing more of its former primary, which refuses hosts when it is back', async () => {
    await overSeeds(8, async (seed) => {
      const systems = await TwoSystems.duplex(seed);
      systems.cutLink();
      await systems.rest(100);
      await systems.write('tokyo', 'db', 3, 2);
      await systems.ask('osaka', 'pair.takeover', TAKEN);
      await systems.write('osaka', 'db-copy', 5, 7);
      systems.healLink();
      await systems.rest();
      expect(systems.image('osaka', 'db-copy')).toEqual(values(TRACKS, 1, [5, 7]));
      expect(await codeOf(systems.write('tokyo', 'db', 3, 4))).toBe('displaced');
      expect(await systems.row('tokyo')).toMatchObject({ status: 'suspended', secondaryStatus: 'split' });
      await systems.close();
    });
  });

  it('H5: has its term durable before its first host is let in: power lost right after, and the former primary is refused', async () => {
    let systems = await TwoSystems.duplex(1);
    systems.kill('tokyo');
    await systems.ask('osaka', 'pair.takeover', TAKEN);
    systems = await TwoSystems.again(systems, 'power', 'none');
    await systems.rest();
    expect(await systems.row('osaka')).toMatchObject({ status: 'split', half: { term: 2, takenOver: true } });
    expect(await codeOf(systems.write('tokyo', 'db', 3, 4))).toBe('displaced');
    await systems.close();
  });

  it('H5: its former primary asks before it serves the first host of a command of its own', async () => {
    const systems = await TwoSystems.duplex(4);
    await systems.ask('tokyo', 'fault.set', { kind: 'link-down', peer: 'osaka' });
    await systems.world.run(systems.own('tokyo').close());
    await systems.ask('osaka', 'pair.takeover', TAKEN);
    const alone = async (work: (client: SystemClient) => Promise<unknown>) => {
      const ports = portsOf(systems.world.start('command'));
      const client = await systems.world.run(openClient(ports, systems.place('tokyo'), { purpose: 'command' }));
      await systems.world.run(work(client)).finally(() => systems.world.run(client.close()));
    };
    await alone((client) => client.request('fault.clear', {}));
    const input = { volume: 'db', offsetBytes: 0, durable: true };
    const written = alone((client) => client.request('volume.write', input, { data: new Uint8Array(TRACK) }));
    expect(await codeOf(written)).toBe('displaced');
    systems.forget('tokyo');
    await systems.close();
  });

  it('H5: takes nothing more of a former primary that came back and leads its way home: only what hosts wrote there goes over', async () => {
    await overSeeds(8, async (seed) => {
      const systems = await TwoSystems.duplex(seed);
      await systems.ask('tokyo', 'fault.set', { kind: 'link-down', peer: 'osaka' });
      await systems.write('tokyo', 'db', 3, 2);
      systems.kill('tokyo');
      await systems.ask('osaka', 'pair.takeover', TAKEN);
      await systems.write('osaka', 'db-copy', 3, 7);
      // It learns of the takeover from the files alone.
      await systems.start('tokyo');
      expect(await systems.row('tokyo')).toMatchObject({ status: 'suspended', secondaryStatus: 'split' });
      await systems.ask('tokyo', 'fault.clear', {});
      await systems.ask('tokyo', 'pair.resync', { pairs: REMOTE, reverse: true, discard: true });
      expect(await systems.wait('duplex')).toBe('reached');
      expect(systems.image('osaka', 'db-copy')).toEqual(values(TRACKS, 1, [3, 7]));
      expect(await systems.read('tokyo', 'db')).toEqual(values(TRACKS, 1, [3, 7]));
      await systems.close();
    });
  });

  it('H25: needs nobody but its own system', async () => {
    const systems = await TwoSystems.duplex(2);
    systems.kill('tokyo');
    expect(await codeOf(systems.write('osaka', 'db-copy', 5, 7))).toBe('not-writable');
    await systems.ask('osaka', 'pair.takeover', TAKEN);
    await systems.write('osaka', 'db-copy', 5, 7);
    await systems.start('tokyo');
    expect(await codeOf(systems.write('tokyo', 'db', 3, 4))).toBe('displaced');
    await systems.ask('tokyo', 'pair.resync', { pairs: REMOTE, reverse: true, discard: true });
    expect(await systems.wait('duplex')).toBe('reached');
    expect(await systems.read('tokyo', 'db')).toEqual(values(TRACKS, 1, [5, 7]));
    await systems.close();
  });

  it('H25: can be taken over again while the roles are being turned back and the primary is gone once more', async () => {
    const systems = await TwoSystems.duplex(3);
    await systems.ask('osaka', 'pair.takeover', TAKEN);
    await systems.write('osaka', 'db-copy', 5, 7);
    await systems.ask('tokyo', 'fault.set', { kind: 'crash', step: 'half.closed' });
    const asked = systems.askNow('tokyo', 'pair.resync', { pairs: REMOTE, reverse: true, discard: true });
    asked.catch(() => undefined);
    await systems.rest();
    expect(systems.process('tokyo').process.alive).toBe(false);
    await systems.ask('osaka', 'pair.takeover', TAKEN);
    await systems.write('osaka', 'db-copy', 6, 8);
    expect(systems.image('osaka', 'db-copy')).toEqual(values(TRACKS, 1, [5, 7], [6, 8]));
    systems.kill('tokyo');
    await systems.start('tokyo');
    await systems.ask('tokyo', 'fault.clear', {});
    await systems.rest();
    expect(await codeOf(systems.write('tokyo', 'db', 3, 4))).toBe('displaced');
    await systems.ask('tokyo', 'pair.resync', { pairs: REMOTE, reverse: true, discard: true });
    expect(await systems.wait('duplex')).toBe('reached');
    expect(await systems.read('tokyo', 'db')).toEqual(values(TRACKS, 1, [5, 7], [6, 8]));
    await systems.close();
  });
});

describe('a recovered group', () => {
  it('H5: takes no commit of the former master, however late it comes', async () => {
    const group = await SimGroup.ready(1);
    await formed(group);
    const orders = await Orders.of(group);
    await group.write(2);
    await orders.drained(5);
    for (const answer of await orders.both('prepare', 5)) expect(answer).toMatchObject({ kind: 'ok' });
    await group.osaka.ask('group.fence', { group: orders.id, term: 2 });
    expect(await codeOf(group.world.run(orders.copy(group.tokyo, 'commit', 5)))).toBe('term-superseded');
    expect(await group.first('db-backup', 'log-backup')).toEqual([1, 1]);
  });

  it('H5: takes no data of a primary that goes on sending', async () => {
    const group = await SimGroup.ready(2);
    await formed(group);
    const orders = await Orders.of(group);
    await group.osaka.ask('group.fence', { group: orders.id, term: 2 });
    await group.write(2);
    await group.tokyo.ask('copier.drain', { timeoutMs: 500 });
    const input = { group: 'g', at: [group.osaka.ref], without: [] };
    await group.osaka.ask('cg.recover', input);
    expect(await group.first('db', 'log')).toEqual([1, 1]);
    expect(await codeOf(group.tokyo.write('db', 1, 3))).toBe('displaced');
  });
});
