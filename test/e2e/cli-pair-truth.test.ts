import { writeFile } from 'node:fs/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { refused, useRootFolder } from './root-folder.js';

const root = useRootFolder(async (folder) => {
  await folder.ok('system', 'create', 'a', '--fixture');
  await folder.ok('volume', 'create', 'a:p', '--size', '1MiB');
  await folder.ok('volume', 'create', 'a:s', '--size', '1MiB', '--reserve', '--count', '3');
  await folder.ok('system', 'create', 'b', '--fixture');
  await folder.ok('volume', 'create', 'b:far', '--size', '1MiB');
  await folder.feed('x'.repeat(1 << 20), 'volume', 'write', 'a:p');
});

beforeEach(async () => {
  for (const name of ['s-1', 's-2', 's-3']) {
    await root.run('pair', 'delete', 'a:p', `a:${name}`, '--force');
    await root.ok('volume', 'format', `a:${name}`, '--force');
  }
});

describe('pair verify', () => {
  it('counts what it compared, and does not call same what it left out', async () => {
    await root.ok('pair', 'create', 'a:p', 'a:s-1', '--virtual');
    const { code, data } = await root.json('pair', 'verify', 'a:p', 'a:s-1');
    expect(code).toBe(0);
    expect(data.pairs).toMatchObject([{ same: true, comparedTracks: 0, leftOutTracks: 16, differingTracks: [] }]);
    const said = (await root.ok('pair', 'verify', 'a:p', 'a:s-1')).stdout;
    expect(said).toBe(
      'a:p -> a:s-1: nothing unknown differs; 0 tracks compared; 16 tracks known to differ left out.\n',
    );
    await root.ok('pair', 'split', 'a:p', 'a:s-1', '--wait');
    expect((await root.ok('pair', 'verify', 'a:p', 'a:s-1')).stdout).toBe('a:p -> a:s-1: same; 16 tracks compared.\n');
    await root.feed('new', 'volume', 'write', 'a:p');
    expect((await root.ok('pair', 'verify', 'a:p', 'a:s-1')).stdout).toBe(
      'a:p -> a:s-1: nothing unknown differs; 15 tracks compared; 1 track known to differ left out.\n',
    );
  });

  it('--repair says that copying is left to do, and how', async () => {
    await root.ok('pair', 'create', 'a:p', 'a:s-1', '--wait');
    await root.ok('pair', 'create', 'a:p', 'a:s-2', '--split', '--wait');
    for (const name of ['s-1', 's-2'])
      await writeFile((await root.ok('volume', 'path', `a:${name}`)).stdout.trim(), 'y'.repeat(1 << 20));
    const { code, stderr } = await root.run('pair', 'verify', 'a:p', '--repair');
    expect(code).toBe(6);
    expect(stderr).toContain('Copying is left to do: run "copyset copier run --once a".');
    expect(stderr).toContain(
      'a:s-2 keeps what differs until the pair is resynced: "copyset pair resync a:p a:s-2 --plan"',
    );
    await root.ok('copier', 'run', '--once', 'a');
    expect((await root.ok('pair', 'verify', 'a:p', 'a:s-1')).stdout).toContain('same; 16 tracks compared');
  });
});

describe('pair create of a pair that is there', () => {
  it.each(['--split', '--virtual'])('is refused with %s, which it would not do', async (flag) => {
    await root.ok('pair', 'create', 'a:p', 'a:s-1', '--wait');
    const ended = await root.run('pair', 'create', 'a:p', 'a:s-1', flag);
    expect(ended).toMatchObject(refused(3, 'status-refuses'));
    expect(ended.stderr).toContain('pair split');
    expect(await root.run('pair', 'create', 'a:p', 'a:s-1', flag, '--plan')).toMatchObject(
      refused(3, 'status-refuses'),
    );
    expect((await root.json('pair', 'create', 'a:p', 'a:s-1')).data.pairs).toMatchObject([{ outcome: 'nothing' }]);
  });

  it('is refused with --split between two systems too, and a plan changes no pace', async () => {
    await root.ok('pair', 'create', 'a:p', 'b:far', '--wait');
    expect(await root.run('pair', 'create', 'a:p', 'b:far', '--split')).toMatchObject(refused(3, 'status-refuses'));
    await root.ok('pair', 'create', 'a:p', 'b:far', '--pace', 'slow', '--plan');
    expect((await root.json('pair', 'show', 'a:p', 'b:far')).data.pairs).toMatchObject([{ pace: 'medium' }]);
    await root.ok('pair', 'delete', 'a:p', 'b:far');
  });
});

describe('pair create of a pair that is there, with words that do not hold', () => {
  it('is refused with --no-copy while it copies, and not once it is equal', async () => {
    await root.ok('pair', 'create', 'a:p', 'a:s-1', '--pace', 'hold');
    const ended = await root.run('pair', 'create', 'a:p', 'a:s-1', '--no-copy');
    expect(ended).toMatchObject(refused(3, 'status-refuses'));
    expect(ended.stderr).toContain('a:p -> a:s-1: The pair is there and is pending: it copies');
    await root.ok('pair', 'pace', 'a:p', '--pace', 'fast');
    await root.ok('pair', 'wait', 'a:p', '--status', 'duplex');
    for (const words of [['--no-copy'], ['--no-copy', '--verify'], ['--overwrite']])
      expect((await root.json('pair', 'create', 'a:p', 'a:s-1', ...words)).data.pairs).toMatchObject([
        { outcome: 'nothing' },
      ]);
  });

  it('is refused with --manual, or another session, that it was not made with', async () => {
    const create = ['pair', 'create', 'a:p', 'b:far'];
    const sync = [...create, '--mode', 'sync'];
    await root.ok(...sync, '--session', 'one', '--overwrite', '--wait');
    for (const [words, said] of [
      [[...sync, '--manual'], 'goes on by itself when a lost link is back'],
      [[...sync, '--session', 'two'], 'is there, of mode sync in session one'],
      [[...create, '--mode', 'async'], 'is there, of mode sync'],
    ] as const) {
      const ended = await root.run(...words);
      expect(ended).toMatchObject(refused(3, 'status-refuses'));
      expect(ended.stderr).toContain(said);
    }
    expect((await root.json(...sync, '--session', 'one')).data.pairs).toMatchObject([{ outcome: 'nothing' }]);
    await root.ok('pair', 'delete', 'a:p', 'b:far', '--unreserve');
    await root.ok(...sync, '--manual', '--overwrite', '--wait');
    expect((await root.json(...sync, '--manual')).data.pairs).toMatchObject([{ outcome: 'nothing' }]);
    await root.ok('pair', 'delete', 'a:p', 'b:far', '--unreserve');
  });
});

describe('pair delete of two volumes that are no pair', () => {
  it('has nothing to do, and gives back what is still reserved', async () => {
    const { code, data } = await root.json('pair', 'delete', 'a:p', 'b:far');
    expect([code, data.pairs]).toMatchObject([0, [{ before: 'simplex', after: 'simplex', outcome: 'nothing' }]]);
    expect((await root.ok('pair', 'delete', 'a:p', 'a:s-1')).stdout).toBe('a:p -> a:s-1 is no pair; nothing to do.\n');
    const plan = await root.json('pair', 'delete', 'a:p', 'a:s-1', '--plan');
    expect(plan.data.plan).toMatchObject([{ from: 'simplex', to: 'simplex', direction: 'none' }]);
    await root.ok('volume', 'reserve', 'a:s-2');
    const freed = await root.json('pair', 'delete', 'a:p', 'a:s-2', '--unreserve');
    expect(freed.data.pairs).toMatchObject([{ outcome: 'done' }]);
    expect((await root.json('volume', 'show', 'a:s-2')).data.volumes).toMatchObject([{ reserved: false }]);
    await root.ok('volume', 'reserve', 'a:s-2');
  });

  it('is refused where something is not there, or is named the wrong way round', async () => {
    expect(await root.run('pair', 'delete', 'a:p', 'a:none')).toMatchObject(refused(4, 'volume-not-found'));
    expect(await root.run('pair', 'delete', 'a:s-1')).toMatchObject(refused(4, 'pair-not-found'));
    expect(await root.run('pair', 'delete', 'a:z*')).toMatchObject(refused(4, 'nothing-matches'));
    await root.ok('pair', 'create', 'a:p', 'a:s-1', '--wait');
    expect(await root.run('pair', 'delete', 'a:s-1', 'a:p')).toMatchObject(refused(4, 'pair-not-found'));
  });
});

describe('a plan', () => {
  it('of a delete is refused as the delete is', async () => {
    await root.ok('pair', 'create', 'a:p', 'a:s-1', '--split');
    await root.ok('pair', 'suspend', 'a:p', 'a:s-1');
    for (const plan of [[], ['--plan']])
      expect(await root.run('pair', 'delete', 'a:p', 'a:s-1', ...plan)).toMatchObject(refused(3, 'force-needed'));
    await root.ok('pair', 'delete', 'a:p', 'a:s-1', '--force', '--plan');
    await root.ok('pair', 'create', 'a:p', 'a:s-2');
    for (const plan of [[], ['--plan']])
      expect(await root.run('pair', 'delete', 'a:p', 'a:s-2', ...plan)).toMatchObject(refused(3, 'force-needed'));
  });

  it('says that comparing decides', async () => {
    const words = ['pair', 'create', 'a:p', 'a:s-1', '--no-copy', '--verify'];
    const { code, data } = await root.json(...words, '--plan');
    expect([code, data.plan]).toMatchObject([0, [{ to: 'duplex', refusedUnless: 'equal' }]]);
    expect((await root.ok(...words, '--plan')).stdout).toContain(
      'compares the volumes first, and is refused where they',
    );
    expect(await root.run(...words)).toMatchObject({ code: 3 });
  });

  it('of a resync says that --discard is lacking, and not where it is given', async () => {
    await root.ok('pair', 'create', 'a:p', 'a:s-1', '--split', '--wait');
    await root.feed('there', 'volume', 'write', 'a:s-1');
    const { data } = await root.json('pair', 'resync', 'a:p', 'a:s-1', '--plan');
    expect(data.plan).toMatchObject([{ bytesLost: 65536, refusedUnless: '--discard' }]);
    const discard = await root.json('pair', 'resync', 'a:p', 'a:s-1', '--discard', '--plan');
    expect((discard.data.plan as object[])[0]).not.toHaveProperty('refusedUnless');
  });
});

describe('a suspended pair', () => {
  it('is said to lack what was not copied', async () => {
    await root.ok('pair', 'create', 'a:p', 'a:s-1');
    expect((await root.ok('pair', 'suspend', 'a:p', 'a:s-1')).stdout).toBe(
      'a:p -> a:s-1 was pending, is suspended now. 16 tracks (1MiB) not copied yet.\n',
    );
    const { data } = await root.json('pair', 'suspend', 'a:p', 'a:s-1');
    expect(data.pairs).toMatchObject([{ outcome: 'nothing', uncopiedTracks: 16, uncopiedBytes: 1 << 20 }]);
  });

  it('out of a restore, or a split on its way, goes on as the status page says', async () => {
    await root.ok('pair', 'create', 'a:p', 'a:s-1', '--split', '--wait');
    await root.feed('back', 'volume', 'write', 'a:s-1');
    await root.ok('pair', 'resync', 'a:p', 'a:s-1', '--reverse', '--pace', 'hold');
    await root.ok('pair', 'create', 'a:p', 'a:s-2', '--pace', 'hold');
    await root.ok('pair', 'split', 'a:p', 'a:s-2');
    await root.ok('pair', 'suspend', 'a:p');
    const said = (await root.run('status')).stdout;
    for (const command of ['copyset pair resync a:p a:s-1 --reverse', 'copyset pair split a:p a:s-2']) {
      expect(said).toContain(`Once the cause is gone: ${command}`);
      await root.ok(...command.split(' ').slice(1), '--pace', 'fast', '--wait');
    }
  });
});

describe('pair create with a glob and auto', () => {
  it('pairs each match, also one that is a secondary, but not the volumes that auto takes from', async () => {
    await root.ok('pair', 'create', 'a:p', 'a:s-1', '--wait');
    const { data } = await root.json('pair', 'create', 'a:[ps]*', 'auto', '--wait');
    expect(data.pairs).toMatchObject([
      { primary: 'a:p', secondary: 'a:s-2', after: 'duplex' },
      { primary: 'a:s-1', secondary: 'a:s-3', after: 'duplex' },
    ]);
    await root.ok('pair', 'delete', 'a:s-1', 'a:s-3');
    expect(await root.run('pair', 'create', 'a:s-3*', 'auto')).toMatchObject(refused(4, 'nothing-matches'));
  });
});
