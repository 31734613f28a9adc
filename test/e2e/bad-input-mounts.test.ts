import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Mount, mayMount, mountSmall } from '../platform/loop-mount.js';
import { RootFolder } from './root-folder.js';

let mount: Mount;
const root = new RootFolder();

beforeEach(async () => {
  if (!mayMount) return;
  mount = mountSmall('ext4', 16);
  root.path = join(mount.path, 'root');
  mkdirSync(root.path);
  await root.ok('system', 'create', 'tokyo');
  for (const name of ['db', 'copy']) await root.ok('volume', 'create', `tokyo:${name}`, '--size', '8MiB');
  await root.feed('kept', 'volume', 'write', 'tokyo:db');
  await root.ok('pair', 'create', 'tokyo:db', 'tokyo:copy', '--wait');
});
afterEach(() => {
  if (!mayMount) return;
  mount.remove();
});

/** Takes all the room that is left. */
function fill(): void {
  try {
    for (let size = 1_048_576; size >= 1024; size /= 2)
      for (let i = 0; i < 20; i += 1) writeFileSync(join(mount.path, `filler-${size}-${i}`), Buffer.alloc(size, 1));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
  try {
    for (let i = 0; i < 100; i += 1) writeFileSync(join(mount.path, `last-${i}`), 'x');
  } catch {
    // Full.
  }
}

describe.skipIf(!mayMount)('a full disk', { timeout: 120_000 }, () => {
  it('is told with exit 9, loses nothing, and everything works when there is room again', async () => {
    writeFileSync(join(mount.path, 'room'), Buffer.alloc(2_000_000, 1));
    fill();
    const big = await root.feed('x'.repeat(4_000_000), 'volume', 'write', 'tokyo:db', '--offset', '1MiB');
    expect(big).toMatchObject({ code: 9, stdout: '' });
    expect(big.stderr).toContain('Code: no-space');
    const read = await root.ok('volume', 'read', 'tokyo:db', '--length', '4');
    expect(read.stdout).toBe('kept');
    const refused = await root.run('volume', 'create', 'tokyo:more', '--size', '1MiB', '--count', '64');
    expect([0, 9]).toContain(refused.code);
    expect(await root.run('pair', 'list')).toMatchObject({ code: 0 });

    rmSync(join(mount.path, 'room'));
    expect(await root.feed('more', 'volume', 'write', 'tokyo:db', '--offset', '1MiB')).toMatchObject({ code: 0 });
    const { data } = await root.json('pair', 'list');
    const [{ status }] = data.pairs as [{ status: string }];
    if (status === 'suspended') await root.ok('pair', 'resync', 'tokyo:db', '--wait');
    await root.ok('pair', 'split', 'tokyo:db', '--wait');
    await root.ok('pair', 'verify', 'tokyo:db');
    expect((await root.ok('volume', 'read', 'tokyo:copy', '--length', '4')).stdout).toBe('kept');
    expect((await root.ok('volume', 'read', 'tokyo:copy', '--offset', '1MiB', '--length', '4')).stdout).toBe('more');
  });

  it('during a copy suspends the pair and keeps the differences; later it goes on', async () => {
    await root.feed('y'.repeat(5_000_000), 'volume', 'write', 'tokyo:db', '--offset', '1MiB');
    fill();
    const split = await root.run('pair', 'split', 'tokyo:db', '--wait');
    expect([9, 21]).toContain(split.code);
    const { data } = await root.json('pair', 'list');
    expect(data).toMatchObject({ pairs: [{ status: 'suspended', outOfSyncTracks: expect.any(Number) as number }] });
    expect((await root.ok('volume', 'read', 'tokyo:db', '--offset', '1MiB', '--length', '4')).stdout).toBe('yyyy');

    for (const name of readdirSync(mount.path)) if (/^(filler|last)/.test(name)) rmSync(join(mount.path, name));
    await root.ok('pair', 'resync', 'tokyo:db', '--wait');
    await root.ok('pair', 'split', 'tokyo:db', '--wait');
    expect(await root.run('pair', 'verify', 'tokyo:db')).toMatchObject({ code: 0 });
    const images = ['db', 'copy'].map((name) => readFileSync(root.file(`tokyo/images/${name}.img`)));
    expect(images[0]?.equals(images[1] as Buffer)).toBe(true);
  });
});

describe.skipIf(!mayMount)('a read-only file system', { timeout: 120_000 }, () => {
  it('lets volumes be read that its last owner left whole, and says which it cannot recover', async () => {
    await root.ok('pair', 'split', 'tokyo:db', '--virtual');
    await root.feed('newer', 'volume', 'write', 'tokyo:db');
    const [out, socket] = [`${mount.path}-out.img`, `${mount.path}.sock`];
    mount.remount('ro');
    for (const [volume, said] of [
      ['db', 'newer'],
      ['copy', 'kept'],
    ] as const) {
      const read = await root.ok('volume', 'read', `tokyo:${volume}`, '--length', String(said.length));
      expect(read.stdout).toBe(said);
      await root.ok('volume', 'export', `tokyo:${volume}`, out);
      expect(readFileSync(out).subarray(0, said.length).toString()).toBe(said);
      rmSync(out);
    }
    expect((await root.ok('volume', 'path', 'tokyo:db')).stdout).toContain('tokyo/images/db.img');
    expect(await root.feed('x', 'volume', 'write', 'tokyo:db')).toMatchObject({ code: 3 });
    expect(await root.run('volume', 'read', 'tokyo:none')).toMatchObject({ code: 4 });
    mount.remount('rw');

    const serving = root.start('serve', 'tokyo', '--nbd', `unix:${socket}`);
    await serving.says('ready {');
    await root.feed('newest', 'volume', 'write', 'tokyo:db');
    serving.child.kill('SIGKILL');
    await serving.ended;
    mount.remount('ro');
    const refused = await root.run('volume', 'read', 'tokyo:db', '--length', '5');
    expect(refused).toMatchObject({ code: 3, stdout: '' });
    expect(refused.stderr).toContain('it has to be recovered first');
    mount.remount('rw');
    await root.ok('system', 'check', 'tokyo');
    mount.remount('ro');
    expect((await root.ok('volume', 'read', 'tokyo:db', '--length', '6')).stdout).toBe('newest');
    mount.remount('rw');
  });

  it('lists what it holds, and refuses every change with exit 3', async () => {
    mount.remount('ro');
    for (const words of [
      ['system', 'list'],
      ['volume', 'list'],
      ['pair', 'list'],
      ['pair', 'show', 'tokyo:db'],
    ])
      expect(await root.run(...words), words.join(' ')).toMatchObject({ code: 0 });
    for (const words of [
      ['pair', 'split', 'tokyo:db'],
      ['volume', 'create', 'tokyo:more', '--size', '1MiB'],
      ['system', 'create', 'osaka'],
      ['pair', 'delete', 'tokyo:db'],
    ]) {
      const ended = await root.run(...words);
      expect(ended, words.join(' ')).toMatchObject({ code: 3, stdout: '' });
      expect(ended.stderr).toContain('Code: read-only');
    }
    mount.remount('rw');
    expect(await root.run('pair', 'split', 'tokyo:db', '--wait')).toMatchObject({ code: 0 });
  });
});
