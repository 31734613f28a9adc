import { fork } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isToolkitError } from '../../src/core/foundation/foundation.js';
import { buryLock, collectLeftovers, raiseTombstone } from '../../src/platform/owner-lock.js';
import { formatOwner, parseOwner } from '../../src/platform/owner-record.js';
import { lockfileOwners } from '../../src/platform/platform.js';
import { judge, parseProcessState, processState } from '../../src/platform/proof-of-death.js';
import { granted } from '../contract/owners.contract.js';
import { deadOwner, plantOwner, takeDeadOwnersLock, takeKilledOwnersLock } from '../torture/lock-takeover.js';
import { temporaryFolder } from './temporary-folder.js';

const owners = lockfileOwners();
let folder: { path: string; remove: () => void };
let system: string;

beforeEach(() => {
  folder = temporaryFolder();
  system = join(folder.path, 'system');
  mkdirSync(system);
});
afterEach(() => folder.remove());

const takerOf = ({ nonce }: { readonly nonce: string }) => join(system, `owner.lock.taker.${nonce}`);
const living = () => ({ pid: process.pid, start: processState('self')?.start ?? 0 });

describe('proof of death', () => {
  const cases = [
    ['the process is gone', {}, 'dead'],
    ['the pid is used by a later process', { pid: process.pid, start: 1 }, 'dead'],
    ['the process lives', living(), 'alive'],
    ['another boot of this machine', { ...living(), boot: 'an-earlier-boot' }, 'dead'],
    ['another boot of another machine', { ...living(), boot: 'another', machine: 'another' }, 'foreign'],
    ['another boot of another host', { ...living(), boot: 'another', host: 'another' }, 'foreign'],
    ['another pid namespace', { pidns: 'pid:[1]' }, 'foreign'],
    ['another time namespace, in which start times count otherwise', { timens: 'time:[1]' }, 'foreign'],
  ] as const;
  test.each(cases)('%s', (_name, parts, verdict) => {
    expect(judge(deadOwner(parts))).toBe(verdict);
  });

  test('a killed leader whose threads still write is not dead yet', () => {
    const line = (state: string, threads: number) =>
      `42 (na) me (x)) ${state} ${Array.from({ length: 16 }, () => 0).join(' ')} ${threads} 0 777 0`;
    expect(parseProcessState(line('Z', 3))).toEqual({ state: 'Z', threads: 3, start: 777 });
    expect(parseProcessState(line('S', 1))).toEqual({ state: 'S', threads: 1, start: 777 });
  });
});

describe('owner record', () => {
  const record = () => formatOwner(deadOwner());
  test('what is written is read', () => {
    const owner = deadOwner({ purpose: 'pair create „x“\n', host: 'a'.repeat(300) });
    const parsed = parseOwner(formatOwner(owner));
    expect(parsed).toEqual({ ...owner, purpose: 'pair create ?x??', host: 'a'.repeat(253) });
    expect(formatOwner({ ...owner, purpose: '"'.repeat(500) }).length).toBeLessThan(1_000);
  });

  test('anything else is refused', () => {
    const fields = JSON.parse(record()) as Record<string, unknown>;
    const bad: unknown[] = [
      { ...fields, v: 2 },
      { ...fields, pid: '12' },
      { ...fields, pid: 0 },
      { ...fields, pid: -1 },
      { ...fields, pid: 1.5 },
      { ...fields, pid: 2 ** 40 },
      { ...fields, start: -1 },
      { ...fields, start: 1e300 },
      { ...fields, nonce: '../../etc' },
      { ...fields, nonce: `${String(fields.nonce)}f` },
      { ...fields, host: 'a\u0007b' },
      { ...fields, purpose: 'x'.repeat(81) },
      { ...fields, boot: '' },
      { ...fields, extra: 1 },
      [1, 2],
      null,
      'text',
    ];
    for (const value of bad) expect(parseOwner(JSON.stringify(value)), JSON.stringify(value)).toBeUndefined();
    for (const text of ['', '{', record().slice(0, -1), `${record()} `.repeat(10), '{}']) {
      expect(parseOwner(text)).toBeUndefined();
    }
    expect(parseOwner(record().replace('"v":1', '"v":1,"__proto__":{}'))).toBeUndefined();
  });
});

describe('taking over', () => {
  test('a dead owner is taken over at once, and nothing of it stays', async () => {
    plantOwner(system, deadOwner());
    expect(owners.current(system)).toBeUndefined();
    const grant = granted(await owners.acquire(system, 'next'));
    expect(readdirSync(system)).toEqual(['owner.lock']);
    await grant.release();
    expect(readdirSync(system)).toEqual([]);
  });

  test('what many killed owners left goes with the next one', async () => {
    for (let killed = 0; killed < 12; killed += 1) {
      const dead = deadOwner({ pid: 1, start: 1 });
      plantOwner(system, dead);
      renameSync(join(system, 'owner.lock'), join(system, `owner.lock.dead.${dead.nonce}`));
      plantOwner(system, dead);
      renameSync(join(system, 'owner.lock'), join(system, `owner.lock.new.${dead.nonce}`));
      symlinkSync(formatOwner(dead), takerOf(dead));
    }
    await granted(await owners.acquire(system, 'next')).release();
    expect(readdirSync(system)).toEqual([]);
  });

  test('neither age nor a clock that jumped takes over a live owner', async () => {
    plantOwner(system, deadOwner({ ...living(), purpose: 'old' }));
    utimesSync(join(system, 'owner.lock'), 1, 1);
    expect(await owners.acquire(system, 'x')).toMatchObject({
      kind: 'held',
      owner: { pid: process.pid, purpose: 'old' },
    });
  });

  test('an owner elsewhere is named and left alone', async () => {
    plantOwner(system, deadOwner({ host: 'mars', boot: 'x', purpose: 'serve' }));
    expect(await owners.acquire(system, 'x')).toMatchObject({
      kind: 'foreign',
      owner: { host: 'mars', purpose: 'serve' },
    });
    expect(owners.current(system)).toMatchObject({ host: 'mars' });
    expect(owners.breakLock(system)).toMatchObject({ host: 'mars' });
    await granted(await owners.acquire(system, 'x')).release();
  });

  test('a late taker who looked before keeps the tombstone, and fails at it', async () => {
    const dead = deadOwner();
    plantOwner(system, dead);
    const late = deadOwner(living());
    symlinkSync(formatOwner(late), takerOf(late));
    const grant = granted(await owners.acquire(system, 'next'));
    raiseTombstone(join(system, 'owner.lock'), dead);
    expect(owners.current(system)).toMatchObject({ purpose: 'next' });
    expect(grant.lost).toBe(false);
    await grant.release();
    rmSync(takerOf(late));
    await granted(await owners.acquire(system, 'x')).release();
    expect(readdirSync(system)).toEqual([]);
  });

  test('a late taker who looks once more leaves the next owner alone', async () => {
    const dead = deadOwner();
    plantOwner(system, dead);
    const grant = granted(await owners.acquire(system, 'next'));
    buryLock(join(system, 'owner.lock'), dead, deadOwner(living()));
    expect(grant.lost).toBe(false);
    expect(readdirSync(system)).toEqual(['owner.lock']);
    await grant.release();
  });

  test('what a living process is about to publish stays', async () => {
    const other = deadOwner(living());
    plantOwner(system, other);
    renameSync(join(system, 'owner.lock'), join(system, `owner.lock.new.${other.nonce}`));
    await granted(await owners.acquire(system, 'x')).release();
    expect(readdirSync(system)).toEqual([`owner.lock.new.${other.nonce}`]);
  });

  test('what cannot be judged goes when it is older than a day; the lock and strangers stay', async () => {
    const names = ['dead', 'new', 'gone'].map((kind) => `owner.lock.${kind}.${'a'.repeat(32)}`);
    for (const name of names) {
      mkdirSync(join(system, name));
      symlinkSync('x', join(system, name, 'owner'));
    }
    const elsewhere = deadOwner({ host: 'mars', boot: 'x' });
    symlinkSync(formatOwner(elsewhere), takerOf(elsewhere));
    mkdirSync(join(system, 'owner.lock.dead.x'));
    const grant = granted(await owners.acquire(system, 'x'));
    expect(readdirSync(system).length).toBe(6);
    const isDead = () => false;
    collectLeftovers(system, isDead, Date.now() + 23 * 3_600_000);
    expect(readdirSync(system).length).toBe(6);
    collectLeftovers(system, isDead, Date.now() + 25 * 3_600_000);
    expect(readdirSync(system).sort()).toEqual(['owner.lock', 'owner.lock.dead.x']);
    expect(grant.lost).toBe(false);
    await grant.release();
  });

  test('8 processes at a dead owner: one owner in every round', { timeout: 120_000 }, async () => {
    const result = await takeDeadOwnersLock(100);
    expect(result).toMatchObject({ ownersPerRound: { 1: 100 }, overlaps: 0, failures: [], left: [] });
  });

  test('kill -9: the next owner follows, one in every round', { timeout: 120_000 }, async () => {
    const result = await takeKilledOwnersLock(8);
    expect(result).toMatchObject({ ownersPerRound: { 1: 8 }, overlaps: 0, failures: [], left: [] });
  });

  test('a stopped owner stays the owner', async () => {
    const child = fork(new URL('../torture/lock-worker.ts', import.meta.url), { execArgv: ['--import', 'tsx'] });
    try {
      await once(child, 'message');
      child.send({ do: 'take', system, atMs: 0 });
      const [report] = (await once(child, 'message')) as [unknown];
      expect(report).toMatchObject({ kind: 'granted' });
      child.kill('SIGSTOP');
      expect(await owners.acquire(system, 'x')).toMatchObject({ kind: 'held', owner: { pid: child.pid } });
    } finally {
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
    }
    await granted(await owners.acquire(system, 'x')).release();
  });

  test('a process that ends without releasing leaves its lock, which is then free', async () => {
    const child = fork(new URL('../torture/lock-worker.ts', import.meta.url), { execArgv: ['--import', 'tsx'] });
    await once(child, 'message');
    child.send({ do: 'take', system, atMs: 0 });
    await once(child, 'message');
    const exit = once(child, 'exit');
    child.disconnect();
    await exit;
    expect(existsSync(join(system, 'owner.lock', 'owner'))).toBe(false);
    expect(readlinkSync(join(system, 'owner.lock', 'owner'))).toContain(`"pid":${child.pid}`);
    await granted(await owners.acquire(system, 'x')).release();
  });
});

describe('what lies at the lock and is no lock', () => {
  const plants: readonly (readonly [string, (lock: string) => void])[] = [
    ['a file', (lock) => writeFileSync(lock, 'x')],
    ['a dangling link', (lock) => symlinkSync('/nowhere', lock)],
    ['a link to a folder', (lock) => symlinkSync('/tmp', lock)],
    [
      'a folder with something else',
      (lock) => {
        mkdirSync(lock);
        writeFileSync(join(lock, 'note'), 'x');
      },
    ],
    [
      'a record that cannot be read',
      (lock) => {
        mkdirSync(lock);
        symlinkSync('{"pid":1}', join(lock, 'owner'));
      },
    ],
    [
      'a record that is a file',
      (lock) => {
        mkdirSync(lock);
        writeFileSync(join(lock, 'owner'), '{}');
      },
    ],
  ];
  test.each(plants)('%s is named, not removed, until a person breaks the lock', async (_name, plant) => {
    const lock = join(system, 'owner.lock');
    plant(lock);
    await expect(owners.acquire(system, 'x')).rejects.toSatisfy((error) => isToolkitError(error, 'metadata-damaged'));
    expect(() => owners.current(system)).toThrow(/is not a lock/);
    expect(readdirSync(system)).toEqual(['owner.lock']);
    expect(owners.breakLock(system)).toBeUndefined();
    expect(readdirSync(system)).toEqual([]);
    await granted(await owners.acquire(system, 'x')).release();
  });

  test('an empty folder is no lock and is replaced', async () => {
    mkdirSync(join(system, 'owner.lock'));
    expect(owners.current(system)).toBeUndefined();
    await granted(await owners.acquire(system, 'x')).release();
    expect(readdirSync(system)).toEqual([]);
  });
});

describe('a lock removed by hand', () => {
  test('its owner learns it without being asked', async () => {
    const grant = granted(await owners.acquire(system, 'x'));
    const told = new Promise<void>((resolve) => grant.onLost(resolve));
    rmSync(join(system, 'owner.lock'), { recursive: true });
    await told;
    expect(grant.lost).toBe(true);
    await grant.release();
  });

  test('the look before a write sees it within 50 ms', async () => {
    const grant = granted(await owners.acquire(system, 'x'));
    rmSync(join(system, 'owner.lock'), { recursive: true });
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(grant.lost).toBe(true);
    const next = granted(await owners.acquire(system, 'y'));
    await grant.release();
    expect(next.lost).toBe(false);
    await next.release();
  });

  test('one system by two names is one lock', async () => {
    symlinkSync(system, join(folder.path, 'alias'));
    const grant = granted(await owners.acquire(join(folder.path, 'alias'), 'x'));
    expect((await owners.acquire(system, 'y')).kind).toBe('held');
    await grant.release();
  });
});
