import { link, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { refused, useRootFolder } from './root-folder.js';

const MIB = 1024 * 1024;

const root = useRootFolder(async (folder) => {
  await folder.ok('system', 'create', 'tokyo', '--durability', 'none');
  for (const name of ['db', 'copy', 'out']) await folder.ok('volume', 'create', `tokyo:${name}`, '--size', '1MiB');
  await folder.ok('volume', 'create', 'tokyo:spare', '--size', '1MiB', '--reserve');
  await folder.ok('volume', 'create', 'tokyo:small', '--size', '512KiB');
});

async function contents(address: string): Promise<string> {
  await root.ok('volume', 'read', address, '--output', 'read.bin');
  return (await readFile(root.file('read.bin'), 'latin1')).replace(/\0+$/, '');
}

describe('volume write', () => {
  it('takes standard input, a file, and a file behind a link', async () => {
    const ended = await root.feed('hello', 'volume', 'write', 'tokyo:db');
    expect(ended).toMatchObject({ code: 0, stdout: 'Wrote 5 bytes to tokyo:db from offset 0; they are durable.\n' });
    await writeFile(root.file('in.bin'), 'HE');
    await symlink('in.bin', root.file('in.link'));
    await root.ok('volume', 'write', 'tokyo:db', 'in.link');
    expect(await root.feed('!', 'volume', 'write', 'tokyo:00:00', '-', '--offset', '5')).toMatchObject({ code: 0 });
    expect(await contents('tokyo:db')).toBe('HEllo!');
  });

  it('says its result as JSON', async () => {
    const { data } = await root.json('volume', 'write', 'tokyo:out', 'in.bin', '--offset', '512');
    expect(data).toMatchObject({ schemaVersion: 1, volume: 'tokyo:out', offsetBytes: 512, bytes: 2 });
  });

  it('of nothing writes nothing', async () => {
    const ended = await root.feed('', 'volume', 'write', 'tokyo:db');
    expect(ended).toMatchObject({ code: 0, stdout: 'The input is empty: nothing was written to tokyo:db.\n' });
  });

  it('past the end writes nothing', async () => {
    await writeFile(root.file('long.bin'), 'x'.repeat(MIB));
    for (const words of [
      ['long.bin', '--offset', '1'],
      ['in.bin', '--offset', '1MiB'],
      ['in.bin', '--offset', String(MIB - 1)],
      ['-', '--offset', '2MiB'],
    ]) {
      const ended = await root.feed('data', 'volume', 'write', 'tokyo:copy', ...words);
      expect(ended, words.join(' ')).toMatchObject(refused(2, 'bad-range'));
    }
    expect(await contents('tokyo:copy')).toBe('');
  });

  it('of more than fits from standard input writes what fits, and says how much', async () => {
    const ended = await root.feed('y'.repeat(MIB + 1), 'volume', 'write', 'tokyo:copy', '--offset', '64KiB');
    expect(ended).toMatchObject(refused(9, 'input-too-long'));
    expect(ended.stderr).toContain(`The first ${MIB - 65536} bytes were written from offset 65536`);
    await root.ok('volume', 'read', 'tokyo:copy', '--output', 'read.bin');
    expect(
      (await readFile(root.file('read.bin'))).equals(
        Buffer.concat([Buffer.alloc(65536), Buffer.alloc(MIB - 65536, 'y')]),
      ),
    ).toBe(true);
  });

  it('to a reserved volume is refused', async () => {
    expect(await root.feed('x', 'volume', 'write', 'tokyo:spare')).toMatchObject(refused(3, 'volume-reserved'));
    expect(await contents('tokyo:spare')).toBe('');
  });

  it('from a folder is refused', async () => {
    expect(await root.run('volume', 'write', 'tokyo:db', '.')).toMatchObject(refused(6, 'not-regular'));
  });
});

describe('volume read', () => {
  it('reads a range', async () => {
    expect(await root.run('volume', 'read', 'tokyo:db', '--offset', '2', '--length', '3')).toMatchObject({
      code: 0,
      stdout: 'llo',
    });
    expect(await root.run('volume', 'read', 'tokyo:db', '--offset', '1MiB')).toMatchObject({ code: 0, stdout: '' });
  });

  it.each([[['--offset', '2MiB']], [['--length', '2MiB']], [['--offset', '1MiB', '--length', '1']]])(
    '%j past the end is refused',
    async (words) => {
      expect(await root.run('volume', 'read', 'tokyo:db', ...words)).toMatchObject(refused(2, 'bad-range'));
    },
  );

  it('leaves the old file and no other where it fails', async () => {
    await writeFile(root.file('kept.bin'), 'old');
    const ended = await root.run('volume', 'read', 'tokyo:db', '--length', '2MiB', '--output', 'kept.bin');
    expect(ended).toMatchObject(refused(2, 'bad-range'));
    expect(await readFile(root.file('kept.bin'), 'utf8')).toBe('old');
    expect((await readdir(root.path)).filter((name) => name.includes('tmp'))).toEqual([]);
    expect(await root.run('volume', 'read', 'tokyo:db', '--output', 'tokyo')).toMatchObject(refused(6, 'not-regular'));
  });

  it('with --json needs a file for the data', async () => {
    const ended = await root.run('volume', 'read', 'tokyo:db', '--json');
    expect(ended).toMatchObject({ code: 2, stderr: '' });
    expect(JSON.parse(ended.stdout)).toMatchObject({ error: { code: 'usage', exitCode: 2 } });
  });
});

describe('volume import and export', () => {
  it('give back what was there, with holes', async () => {
    await root.ok('volume', 'export', 'tokyo:db', 'db.img');
    expect(await stat(root.file('db.img'))).toMatchObject({ size: MIB });
    await root.ok('volume', 'import', 'tokyo:again', 'db.img', '--create');
    expect(await contents('tokyo:again')).toBe('HEllo!');
    const { data } = await root.json('volume', 'show', 'tokyo:again');
    expect(data.volumes).toMatchObject([{ sizeBytes: MIB, allocatedTracks: 1 }]);
  });

  it('refuse to lose data, and what does not fit', async () => {
    expect(await root.run('volume', 'import', 'tokyo:db', 'db.img')).toMatchObject(refused(3, 'holds-data'));
    expect(await root.run('volume', 'import', 'tokyo:small', 'db.img')).toMatchObject(refused(9, 'input-too-long'));
    await root.ok('volume', 'import', 'tokyo:db', 'db.img', '--overwrite');
  });
});

describe('volume format', () => {
  it('needs --force, and leaves zeros', async () => {
    expect(await root.run('volume', 'format', 'tokyo:again')).toMatchObject(refused(3, 'force-needed'));
    await root.ok('volume', 'format', 'tokyo:again', '--force');
    expect(await contents('tokyo:again')).toBe('');
  });
});

describe('volume scrub', () => {
  it('finds what changed behind the back of copyset, and accepts it when told to', async () => {
    await root.ok('volume', 'scrub', 'tokyo:db');
    const image = (await root.ok('volume', 'path', 'tokyo:db')).stdout.trim();
    await writeFile(image, 'XX', { flag: 'r+' });
    const bad = await root.run('volume', 'scrub', 'tokyo:db');
    expect(bad).toMatchObject({ code: 6, stderr: '' });
    expect(bad.stdout).toContain('1 track DOES NOT FIT');
    await root.ok('volume', 'scrub', 'tokyo:db', '--accept');
    await root.ok('volume', 'scrub', 'tokyo:db');
    expect(await contents('tokyo:db')).toBe('XXllo!');
  });
});

describe('an image with a second name', () => {
  it('is not used', async () => {
    await link(root.file('tokyo/images/out.img'), root.file('other-name.img'));
    expect(await root.run('volume', 'read', 'tokyo:out', '--length', '512')).toMatchObject({ code: 6 });
  });
});
