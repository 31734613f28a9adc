import { describe, expect, it } from 'vitest';
import { values } from '../../hazards/stage.js';
import { REMOTE, TRACKS, TwoSystems } from '../../simulation/system/two-systems.js';
import { codeOf } from './desk.js';

describe('a pair between two storage systems', () => {
  it('copies, follows, and holds a point in time while hosts write both sides', async () => {
    const systems = await TwoSystems.duplex(1);
    expect(await systems.status('osaka')).toBe('duplex');
    await systems.write('tokyo', 'db', 3, 2);
    await systems.ask('tokyo', 'pair.split', { pairs: REMOTE });
    await systems.write('tokyo', 'db', 4, 3);
    expect(await systems.wait('split')).toBe('reached');
    expect(await systems.read('osaka', 'db-copy')).toEqual(values(TRACKS, 1, [3, 2]));
    await systems.write('osaka', 'db-copy', 9, 4);
    expect(await codeOf(systems.ask('tokyo', 'pair.resync', { pairs: REMOTE }))).toBe('discard-needed');
    await systems.ask('tokyo', 'pair.resync', { pairs: REMOTE, discard: true });
    expect(await codeOf(systems.write('osaka', 'db-copy', 9, 5))).toBe('not-writable');
    expect(await systems.wait('duplex')).toBe('reached');
    expect(systems.image('osaka', 'db-copy')).toEqual(values(TRACKS, 1, [3, 2], [4, 3]));
    await systems.close();
  });

  it('is restored from its secondary, by differences', async () => {
    const systems = await TwoSystems.duplex(2);
    await systems.ask('tokyo', 'pair.split', { pairs: REMOTE });
    await systems.wait('split');
    await systems.write('osaka', 'db-copy', 9, 4);
    await systems.write('tokyo', 'db', 4, 3);
    await systems.ask('tokyo', 'pair.resync', { pairs: REMOTE, reverse: true, discard: true });
    expect(await systems.wait('duplex')).toBe('reached');
    expect(await systems.read('tokyo', 'db')).toEqual(values(TRACKS, 1, [9, 4]));
    expect(await codeOf(systems.write('osaka', 'db-copy', 9, 5))).toBe('not-writable');
    await systems.close();
  });

  it('is split together with a local pair, under one gate', async () => {
    const systems = await TwoSystems.duplex(8);
    for (const name of ['log', 'log-copy'])
      await systems.ask('tokyo', 'volume.create', { name, sizeBytes: TRACKS * 4096 });
    await systems.write('tokyo', 'log', 0, 1, TRACKS);
    const local = { primary: 'log', secondary: 'log-copy' };
    await systems.ask('tokyo', 'pair.create', { pairs: [local] });
    await systems.ask('tokyo', 'pair.wait', { pairs: [local], statuses: ['duplex'] });
    const host = async () => {
      for (let i = 2; i < 60; i += 1)
        for (const volume of ['db', 'log']) await systems.writeNow('tokyo', volume, i % TRACKS, i);
    };
    const split = async () => {
      await systems.world.clock.sleep(20);
      await systems.askNow('tokyo', 'pair.split', { pairs: [...REMOTE, local] });
    };
    await systems.world.run(Promise.all([host(), split()]));
    await systems.wait('split');
    await systems.ask('tokyo', 'pair.wait', { pairs: [local], statuses: ['split'] });
    const [db, log] = [await systems.read('osaka', 'db-copy'), await systems.read('tokyo', 'log-copy')];
    // The host wrote log after db: what log has, db has; and at most the last write of db is not in log.
    expect(db.filter((value, track) => value !== log[track]).length).toBeLessThanOrEqual(1);
    expect(Math.max(...db)).toBeGreaterThanOrEqual(Math.max(...log));
    await systems.close();
  });

  it('that was half made is found by the next try, and no pair that is there is taken for one', async () => {
    const systems = await TwoSystems.duplex(9);
    await systems.ask('osaka', 'volume.create', { name: 'second', sizeBytes: TRACKS * 4096 });
    await systems.ask('tokyo', 'pair.create', { pairs: [systems.createRow('second')], mode: 'async' });
    await systems.rest();
    const { pairs } = await systems.ask('tokyo', 'pair.list', {});
    expect(pairs.map(({ secondary, status }) => [secondary, status])).toEqual([
      ['osaka:db-copy', 'duplex'],
      ['osaka:second', 'duplex'],
    ]);
    await systems.close();
  });

  it('is deleted at both sides', async () => {
    const systems = await TwoSystems.duplex(3);
    await systems.ask('tokyo', 'pair.delete', { pairs: REMOTE, unreserve: true });
    expect([await systems.row('tokyo'), await systems.row('osaka')]).toEqual([undefined, undefined]);
    await systems.write('osaka', 'db-copy', 9, 5);
    await systems.close();
  });
});

describe('a takeover', () => {
  it('makes the secondary a primary, and its former primary refuses hosts at once where it can be told', async () => {
    const systems = await TwoSystems.duplex(4);
    const { pairs } = await systems.ask('osaka', 'pair.takeover', { volumes: ['db-copy'] });
    expect(pairs[0]).toMatchObject({ before: 'duplex', after: 'split', outcome: 'done' });
    await systems.write('osaka', 'db-copy', 5, 7);
    expect(await codeOf(systems.write('tokyo', 'db', 5, 8))).toBe('displaced');
    expect(await codeOf(systems.read('tokyo', 'db'))).toBe('displaced');
    expect(await systems.row('osaka')).toMatchObject({ status: 'split', reason: expect.stringContaining('takeover') });
    expect(await systems.row('tokyo')).toMatchObject({ status: 'suspended', secondaryStatus: 'split' });
    const again = await systems.ask('osaka', 'pair.takeover', { volumes: ['db-copy'] });
    expect(again.pairs[0]?.outcome).toBe('nothing');
    await systems.close();
  });

  it('is given up by a resync: the primary counts, and what the secondary wrote is lost', async () => {
    const systems = await TwoSystems.duplex(5);
    await systems.ask('osaka', 'pair.takeover', { volumes: ['db-copy'] });
    await systems.write('osaka', 'db-copy', 5, 7);
    expect(await codeOf(systems.ask('tokyo', 'pair.resync', { pairs: REMOTE }))).toBe('discard-needed');
    expect((await systems.row('osaka'))?.status).toBe('split');
    await systems.ask('tokyo', 'pair.resync', { pairs: REMOTE, discard: true });
    expect(await systems.wait('duplex')).toBe('reached');
    expect(systems.image('osaka', 'db-copy')).toEqual(values(TRACKS, 1));
    await systems.write('tokyo', 'db', 6, 9);
    expect(await codeOf(systems.write('osaka', 'db-copy', 5, 8))).toBe('not-writable');
    await systems.close();
  });

  it('tells in the plan of its way back what only the former primary has', async () => {
    const systems = await TwoSystems.duplex(16);
    await systems.ask('tokyo', 'fault.set', { kind: 'link-down', peer: 'osaka' });
    await systems.write('tokyo', 'db', 3, 9);
    await systems.ask('osaka', 'pair.takeover', { volumes: ['db-copy'] });
    await systems.ask('tokyo', 'fault.clear', {});
    await systems.write('osaka', 'db-copy', 5, 7);
    await codeOf(systems.ask('tokyo', 'copier.drain', { timeoutMs: 3_000 }));
    const back = { pairs: REMOTE, reverse: true };
    const { plan = [] } = await systems.ask('tokyo', 'pair.resync', { ...back, plan: true });
    expect(plan).toMatchObject([{ tracks: 2, bytesLost: 4096, refusedUnless: '--discard' }]);
    expect(await codeOf(systems.ask('tokyo', 'pair.resync', back))).toBe('discard-needed');
    await systems.ask('tokyo', 'pair.resync', { ...back, discard: true });
    expect(await systems.wait('duplex')).toBe('reached');
    expect(await systems.read('tokyo', 'db')).toEqual(values(TRACKS, 1, [5, 7]));
    await systems.close();
  });

  it('is turned back by a resync in reverse, while the secondary goes on serving its hosts', async () => {
    const systems = await TwoSystems.duplex(6);
    await systems.ask('osaka', 'pair.takeover', { volumes: ['db-copy'] });
    await systems.write('osaka', 'db-copy', 5, 7);
    await systems.ask('tokyo', 'pair.resync', { pairs: REMOTE, reverse: true, discard: true });
    await systems.write('osaka', 'db-copy', 6, 8);
    expect(await systems.wait('duplex')).toBe('reached');
    expect(await systems.read('tokyo', 'db')).toEqual(values(TRACKS, 1, [5, 7], [6, 8]));
    expect(systems.image('osaka', 'db-copy')).toEqual(values(TRACKS, 1, [5, 7], [6, 8]));
    expect(await codeOf(systems.write('osaka', 'db-copy', 5, 8))).toBe('not-writable');
    await systems.write('tokyo', 'db', 7, 9);
    await systems.rest();
    expect(systems.image('osaka', 'db-copy')[7]).toBe(9);
    expect(await systems.row('osaka')).toMatchObject({ status: 'duplex', half: { term: 4, takenOver: false } });
    await systems.close();
  });

  it('of a mix is refused without force, and says what is missing', async () => {
    const systems = await TwoSystems.create(7);
    await systems.ask('tokyo', 'pair.create', { pairs: [{ ...systems.createRow(), pace: 'hold' }], mode: 'async' });
    expect(await codeOf(systems.ask('osaka', 'pair.takeover', { volumes: ['db-copy'] }))).toBe('force-needed');
    await systems.ask('osaka', 'pair.takeover', { volumes: ['db-copy'], force: true });
    expect(await systems.row('osaka')).toMatchObject({ status: 'split', imageComplete: false });
    await systems.write('osaka', 'db-copy', 5, 7);
    await systems.close();
  });
});
