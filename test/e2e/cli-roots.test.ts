import { cp, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { refused, useRootFolder } from './root-folder.js';

const root = useRootFolder(async (folder) => {
  await mkdir(folder.file('east'));
  await mkdir(folder.file('west'));
  await folder.ok('system', 'create', 'tokyo', '--root', 'east');
  await folder.ok('system', 'create', 'osaka', '--root', 'west');
  await folder.ok('volume', 'create', 'tokyo:db', '--size', '1MiB', '--root', 'east');
});

async function names(roots: string): Promise<string[]> {
  const { data } = await root.json('system', 'list', '--root', roots);
  return (data.systems as { name: string }[]).map((system) => system.name);
}

describe('roots', () => {
  it('may be several, and links', async () => {
    await symlink('east', root.file('link'));
    expect(await names('east:west')).toEqual(['osaka', 'tokyo']);
    expect(await names('link')).toEqual(['tokyo']);
    await root.ok('volume', 'show', 'tokyo:db', '--root', 'west:link');
  });

  it('that lead to one system twice list it once', async () => {
    await symlink('tokyo', root.file('east/alias'));
    await symlink(root.file('east/tokyo'), root.file('west/tokyo-link'));
    for (const roots of ['east', 'east:link', 'east:east', 'east:west']) {
      expect(
        (await names(roots)).filter((name) => name === 'tokyo'),
        roots,
      ).toEqual(['tokyo']);
      expect((await root.json('volume', 'list', '--root', roots)).data.volumes, roots).toHaveLength(1);
      await root.ok('volume', 'show', 'tokyo:db', '--root', roots);
    }
    for (const words of [
      ['tokyo', './east/tokyo'],
      ['./east/alias', 'tokyo'],
      ['*', 'tokyo'],
    ])
      expect((await root.json('volume', 'list', ...words, '--root', 'east')).data.volumes, words.join()).toHaveLength(
        1,
      );
    const { data } = await root.json('system', 'check', 'tokyo', './east/alias', './east/tokyo', '--root', 'east');
    expect(data.systems).toHaveLength(1);
    expect(await root.json('status', '--root', 'east:link')).toMatchObject({ code: 0, data: { findings: [] } });
    await rm(root.file('east/alias'));
    await rm(root.file('west/tokyo-link'));
  });

  it('do not matter where a system is given by its path', async () => {
    for (const system of ['./east/tokyo', 'east/tokyo', root.file('east/tokyo')]) {
      await root.ok('volume', 'show', `${system}:db`, '--root', 'west');
      await root.ok('system', 'show', system, '--root', 'west');
      expect((await root.ok('pair', 'list', system, '--root', 'west')).stdout).toContain('No pair here.');
    }
  });

  it('that are missing are told, and the others are listed', async () => {
    expect(await root.run('system', 'list', '--root', 'nowhere')).toMatchObject(refused(4, 'file-not-found'));
    const ended = await root.run('system', 'list', '--root', 'east:nowhere');
    expect(ended).toMatchObject({ code: 4, stdout: expect.stringContaining('tokyo') });
    expect(ended.stderr).toContain('nowhere, in which systems are looked for, is not there.');
  });

  it('suggest the system that was probably meant', async () => {
    const ended = await root.run('system', 'show', 'tokio', '--root', 'east');
    expect(ended).toMatchObject(refused(4, 'system-not-found'));
    expect(ended.stderr).toContain('Did you mean tokyo?');
  });
});

describe('systems', () => {
  it('of one name in two roots are told apart by their paths', async () => {
    await root.ok('system', 'create', 'tokyo', '--root', 'west');
    const ended = await root.run('volume', 'list', 'tokyo', '--root', 'east:west');
    expect(ended).toMatchObject(refused(2, 'usage'));
    expect(ended.stderr).toContain('There are 2 systems named "tokyo"');
    await root.ok('system', 'delete', './west/tokyo');
  });

  it('keep their name when their folder is renamed', async () => {
    await rename(root.file('west/osaka'), root.file('west/elsewhere'));
    await root.ok('system', 'show', 'osaka', '--root', 'west');
    expect(await root.run('system', 'show', 'elsewhere', '--root', 'west')).toMatchObject(
      refused(4, 'system-not-found'),
    );
    await rename(root.file('west/elsewhere'), root.file('west/osaka'));
  });

  it('that were copied by hand are told', async () => {
    await cp(root.file('east/tokyo'), root.file('east/tokyo-2'), { recursive: true });
    const ended = await root.run('system', 'list', '--root', 'east');
    expect(ended).toMatchObject({ code: 0, stderr: expect.stringContaining('are one system, copied') });
    await root.ok('system', 'delete', './east/tokyo-2', '--force');
  });

  it('that were copied are worlds of their own', async () => {
    await mkdir(root.file('world/one'), { recursive: true });
    await mkdir(root.file('world/two'));
    const roots = (world: string) => ['--root', `${world}/one:${world}/two`];
    for (const [name, place] of [
      ['a', 'one'],
      ['b', 'one'],
      ['c', 'two'],
    ] as const) {
      await root.ok('system', 'create', name, '--root', `world/${place}`);
    }
    for (const volume of ['a:x', 'a:y', 'b:x', 'c:y'])
      await root.ok('volume', 'create', volume, '--size', '1MiB', ...roots('world'));
    for (const other of ['b:x', 'c:y'])
      await root.ok('pair', 'create', `a:${other.slice(2)}`, other, '--mode', 'async', '--wait', ...roots('world'));
    await cp(root.file('world'), root.file('copy'), { recursive: true });
    // What happens in the one does not matter in the other.
    await root.ok('pair', 'takeover', 'b:x', ...roots('world'));
    for (const volume of ['a:x', 'a:y']) await root.feed('new', 'volume', 'write', volume, '-', ...roots('copy'));
    await root.ok('copier', 'run', '--once', ...roots('copy'));
    for (const volume of ['b:x', 'c:y']) {
      const words = ['volume', 'export', volume, root.file(`out-${volume[0]}`)];
      await root.ok('pair', 'split', `a:${volume.slice(2)}`, '--wait', ...roots('copy'));
      await root.ok(...words, ...roots('copy'));
      expect((await readFile(root.file(`out-${volume[0]}`))).subarray(0, 3).toString()).toBe('new');
      expect(
        (
          await readFile(root.file(`world/${volume === 'b:x' ? 'one/b' : 'two/c'}/images/${volume.slice(2)}.img`))
        ).subarray(0, 3),
      ).toEqual(Buffer.alloc(3));
    }
  });

  it('that are damaged are told, the others are listed, and a glob that means one is refused', async () => {
    await mkdir(root.file('west/oslo'));
    await writeFile(root.file('west/oslo/system.json'), 'garbage');
    const ended = await root.run('volume', 'list', '--root', 'east:west', '--json');
    expect(ended.code).toBe(6);
    expect(JSON.parse(ended.stdout)).toMatchObject({ volumes: [{ name: 'db' }] });
    expect(ended.stderr).toContain('Not listed:');
    expect(await root.run('volume', 'reserve', 'o*:*', '--root', 'west')).toMatchObject(refused(6, 'metadata-damaged'));
    expect(await root.run('system', 'show', 'oslo', '--root', 'west')).toMatchObject(refused(6, 'metadata-damaged'));
  });

  it('that hold volumes are not deleted unasked', async () => {
    expect(await root.run('system', 'delete', 'tokyo', '--root', 'east')).toMatchObject(refused(3, 'not-empty'));
    await root.ok('system', 'delete', 'tokyo', '--force', '--root', 'east');
    expect(await names('east')).toEqual([]);
  });
});
