import { execFileSync, spawnSync } from 'node:child_process';
import { linkSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FileError } from '../../src/core/ports/ports.js';
import { mountType } from '../../src/platform/placement.js';
import { nodeFiles as files } from '../../src/platform/platform.js';
import { expectFault } from '../contract/files.contract.js';
import { type Mount, mayMount, mountSmall } from './loop-mount.js';
import { temporaryFolder } from './temporary-folder.js';

let folder: { path: string; remove: () => void };
const at = (path: string) => `${folder.path}/${path}`;

beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

describe('what may be opened', () => {
  test('a second hard link, a socket and a device are refused', async () => {
    writeFileSync(at('a'), 'x');
    linkSync(at('a'), at('b'));
    expectFault(() => files.open(at('a'), 'write'), 'not-regular');
    const server = createServer().listen(at('socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    expectFault(() => files.open(at('socket'), 'read'), 'not-regular');
    server.close();
    expectFault(() => files.open('/dev/null', 'write'), 'not-regular');
  });

  test('a refused open leaves no descriptor behind', () => {
    execFileSync('mkfifo', [at('fifo')]);
    const before = readdirSync('/proc/self/fd').length;
    for (let round = 0; round < 20; round += 1) expectFault(() => files.open(at('fifo'), 'write'), 'not-regular');
    expect(readdirSync('/proc/self/fd').length).toBe(before);
  });

  test('files and folders are private to the user', () => {
    const umask = process.umask(0);
    try {
      files.makeFolder(at('x/y'));
      files.open(at('x/y/file'), 'create').close();
    } finally {
      process.umask(umask);
    }
    expect(statSync(at('x')).mode & 0o777).toBe(0o700);
    expect(statSync(at('x/y')).mode & 0o777).toBe(0o700);
    expect(statSync(at('x/y/file')).mode & 0o777).toBe(0o600);
  });

  test('close lets go of both descriptors, also after bulk writes', async () => {
    const before = readdirSync('/proc/self/fd').length;
    const file = files.open(at('a'), 'create');
    const writing = file.writeBulk(files.bulkBuffer(65_536), 0);
    file.close();
    await writing;
    expect(readdirSync('/proc/self/fd').length).toBe(before);
  });
});

describe('bulk writes', () => {
  test('go to the opened file even when its path is exchanged', async () => {
    const file = files.open(at('a'), 'create');
    renameSync(at('a'), at('moved'));
    writeFileSync(at('a'), 'other');
    await file.writeBulk(files.bulkBuffer(65_536).fill(7), 0);
    expect(readFileSync(at('moved'))[65_535]).toBe(7);
    expect(readFileSync(at('a'), 'utf8')).toBe('other');
    file.close();
  });

  test('pass the page cache where the file system allows it', async () => {
    const file = files.open(at('a'), 'create');
    const buffer = files.bulkBuffer(1_048_576).fill(3);
    await file.writeBulk(buffer, 0);
    const flags = readdirSync('/proc/self/fdinfo').flatMap((fd) => {
      try {
        return /flags:\s*0?(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? [];
      } catch {
        return [];
      }
    });
    expect(flags.some((value) => (Number.parseInt(value, 8) & 0o40000) !== 0)).toBe(true);
    file.close();
  });

  test('memory that is not aligned is written through the page cache', async () => {
    const file = files.open(at('a'), 'create');
    const source = Buffer.allocUnsafeSlow(65_536 + 1)
      .subarray(1)
      .fill(5);
    await file.writeBulk(source, 0);
    const target = new Uint8Array(65_536);
    file.read(target, 0);
    expect(target.every((byte) => byte === 5)).toBe(true);
    file.close();
  });
});

describe.skipIf(!mayMount)('other file systems', () => {
  let mount: Mount | undefined;
  afterEach(() => {
    mount?.remove();
    mount = undefined;
  });

  test('a full file system is no-space for every kind of write, and says so to the end', async () => {
    mount = mountSmall('ext4', 16);
    expect(files.placement(mount.path)).toEqual({ kind: 'local', type: 'ext4', writable: true });
    const file = files.open(`${mount.path}/a`, 'create');
    const piece = files.bulkBuffer(1_048_576).fill(1);
    let written = 0;
    expectFault(() => {
      for (;;) {
        file.write(piece, written);
        written += piece.length;
      }
    }, 'no-space');
    expect(written).toBeGreaterThan(4 * 1_048_576);
    const size = file.sizeBytes();
    expect(size).toBeGreaterThanOrEqual(written);
    await expect(file.writeBulk(piece, size + 1_048_576)).rejects.toMatchObject({ fault: 'no-space' });
    expect(files.freeBytes(mount.path)).toBeLessThan(1_048_576);
    const whole = new Uint8Array(written);
    expect(file.read(whole, 0)).toBe(written);
    expect(whole.every((byte) => byte === 1)).toBe(true);
    file.close();
  });

  test('a read-only file system is told, and nothing on it can be changed', async () => {
    mount = mountSmall('ext4', 16);
    files.open(`${mount.path}/a`, 'create').close();
    mount.remount('ro');
    const { path } = mount;
    expect(files.placement(`${path}/new`)).toMatchObject({ writable: false });
    expectFault(() => files.open(`${path}/b`, 'create'), 'read-only');
    expectFault(() => files.open(`${path}/a`, 'write'), 'read-only');
    expectFault(() => files.makeFolder(`${path}/b`), 'read-only');
    expectFault(() => files.rename(`${path}/a`, `${path}/b`), 'read-only');
    expectFault(() => files.remove(`${path}/a`), 'read-only');
    files.open(`${path}/a`, 'read').close();
    const { lockfileOwners } = await import('../../src/platform/platform.js');
    await expect(lockfileOwners().acquire(path, 'x')).rejects.toMatchObject({ fault: 'read-only' });
  });

  test('tmpfs: bulk writes work, aligned or not', async () => {
    mount = mountSmall('tmpfs', 16);
    expect(files.placement(mount.path)).toMatchObject({ kind: 'local', type: 'tmpfs' });
    const file = files.open(`${mount.path}/a`, 'create');
    const buffer = files.bulkBuffer(65_536).fill(9);
    await file.writeBulk(buffer, 0);
    await file.writeBulk(buffer.subarray(0, 1_000), 65_536);
    await file.flush();
    expect(file.sizeBytes()).toBe(66_536);
    const target = new Uint8Array(66_536);
    file.read(target, 0);
    expect(target.every((byte) => byte === 9)).toBe(true);
    file.close();
  });

  test('a file larger than the file system can hold is too-large', () => {
    mount = mountSmall('ext4', 16);
    const file = files.open(`${mount.path}/a`, 'create');
    expectFault(() => file.truncate(2 ** 50), 'too-large');
    expectFault(() => file.write(new Uint8Array(10), 2 ** 50), 'too-large');
    file.close();
  });
});

test('a limit on file sizes is too-large, with the part before it written', () => {
  const script = `
    const { nodeFiles } = await import(${JSON.stringify(new URL('../../src/platform/platform.ts', import.meta.url).href)});
    const file = nodeFiles.open(${JSON.stringify(at('limited'))}, 'create');
    try { file.write(new Uint8Array(3000).fill(1), 0); } catch (error) { console.log(error.fault, file.sizeBytes()); }`;
  const { stdout } = spawnSync(
    'bash',
    ['-c', 'ulimit -f 2; exec node --import tsx --input-type=module -e "$0"', script],
    { encoding: 'utf8', cwd: process.cwd(), env: { ...process.env, TSX_DISABLE_CACHE: '1' } },
  );
  expect(stdout.trim()).toBe('too-large 2048');
});

test('the mount table names the type of a device', () => {
  const table = [
    '22 28 0:20 / /sys rw,relatime - sysfs sysfs rw',
    '40 28 0:52 / /media/far rw,nosuid shared:9 master:1 - fuse.sshfs me@far: rw,user_id=0',
  ].join('\n');
  expect(mountType(table, '0:52')).toBe('fuse.sshfs');
  expect(mountType(table, '0:20')).toBe('sysfs');
  expect(mountType(table, '9:9')).toBeUndefined();
});

test('FileError carries the fault, the operation, the path and the cause', () => {
  try {
    files.open(at('nothing'), 'read');
  } catch (error) {
    expect(error).toBeInstanceOf(FileError);
    expect(error).toMatchObject({ operation: 'open', path: at('nothing'), cause: { code: 'ENOENT' } });
  }
});
