import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Server, tool, works } from './hosts-serving.js';
import { useRootFolder } from './root-folder.js';
import { eventually } from './shell.js';

/**
 * The clients that people have, as they are, on the primary of a pair in duplex: whatever they did, the secondary holds the same
 * in the end.
 */
const SIZE_BYTES = 32 * 1_048_576;
const mayMount = process.getuid?.() === 0 && existsSync('/dev/fuse');

let server: Server;
const root = useRootFolder(async (folder) => {
  await folder.ok('system', 'create', 'tokyo', '--durability', 'none');
  for (const name of ['db', 'copy']) await folder.ok('volume', 'create', `tokyo:${name}`, '--size', String(SIZE_BYTES));
  await folder.ok('pair', 'create', 'tokyo:db', 'tokyo:copy', '--wait');
  writeFileSync(folder.file('noise.img'), noise(SIZE_BYTES));
});
const db = () => server.uri('db');

/** Bytes that look random and are the same in every run; every third 64 KiB is a hole. */
function noise(sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  let state = 0x1234_5678;
  for (let at = 0; at < sizeBytes; at += 4) {
    if (Math.floor(at / 65_536) % 3 === 2) continue;
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes.writeUInt32LE(state, at);
  }
  return bytes;
}

beforeAll(async () => {
  server = await Server.start(root.path, 'tokyo', '--nbd', `unix:${root.file('all.sock')}`);
});

afterAll(async () => {
  await server.kill();
});

describe('clients that know nothing of copyset', { timeout: 60_000 }, () => {
  it('nbdinfo shows the size and what may be done', async () => {
    expect(await works('nbdinfo', '--size', db())).toBe(`${SIZE_BYTES}\n`);
    const shown = JSON.parse(await works('nbdinfo', '--json', db())) as { exports: Record<string, unknown>[] };
    expect(shown.exports).toMatchObject([
      {
        'export-name': 'db',
        description: 'tokyo:db 00:00',
        is_read_only: false,
        can_flush: true,
        can_fua: true,
        can_multi_conn: true,
        can_trim: true,
        can_zero: true,
        block_size_preferred: 65_536,
      },
    ]);
  });

  it('nbdcopy writes a whole image and reads it back', async () => {
    await works('nbdcopy', '--flush', root.file('noise.img'), db());
    await works('nbdcopy', db(), root.file('back.img'));
    expect(readFileSync(root.file('back.img')).equals(readFileSync(root.file('noise.img')))).toBe(true);
    const image = (await root.ok('volume', 'path', 'tokyo:db')).stdout.trim();
    await works('cmp', image, root.file('noise.img'));
  });

  it('qemu-img converts into a volume and out of it, and finds no difference', async () => {
    await works('qemu-img', 'convert', '-n', '-f', 'raw', '-O', 'raw', root.file('noise.img'), db());
    await works('qemu-img', 'compare', '-f', 'raw', '-F', 'raw', root.file('noise.img'), db());
    await works('qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', db(), root.file('out.qcow2'));
    await works('qemu-img', 'compare', '-f', 'qcow2', '-F', 'raw', root.file('out.qcow2'), db());
  });

  it('qemu-io writes patterns, zeros and discards, and reads each back as it must be', async () => {
    await works('qemu-io', '-f', 'raw', '-c', 'write -P 0x5a 1M 700k', '-c', 'flush', db());
    await works('qemu-io', '-f', 'raw', '-c', 'write -f -P 0xa5 1028k 4k', '-c', 'write -z 1200k 100k', db());
    await works('qemu-io', '-f', 'raw', '-c', 'discard 1400k 64k', db());
    const reads = ['-P 0x5a 1M 4k', '-P 0xa5 1028k 4k', '-P 0x5a 1032k 168k', '-P 0 1200k 100k', '-P 0x5a 1300k 100k'];
    const output = await works('qemu-io', '-f', 'raw', ...reads.flatMap((read) => ['-c', `read ${read}`]), db());
    expect(output).not.toContain('verification failed');
    expect(await tool('qemu-io', '-f', 'raw', '-c', 'read -P 1 1M 4k', db())).toMatchObject({
      stdout: expect.stringContaining('verification failed') as string,
    });
  });

  it('fio writes at random and verifies every block', async () => {
    const report = await works(
      'fio',
      '--name=verify',
      '--ioengine=nbd',
      `--uri=${db()}`,
      '--rw=randwrite',
      '--bs=4k',
      '--size=16m',
      '--iodepth=16',
      '--verify=crc32c',
      '--verify_fatal=1',
      '--verify_state_save=0',
      '--output-format=json',
    );
    const { jobs } = JSON.parse(report.slice(report.indexOf('{'))) as {
      jobs: { error: number; read: { total_ios: number }; write: { total_ios: number } }[];
    };
    expect(jobs).toMatchObject([{ error: 0, read: { total_ios: 4096 }, write: { total_ios: 4096 } }]);
  });

  it.skipIf(!mayMount)('a file system is made, filled, unmounted and found clean', async () => {
    await withFileSystem(root.file('fuse'), async (folder) => {
      for (let i = 0; i < 20; i += 1) writeFileSync(`${folder}/text-${i}`, `line ${i}\n`.repeat(10_000));
      await works('sync', '-f', folder);
      writeFileSync(`${folder}/late`, 'written last');
    });
    await root.ok('volume', 'export', 'tokyo:db', 'disk.img');
    await works('e2fsck', '-fn', root.file('disk.img'));
    expect(await works('debugfs', '-R', 'cat /late', root.file('disk.img'))).toBe('written last');
    expect(await works('debugfs', '-R', 'cat /text-7', root.file('disk.img'))).toBe('line 7\n'.repeat(10_000));
  });

  it('and the secondary has followed all of them', async () => {
    expect(await root.run('pair', 'verify', 'tokyo:db')).toMatchObject({ code: 0 });
    await root.ok('pair', 'split', 'tokyo:db', '--wait');
    const [ours, copy] = ['db', 'copy'].map((name) => readFileSync(root.file(`tokyo/images/${name}.img`)));
    expect(ours?.equals(copy as Buffer)).toBe(true);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    expect(server.shell.stderr).toBe('');
  });
});

/** An ext4 on the volume, through FUSE and a loop device. */
async function withFileSystem(place: string, use: (folder: string) => Promise<void>): Promise<void> {
  const [file, folder] = [`${place}/nbd`, `${place}/mnt`];
  for (const path of [place, file, folder]) mkdirSync(path);
  const fuse = spawn('nbdfuse', ['-P', `${place}/pid`, `${file}/disk`, db()], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const fuseEnded = once(fuse, 'close');
  try {
    await eventually(() => (existsSync(`${place}/pid`) && existsSync(`${file}/disk`) ? true : undefined));
    const loop = (await works('losetup', '-f', '--show', `${file}/disk`)).trim();
    try {
      await works('mkfs.ext4', '-q', loop);
      await works('mount', loop, folder);
      try {
        await use(folder);
      } finally {
        await works('umount', folder);
      }
      await works('e2fsck', '-fn', loop);
    } finally {
      await works('losetup', '-d', loop);
    }
  } finally {
    await works('umount', file).catch(() => fuse.kill('SIGTERM'));
    await fuseEnded;
  }
}
