import { execFile } from 'node:child_process';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NbdServer, type TlsPolicy } from '../../src/core/nbd/nbd.js';
import type { StreamAddress } from '../../src/core/ports/ports.js';
import { streamSockets, systemClock } from '../../src/platform/platform.js';
import { FileDevice, onlyExport } from '../core/nbd/file-device.js';
import { makeCertificates } from '../platform/certificates.js';
import { temporaryFolder } from '../platform/temporary-folder.js';

/** Clients of others against the server. Nothing is skipped where one is missing: `.ci/run` installs them. */
const runFile = promisify(execFile);
const SIZE = 16 * 1024 * 1024 + 512;

let folder: { path: string; remove: () => void };
let device: FileDevice;
let server: NbdServer;
let socket: string;
let uri: string;

/** In the test's own folder: fio leaves a file of its state where it runs. */
async function run(command: string, ...args: string[]): Promise<string> {
  const { stdout } = await runFile(command, args, { cwd: folder.path, maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

/** Bytes that differ from place to place. */
function pattern(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE(Math.imul(at + 1, 0x9e3779b1) >>> 0, at);
  return bytes;
}

async function serve(address: StreamAddress, tls: TlsPolicy = { mode: 'none' }) {
  return server.listen(address, { tls, listing: true });
}

beforeEach(async () => {
  folder = temporaryFolder();
  const image = `${folder.path}/db.img`;
  writeFileSync(image, '');
  truncateSync(image, SIZE);
  device = new FileDevice(image);
  const contexts = [
    {
      name: 'copyset:out-of-sync/EAST:copy',
      runs: async (_: number, length: number) => [
        { lengthBytes: 65536, flags: 1 },
        { lengthBytes: Math.max(1, length - 65536), flags: 0 },
      ],
    },
  ];
  const exports = onlyExport('db', device, { contexts, description: 'the database' });
  server = new NbdServer({ streams: streamSockets, clock: systemClock, exports });
  socket = `${folder.path}/nbd.sock`;
  uri = `nbd+unix:///db?socket=${socket}`;
  await serve({ kind: 'unix', path: socket });
});

afterEach(async () => {
  await server.stop(1_000);
  device.dispose();
  folder.remove();
});

describe('nbdinfo', () => {
  test('sees the export and its flags', async () => {
    const said = await run('nbdinfo', '--json', '--no-content', uri);
    const info = JSON.parse(said) as { exports: Record<string, unknown>[] };
    expect(info).toMatchObject({ protocol: 'newstyle-fixed', TLS: false, structured: true });
    const [found] = info.exports;
    expect(found).toMatchObject({
      'export-name': 'db',
      description: 'the database',
      'export-size': SIZE,
      is_read_only: false,
      can_multi_conn: true,
      can_fua: true,
      can_flush: true,
      can_trim: true,
      can_zero: true,
      can_fast_zero: true,
      can_df: true,
      can_cache: true,
      block_size_minimum: 1,
      block_size_preferred: 65536,
      block_size_maximum: 33554432,
      contexts: ['base:allocation', 'copyset:out-of-sync/EAST:copy'],
    });
  });

  test('lists, and maps both contexts', async () => {
    expect(await run('nbdinfo', '--list', `nbd+unix:///?socket=${socket}`)).toContain('export="db":');
    const map = async (context: string) => JSON.parse(await run('nbdinfo', '--json', `--map=${context}`, uri));
    expect(await map('base:allocation')).toMatchObject([{ offset: 0, length: SIZE, type: 3 }]);
    device.writeNow(Buffer.alloc(10, 1), 65536);
    expect(await map('base:allocation')).toMatchObject([
      { offset: 0, length: 65536, type: 3 },
      { offset: 65536, length: 65536, type: 0 },
      { offset: 131072, length: SIZE - 131072, type: 3 },
    ]);
    expect(await map('copyset:out-of-sync/EAST:copy')).toMatchObject([
      { offset: 0, length: 65536, type: 1 },
      { offset: 65536, length: SIZE - 65536, type: 0 },
    ]);
  });

  test('an unknown export', async () => {
    await expect(run('nbdinfo', `nbd+unix:///other?socket=${socket}`)).rejects.toThrow(
      /No such file or directory for export: other/,
    );
  });
});

describe('whole images', () => {
  test('nbdcopy in and out, over several connections', async () => {
    const [source, target] = [`${folder.path}/source.img`, `${folder.path}/target.img`];
    writeFileSync(source, pattern(SIZE));
    await run('nbdcopy', '--connections=4', '--flush', source, uri);
    expect(readFileSync(`${folder.path}/db.img`).equals(pattern(SIZE))).toBe(true);
    await run('nbdcopy', '--connections=4', uri, target);
    expect(readFileSync(target).equals(pattern(SIZE))).toBe(true);
  });

  test('nbdcopy of what has holes', async () => {
    device.writeNow(pattern(100_000), 1_000_000);
    const target = `${folder.path}/target.img`;
    await run('nbdcopy', uri, target);
    expect(readFileSync(target).equals(readFileSync(`${folder.path}/db.img`))).toBe(true);
  });

  test('qemu-img converts in and out, compares, maps and measures', async () => {
    const [source, target] = [`${folder.path}/source.img`, `${folder.path}/target.qcow2`];
    writeFileSync(source, pattern(SIZE));
    await run('qemu-img', 'convert', '-n', '-f', 'raw', '-O', 'raw', source, uri);
    expect(readFileSync(`${folder.path}/db.img`).equals(pattern(SIZE))).toBe(true);
    await run('qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', uri, target);
    expect(await run('qemu-img', 'compare', '-f', 'raw', '-F', 'qcow2', uri, target)).toContain('Images are identical');
    const info = JSON.parse(await run('qemu-img', 'info', '-f', 'raw', '--output=json', uri)) as Record<
      string,
      unknown
    >;
    expect(info['virtual-size']).toBe(SIZE);
    expect(await run('qemu-img', 'map', '-f', 'raw', '--output=json', uri)).toContain('"zero": false');
  });
});

describe('qemu-io', () => {
  const io = (...commands: string[]) => run('qemu-io', '-f', 'raw', ...commands.flatMap((word) => ['-c', word]), uri);

  test('writes and reads patterns: unaligned, FUA, zeroes with and without holes, discard, flush', async () => {
    const said = await io(
      'write -P 0x11 0 1M',
      'write -f -P 0x22 1000 3000',
      'write -z 64k 64k',
      'write -z -u 128k 64k',
      'discard 192k 64k',
      'flush',
      'read -P 0x11 0 1000',
      'read -P 0x22 1000 3000',
      'read -P 0x11 4000 61536',
      'read -P 0 64k 128k',
      `write -P 0x33 ${SIZE - 512} 512`,
      `read -P 0x33 ${SIZE - 512} 512`,
    );
    expect(said).not.toMatch(/fail|error/i);
    const image = readFileSync(`${folder.path}/db.img`);
    expect(image.subarray(1000, 4000).every((byte) => byte === 0x22)).toBe(true);
    expect(image.subarray(64 * 1024, 192 * 1024).every((byte) => byte === 0)).toBe(true);
  });

  test('many requests at once', async () => {
    const writes = Array.from({ length: 40 }, (_, index) => `aio_write -P ${index + 1} ${index * 70_000} 70000`);
    const reads = Array.from({ length: 40 }, (_, index) => `read -P ${index + 1} ${index * 70_000} 70000`);
    expect(await io(...writes, 'aio_flush', ...reads)).not.toMatch(/fail|error/i);
  });

  test('a name too long for its stack (CVE-2017-9524’s neighbours)', async () => {
    for (const length of [257, 4096]) {
      const long = `nbd+unix:///${'a'.repeat(length)}?socket=${socket}`;
      await expect(run('qemu-io', '-f', 'raw', '-c', 'read 0 512', long)).rejects.toThrow();
    }
    expect(await io('read -P 0 0 512')).toContain('512/512');
  });
});

test('fio verifies what it wrote, at depth, over two connections', async () => {
  const words = [
    '--ioengine=nbd',
    `--uri=${uri}`,
    '--rw=randrw',
    '--bs=4k',
    '--iodepth=16',
    '--size=8M',
    '--verify=crc32c',
  ];
  const said = await run('fio', '--name=verify', ...words, '--output-format=json');
  const report = JSON.parse(said.slice(said.indexOf('{'))) as { jobs: { error: number }[] };
  expect(report.jobs[0]?.error).toBe(0);
});

describe('TLS', () => {
  test('libnbd with a certificate, and nobody without one', async () => {
    const certificates = makeCertificates(`${folder.path}/certificates`);
    const identity = { ...certificates.server, clientAuthoritiesPem: certificates.authority };
    const { address } = await serve({ kind: 'tcp', host: '127.0.0.1', port: 0 }, { mode: 'forced', identity });
    const port = address.kind === 'tcp' ? address.port : 0;
    const secure = `nbds://localhost:${port}/db?tls-certificates=${certificates.folder}`;
    const info = JSON.parse(await run('nbdinfo', '--json', '--no-content', secure)) as Record<string, unknown>;
    expect(info).toMatchObject({ TLS: true, structured: true });
    const source = `${folder.path}/source.img`;
    writeFileSync(source, pattern(SIZE));
    await run('nbdcopy', '--flush', source, secure);
    expect(readFileSync(`${folder.path}/db.img`).equals(pattern(SIZE))).toBe(true);
    await expect(run('nbdinfo', `nbd://localhost:${port}/db`)).rejects.toThrow(/Operation not supported/);
  });
});
