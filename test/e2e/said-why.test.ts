import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { useRootFolder } from './root-folder.js';

const root = useRootFolder(async (folder) => {
  await folder.ok('system', 'create', 'tokyo', '--durability', 'none');
  await folder.ok('volume', 'create', 'tokyo:db', '--size', '1MiB');
  await folder.feed('data', 'volume', 'write', 'tokyo:db');
});

function told(code: number, word: string, sentence: string, hint: string) {
  const shape = new RegExp(`^Error: .*${sentence}.*\\nHint: .*${hint}.*\\nCode: ${word}\\n$`);
  return { code, stdout: '', stderr: expect.stringMatching(shape) as string };
}

describe('an address of --nbd at which nobody can listen', () => {
  const serve = (path: string) => root.run('serve', 'tokyo', '--nbd', `unix:${path}`);

  it('has a name too long for a socket', async () => {
    const short = told(2, 'usage', 'too long', 'shorter name');
    expect(await serve(root.file('n'.repeat(150)))).toMatchObject(short);
    expect(await serve(root.file('n'.repeat(300)))).toMatchObject(short);
  });

  it('lies in a folder that is not there', async () => {
    expect(await serve(root.file('none/tokyo.sock'))).toMatchObject(
      told(2, 'usage', `folder ${root.file('none')} is not there`, 'Make the folder'),
    );
    const long = root.file(`none/${'d'.repeat(120)}/tokyo.sock`);
    expect(await serve(long)).toMatchObject(told(2, 'usage', 'is not there', 'Make the folder'));
    writeFileSync(root.file('file'), '');
    expect(await serve(root.file('file/tokyo.sock'))).toMatchObject(
      told(2, 'usage', 'is no folder', 'Make the folder'),
    );
  });

  it('is a file or a folder, which stays', async () => {
    writeFileSync(root.file('kept'), 'mine');
    expect(await serve(root.file('kept'))).toMatchObject(told(2, 'usage', 'kept is there and is no socket', 'another'));
    mkdirSync(root.file('folder'));
    expect(await serve(root.file('folder'))).toMatchObject(told(2, 'usage', 'is no socket', 'another'));
    writeFileSync(root.file('beside.sock.new'), 'mine');
    expect(await serve(root.file('beside.sock'))).toMatchObject(
      told(2, 'usage', 'beside.sock.new is there', 'another'),
    );
  });

  it('is no address of this host', async () => {
    const ended = await root.run('serve', 'tokyo', '--insecure', '--nbd', 'tcp://192.0.2.1:0');
    expect(ended).toMatchObject(told(2, 'usage', 'is no address of this host', 'addresses'));
  });
});

describe('a file of the user’s of a kind that does not fit', () => {
  it('is no place for an image or data that is written whole', async () => {
    for (const words of [
      ['volume', 'export', 'tokyo:db', '/dev/null'],
      ['volume', 'read', 'tokyo:db', '--output', '/dev/null'],
      ['volume', 'read', 'tokyo:db', '--output', root.path],
    ])
      expect(await root.run(...words), words.join(' ')).toMatchObject(
        told(6, 'not-regular', 'no plain file', 'or a link to one'),
      );
  });

  it('is no image to import', async () => {
    execFileSync('mkfifo', [root.file('fifo')]);
    expect(await root.run('volume', 'import', 'tokyo:db', root.file('fifo'))).toMatchObject(
      told(6, 'not-regular', 'no plain file', 'copyset volume write'),
    );
    expect(await root.run('volume', 'write', 'tokyo:db', root.path)).toMatchObject(
      told(6, 'not-regular', 'is a folder', 'a pipe or a device'),
    );
  });

  it('may be a link, as the hints say', async () => {
    writeFileSync(root.file('target'), 'before');
    symlinkSync('target', root.file('link'));
    await root.ok('volume', 'read', 'tokyo:db', '--output', root.file('link'));
    await root.ok('volume', 'export', 'tokyo:db', root.file('link'));
    await root.ok('volume', 'import', 'tokyo:db', root.file('link'), '--overwrite');
    writeFileSync(root.file('linked.yaml'), 'systems: {osaka: {durability: none, volumes: {db: {image: link}}}}\n');
    await root.ok('topology', 'apply', root.file('linked.yaml'));
    expect((await root.ok('volume', 'read', 'osaka:db', '--length', '4')).stdout).toBe('data');
  });
});

describe('a file of --file that is no YAML of ours', () => {
  const binary = Buffer.from(Array.from({ length: 60_000 }, (_, index) => (index * 151 + (index >> 7)) % 256));
  const word = Buffer.from(`\u001B]0;title\u0007${'x'.repeat(50_000)}`);
  const keys = Buffer.from(`? "\\e[31m${'k'.repeat(900)}"\n: 1\n`);

  it.each([
    ['binary', binary],
    ['one long word', word],
    ['a long key', keys],
    [
      'a long name',
      Buffer.from(`pairs: [{primary: "${'p'.repeat(9000)}", secondary: "a:b", mode: "${'m'.repeat(900)}"}]\n`),
    ],
    ['an alias', Buffer.from(`pairs: *${'a'.repeat(9000)}\n`)],
  ])('as %s is quoted in one short line without control characters', async (name, bytes) => {
    const file = join(root.path, `${name.replaceAll(' ', '-')}.yaml`);
    writeFileSync(file, bytes);
    for (const words of [
      ['pair', 'create', '--file', file],
      ['topology', 'apply', file],
    ]) {
      const { code, stderr } = await root.run(...words);
      expect({ code, stderr }, words.join(' ')).toMatchObject({ code: 2 });
      expect(stderr).toContain('cannot be used');
      expect(
        stderr.split('\n').every((line) => line.length < 500),
        stderr.slice(0, 2000),
      ).toBe(true);
      expect(stderr.split('\n').length).toBeLessThan(14);
      expect(stderr.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
    }
  });
});
