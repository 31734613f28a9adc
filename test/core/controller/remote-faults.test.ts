import { describe, expect, it } from 'vitest';
import { LINK_STEPS } from '../../../src/core/controller/controller.js';
import { values } from '../../hazards/stage.js';
import { REMOTE, SITES, type Site, TRACKS, TwoSystems } from '../../simulation/system/two-systems.js';
import { codeOf } from './desk.js';

/** All that can be done with a pair between systems, in one course. */
async function course(systems: TwoSystems): Promise<void> {
  const ask = systems.askNow.bind(systems);
  const until = (...statuses: ('duplex' | 'split')[]) =>
    ask('tokyo', 'pair.wait', { pairs: REMOTE, statuses, timeoutMs: 5_000 });
  await ask('tokyo', 'pair.create', { pairs: [systems.createRow()], mode: 'async' });
  await until('duplex');
  await ask('tokyo', 'pair.pace', { pairs: REMOTE, pace: 'hold' });
  await systems.writeNow('tokyo', 'db', 3, 2, 4);
  await ask('tokyo', 'pair.split', { pairs: REMOTE });
  await systems.writeNow('tokyo', 'db', 3, 3, 4);
  await ask('tokyo', 'pair.pace', { pairs: REMOTE, pace: 'fast' });
  await until('split');
  await systems.writeNow('osaka', 'db-copy', 9, 4);
  await ask('tokyo', 'pair.resync', { pairs: REMOTE, reverse: true, discard: true });
  await until('duplex');
  await ask('osaka', 'pair.takeover', { volumes: ['db-copy'] });
  await systems.writeNow('osaka', 'db-copy', 10, 5);
  await ask('tokyo', 'pair.resync', { pairs: REMOTE, reverse: true, discard: true });
  await until('duplex');
}

/** What only a synchronous pair comes to. */
async function syncCourse(systems: TwoSystems): Promise<void> {
  await systems.askNow('tokyo', 'pair.create', { pairs: [systems.createRow()], mode: 'sync' });
  await systems.askNow('tokyo', 'pair.wait', { pairs: REMOTE, statuses: ['duplex'], timeoutMs: 5_000 });
  for (let track = 3; track < 7; track += 1) await systems.writeNow('tokyo', 'db', track, 2);
}

const SYNC_STEPS: readonly string[] = ['mirror.answered', 'receive.written'];

/** Starts again what the crash step of this system ended; false where it was not met. */
async function broughtBack(systems: TwoSystems, site: Site): Promise<boolean> {
  if (systems.process(site).process.alive) return false;
  // The other may have borrowed the system, and met the step as well.
  const other = site === 'tokyo' ? 'osaka' : 'tokyo';
  const both = !systems.process(other).process.alive;
  systems.kill(site);
  if (both) systems.kill(other);
  await systems.start(site);
  await systems.ask(site, 'fault.clear', {});
  if (both) await systems.start(other);
  return true;
}

describe('a link that is down', () => {
  it('suspends an asynchronous pair after its limit, and lets it return by differences, by itself', async () => {
    const systems = await TwoSystems.duplex(1, { linkLimitMs: 2_000 });
    await systems.ask('tokyo', 'fault.set', { kind: 'link-down', peer: 'osaka' });
    await systems.write('tokyo', 'db', 3, 2);
    await systems.rest(1_000);
    expect(await systems.row('tokyo')).toMatchObject({ status: 'duplex', reason: null, outOfSyncTracks: 1 });
    await systems.rest(4_000);
    expect(await systems.row('tokyo')).toMatchObject({ status: 'suspended' });
    await systems.rest(10_000);
    expect(await systems.row('osaka')).toMatchObject({
      status: 'suspended',
      reason: expect.stringContaining('last heard'),
    });
    systems.kill('tokyo');
    await systems.start('tokyo');
    await systems.ask('tokyo', 'fault.clear', {});
    expect(await codeOf(systems.ask('tokyo', 'pair.resync', { pairs: REMOTE }))).toBe('nothing');
    await systems.wait('duplex');
    expect(systems.image('osaka', 'db-copy')).toEqual(values(TRACKS, 1, [3, 2]));
    await systems.close();
  });

  it('and is there again lets a pair return without anybody asking, also after its copier was started anew', async () => {
    const systems = await TwoSystems.duplex(2, { linkLimitMs: 1_000 });
    await systems.ask('osaka', 'fault.set', { kind: 'link-down', peer: 'tokyo' });
    await systems.write('tokyo', 'db', 3, 2);
    await systems.rest(6_000);
    expect(await systems.status('tokyo')).toBe('suspended');
    systems.kill('tokyo');
    await systems.start('tokyo');
    await systems.rest(2_000);
    expect(await systems.status('tokyo')).toBe('suspended');
    await systems.ask('osaka', 'fault.clear', {});
    await systems.rest(6_000);
    expect(await systems.row('tokyo')).toMatchObject({ status: 'duplex', outOfSyncTracks: 0 });
    expect(systems.image('osaka', 'db-copy')[3]).toBe(2);
    await systems.close();
  });

  it('leaves a pair made with --manual suspended when it is back, and one whose secondary may be written', async () => {
    for (const manual of [true, false]) {
      const systems = await TwoSystems.create(3, { linkLimitMs: 1_000 });
      await systems.pair({ manual });
      await systems.wait('duplex');
      systems.cutLink();
      await systems.write('tokyo', 'db', 3, 2);
      await systems.rest(6_000);
      if (!manual) await systems.ask('tokyo', 'pair.suspend', { pairs: REMOTE, allowWrite: true, force: true });
      systems.healLink();
      await systems.rest(6_000);
      expect(await systems.status('tokyo')).toBe('suspended');
      await systems.ask('tokyo', 'pair.resync', { pairs: REMOTE });
      expect(await systems.wait('duplex')).toBe('reached');
      await systems.close();
    }
  });

  it('for a moment at any order of the course costs nothing but time', async () => {
    for (let skip = 0; skip < 30; skip += 3) {
      const systems = await TwoSystems.create(skip + 1, { linkLimitMs: 60_000 });
      const { clock } = systems.world;
      const cuts = async () => {
        await clock.sleep(skip * 7);
        systems.cutLink();
        await clock.sleep(30);
        systems.healLink();
      };
      const run = () => systems.world.run(Promise.all([codeOf(course(systems)), cuts()]));
      expect(
        ['nothing', 'link-lost', 'peer-missing', 'displaced', 'not-writable', 'status-refuses'],
        `cut at ${skip}`,
      ).toContain((await run())[0]);
      await systems.rest();
      const [db, copy] = [systems.image('tokyo', 'db'), systems.image('osaka', 'db-copy')];
      if ((await systems.row('tokyo'))?.status === 'duplex') expect(copy).toEqual(db);
      await systems.close();
    }
  });
});

describe('a save area', () => {
  it('that is full costs the split its point in time, never the host its write', async () => {
    const systems = await TwoSystems.duplex(4, { saveLimitBytes: 4096, linkLimitMs: 60_000 });
    systems.cutLink();
    await systems.write('tokyo', 'db', 0, 2, TRACKS);
    await systems.ask('tokyo', 'pair.split', { pairs: REMOTE });
    await systems.write('tokyo', 'db', 3, 3);
    expect(await systems.status('tokyo')).toBe('sp-pending');
    await systems.write('tokyo', 'db', 4, 3);
    expect(await systems.row('tokyo')).toMatchObject({ status: 'suspended', pointInTimeLost: true });
    expect(await codeOf(systems.ask('tokyo', 'pair.split', { pairs: REMOTE }))).toBe('point-in-time-lost');
    systems.healLink();
    await systems.ask('tokyo', 'pair.resync', { pairs: REMOTE });
    expect(await systems.wait('duplex')).toBe('reached');
    expect(systems.image('osaka', 'db-copy')).toEqual(values(TRACKS, 2, [3, 3], [4, 3]));
    await systems.close();
  });

  it('keeps what two hosts save at one time, also where an earlier split left something there', async () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const systems = await TwoSystems.duplex(seed, { linkLimitMs: 60_000 });
      for (const value of [10, 30]) {
        systems.cutLink();
        await systems.write('tokyo', 'db', 0, value, TRACKS);
        await systems.ask('tokyo', 'pair.split', { pairs: REMOTE });
        const tracks = Array.from({ length: TRACKS }, (_, track) => track);
        await systems.world.run(Promise.all(tracks.map((track) => systems.writeNow('tokyo', 'db', track, value + 1))));
        systems.healLink();
        expect(await systems.wait('split')).toBe('reached');
        expect(await systems.read('osaka', 'db-copy')).toEqual(values(TRACKS, value));
        await systems.ask('tokyo', 'pair.resync', { pairs: REMOTE });
        await systems.wait('duplex');
      }
      await systems.close();
    }
  });
});

describe('a crash', () => {
  const steps = LINK_STEPS.filter((step) => step !== 'send.ended');

  it.each(steps)('at %s ends one process, and both systems go on soundly', async (step) => {
    const met: Site[] = [];
    for (const site of SITES) {
      const systems = await TwoSystems.create(5);
      await systems.ask(site, 'fault.set', { kind: 'crash', step });
      const work = (SYNC_STEPS.includes(step) ? syncCourse : course)(systems).catch(() => undefined);
      await systems.world.run(Promise.race([work, systems.world.clock.sleep(20_000)]));
      if (await broughtBack(systems, site)) met.push(site);
      await systems.rest();
      for (const each of SITES) {
        const { findings } = await systems.ask(each, 'system.check', { repair: false, deep: true });
        expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
      }
      if (await systems.row('tokyo')) {
        const { pairs } = await systems.ask('tokyo', 'pair.verify', { pairs: REMOTE, repair: false });
        expect(pairs[0]).toMatchObject({ same: true });
      }
      await systems.close();
    }
    expect(met.length, 'somebody comes to the step').toBeGreaterThan(0);
  });
});

describe('a blocked volume', () => {
  it.each(SITES)('of %s is neither sent from nor written to', async (site) => {
    const systems = await TwoSystems.duplex(8);
    await systems.ask('tokyo', 'pair.suspend', { pairs: REMOTE });
    await systems.write('tokyo', 'db', 3, 2);
    await systems.ask(site, 'fault.set', { kind: 'volume-blocked', volume: site === 'tokyo' ? 'db' : 'db-copy' });
    await systems.ask('tokyo', 'pair.resync', { pairs: REMOTE });
    await systems.rest();
    expect(await systems.row('tokyo')).toMatchObject({
      status: 'suspended',
      outOfSyncTracks: 1,
      reason: expect.stringContaining('is blocked'),
    });
    await systems.ask(site, 'fault.clear', {});
    await systems.ask('tokyo', 'pair.resync', { pairs: REMOTE });
    await systems.rest();
    expect(await systems.row('tokyo')).toMatchObject({ status: 'duplex', outOfSyncTracks: 0 });
    await systems.close();
  });
});

describe('pair verify over a link', () => {
  it('names the tracks that differ although no map has them, and --repair has them copied again', async () => {
    const systems = await TwoSystems.duplex(6);
    const { fabric, catalog } = systems.own('osaka').controller;
    const number = [...catalog.volumes.keys()][0] ?? -1;
    fabric.volume(number).image.write(new Uint8Array(4096).fill(99), 4096 * 6);
    await systems.write('tokyo', 'db', 3, 2);
    const { pairs } = await systems.ask('tokyo', 'pair.verify', { pairs: REMOTE, repair: false });
    expect(pairs[0]).toMatchObject({ same: false, differingTracks: [6] });
    await systems.ask('tokyo', 'pair.verify', { pairs: REMOTE, repair: true });
    await systems.rest();
    const again = await systems.ask('tokyo', 'pair.verify', { pairs: REMOTE, repair: false });
    expect(again.pairs[0]).toMatchObject({ same: true });
    await systems.close();
  });
});
