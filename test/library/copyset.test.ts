import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  applyTopology,
  createSystem,
  deleteSystem,
  ERROR_CODES,
  exportTopology,
  isCopysetError,
  openSystem,
  type StorageSystem,
} from '../../src/library/copyset.js';
import { runCopyset } from '../cli/run-copyset.js';

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const QUICK = { fixture: true, durability: 'none' } as const;

let root = '';
const open: StorageSystem[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'copyset-library-'));
});
afterEach(async () => {
  for (const system of open.splice(0)) await system.close();
  await rm(root, { recursive: true, force: true });
});

async function opened(name: string): Promise<StorageSystem> {
  const system = await openSystem(name, { root, create: QUICK });
  open.push(system);
  return system;
}

describe('a storage system in a program', () => {
  it('is made once, and opened again with what it holds', async () => {
    const tokyo = await opened('tokyo');
    const made = await tokyo.createVolume('db', { size: '1MiB', number: '00:1A' });
    expect(made).toMatchObject({ address: 'tokyo:db', number: '00:1A', sizeBytes: 1_048_576, writable: true });
    await tokyo.write('db', 'hello', { offset: '64KiB' });
    await tokyo.close();
    const again = await opened('tokyo');
    expect(again.id).toBe(tokyo.id);
    expect(text(await again.read('00:1A', { offset: 65_536, length: 5 }))).toBe('hello');
    expect(await again.volume('db')).toMatchObject({ allocatedTracks: 1 });
  });

  it('writes and reads more than one message holds', async () => {
    const tokyo = await opened('tokyo');
    await tokyo.createVolume('db', { size: '12MiB' });
    const bytes = Uint8Array.from({ length: 9_000_001 }, (_, index) => index % 251);
    await tokyo.write('db', bytes, { offset: 512 });
    expect(Buffer.compare(await tokyo.read('db', { offset: 512, length: bytes.length }), bytes)).toBe(0);
    expect(await tokyo.read('db')).toHaveLength(12 * 1_048_576);
  });

  it('imports, exports, reserves and deletes volumes', async () => {
    const tokyo = await opened('tokyo');
    await writeFile(join(root, 'db.img'), 'an image'.padEnd(512, '.'));
    expect(await tokyo.importVolume('db', join(root, 'db.img'), { create: true })).toMatchObject({ sizeBytes: 512 });
    await symlink('out.img', join(root, 'link.img'));
    await writeFile(join(root, 'out.img'), 'replaced through a link');
    await tokyo.exportVolume('db', join(root, 'link.img'));
    expect(await readFile(join(root, 'out.img'), 'utf8')).toMatch(/^an image\.\./);
    expect((await tokyo.reserveVolume('db')).reserved).toBe(true);
    expect((await tokyo.reserveVolume('db', false)).reserved).toBe(false);
    await tokyo.deleteVolume('db');
    expect(await tokyo.volumes()).toEqual([]);
  });

  it('is shared with commands of other processes while it is open', async () => {
    const tokyo = await opened('tokyo');
    await tokyo.createVolume('db', { size: '1MiB' });
    const written = await runCopyset(['volume', 'write', 'tokyo:db', '--root', root], { input: 'from a shell' });
    expect(written.code).toBe(0);
    expect(text(await tokyo.read('db', { length: 12 }))).toBe('from a shell');
  });

  it('is removed when nothing is in it, or by force', async () => {
    const tokyo = await createSystem('tokyo', { root, ...QUICK });
    await tokyo.createVolume('db', { size: 512 });
    await tokyo.close();
    await expect(deleteSystem('tokyo', { root })).rejects.toMatchObject({ code: 'not-empty', exitCode: 3 });
    await deleteSystem('tokyo', { root, force: true });
    await expect(openSystem('tokyo', { root })).rejects.toMatchObject({ code: 'system-not-found', exitCode: 4 });
  });
});

describe('pairs in a program', () => {
  it('copy, split, verify and resync between two systems', async () => {
    const [tokyo, osaka] = [await opened('tokyo'), await opened('osaka')];
    for (const system of [tokyo, osaka]) await system.createVolume('db', { size: '1MiB' });
    await tokyo.write('db', 'first');
    const pair = await tokyo.createPair('db', 'osaka:db', { pace: 'fast' });
    expect(await pair.wait('duplex', { timeoutMs: 30_000 })).toMatchObject({ mode: 'async', outOfSyncTracks: 0 });
    await pair.split();
    await pair.wait('split', { timeoutMs: 30_000 });
    await tokyo.write('db', 'later');
    expect(text(await osaka.read('db', { length: 5 }))).toBe('first');
    await pair.resync();
    await pair.wait(['duplex'], { timeoutMs: 30_000 });
    expect(await pair.verify()).toEqual({ same: true, differingTracks: [] });
    expect(await (await tokyo.pair('db', 'osaka:db')).show()).toMatchObject({ status: 'duplex', pace: 'fast' });
    await pair.delete();
    expect(await tokyo.pairs()).toEqual([]);
  });

  it('are split together at one instant', async () => {
    const tokyo = await opened('tokyo');
    const pairs = [];
    for (const name of ['db', 'log']) {
      await tokyo.createVolume(name, { size: '256KiB' });
      await tokyo.createVolume(`${name}-copy`, { size: '256KiB' });
      pairs.push(await tokyo.createPair(name, `${name}-copy`));
    }
    for (const pair of pairs) await pair.wait('duplex');
    await tokyo.split(pairs);
    const times = await Promise.all(pairs.map(async (pair) => (await pair.wait('split')).splitAt));
    expect(new Set(times).size).toBe(1);
  });

  it('tell by codes what did not come about', async () => {
    const tokyo = await opened('tokyo');
    for (const name of ['db', 'copy']) await tokyo.createVolume(name, { size: '256KiB' });
    await tokyo.write('db', 'data');
    const held = await tokyo.createPair('db', 'copy', { pace: 'hold' });
    await expect(held.wait('duplex', { timeoutMs: 20 })).rejects.toMatchObject({
      code: 'wait-timed-out',
      exitCode: 20,
    });
    await held.suspend();
    await expect(held.wait('duplex')).rejects.toMatchObject({ code: 'wait-suspended', exitCode: 21 });
    await held.setPace({ pace: 'fast', rate: '1GiB' });
    await held.resync();
    await held.wait('duplex');
    await held.split();
    await tokyo.write('copy', 'mine');
    const refused: unknown = await held.resync().catch((error: unknown) => error);
    expect(isCopysetError(refused, 'discard-needed')).toBe(true);
    expect(isCopysetError(refused, 'usage')).toBe(false);
    await held.resync({ discard: true });
    await expect(held.wait('simplex', { timeoutMs: 10 })).rejects.toMatchObject({
      code: expect.stringMatching(/^wait-/),
    });
    await expect(tokyo.pair('db', 'other')).rejects.toMatchObject({ code: 'pair-not-found' });
    await expect(tokyo.read('nothing')).rejects.toMatchObject({ code: 'volume-not-found' });
    await expect(tokyo.read('db', { offset: '1MiB', length: 1 })).rejects.toMatchObject({ code: 'bad-range' });
    await expect(tokyo.createVolume('x', { size: '12XB' })).rejects.toMatchObject({ code: 'bad-size' });
  });

  it('meet the faults that a test injects', async () => {
    const [tokyo, osaka] = [await opened('tokyo'), await opened('osaka')];
    for (const system of [tokyo, osaka]) await system.createVolume('db', { size: '256KiB' });
    const pair = await tokyo.createPair('db', 'osaka:db');
    await pair.wait('duplex');
    await tokyo.setFault({ kind: 'io-error', volume: 'db', track: 0, on: 'read' });
    await expect(tokyo.read('db', { length: 4 })).rejects.toMatchObject({ code: 'io-error', exitCode: 6 });
    await tokyo.clearFaults('io-error');
    expect(await tokyo.read('db', { length: 4 })).toHaveLength(4);
    await tokyo.write('db', 'on its way');
    await tokyo.drain();
    expect(await pair.show()).toMatchObject({ outOfSyncTracks: 0 });
  });
});

describe('groups and topologies in a program', () => {
  const topology = fileURLToPath(new URL('../../fixtures/four-controllers.yaml', import.meta.url));

  it('are made from a file, formed, shown and written out again', async () => {
    const made = await applyTopology(topology, { root });
    expect(made).toContainEqual(expect.objectContaining({ action: 'add', kind: 'group', name: 'orders' }));
    expect(await applyTopology(topology, { root })).toEqual([]);
    const exported = await exportTopology({ root });
    expect(await applyTopology(exported, { root, prune: true })).toEqual([]);
    const tokyo = await opened('tokyo');
    await tokyo.write('db', 'of the group');
    const group = await tokyo.group('orders');
    expect(await group.start()).toMatchObject({ outcome: 'formed', sequence: 1 });
    expect(await group.show()).toMatchObject({
      master: 'tokyo',
      formed: 1,
      members: [{ joined: true }, { joined: true }],
    });
    await group.remove('tokyo:db');
    expect((await group.show()).members).toHaveLength(1);
    await group.add('tokyo:db', 'osaka:db', { backup: 'osaka:db-backup' });
    await group.delete();
    await expect(tokyo.group('orders')).rejects.toMatchObject({ code: 'group-not-found' });
    await expect((await tokyo.createGroup('orders', { intervalMs: 1000 })).show()).resolves.toMatchObject({
      members: [],
    });
  });

  it('are split, recovered at their remotes and brought home', async () => {
    await applyTopology(topology, { root });
    const tokyo = await opened('tokyo');
    const group = await tokyo.group('orders');
    await tokyo.write('db', 'in the group');
    expect(await group.start()).toMatchObject({ outcome: 'formed' });
    await group.pause();
    expect(await group.start()).toMatchObject({ outcome: 'paused' });
    await group.resume();
    await group.split();
    expect(await (await tokyo.pair('db', (await group.show()).members[0]?.secondary ?? '')).show()).toMatchObject({
      status: expect.stringMatching(/split|sp-pending/),
    });
    const remotes = [...new Set((await group.show()).members.map(({ secondary }) => secondary.split(':')[0] ?? ''))];
    expect(await group.recover(remotes, { plan: true })).toMatchObject({ case: 'keep', number: 1 });
    expect(await group.recover(remotes)).toMatchObject({ case: 'keep', number: 1 });
    expect(await group.failback({ timeoutMs: 30_000 })).toBe('returned');
    await expect(group.recover([])).rejects.toMatchObject({ code: 'usage' });
  });

  it('go on as checkpoint sessions: marked, applied, recovered and brought home', async () => {
    for (const name of ['tokyo', 'osaka']) await createSystem(name, { ...QUICK, root });
    const tokyo = await opened('tokyo');
    await tokyo.createVolume('db', { size: '1MiB' });
    const osaka = await opened('osaka');
    await osaka.createVolume('db', { size: '1MiB' });
    await osaka.close();
    const session = await tokyo.createSession('orders', { order: 'clock' });
    const pair = await tokyo.createPair('db', 'osaka:db', { mode: 'journal', session: 'orders' });
    await session.start();
    await pair.wait('duplex');
    await tokyo.drain();
    await tokyo.write('db', 'of the session');
    const { mark, number } = await session.mark();
    await tokyo.drain();
    expect(await session.wait(mark, { timeoutMs: 30_000 })).toBe('applied');
    expect(await session.apply()).toMatchObject({ to: number });
    expect(await session.show()).toMatchObject({ applied: number, recoverable: true });
    expect(await session.recover(['osaka'], { plan: true })).toMatchObject({ case: 'keep', number });
    expect(await session.recover(['osaka'])).toMatchObject({ number });
    expect(text(await (await opened('osaka')).read('db', { length: 14 }))).toBe('of the session');
    expect(await session.failback({ timeoutMs: 30_000 })).toBe('returned');
    await expect(tokyo.session('none')).rejects.toMatchObject({ code: 'session-not-found' });
    await expect(tokyo.createSession('orders')).rejects.toMatchObject({ code: 'already-exists' });
  });

  it('refuse what is wrong with an object by its path', async () => {
    const wrong = { systems: { tokyo: { volumes: { db: {} } } } };
    await expect(applyTopology(wrong, { root })).rejects.toMatchObject({
      code: 'bad-topology',
      details: {
        problems: [{ line: null, path: 'systems.tokyo.volumes.db', message: 'it needs a size, or an image' }],
      },
    });
  });

  it('lose data only by force', async () => {
    const one = { systems: { tokyo: { ...QUICK, volumes: { db: { size: '64KiB' }, log: { size: '64KiB' } } } } };
    await applyTopology(one, { root });
    const tokyo = await openSystem('tokyo', { root });
    await tokyo.write('log', 'data');
    await tokyo.close();
    const less = { systems: { tokyo: { volumes: { db: { size: '64KiB' } } } } };
    await expect(applyTopology(less, { root, prune: true })).rejects.toMatchObject({ code: 'force-needed' });
    expect(await applyTopology(less, { root, prune: true, force: true })).toHaveLength(1);
  });
});

describe('a closed system', () => {
  it('refuses everything, and closes twice without harm', async () => {
    const tokyo = await opened('tokyo');
    await tokyo.close();
    await tokyo.close();
    await expect(tokyo.volumes()).rejects.toMatchObject({ code: 'usage' });
  });
});

it('every error code is listed', () => {
  expect(ERROR_CODES).toContain('wait-timed-out');
  expect(ERROR_CODES).toContain('volume-not-found');
});
