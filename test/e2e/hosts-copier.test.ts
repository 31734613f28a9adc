import { existsSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { NumberedLoad } from './hosts-load.js';
import { Server } from './hosts-serving.js';
import { useRootFolder } from './root-folder.js';
import { eventually, Shell } from './shell.js';

const SIZE_BYTES = 4 * 1_048_576;
const TRACKS = SIZE_BYTES / 65_536;

const root = useRootFolder(async (folder) => {
  await folder.ok('system', 'create', 'tokyo', '--durability', 'none', '--fixture');
  for (const name of ['db', 'copy']) await folder.ok('volume', 'create', `tokyo:${name}`, '--size', String(SIZE_BYTES));
  await folder.feed('y'.repeat(SIZE_BYTES), 'volume', 'write', 'tokyo:db');
});

const shells: Shell[] = [];
function shell(...words: string[]): Shell {
  const started = new Shell(root.path, ...words);
  shells.push(started);
  return started;
}

interface CopierRow {
  readonly controller: { readonly pid: number; readonly purpose: string } | null;
  readonly copying: number;
  readonly suspended: number;
  readonly leftTracks: number;
}

async function copier(): Promise<CopierRow> {
  const { code, data } = await root.json('copier', 'status', 'tokyo');
  expect(code).toBe(0);
  return (data as { copiers: CopierRow[] }).copiers[0] as CopierRow;
}

const pending = (...more: string[]) => root.ok('pair', 'create', 'tokyo:db', 'tokyo:copy', '--overwrite', ...more);
const areEqual = () =>
  readFileSync(root.file('tokyo/images/db.img')).equals(readFileSync(root.file('tokyo/images/copy.img')));

afterEach(async () => {
  for (const one of shells.splice(0)) if (one.isAlive) await one.end('SIGKILL');
  await root.run('fault', 'clear', 'tokyo');
  await root.run('pair', 'delete', 'tokyo:db', 'tokyo:copy', '--force', '--unreserve');
});

describe('copier run --once', { timeout: 60_000 }, () => {
  it('copies what is there and ends with 0; the second time there is nothing', async () => {
    await pending();
    expect(await copier()).toMatchObject({ controller: null, copying: 1, leftTracks: TRACKS });
    const { code, data } = await root.json('copier', 'run', 'tokyo', '--once');
    expect({ code, data }).toMatchObject({ code: 0, data: { verdict: 'drained', pairs: [{ status: 'duplex' }] } });
    expect(areEqual()).toBe(true);
    expect(await copier()).toMatchObject({ controller: null, copying: 0, leftTracks: 0 });
    expect(await root.run('copier', 'run', '--once')).toMatchObject({ code: 0, stdout: 'Nothing is left to copy.\n' });
  });

  it('ends with 20 when the time is over, and goes on from there', async () => {
    await pending('--rate', '256KiB');
    const late = await root.json('copier', 'run', '--once', '--timeout', '1s');
    expect(late).toMatchObject({ code: 20, data: { verdict: 'timed-out', pairs: [{ status: 'pending' }] } });
    await root.ok('pair', 'pace', 'tokyo:db', '--pace', 'fast', '--rate', '0');
    expect(await root.run('copier', 'run', '--once')).toMatchObject({ code: 0 });
    expect(areEqual()).toBe(true);
  });

  it('ends with 21 where a pair is suspended', async () => {
    await pending();
    await root.ok('fault', 'set', 'tokyo', 'io-error', '--volume', 'copy', '--track', '3', '--on', 'write');
    expect(await root.json('copier', 'run', '--once')).toMatchObject({ code: 21, data: { verdict: 'suspended' } });
    expect(await copier()).toMatchObject({ suspended: 1 });
  });

  it('joins one that is at work, and both end when it is done', async () => {
    await pending('--rate', '1MiB');
    const first = shell('copier', 'run', '--once');
    await eventually(() => (existsSync(root.file('tokyo/control.sock')) ? true : undefined));
    const second = shell('copier', 'run', '--once');
    const [one, two] = await Promise.all([first.ended, second.ended]);
    expect([one.code, two.code]).toEqual([0, 0]);
    expect(areEqual()).toBe(true);
  });
});

describe('copier run --once beside others', { timeout: 60_000 }, () => {
  it('keeps to its rate', async () => {
    await pending();
    const startedMs = performance.now();
    await root.ok('copier', 'run', '--once', '--rate', '2MiB');
    // 4 MiB at 2 MiB a second; a burst at the start is allowed.
    expect(performance.now() - startedMs).toBeGreaterThan(1_000);
    expect(areEqual()).toBe(true);
  });

  it('ends beside a host that never pauses: what was there is copied', async () => {
    await pending('--wait');
    const server = await Server.start(root.path, 'tokyo', '--nbd', `unix:${root.file('all.sock')}`);
    const load = await NumberedLoad.start(server.socket, 'db', { connections: 2 });
    await load.more(500);
    expect(await root.run('copier', 'run', '--once', '--timeout', '50s')).toMatchObject({ code: 0 });
    await load.more(100);
    await load.stop();
    expect(load.failures).toEqual([]);
    expect(await root.run('copier', 'run', '--once')).toMatchObject({ code: 0 });
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    expect(areEqual()).toBe(true);
  });
});

describe('a server beside a host that never pauses', { timeout: 60_000 }, () => {
  it('brings a pair to duplex, though nobody waits for it, and follows to the last write', async () => {
    const server = await Server.start(root.path, 'tokyo', '--nbd', `unix:${root.file('all.sock')}`);
    const load = await NumberedLoad.start(server.socket, 'db', { connections: 2 });
    await load.more(100);
    await pending('--pace', 'fast');
    await eventually(async () => {
      const { data } = await root.json('pair', 'list', 'tokyo:db');
      return (data as { pairs: { status: string }[] }).pairs[0]?.status === 'duplex' ? true : undefined;
    });
    await load.more(100);
    await load.stop();
    expect(load.failures).toEqual([]);
    expect(await root.run('copier', 'run', '--once')).toMatchObject({ code: 0 });
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    expect(areEqual()).toBe(true);
  });
});

describe('copier run', { timeout: 60_000 }, () => {
  it('copies in the background until it is stopped, and serves commands meanwhile', async () => {
    const running = shell('copier', 'run', 'tokyo');
    await eventually(() => (running.stdout.startsWith('ready ') ? true : undefined));
    expect(await copier()).toMatchObject({ controller: { pid: running.child.pid }, copying: 0 });
    await pending();
    await root.ok('pair', 'wait', 'tokyo:db', '--status', 'duplex', '--timeout', '30s');
    await root.feed('later', 'volume', 'write', 'tokyo:db');
    await eventually(() => (areEqual() ? true : undefined));
    expect(await root.run('copier', 'run', '--once')).toMatchObject({ code: 0 });
    expect(running.isAlive).toBe(true);
    expect(await running.end('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(existsSync(root.file('tokyo/owner.lock/owner'))).toBe(false);
  });

  it('keeps to its rate', async () => {
    await pending();
    const startedMs = performance.now();
    const running = shell('copier', 'run', 'tokyo', '--rate', '2MiB');
    // Whoever comes first owns the system, and a wait of its own would copy without the cap.
    await eventually(() => (running.stdout.startsWith('ready ') ? true : undefined));
    await root.ok('pair', 'wait', 'tokyo:db', '--status', 'duplex', '--timeout', '50s');
    // 4 MiB at 2 MiB a second; a burst at the start is allowed.
    expect(performance.now() - startedMs).toBeGreaterThan(1_000);
    await running.end('SIGTERM');
  });

  it('status answers from files while the copier is stopped dead', async () => {
    await pending('--rate', '256KiB');
    const running = shell('copier', 'run', 'tokyo');
    await eventually(() => (running.stdout.startsWith('ready ') ? true : undefined));
    running.child.kill('SIGSTOP');
    expect(await copier()).toMatchObject({ controller: { pid: running.child.pid }, copying: 1 });
    running.child.kill('SIGCONT');
    await running.end('SIGKILL');
    expect(await copier()).toMatchObject({ copying: 1 });
  });
});
