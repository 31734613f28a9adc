import { readdir } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { refused, useRootFolder } from './root-folder.js';

const root = useRootFolder(async (folder) => {
  await folder.ok('system', 'create', 'tokyo');
  await folder.ok('volume', 'create', 'tokyo:db', '--size', '1MiB');
});

const LONG = 'x'.repeat(300);
const BAD_NAMES = ['a/b', '..', '.', '../tokyo', '-x', 'a b', 'a\u001b[31mb', 'a\nb', 'é', 'a:b', '', LONG];

describe('names', () => {
  it.each(BAD_NAMES)('a system is not called %j, and nothing is made', async (name) => {
    const before = await readdir(root.path);
    const ended = await root.run('system', 'create', '--', name);
    expect(ended).toMatchObject(refused(2, 'bad-name'));
    expect(ended.stderr).not.toContain('\u001b');
    expect(await readdir(root.path)).toEqual(before);
  });

  it.each(['a/b', '..', '-x', 'a b', 'a\u001b[31mb', 'é', 'a:b', 'LUN7', LONG])(
    'a volume is not called %j',
    async (name) => {
      const ended = await root.run('volume', 'create', '--size', '1MiB', '--', `tokyo:${name}`);
      expect(ended).toMatchObject({
        code: 2,
        stdout: '',
        stderr: expect.stringMatching(/\nCode: (bad-name|usage)\n$/),
      });
      expect(await readdir(root.file('tokyo/images'))).toEqual(['db.img']);
    },
  );

  it('in use are refused', async () => {
    expect(await root.run('system', 'create', 'tokyo')).toMatchObject(refused(3, 'already-exists'));
    expect(await root.run('volume', 'create', 'tokyo:db', '--size', '1MiB')).toMatchObject(
      refused(3, 'already-exists'),
    );
    const sameNumber = await root.run('volume', 'create', 'tokyo:x', '--size', '1MiB', '--number', '00:00');
    expect(sameNumber).toMatchObject(refused(3, 'already-exists'));
  });
});

describe('sizes', () => {
  it.each([
    '0',
    '-1',
    '-512',
    '1',
    '513',
    '1000',
    '1MiB1',
    '1.5MiB',
    '64K',
    '1e6',
    '',
    '65TiB',
    '70368744178176',
    '9'.repeat(30),
  ])('a volume of %j is refused, and nothing is made', async (size) => {
    expect(await root.run('volume', 'create', 'tokyo:s', `--size=${size}`)).toMatchObject(refused(2, 'bad-size'));
    expect(await readdir(root.file('tokyo/images'))).toEqual(['db.img']);
  });

  it.each(['0', '1KiB', '6KiB', '32MiB'])('a track of %j is refused', async (size) => {
    const ended = await root.run('volume', 'create', 'tokyo:s', '--size', '1MiB', '--track-size', size);
    expect(ended).toMatchObject(refused(2, 'bad-size'));
  });
});

describe('what is not there', () => {
  it.each([
    [['volume', 'show', 'osaka:db'], 'system-not-found'],
    [['volume', 'show', './osaka:db'], 'system-not-found'],
    [['system', 'show', 'osaka'], 'system-not-found'],
    [['volume', 'write', 'tokyo:nope'], 'volume-not-found'],
    [['volume', 'read', 'tokyo:00:FF'], 'volume-not-found'],
    [['volume', 'delete', 'tokyo:nope'], 'volume-not-found'],
    [['volume', 'delete', 'tokyo:n*'], 'nothing-matches'],
    [['volume', 'list', 'tokyo:n*'], 'nothing-matches'],
    [['volume', 'list', 'o*:*'], 'nothing-matches'],
    [['pair', 'create', 'tokyo:nope', 'tokyo:db'], 'volume-not-found'],
    [['pair', 'create', 'tokyo:n*', 'auto'], 'nothing-matches'],
    [['pair', 'split', 'tokyo:db'], 'pair-not-found'],
    [['pair', 'split', 'tokyo:d*'], 'nothing-matches'],
    [['pair', 'show', 'tokyo:db'], 'pair-not-found'],
    [['pair', 'split', '--group', 'g'], 'group-not-found'],
    [['pair', 'split', '--file', 'none.yaml'], 'file-not-found'],
    [['volume', 'write', 'tokyo:db', 'none.bin'], 'file-not-found'],
    [['volume', 'import', 'tokyo:db', 'none.img'], 'file-not-found'],
    [['system', 'list', '--root', 'nowhere'], 'file-not-found'],
  ])('%j is exit 4', async (words, code) => {
    expect(await root.run(...words)).toMatchObject(refused(4, code));
  });
});

describe('words that are none', () => {
  it.each([
    [['pair', 'crate'], 'There is no command "pair crate".'],
    [['par'], 'There is no command "par".'],
    [['pair', 'split', 'tokyo:db', '--now'], 'Nonexistent flag: --now'],
    [['pair', 'split'], 'No pair is named.'],
    [['pair', 'split', 'tokyo'], '"tokyo" is not an address.'],
    [['pair', 'split', 'tokyo:db', '--file', 'x.yaml'], 'Pairs are named in two ways.'],
    [['pair', 'create', 'tokyo:db'], 'Two volumes make a pair.'],
    [['pair', 'create', 'tokyo:*', 'tokyo:db'], '"tokyo:*" may match several volumes'],
    [['pair', 'create', 'tokyo:db', 'auto', '--verify'], 'verify'],
    [['pair', 'create', 'tokyo:db', 'auto', '--pace', 'hold', '--wait'], 'With --pace hold nothing is copied'],
    [['pair', 'wait', 'tokyo:db'], 'Missing required flag status'],
    [['pair', 'wait', 'tokyo:db', '--status', 'splt'], '"splt" is not a pair status'],
    [['pair', 'pace', 'tokyo:db'], 'Neither --pace nor --rate is given.'],
    [['pair', 'list', '--sort', 'stat'], 'there is no column "stat"'],
    [['volume', 'create', 'tokyo:s'], 'Missing required flag size'],
    [['volume', 'read', 'tokyo:db', '--quiet'], 'With --quiet the data needs a place of its own.'],
    [['fault', 'set', 'tokyo', 'fire'], '"fire" is no kind of fault'],
    [['history', '--follow', '--sort', 'time'], 'follow'],
  ])('%j is exit 2', async (words, message) => {
    const ended = await root.run(...words);
    expect(ended).toMatchObject(refused(2, 'usage'));
    expect(ended.stderr).toContain(message);
  });

  it.each([
    [['pair', 'split', 'tokyo:db', '--at', '25:00']],
    [['pair', 'split', 'tokyo:db', '--at', '2020-01-01T00:00:00Z']],
    [['pair', 'wait', 'tokyo:db', '--status', 'split', '--timeout', '5']],
  ])('%j is a time that cannot be', async (words) => {
    expect(await root.run(...words)).toMatchObject(refused(2, 'bad-time'));
  });
});
