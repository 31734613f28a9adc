import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { refused, useRootFolder } from './root-folder.js';

const root = useRootFolder(async (folder) => {
  await folder.ok('system', 'create', 'tokyo', '--durability', 'none');
  await folder.ok('system', 'create', 'osaka', '--durability', 'none');
  for (const name of ['db', 'copy', 'far', 'log'])
    await folder.ok('volume', 'create', `tokyo:${name}`, '--size', '1MiB');
  await folder.ok('volume', 'create', 'tokyo:small', '--size', '512KiB');
  await folder.ok('volume', 'create', 'tokyo:label', '--size', '1MiB', '--emulation', 'OPEN-3');
  await folder.ok('volume', 'create', 'tokyo:spare', '--size', '1MiB', '--reserve', '--count', '2');
  await folder.ok('volume', 'create', 'osaka:db', '--size', '1MiB');
  await folder.feed('one', 'volume', 'write', 'tokyo:db');
});

async function pairs(...words: string[]): Promise<unknown> {
  return (await root.json('pair', 'list', ...words)).data.pairs;
}

describe('a pair that cannot be', () => {
  it.each([
    [['tokyo:db', 'tokyo:small'], 'sizes-differ'],
    [['tokyo:db', 'tokyo:label'], 'sizes-differ'],
    [['tokyo:db', 'tokyo:db'], 'self-pair'],
    [['tokyo:db', 'tokyo:00:00'], 'self-pair'],
    [['tokyo:copy', 'tokyo:db'], 'holds-data'],
    [['tokyo:db', 'osaka:db', '--mode', 'local'], 'mode-not-here'],
    [['tokyo:db', 'osaka:db', '--virtual'], 'mode-not-here'],
    [['tokyo:db', 'auto', '--mode', 'async'], 'mode-not-here'],
    [['tokyo:db', 'auto', '--session', 'j'], 'mode-not-here'],
    [['tokyo:small', 'auto'], 'no-candidate'],
  ])('%j is refused, and nothing is made', async (words, code) => {
    expect(await root.run('pair', 'create', ...words)).toMatchObject(refused(3, code));
    expect(await pairs()).toEqual([]);
  });
});

describe('the life of a pair', () => {
  it('shows a plan and changes nothing', async () => {
    const { data } = await root.json('pair', 'create', 'tokyo:db', 'tokyo:copy', '--plan');
    const row = { primary: 'tokyo:db', secondary: 'tokyo:copy', from: 'simplex', to: 'pending' };
    const work = { direction: 'primary -> secondary', tracks: 1, bytes: 65536, bytesLost: 0 };
    expect(data.plan).toEqual([{ ...row, ...work }]);
    expect(await pairs()).toEqual([]);
  });

  it('is made, and says what is left to do', async () => {
    const ended = await root.ok('pair', 'create', 'tokyo:db', 'tokyo:copy');
    expect(ended.stdout).toBe(
      'tokyo:db -> tokyo:copy is a pair now, pending. 1 track (64KiB) to copy from tokyo:db to tokyo:copy.\n',
    );
    expect(ended.stderr).toBe(
      'Copying is left to do: run "copyset pair wait tokyo:db tokyo:copy --status duplex" or "copyset copier run --once tokyo".\n',
    );
    expect(await pairs('--status', 'COPY')).toMatchObject([{ status: 'pending', cci: 'COPY', outOfSyncTracks: 1 }]);
  });

  it('has nothing to do the second time', async () => {
    const { code, data } = await root.json('pair', 'create', 'tokyo:db', 'tokyo:copy');
    expect(code).toBe(0);
    expect(data.pairs).toMatchObject([{ before: 'pending', after: 'pending', outcome: 'nothing' }]);
  });

  it('closes no circle, and takes no volume twice', async () => {
    expect(await root.run('pair', 'create', 'tokyo:copy', 'tokyo:db', '--overwrite')).toMatchObject(
      refused(3, 'cycle'),
    );
    await root.ok('pair', 'create', 'tokyo:copy', 'tokyo:far');
    expect(await root.run('pair', 'create', 'tokyo:far', 'tokyo:db', '--overwrite')).toMatchObject(refused(3, 'cycle'));
    expect(await root.run('pair', 'create', 'tokyo:log', 'tokyo:copy', '--overwrite')).toMatchObject(
      refused(3, 'secondary-taken'),
    );
    await root.ok('pair', 'delete', 'tokyo:copy', 'tokyo:far', '--unreserve');
  });

  it('lets no host write the secondary before the split', async () => {
    expect(await root.feed('x', 'volume', 'write', 'tokyo:copy')).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('Code: not-writable'),
    });
    expect(await root.run('volume', 'read', 'tokyo:copy')).toMatchObject({ code: 3, stdout: '' });
  });

  it('tells a wait that is over from one that ended', async () => {
    expect(await root.run('pair', 'wait', 'tokyo:db', '--status', 'duplex', '--timeout', '0')).toMatchObject({
      code: 20,
    });
    expect(await root.run('pair', 'wait', 'tokyo:db', '--status', 'PAIR')).toMatchObject({ code: 0 });
    const { code, data } = await root.json('pair', 'wait', 'tokyo:db', '--status', 'duplex,split', '--timeout', '0');
    expect({ code, data }).toMatchObject({
      code: 0,
      data: { verdict: 'reached', pairs: [{ status: 'duplex', percentIdentical: 100 }] },
    });
  });

  it('is split, and both sides go their ways', async () => {
    const { data } = await root.json('pair', 'split', 'tokyo:db', 'tokyo:copy', '--wait');
    expect(data).toMatchObject({ verdict: 'reached', pairs: [{ before: 'duplex', after: 'split', outcome: 'done' }] });
    await root.feed('two', 'volume', 'write', 'tokyo:db');
    expect((await root.run('volume', 'read', 'tokyo:copy', '--length', '3')).stdout).toBe('one');
    await root.feed('xyz', 'volume', 'write', 'tokyo:copy', '--offset', '64KiB');
    expect(await root.run('pair', 'verify', 'tokyo:db')).toMatchObject({ code: 0 });
  });

  it('loses nothing unasked', async () => {
    expect(await root.run('pair', 'resync', 'tokyo:db')).toMatchObject(refused(3, 'discard-needed'));
    expect(await root.run('pair', 'resync', 'tokyo:db', '--reverse')).toMatchObject(refused(3, 'discard-needed'));
    const plan = await root.ok('pair', 'resync', 'tokyo:db', '--reverse', '--plan');
    expect(plan.stdout).toContain(
      '2 tracks (128KiB) to copy. 64KiB written since the split would be lost. Without --discard that is refused. Nothing was changed.',
    );
  });

  it('is restored', async () => {
    const ended = await root.ok('pair', 'resync', 'tokyo:db', '--reverse', '--discard', '--wait');
    expect(ended.stdout).toContain('from tokyo:copy to tokyo:db. 64KiB written at tokyo:db since the split are gone.');
    expect((await root.run('volume', 'read', 'tokyo:db', '--length', '3')).stdout).toBe('one');
    expect(await pairs()).toMatchObject([{ status: 'duplex' }]);
  });

  it('is suspended, waited for in vain, and goes on', async () => {
    await root.ok('pair', 'suspend', 'tokyo:db');
    expect(await root.run('pair', 'wait', 'tokyo:db', '--status', 'duplex')).toMatchObject({ code: 21 });
    expect(await pairs('--status', 'psue')).toHaveLength(1);
    await root.ok('pair', 'resync', 'tokyo:db', '--wait');
  });

  it('is shown, with its paths and its history', async () => {
    const shown = await root.ok('pair', 'show', 'tokyo:db', '--paths', '--history');
    expect(shown.stdout).toContain('tokyo/images/copy.img');
    expect(shown.stdout).toContain('pair resync --reverse');
    const asSecondary = await root.run('pair', 'show', 'tokyo:copy');
    expect(asSecondary).toMatchObject(refused(4, 'pair-not-found'));
    expect(asSecondary.stderr).toContain('It is the secondary of tokyo:db');
  });

  it('ends', async () => {
    await root.ok('pair', 'delete', 'tokyo:db', '--unreserve');
    expect(await pairs()).toEqual([]);
    const { data } = await root.json('history', '--pair', 'tokyo:db,tokyo:copy', '--filter', 'operation=pair split');
    expect(data.events).toMatchObject([{ code: 'started' }, { code: 'done', before: 'duplex', after: 'split' }]);
  });
});

describe('several pairs', () => {
  it('go through a plan file', async () => {
    await root.ok(
      'pair',
      'create',
      'tokyo:db',
      'tokyo:copy',
      '--overwrite',
      '--plan-output',
      'one.yaml',
      '--pace',
      'fast',
    );
    expect(await readFile(root.file('one.yaml'), 'utf8')).toContain('pace: fast');
    expect(await pairs()).toEqual([]);
    await writeFile(
      root.file('two.yaml'),
      'pairs:\n- {primary: tokyo:db, secondary: auto}\n- {primary: tokyo:log, secondary: tokyo:none}\n',
    );
    expect(await root.run('pair', 'create', '--file', 'two.yaml')).toMatchObject(refused(4, 'volume-not-found'));
    await writeFile(root.file('bad.yaml'), 'pairs: [{primary: tokyo:db, secondary: auto, speed: 3}]');
    expect(await root.run('pair', 'create', '--file', 'bad.yaml')).toMatchObject(refused(2, 'bad-plan'));
    expect(await pairs()).toEqual([]);
    await writeFile(
      root.file('two.yaml'),
      'pairs:\n- {primary: tokyo:db, secondary: auto}\n- {primary: tokyo:log, secondary: auto, split: true}\n',
    );
    const { data } = await root.json('pair', 'create', '--file', 'two.yaml', '--wait');
    expect(data.pairs).toMatchObject([
      { secondary: 'tokyo:spare-1', after: 'duplex' },
      { secondary: 'tokyo:spare-2', after: 'split' },
    ]);
  });

  it('are refused together, and none is touched', async () => {
    const before = await pairs('--columns', 'status');
    const ended = await root.run('pair', 'resync', 'tokyo:*', '--reverse');
    expect(ended).toMatchObject({ code: 3, stdout: '' });
    const statuses = (rows: unknown): string[] => (rows as { status: string }[]).map((row) => row.status);
    expect(statuses(await pairs())).toEqual(statuses(before));
  });

  it('of several systems of which one alone has any are split in that one', async () => {
    const { code, data } = await root.json('pair', 'split', '*:*', '--plan');
    expect(code).toBe(0);
    expect(data.plan).toMatchObject([{ primary: 'tokyo:db' }, { primary: 'tokyo:log' }]);
  });

  it('of several systems are asked system by system, and a system without a match is passed over', async () => {
    const { code, data } = await root.json('pair', 'suspend', '*:*');
    expect(code).toBe(0);
    expect(data.pairs).toMatchObject([{ after: 'suspended' }, { after: 'suspended' }]);
    await root.ok('pair', 'resync', '*:*', '--discard', '--wait');
  });

  it('are split at their time', async () => {
    const at = new Date(Date.now() + 2_000).toISOString();
    const ended = await root.ok('pair', 'split', 'tokyo:*', '--at', at);
    expect(ended.stderr).toContain('to split 2 pairs; ^C cancels.');
    const rows = (await pairs()) as { status: string; pointInTime: string }[];
    expect(rows.map((row) => row.status)).toEqual(['split', 'split']);
    expect(rows.every((row) => row.pointInTime >= at)).toBe(true);
  });
});
