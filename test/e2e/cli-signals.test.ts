import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { useRootFolder } from './root-folder.js';

const root = useRootFolder(async (folder) => {
  await folder.ok('system', 'create', 'tokyo', '--durability', 'none');
  for (const name of ['db', 'copy', 'far']) await folder.ok('volume', 'create', `tokyo:${name}`, '--size', '16MiB');
  await writeFile(folder.file('data.bin'), Buffer.alloc(16 * 1024 * 1024, 'data'));
  await folder.ok('volume', 'write', 'tokyo:db', 'data.bin');
});

interface Listed {
  pairs: { secondary: string; status: string; copyPointer: number; outOfSyncTracks: number }[];
}

describe('^C while waiting', () => {
  it('leaves the pair as it is, says how it goes on, and the copy goes on from there', async () => {
    const words = ['tokyo:db', 'tokyo:copy', '--wait', '--rate', '2MiB', '--json', '--progress'];
    const waiting = root.start('pair', 'create', ...words);
    await waiting.says('"event":"progress"');
    await waiting.says(/"doneBytes":[1-9]/);
    waiting.child.kill('SIGINT');
    expect(await waiting.ended).toBe(130);
    const lines = waiting.stdout.trim().split('\n');
    const result = JSON.parse(lines.at(-1) ?? '') as Record<string, unknown>;
    expect(result).toMatchObject({
      verdict: 'interrupted',
      pairs: [{ before: 'simplex', after: 'pending', tracks: 256 }],
    });
    expect(waiting.stderr).toMatch(/stays pending and goes on from track \d+ of 256: run "copyset pair wait/);
    const { pairs } = (await root.json('pair', 'list')).data as unknown as Listed;
    expect(pairs).toMatchObject([{ status: 'pending' }]);
    expect(pairs[0]?.outOfSyncTracks).toBeLessThan(256);
    await root.ok('pair', 'pace', 'tokyo:db', '--rate', '0');
    await root.ok('pair', 'wait', 'tokyo:db', '--status', 'duplex');
    await root.ok('pair', 'verify', 'tokyo:db');
  });

  it('others are served meanwhile, and end with the work done', async () => {
    await root.ok('pair', 'create', 'tokyo:copy', 'tokyo:far', '--rate', '4MiB');
    const waiting = root.start('pair', 'wait', 'tokyo:copy', '--status', 'duplex');
    await expect.poll(async () => (await root.run('system', 'list')).stdout).toContain('pair wait (pid');
    await root.ok('volume', 'write', 'tokyo:db', 'data.bin');
    await root.ok('pair', 'pace', 'tokyo:copy', '--rate', '0', '--pace', 'fast');
    expect(await waiting.ended).toBe(0);
  });
});

describe('^C in copier run --once', () => {
  it('tells how the pairs stand, and the next run goes on from there', async () => {
    await root.ok('volume', 'create', 'tokyo:slow', '--size', '16MiB');
    await root.ok('pair', 'create', 'tokyo:db', 'tokyo:slow', '--rate', '2MiB');
    const copying = root.start('copier', 'run', 'tokyo', '--once', '--json', '--progress');
    await copying.says(/"doneBytes":[1-9]/);
    copying.child.kill('SIGINT');
    expect(await copying.ended).toBe(130);
    const result = JSON.parse(copying.stdout.trim().split('\n').at(-1) ?? '') as Listed & { verdict: string };
    const pair = result.pairs.find((row) => row.secondary === 'tokyo:slow');
    expect([result.verdict, pair?.status]).toEqual(['interrupted', 'pending']);
    expect(pair?.outOfSyncTracks).toBeLessThan(256);
    expect(copying.stderr).toBe('');
    await root.ok('pair', 'pace', 'tokyo:db', 'tokyo:slow', '--rate', '0', '--pace', 'fast');
    await root.ok('copier', 'run', '--once');
    await root.ok('pair', 'delete', 'tokyo:db', 'tokyo:slow');
  });
});

describe('pair split --at', () => {
  it('splits what was meant when it began to wait: not what came since, and what is gone is told', async () => {
    for (const name of ['at-1', 'at-2', 'at-3', 'at-4'])
      await root.ok('volume', 'create', `tokyo:${name}`, '--size', '1MiB');
    for (const [primary, secondary] of [
      ['at-1', 'far-1'],
      ['at-2', 'far-2'],
      ['at-3', 'far-3'],
    ] as const) {
      await root.ok('volume', 'create', `tokyo:${secondary}`, '--size', '1MiB');
      if (primary !== 'at-3') await root.ok('pair', 'create', `tokyo:${primary}`, `tokyo:${secondary}`, '--wait');
    }
    const at = new Date(Date.now() + 6_000).toISOString();
    const waiting = root.start('pair', 'split', 'tokyo:at-*', '--at', at, '--wait', '--json');
    await waiting.says('to split 2 pairs; ^C cancels.');
    await root.ok('pair', 'delete', 'tokyo:at-2', 'tokyo:far-2');
    await root.ok('pair', 'create', 'tokyo:at-3', 'tokyo:far-3', '--wait');
    expect(await waiting.ended).toBe(4);
    expect(JSON.parse(waiting.stdout)).toMatchObject({
      pairs: [{ primary: 'tokyo:at-1', after: 'split' }],
      gone: [{ primary: 'tokyo:at-2', secondary: 'tokyo:far-2' }],
    });
    expect(waiting.stderr).toContain('tokyo:at-2 -> tokyo:far-2 is no pair any more and was not split.');
    const { pairs } = (await root.json('pair', 'list', 'tokyo:at-*')).data as unknown as Listed;
    expect(pairs.map(({ secondary, status }) => [secondary, status])).toEqual([
      ['tokyo:far-1', 'split'],
      ['tokyo:far-3', 'duplex'],
    ]);
    for (const n of [1, 3]) await root.ok('pair', 'delete', `tokyo:at-${n}`, `tokyo:far-${n}`);
  });

  it('owns nothing while it waits, and is cancelled by ^C', async () => {
    const waiting = root.start(
      'pair',
      'split',
      'tokyo:db',
      'tokyo:copy',
      '--at',
      new Date(Date.now() + 3_600_000).toISOString(),
    );
    await waiting.says('to split 1 pair; ^C cancels.');
    expect((await root.run('system', 'list')).stdout).toMatch(/tokyo .* -\n/);
    waiting.child.kill('SIGINT');
    expect(await waiting.ended).toBe(130);
    expect(waiting.stderr).toContain('Cancelled before its time came; nothing was changed.\nCode: interrupted\n');
  });
});

describe('volume write', () => {
  it.each([
    ['standard input', '-'],
    ['a pipe', 'pipe'],
  ])('from %s without an end is left at ^C', async (_, file) => {
    if (file === 'pipe') execFileSync('mkfifo', [root.file('pipe')]);
    const writing = root.start('volume', 'write', 'tokyo:far', file);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    writing.child.kill('SIGINT');
    expect(await writing.ended).toBe(130);
    expect(writing.stderr).toContain('Interrupted: nothing was written.');
  });
});

describe('endless output', () => {
  it('of --watch --json is one object a line, until ^C', async () => {
    const watching = root.start('pair', 'list', '--watch', '--json');
    await watching.says('\n{');
    watching.child.kill('SIGINT');
    expect(await watching.ended).toBe(130);
    const lines = watching.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Listed);
    expect(lines.every((line) => line.pairs.length === 2)).toBe(true);
    expect(watching.stderr).toBe('');
  });

  it('of history --follow comes as things are done', async () => {
    const following = root.start('history', '--follow', '--since', new Date().toISOString());
    await new Promise((resolve) => setTimeout(resolve, 500));
    await root.ok('volume', 'create', 'tokyo:late', '--size', '1MiB');
    await following.says('end  volume create  tokyo:late  done');
    following.child.kill('SIGINT');
    expect(await following.ended).toBe(130);
  });

  it('ends when nobody reads any more', async () => {
    const watching = root.start('pair', 'list', '--watch', '--json');
    await watching.says('{');
    watching.child.stdout.destroy();
    await watching.ended;
    expect(watching.stderr).toBe('');
    const reading = root.start('volume', 'read', 'tokyo:db');
    await new Promise((resolve) => reading.child.stdout.once('data', resolve));
    reading.child.stdout.destroy();
    expect(await reading.ended).toBe(0);
    expect(reading.stderr).toBe('');
  });
});
