import { describe, expect, it } from 'vitest';
import { CRASH_STEPS, openClient, readHistory } from '../../../src/core/controller/controller.js';
import { portsOf, SimSystem, TRACK } from '../../simulation/system/sim-system.js';
import { SimStall, World, WorldStopped } from '../../simulation/world/world.js';
import { readAll } from '../storage/files.js';
import { codeOf, db, deskIn, deskSystem, TRACKS } from './desk.js';

/** Works until the crash step is met; the system as it comes up again, or undefined where the step was not met. */
async function crashed(system: SimSystem, work: () => Promise<unknown>): Promise<SimSystem | undefined> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof WorldStopped || error instanceof SimStall)) throw error;
  }
  if (system.world.process.alive) return undefined;
  const again = await SimSystem.open(system.world.crash('kill'));
  await again.ask('fault.clear', {});
  return again;
}

describe('faults', () => {
  it('are refused on a system that was not made for them', async () => {
    const system = await SimSystem.create(new World(1));
    expect(await codeOf(system.ask('fault.set', { kind: 'no-space' }))).toBe('not-fixture');
    expect(await codeOf(system.ask('fault.clear', {}))).toBe('not-fixture');
    await system.close();
  });

  it('stay until they are cleared, also for the next command, or as often as was said', async () => {
    let system = await deskSystem();
    await system.ask('fault.set', { kind: 'io-error', volume: 'db', track: 3, on: 'read', count: 1 });
    await system.ask('fault.set', { kind: 'io-error', volume: 'db', track: 5, on: 'write' });
    await system.close();
    system = await SimSystem.open(system.world);
    expect(await codeOf(system.read('db', TRACKS))).toBe('io-error');
    expect(await codeOf(system.read('db', TRACKS))).toBe('nothing');
    expect(await codeOf(system.write('db', 5, 2))).toBe('io-error');
    expect(await codeOf(system.write('db', 4, 2))).toBe('nothing');
    await system.close();
    system = await SimSystem.open(system.world);
    expect((await system.ask('fault.list', {})).faults).toEqual([
      { kind: 'io-error', volume: 'db', track: 5, on: 'write' },
    ]);
    expect((await system.ask('fault.clear', { kind: 'io-error' })).faults).toEqual([]);
    expect(await codeOf(system.write('db', 5, 2))).toBe('nothing');
    await system.close();
  });

  it('of no space suspend the pair whose copy meets them, and lose no difference', async () => {
    const system = await deskIn('pending');
    await system.ask('fault.set', { kind: 'no-space' });
    expect(await system.wait('db', 'copy', 'duplex')).toBe('suspended');
    expect((await system.status('db', 'copy'))?.outOfSyncTracks).toBe(TRACKS);
    await system.ask('fault.clear', {});
    await system.ask('pair.resync', { pairs: db });
    expect(await system.wait('db', 'copy', 'duplex')).toBe('reached');
    await system.close();
  });

  it('that block a volume suspend its pairs; cleared, the volume is there again', async () => {
    const system = await deskIn('duplex');
    await system.ask('fault.set', { kind: 'volume-blocked', volume: 'db' });
    expect(await codeOf(system.read('db', 1))).toBe('volume-blocked');
    expect(await codeOf(system.write('db', 0, 1))).toBe('volume-blocked');
    expect((await system.status('db', 'copy'))?.status).toBe('suspended');
    await system.ask('fault.clear', { kind: 'volume-blocked' });
    expect(await system.read('db', 1)).toEqual([1]);
    await system.ask('pair.resync', { pairs: db });
    expect(await system.wait('db', 'copy', 'duplex')).toBe('reached');
    await system.close();
  });

  it.each(['db', 'copy'])('that block a volume stop copying from it and to it: %s', async (volume) => {
    const system = await deskIn('pending');
    await system.ask('fault.set', { kind: 'volume-blocked', volume });
    await system.ask('pair.resync', { pairs: db });
    expect(await system.wait('db', 'copy', 'duplex')).toBe('suspended');
    expect(await system.status('db', 'copy')).toMatchObject({
      outOfSyncTracks: TRACKS,
      reason: expect.stringContaining('is blocked'),
    });
    await system.ask('fault.clear', {});
    await system.ask('pair.resync', { pairs: db });
    expect(await system.wait('db', 'copy', 'duplex')).toBe('reached');
    await system.close();
  });

  it('that block a secondary keep saved old tracks away from it: the instant is lost, and the host of the primary goes on', async () => {
    const system = await deskSystem();
    await system.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'copy', virtual: true }] });
    await system.ask('fault.set', { kind: 'volume-blocked', volume: 'copy' });
    const before = readAll(system.world.files, '/sys/tokyo/images/copy.img');
    await system.write('db', 3, 2);
    expect(await system.read('db', 5)).toEqual([1, 1, 1, 2, 1]);
    expect(readAll(system.world.files, '/sys/tokyo/images/copy.img')).toEqual(before);
    expect(await system.status('db', 'copy')).toMatchObject({ status: 'suspended', pointInTimeLost: true });
    await system.ask('fault.clear', {});
    await system.ask('pair.resync', { pairs: db });
    expect(await system.wait('db', 'copy', 'duplex')).toBe('reached');
    await system.close();
  });

  it('that block a primary let nothing be read through it, nor compared with it, nor scrubbed', async () => {
    const system = await deskSystem();
    await system.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'copy', virtual: true }] });
    await system.write('copy', 2, 9);
    await system.ask('fault.set', { kind: 'volume-blocked', volume: 'db' });
    expect(await codeOf(system.read('copy', 1))).toBe('volume-blocked');
    expect(await codeOf(system.ask('pair.verify', { pairs: db, repair: false }))).toBe('volume-blocked');
    expect(await codeOf(system.ask('volume.scrub', { volumes: ['db'], accept: false }))).toBe('volume-blocked');
    // What lies at the secondary itself is its own.
    const own = { volume: 'copy', offsetBytes: 2 * TRACK, lengthBytes: TRACK };
    expect(await codeOf(system.ask('volume.read', own))).toBe('nothing');
    await system.ask('fault.clear', {});
    expect(await system.read('copy', 3)).toEqual([1, 1, 9]);
    await system.close();
  });

  it('name their crash steps, and refuse others', async () => {
    const system = await deskSystem();
    expect(await codeOf(system.ask('fault.set', { kind: 'crash', step: 'tea.time' }))).toBe('usage');
    expect(await codeOf(system.ask('fault.set', { kind: 'io-error', volume: 'nowhere' }))).toBe('volume-not-found');
    await system.close();
  });

  it('of a crash clear themselves after so many deaths', async () => {
    let system = await deskSystem();
    await system.ask('fault.set', { kind: 'crash', step: 'region.activated', count: 2 });
    for (const left of [1, undefined]) {
      await expect(system.write('copy', 3, 2)).rejects.toThrow(WorldStopped);
      system = await SimSystem.open(system.world.crash('kill'));
      const { faults } = await system.ask('fault.list', {});
      expect(faults).toEqual(left === undefined ? [] : [{ kind: 'crash', step: 'region.activated', count: left }]);
    }
    expect(await codeOf(system.write('copy', 3, 2))).toBe('nothing');
    await system.close();
  });

  it('of a crash strike nothing in the process that comes to clear them', async () => {
    const system = await deskSystem();
    await system.ask('fault.set', { kind: 'crash', step: 'region.activated', count: 1 });
    await system.close();
    const ports = portsOf(system.world);
    const client = await system.world.run(openClient(ports, system.place, { purpose: 'fault clear', unharmed: true }));
    const data = new Uint8Array(TRACK).fill(2);
    const write = client.request('volume.write', { volume: 'copy', offsetBytes: 0, durable: true }, { data });
    expect(await codeOf(system.world.run(write))).toBe('nothing');
    const listed = await system.world.run(client.request('fault.list', {}));
    expect(listed.output.faults).toHaveLength(1);
    const cleared = await system.world.run(client.request('fault.clear', {}));
    expect(cleared.output.faults).toEqual([]);
    await system.world.run(client.close());
  });

  const courses: Record<string, (system: SimSystem) => Promise<void>> = {
    copy: async (system) => {
      await system.pair('db', 'copy');
      await system.wait('db', 'copy', 'duplex');
    },
    save: async (system) => {
      await system.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'copy', virtual: true }] });
      await system.write('db', 3, 2);
    },
    fill: async (system) => {
      await system.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'copy', virtual: true }] });
      await system.writePart('copy', 3, 2);
    },
    supersede: async (system) => {
      await system.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'copy', virtual: true }] });
      await system.write('copy', 3, 2);
    },
    region: (system) => system.write('copy', 3, 2),
    pair: (system) => system.pair('db', 'copy'),
    volume: (system) => system.volumes(4, 'new'),
  };

  /** What happens between systems, in groups and in sessions, has courses of its own: the crash points of pairs between systems, of formations and of sessions. */
  const BETWEEN_SYSTEMS =
    /^(aside|send|mirror|receive|fetch|half|formation|group|recovery|failback|split|journal|checkpoint|stream|session)\./;

  it.each(CRASH_STEPS.filter((step) => !BETWEEN_SYSTEMS.test(step)))(
    'end the process at %s, and the next command finds a sound system',
    async (step) => {
      const system = await deskSystem();
      await system.ask('fault.set', { kind: 'crash', step });
      const course = courses[step.split('.')[0] ?? ''];
      expect(course).toBeDefined();
      const again = await crashed(system, () => course?.(system) ?? Promise.resolve());
      expect(again).toBeDefined();
      if (!again) return;
      const findings = await again.ask('system.check', { repair: false, deep: true });
      expect(findings.findings.filter((finding) => finding.severity === 'error')).toEqual([]);
      const { pairs } = await again.ask('pair.list', {});
      if (pairs.length > 0) {
        const verified = await again.ask('pair.verify', { pairs: db, repair: false });
        expect(verified.pairs[0]?.same).toBe(true);
      }
      const events = readHistory(again.world.files, again.place.path);
      const started = new Set(events.filter((event) => event.phase === 'start').map((event) => event.id));
      for (const event of events) if (event.phase !== 'start') started.delete(event.id);
      expect([...started]).toEqual([]);
      expect(events.filter((event) => event.code === 'died').length).toBeLessThanOrEqual(1);
      await again.close();
    },
  );

  it('crash at the n-th time only', async () => {
    const system = await deskSystem();
    await system.ask('fault.set', { kind: 'crash', step: 'volume.made', nth: 2 });
    await system.volumes(4, 'one');
    const again = await crashed(system, () => system.volumes(4, 'two'));
    const { volumes } = (await again?.ask('volume.list', {})) ?? { volumes: [] };
    expect(volumes.map((volume) => volume.name)).toEqual(['db', 'copy', 'one']);
    await again?.ask('volume.create', { name: 'two', sizeBytes: 4 * TRACK });
    await again?.close();
  });
});
