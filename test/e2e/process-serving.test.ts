import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { runCopyset } from '../cli/run-copyset.js';
import { RootFolder, useRootFolder } from './root-folder.js';
import { eventually, Shell } from './shell.js';

const SIZE_BYTES = 8 * 1_048_576;
const TRACKS = SIZE_BYTES / 65_536;
const content = Buffer.alloc(SIZE_BYTES, 'what the primary holds ');

const root = useRootFolder(async (folder) => {
  await folder.ok('system', 'create', 'tokyo', '--durability', 'none');
  for (const name of ['db', 'copy']) await folder.ok('volume', 'create', `tokyo:${name}`, '--size', String(SIZE_BYTES));
  await folder.feed(content.toString(), 'volume', 'write', 'tokyo:db');
});

interface PairRow {
  readonly status: string;
  readonly outOfSyncTracks: number;
  readonly copyPointer: number;
}

const noPair: PairRow = { status: 'simplex', outOfSyncTracks: 0, copyPointer: 0 };

async function pair(): Promise<PairRow> {
  const { data } = await root.json('pair', 'list');
  return (data as { pairs: PairRow[] }).pairs[0] ?? noPair;
}

const shells: Shell[] = [];
function shell(...words: string[]): Shell {
  const started = new Shell(root.path, ...words);
  shells.push(started);
  return started;
}

/** A copy that takes about eight seconds, seen to be under way: some of it is done, and it serves. */
async function slowCopy(...more: string[]): Promise<Shell> {
  const copy = shell('pair', 'create', 'tokyo:db', 'tokyo:copy', '--overwrite', '--rate', '1MiB', '--wait', ...more);
  await eventually(async () => {
    if (!copy.isAlive) throw new Error(`The copy ended: ${copy.stderr}`);
    if (!existsSync(root.file('tokyo/control.sock'))) return undefined;
    const { outOfSyncTracks, status } = await pair();
    return status === 'pending' && outOfSyncTracks < TRACKS ? true : undefined;
  });
  return copy;
}

afterEach(async () => {
  for (const one of shells.splice(0)) if (one.isAlive) await one.end('SIGKILL');
  await root.run('pair', 'delete', 'tokyo:db', 'tokyo:copy', '--force', '--unreserve');
});

describe('a long copy in one shell', { timeout: 120_000 }, () => {
  it('serves the commands of others meanwhile', async () => {
    const copy = await slowCopy();
    const before = await pair();
    expect(await root.feed('from another shell', 'volume', 'write', 'tokyo:db', '--offset', '64KiB')).toMatchObject({
      code: 0,
    });
    const read = await root.ok('volume', 'read', 'tokyo:db', '--offset', '64KiB', '--length', '18');
    expect(read.stdout).toBe('from another shell');
    expect(await root.run('pair', 'create', 'tokyo:db', 'tokyo:copy')).toMatchObject({ code: 0 });
    const split = await root.json('pair', 'split', 'tokyo:db', 'tokyo:copy');
    expect(split).toMatchObject({ code: 0, data: { pairs: [{ before: 'pending', after: 'sp-pending' }] } });
    expect(split.data).toMatchObject({ pairs: [{ tracks: expect.any(Number) as number }] });
    expect(before.outOfSyncTracks).toBeGreaterThan(0);
    // What the first shell waited for, duplex, cannot come any more; it says so and ends.
    expect(await copy.ended).toMatchObject({ code: 22 });
    const shown = await root.ok('volume', 'read', 'tokyo:copy', '--offset', '64KiB', '--length', '18');
    expect(shown.stdout).toBe('from another shell');
    await root.ok('pair', 'pace', 'tokyo:db', 'tokyo:copy', '--pace', 'fast', '--rate', '0');
    await root.ok('pair', 'wait', 'tokyo:db', 'tokyo:copy', '--status', 'split', '--timeout', '60s');
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    '%s ends it with 130, and it goes on later from where it was',
    async (signal) => {
      const copy = await slowCopy();
      expect(await copy.end(signal)).toMatchObject({ code: 130 });
      expect(copy.stderr).toContain('pair wait tokyo:db tokyo:copy --status duplex');
      const stopped = await pair();
      expect(stopped.status).toBe('pending');
      expect(stopped.outOfSyncTracks).toBeLessThan(TRACKS);
      expect(stopped.outOfSyncTracks).toBeGreaterThan(0);
      expect(stopped.copyPointer).toBe(TRACKS - stopped.outOfSyncTracks);
      await root.ok('pair', 'pace', 'tokyo:db', 'tokyo:copy', '--pace', 'fast', '--rate', '0');
      const waited = await root.json('pair', 'wait', 'tokyo:db', 'tokyo:copy', '--status', 'duplex');
      expect(waited.code).toBe(0);
      expect(existsSync(root.file('tokyo/owner.lock/owner'))).toBe(false);
      expect(
        readFileSync(root.file('tokyo/images/copy.img')).equals(readFileSync(root.file('tokyo/images/db.img'))),
      ).toBe(true);
    },
  );

  it('a second ^C ends it at once, and nothing is lost', async () => {
    const copy = await slowCopy();
    copy.child.kill('SIGINT');
    copy.child.kill('SIGINT');
    expect(await copy.ended).toMatchObject({ code: 130 });
    expect((await pair()).status).toBe('pending');
  });

  it('killed with -9 leaves no lock and no wait: the next command works as quickly as with no owner before', async () => {
    const waits: number[] = [];
    for (let tries = 0; tries < 3 && !waits.some((wait) => wait < 1_000); tries += 1) {
      const copy = await slowCopy();
      await copy.end('SIGKILL');
      const startedMs = performance.now();
      expect(await root.feed('x', 'volume', 'write', 'tokyo:db')).toMatchObject({ code: 0 });
      const afterKillMs = performance.now() - startedMs;
      const againMs = performance.now();
      expect(await root.feed('x', 'volume', 'write', 'tokyo:db')).toMatchObject({ code: 0 });
      waits.push(afterKillMs - (performance.now() - againMs));
      expect(existsSync(root.file('tokyo/owner.lock/owner'))).toBe(false);
      expect(await root.run('pair', 'verify', 'tokyo:db')).toMatchObject({ code: 0 });
      await root.ok('pair', 'delete', 'tokyo:db', 'tokyo:copy', '--force', '--unreserve');
    }
    expect(Math.min(...waits)).toBeLessThan(1_000);
  });

  it('a command that only reads does not wait for a stopped owner, one that writes says who owns the system', async () => {
    const copy = await slowCopy();
    copy.child.kill('SIGSTOP');
    expect(await root.run('pair', 'list')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('pending') as string,
    });
    const refused = await root.feed('x', 'volume', 'write', 'tokyo:db');
    copy.child.kill('SIGCONT');
    expect(refused).toMatchObject({ code: 5, stderr: expect.stringContaining(`process ${copy.child.pid}`) as string });
    expect(refused.stderr).toContain('Code: busy');
  });
});

describe('several commands at once', { timeout: 120_000 }, () => {
  it('at one volume all take effect, none is refused', async () => {
    const writes = Array.from({ length: 8 }, (_, index) =>
      root.feed(`writer ${index}`, 'volume', 'write', 'tokyo:db', '--offset', `${index * 4}KiB`),
    );
    const creates = [0, 1].map(() => root.run('pair', 'create', 'tokyo:db', 'tokyo:copy', '--overwrite', '--wait'));
    for (const ended of await Promise.all([...writes, ...creates])) expect(ended).toMatchObject({ code: 0 });
    for (let index = 0; index < 8; index += 1) {
      const read = await root.ok('volume', 'read', 'tokyo:db', '--offset', `${index * 4}KiB`, '--length', '8');
      expect(read.stdout).toBe(`writer ${index}`);
    }
  });
});

describe('output that nobody reads to its end', () => {
  it.each([['pair list --json'], ['history'], ['volume read tokyo:db']])('%s | head is no error', async (words) => {
    const runJs = fileURLToPath(new URL('../../bin/run.js', import.meta.url));
    const pipe = `"$0" "$1" ${words} | head -c 1; exit "\${PIPESTATUS[0]}"`;
    const bash = spawn('bash', ['-c', pipe, process.execPath, runJs], {
      cwd: root.path,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    bash.stderr.on('data', (piece: Buffer) => (stderr += piece.toString()));
    const [code] = (await once(bash, 'close')) as [number];
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('a copy goes on when the shell that showed it is gone', async () => {
    const copy = shell(
      'pair',
      'create',
      'tokyo:db',
      'tokyo:copy',
      '--overwrite',
      '--rate',
      '4MiB',
      '--wait',
      '--json',
      '--progress',
    );
    await eventually(() => (copy.stdout.includes('\n') ? true : undefined));
    copy.child.stdout?.destroy();
    expect((await copy.ended).code).toBe(0);
    expect((await pair()).status).toBe('duplex');
  });
});

describe('a system in a folder with a very long path', { timeout: 60_000 }, () => {
  it('serves others all the same, although no socket path may be that long', async () => {
    const deep = new RootFolder();
    deep.path = join(root.path, ...Array.from({ length: 4 }, (_, index) => `${index}`.repeat(60)));
    mkdirSync(deep.path, { recursive: true });
    await deep.ok('system', 'create', 'kyoto', '--durability', 'none');
    for (const name of ['a', 'b']) await deep.ok('volume', 'create', `kyoto:${name}`, '--size', '2MiB');
    await deep.feed('x'.repeat(2_097_152), 'volume', 'write', 'kyoto:a');
    const copy = new Shell(deep.path, 'pair', 'create', 'kyoto:a', 'kyoto:b', '--rate', '512KiB', '--wait');
    await eventually(() => (existsSync(deep.file('kyoto/control.sock')) ? true : undefined));
    expect(await runCopyset(['volume', 'write', 'kyoto:a'], { cwd: deep.path, input: 'served' })).toMatchObject({
      code: 0,
    });
    expect(copy.isAlive).toBe(true);
    expect(await copy.end('SIGINT')).toMatchObject({ code: 130 });
  });
});
