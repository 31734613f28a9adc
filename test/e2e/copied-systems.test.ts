import { cp, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { refused, useRootFolder } from './root-folder.js';

const root = useRootFolder(async (folder) => {
  for (const name of ['tokyo', 'osaka']) {
    await folder.ok('system', 'create', name, '--durability', 'none');
    await folder.ok('volume', 'create', `${name}:db`, '--size', '1MiB');
  }
  await folder.feed('first', 'volume', 'write', 'tokyo:db');
  await folder.ok('pair', 'create', 'tokyo:db', 'osaka:db', '--wait');
  await cp(folder.file('tokyo'), folder.file('copy'), { recursive: true });
});

async function secondary(): Promise<string> {
  return (await readFile(root.file('osaka/images/db.img'))).subarray(0, 8).toString().replace(/\0+$/, '');
}

async function findings(): Promise<{ code: number | null; kinds: string[]; subjects: string[] }> {
  const { code, data } = await root.json('status');
  const found = data.findings as { kind: string; subject: string }[];
  return { code, kinds: found.map(({ kind }) => kind), subjects: found.map(({ subject }) => subject) };
}

describe('a system that was copied beside itself', { timeout: 60_000 }, () => {
  it('is told by status, system list and system check, and is no system of a glob', async () => {
    expect(await findings()).toEqual({ code: 21, kinds: ['system-copied'], subjects: [root.file('copy')] });
    const listed = await root.run('system', 'list', '--columns', 'name,path');
    expect(listed).toMatchObject({ code: 0, stderr: expect.stringContaining('are one system, copied') });
    expect(listed.stdout).toContain(root.file('copy'));
    const checked = await root.run('system', 'check', './copy');
    expect(checked).toMatchObject({ code: 6, stdout: expect.stringContaining('is a copy of the system in') });
    expect(await root.run('system', 'check', 'tokyo')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('is a copy of this system'),
    });
    const { data } = await root.json('volume', 'list', '*');
    expect((data.volumes as { path: string }[]).map(({ path }) => path)).toEqual([
      root.file('osaka/images/db.img'),
      root.file('tokyo/images/db.img'),
    ]);
  });

  it('feeds no secondary; its original does', async () => {
    await root.feed('COPY', 'volume', 'write', './copy:db');
    const ended = await root.run('pair', 'verify', './copy:db');
    expect(ended).toMatchObject(refused(3, 'system-copied'));
    expect(ended.stderr).toContain(`${root.file('copy')} is a copy of storage system tokyo in ${root.file('tokyo')}`);
    await root.run('copier', 'run', './copy', '--once', '--timeout', '1s');
    expect(await secondary()).toBe('first');
    await root.feed('second', 'volume', 'write', 'tokyo:db');
    await root.ok('copier', 'run', 'tokyo', '--once');
    expect(await secondary()).toBe('second');
    await root.run('copier', 'run', './copy', '--once', '--timeout', '1s');
    expect(await secondary()).toBe('second');
  });

  it('ends no pair of its original, and makes none with others or with it', async () => {
    await root.ok('volume', 'create', 'osaka:log', '--size', '1MiB');
    expect(await root.run('pair', 'create', './copy:db', 'osaka:log')).toMatchObject(refused(3, 'system-copied'));
    expect(await root.run('pair', 'create', 'tokyo:db', './copy:db')).toMatchObject(refused(3, 'system-copied'));
    expect((await root.run('copier', 'run', 'tokyo', './copy', '--once')).stderr).toContain('system-copied');
    await cp(root.file('tokyo'), root.file('other'), { recursive: true });
    expect(await root.run('pair', 'delete', './other:db', 'osaka:db')).toMatchObject(refused(3, 'system-copied'));
    await root.ok('pair', 'delete', './other:db', 'osaka:db', '--force');
    await rm(root.file('other'), { recursive: true });
    expect((await root.json('pair', 'list')).data.pairs).toMatchObject([{ status: 'duplex', primary: 'tokyo:db' }]);
    await root.ok('pair', 'verify', 'tokyo:db');
  });

  it('is the system while the original is away, as if it had been moved', async () => {
    await rename(root.file('tokyo'), root.file('.away'));
    expect(await findings()).toMatchObject({ kinds: expect.not.arrayContaining(['system-copied']) });
    await rename(root.file('.away'), root.file('tokyo'));
    await root.ok('pair', 'verify', 'tokyo:db');
  });

  it('keeps its place where its folder is renamed', async () => {
    await cp(root.file('copy'), root.file('.aside'), { recursive: true });
    await rm(root.file('copy'), { recursive: true });
    await rename(root.file('tokyo'), root.file('renamed'));
    await root.feed('third.', 'volume', 'write', 'tokyo:db');
    await root.ok('copier', 'run', 'tokyo', '--once');
    expect(await secondary()).toBe('third.');
    // Neither folder bears the name now: none of them is taken by chance.
    await rename(root.file('.aside'), root.file('copy'));
    expect(await findings()).toMatchObject({ code: 21, kinds: expect.arrayContaining(['system-copied']) });
    expect(await root.run('volume', 'show', 'tokyo:db')).toMatchObject(refused(3, 'system-copied'));
    expect(await root.run('pair', 'verify', './copy:db')).toMatchObject(refused(3, 'system-copied'));
    await root.ok('pair', 'verify', './renamed:db');
    await rename(root.file('renamed'), root.file('tokyo'));
  });

  it('becomes a system of its own', async () => {
    expect(await root.run('system', 'separate', './copy', 'osaka')).toMatchObject(refused(3, 'already-exists'));
    expect(await root.run('system', 'separate', 'tokyo', 'other')).toMatchObject(refused(3, 'force-needed'));
    const ended = await root.ok('system', 'separate', './copy', 'lab');
    expect(ended.stdout).toContain('is the storage system lab now');
    expect(await findings()).toEqual({ code: 0, kinds: [], subjects: [] });
    expect((await root.json('pair', 'list', 'lab')).data.pairs).toEqual([]);
    expect((await root.json('system', 'check', 'lab', '--deep')).data.systems).toEqual([{ name: 'lab', findings: [] }]);
    const { stdout } = await root.ok('volume', 'read', 'lab:db', '--length', '4');
    expect(stdout).toBe('COPY');
    await root.ok('pair', 'create', 'lab:db', 'osaka:log', '--wait');
    await root.ok('pair', 'verify', 'lab:db');
    await root.ok('pair', 'verify', 'tokyo:db');
  });

  it('stays one with its original where an image lies outside of it', async () => {
    await mkdir(root.file('pool'));
    await root.ok('volume', 'create', 'lab:far', '--size', '1MiB', '--pool', root.file('pool'));
    await cp(root.file('copy'), root.file('second'), { recursive: true });
    expect(await root.run('system', 'separate', './second', 'third')).toMatchObject(refused(3, 'system-file'));
    expect((await root.json('pair', 'list', './second')).data.pairs).toMatchObject([{ primary: 'lab:db' }]);
    await rm(root.file('second'), { recursive: true });
  });
});

describe('a secondary’s system that was copied and is separated', { timeout: 60_000 }, () => {
  it('keeps what was whole, and says what was not', async () => {
    await root.ok('volume', 'create', 'tokyo:part', '--size', '1MiB');
    await root.ok('volume', 'create', 'osaka:part', '--size', '1MiB');
    await root.feed('part', 'volume', 'write', 'tokyo:part');
    await root.ok('pair', 'create', 'tokyo:part', 'osaka:part', '--pace', 'hold');
    await cp(root.file('osaka'), root.file('kobe'), { recursive: true });
    const { data } = await root.json('system', 'separate', './kobe', 'kobe');
    expect(data.systems).toMatchObject([{ name: 'kobe', former: 'osaka', pairs: 3, incomplete: ['part'] }]);
    expect(await root.run('volume', 'read', 'kobe:part')).toMatchObject(refused(3, 'incomplete'));
    expect((await root.ok('volume', 'read', 'kobe:db', '--length', '5')).stdout).toBe('third');
    expect((await root.json('pair', 'list', 'osaka')).data.pairs).toHaveLength(3);
  });
});
