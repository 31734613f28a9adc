import { link, mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { refused, useRootFolder } from './root-folder.js';

const root = useRootFolder(async (folder) => {
  await mkdir(folder.file('pool'));
  for (const name of ['tokyo', 'osaka']) {
    await folder.ok('system', 'create', name, '--durability', 'none');
    await folder.ok('volume', 'create', `${name}:db`, '--size', '1MiB');
    await folder.feed(name, 'volume', 'write', `${name}:db`);
  }
  await folder.ok('volume', 'create', 'osaka:far', '--size', '1MiB', '--pool', folder.file('pool'));
  await folder.feed('far', 'volume', 'write', 'osaka:far');
  await symlink('osaka/images/db.img', folder.file('to-image'));
  await symlink('osaka/images', folder.file('to-folder'));
});

const FORBIDDEN = [
  'tokyo/images/db.img',
  'osaka/images/db.img',
  'osaka/system.json',
  'osaka/log/ledger.a',
  'osaka/new-file',
  'osaka/images/../images/db.img',
  'to-image',
  'to-folder/db.img',
  'to-folder/new-file',
  'pool/far.img',
];

async function everything(): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const folder of ['tokyo', 'tokyo/images', 'osaka', 'osaka/images', 'osaka/log', 'pool'])
    files[folder] = (await readdir(root.file(folder))).join(' ');
  for (const file of ['tokyo/images/db.img', 'osaka/images/db.img', 'osaka/system.json', 'pool/far.img'])
    files[file] = (await readFile(root.file(file), 'latin1')).slice(0, 2_000);
  return files;
}

describe('a file of a storage system', { timeout: 60_000 }, () => {
  const commands: readonly (readonly [string, (file: string) => string[]])[] = [
    ['volume export', (file) => ['volume', 'export', 'tokyo:db', file]],
    ['volume read --output', (file) => ['volume', 'read', 'tokyo:db', '--output', file]],
    ['topology export --output', (file) => ['topology', 'export', '--output', file]],
    [
      'pair create --plan-output',
      (file) => ['pair', 'create', 'tokyo:db', 'osaka:db', '--plan-output', file, '--overwrite'],
    ],
  ];
  it.each(commands)('is not written by %s', async (_, words) => {
    const before = await everything();
    for (const file of FORBIDDEN) expect(await root.run(...words(file)), file).toMatchObject(refused(3, 'system-file'));
    expect(await everything()).toEqual(before);
  });

  it('lies in no pool', async () => {
    for (const pool of ['osaka/images', 'tokyo', 'osaka'])
      expect(
        await root.run('volume', 'create', 'tokyo:new', '--size', '1MiB', '--pool', root.file(pool)),
        pool,
      ).toMatchObject(refused(3, 'system-file'));
    expect((await root.json('volume', 'list', 'tokyo')).data.volumes).toHaveLength(1);
  });

  it('is left alone where another name of it is replaced', async () => {
    await link(root.file('osaka/images/db.img'), root.file('second-name'));
    await root.ok('volume', 'export', 'tokyo:db', 'second-name');
    expect((await readFile(root.file('second-name'))).subarray(0, 5).toString()).toBe('tokyo');
    expect((await readFile(root.file('osaka/images/db.img'))).subarray(0, 5).toString()).toBe('osaka');
  });

  it('lies in a folder; others are written, also through a folder that is a link', async () => {
    await mkdir(root.file('out'));
    await symlink('out', root.file('to-out'));
    await root.ok('volume', 'export', 'tokyo:db', 'to-out/db.img');
    await root.ok('volume', 'export', 'tokyo:db', 'pool/other.img');
    expect((await readFile(root.file('out/db.img'))).subarray(0, 5).toString()).toBe('tokyo');
  });
});
