import { describe, expect, it } from 'vitest';
import type { SystemPlace } from '../../../src/core/controller/controller.js';
import { UnownedSystem } from '../../../src/core/controller/read-only.js';
import { failure } from '../../../src/core/foundation/foundation.js';
import { SimSession } from '../../simulation/system/sim-session.js';
import { portsOf, SimSystem, TRACK } from '../../simulation/system/sim-system.js';
import type { World } from '../../simulation/world/world.js';
import { readAll } from '../storage/files.js';
import { codeOf, deskSystem, TRACKS } from './desk.js';

function unowned(world: World, place: SystemPlace): UnownedSystem {
  return new UnownedSystem(portsOf(world), place, failure('read-only', 'It lies on a read-only file system.'));
}

/** The first byte of each of a volume's first tracks. */
async function firstBytes(world: World, looking: UnownedSystem, volume: string, tracks: number): Promise<number[]> {
  const input = { volume, offsetBytes: 0, lengthBytes: tracks * TRACK };
  const { data } = await world.run(looking.request('volume.read', input));
  return Array.from({ length: tracks }, (_, track) => data?.[track * TRACK] ?? -1);
}

/** A virtual copy, of which a part lies at its primary and a part at itself; and closed. */
async function closedSystem(): Promise<SimSystem> {
  const system = await deskSystem('never-used');
  await system.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'copy', virtual: true }] });
  await system.write('db', 2, 5);
  await system.write('copy', 3, 6);
  await system.close();
  return system;
}

describe('a system that nobody can own, for its file system is read-only', () => {
  it('is listed, read and exported as its last owner left it, and nothing of it is written', async () => {
    const { world, place } = await closedSystem();
    const written = new Set<string>();
    world.beforeCall(({ path }) => void written.add(path.replace(/\.[^/]*$/, '')));
    const looking = unowned(world, place);
    expect(await firstBytes(world, looking, 'copy', 5)).toEqual([1, 1, 1, 6, 1]);
    expect(await firstBytes(world, looking, 'db', 4)).toEqual([1, 1, 5, 1]);
    expect(await firstBytes(world, looking, 'never-used', 2)).toEqual([0, 0]);
    const { output } = await world.run(looking.request('pair.list', {}));
    expect(output.pairs).toMatchObject([{ status: 'split', virtual: true }]);
    const exported = await world.run(looking.request('volume.export', { volume: 'copy', file: '/tmp/out.img' }));
    expect(exported.output.bytes).toBe(TRACKS * TRACK);
    const bytes = readAll(world.files, '/tmp/out.img');
    expect([bytes[2 * TRACK], bytes[3 * TRACK]]).toEqual([1, 6]);
    expect(await codeOf(world.run(looking.request('volume.path', { volume: 'copy' })))).toBe('not-alone');
    await world.run(looking.close());
    expect([...written].filter((path) => !path.startsWith('/tmp'))).toEqual([]);
  });

  it('refuses all else', async () => {
    const { world, place } = await closedSystem();
    const looking = unowned(world, place);
    const ask = (work: Promise<unknown>) => codeOf(world.run(work));
    const write = { volume: 'db', offsetBytes: 0, durable: true };
    expect(await ask(looking.request('volume.write', write, { data: new Uint8Array(TRACK) }))).toBe('read-only');
    expect(await ask(looking.request('pair.resync', { pairs: [{ primary: 'db' }] }))).toBe('read-only');
    expect(await ask(looking.request('system.check', { repair: false, deep: false }))).toBe('read-only');
    expect(await codeOf(firstBytes(world, looking, 'nowhere', 1))).toBe('volume-not-found');
    await world.run(looking.close());
  });

  it('is not read before it is recovered where its last owner was killed, nor while it is owned after all', async () => {
    const { world: before, place } = await deskSystem();
    const world = before.crash('kill');
    expect(await codeOf(firstBytes(world, unowned(world, place), 'db', 1))).toBe('read-only');
    const owner = await SimSystem.open(world);
    expect(await codeOf(firstBytes(world, unowned(world, place), 'db', 1))).toBe('busy');
    await owner.close();
    expect(await firstBytes(world, unowned(world, place), 'db', 2)).toEqual([1, 1]);
  });

  it('does not show a secondary between two checkpoints', async () => {
    const session = await SimSession.ready(14, { intervalMs: 100 });
    await session.ask('s1', 'fault.set', { kind: 'volume-blocked', volume: 'db' });
    await session.write(1, 2);
    await session.write(2, 3);
    await session.until(async () => (await codeOf(session.read('s2'))) === 'not-readable');
    await session.world.run(session.stopNow('s2'));
    const looking = unowned(session.world, session.place('s2'));
    expect(await codeOf(firstBytes(session.world, looking, 'db', 1))).toBe('not-readable');
    await session.world.run(looking.close());
  });
});
