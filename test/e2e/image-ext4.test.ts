import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/platform/platform.js';
import { clientAt, machinePorts } from './machine-client.js';
import { useRootFolder } from './root-folder.js';
import { eventually, Shell } from './shell.js';

const BLOCK_BYTES = 4096;
const LOG_BLOCKS = 512;
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
const tool = (name: string, ...words: string[]) =>
  execFileSync(name, words, { cwd: root.path, env, stdio: 'pipe' }).toString();

/** A block that a host logs; its number is in every word of it. */
const logBlock = (number: number) => Buffer.from(new Uint32Array(BLOCK_BYTES / 4).fill(0x4c4f_0000 + number).buffer);

let logAtByte = 0;

const root = useRootFolder(async (folder) => {
  mkdirSync(folder.file('files'));
  for (let i = 0; i < 6; i += 1) writeFileSync(folder.file(`files/text-${i}`), `line ${i}\n`.repeat(150_000 + i));
  // A file that is as long as it will be: a host that writes its blocks leaves the file system around it as it is.
  writeFileSync(folder.file('files/log'), Buffer.alloc(LOG_BLOCKS * BLOCK_BYTES, 1));
  execFileSync('mkfs.ext4', ['-q', '-b', '4096', '-d', 'files', 'disk.img', '32M'], {
    cwd: folder.path,
    env,
    stdio: 'pipe',
  });
  await folder.ok('system', 'create', 'tokyo', '--durability', 'none');
  await folder.ok('volume', 'import', 'tokyo:db', 'disk.img', '--create');
  for (const name of ['one', 'two']) await folder.ok('volume', 'create', `tokyo:${name}`, '--size', '32MiB');
  const blocks = tool('debugfs', '-R', 'blocks log', 'disk.img').trim().split(/\s+/).map(Number);
  const first = blocks[0] ?? 0;
  expect(blocks).toEqual(Array.from({ length: LOG_BLOCKS }, (_, index) => first + index));
  logAtByte = first * BLOCK_BYTES;
});

/** A host in a process of its own, beside the shells: it logs block after block, each acknowledged before the next. */
async function writeLog(until: () => boolean): Promise<number> {
  const client = await clientAt(root.file('tokyo'), 'host');
  try {
    let number = 0;
    for (; number < LOG_BLOCKS && !until(); number += 1) {
      const offsetBytes = logAtByte + number * BLOCK_BYTES;
      await client.request('volume.write', { volume: 'db', offsetBytes, durable: true }, { data: logBlock(number) });
      await systemClock.sleep(4);
    }
    return number;
  } finally {
    await client.close();
  }
}

async function exported(volume: string): Promise<Buffer> {
  await root.ok('volume', 'export', `tokyo:${volume}`, `${volume}.img`);
  expect(tool('e2fsck', '-fn', `${volume}.img`)).toContain('Pass 5');
  return readFileSync(root.file(`${volume}.img`));
}

describe('a real ext4 file system', { timeout: 120_000 }, () => {
  it('is the same after import and export, with its holes', async () => {
    expect((await exported('db')).equals(readFileSync(root.file('disk.img')))).toBe(true);
    const allocatedKib = Number(tool('du', '-k', 'db.img').split('\t')[0]);
    expect(allocatedKib).toBeLessThan(24 * 1024);
  });

  it('split to two secondaries by one command while a host writes: both are clean, equal, and one instant of its log', async () => {
    await root.ok('pair', 'create', 'tokyo:db', 'tokyo:one', '--wait');
    const copy = new Shell(root.path, 'pair', 'create', 'tokyo:db', 'tokyo:two', '--rate', '3MiB', '--wait');
    await eventually(() => (readPlaceOwner() ? true : undefined));
    let split = false;
    let writtenAfterSplit = 0;
    const writing = writeLog(() => split && writtenAfterSplit++ > 5);
    await systemClock.sleep(150);
    const ended = await root.json('pair', 'split', 'tokyo:db');
    split = true;
    expect(ended).toMatchObject({
      code: 0,
      data: { pairs: [{ before: 'duplex' }, { before: 'pending', after: 'sp-pending' }] },
    });
    const written = await writing;
    expect(await copy.ended).toMatchObject({ code: 22 });
    await root.ok('pair', 'pace', 'tokyo:db', '--pace', 'fast', '--rate', '0');
    await root.ok('pair', 'wait', 'tokyo:db', '--status', 'split');
    const [one, two] = [await exported('one'), await exported('two')];
    expect(one.equals(two)).toBe(true);
    const expected = readFileSync(root.file('disk.img'));
    let number = 0;
    while (
      number < LOG_BLOCKS &&
      one
        .subarray(logAtByte + number * BLOCK_BYTES)
        .subarray(0, BLOCK_BYTES)
        .equals(logBlock(number))
    )
      number += 1;
    for (let i = 0; i < number; i += 1) logBlock(i).copy(expected, logAtByte + i * BLOCK_BYTES);
    expect(one.equals(expected)).toBe(true);
    expect(number).toBeGreaterThan(0);
    expect(number).toBeLessThan(written);
  });

  it('after 1 % of its tracks changed, a resync copies exactly these', async () => {
    await root.ok('pair', 'resync', 'tokyo:db', '--wait');
    await root.ok('pair', 'split', 'tokyo:db', '--wait');
    const changed = [3, 100, 101, 257, 500];
    for (const track of changed)
      await root.feed(`changed ${track}`, 'volume', 'write', 'tokyo:db', '--offset', String(track * 65_536 + 1000));
    const plan = await root.json('pair', 'resync', 'tokyo:db', 'tokyo:one', '--plan');
    expect(plan.data).toMatchObject({ plan: [{ tracks: 5, bytes: 5 * 65_536, direction: 'primary -> secondary' }] });
    const done = await root.json('pair', 'resync', 'tokyo:db', 'tokyo:one', '--wait');
    expect(done.data).toMatchObject({ pairs: [{ tracks: 5, bytes: 5 * 65_536, after: 'duplex' }] });
    const images = ['db', 'one', 'two'].map((name) => readFileSync(join(root.path, 'tokyo/images', `${name}.img`)));
    expect(images[0]?.equals(images[1] as Buffer)).toBe(true);
    const differing = Array.from({ length: 512 }, (_, track) => track).filter((track) => {
      const [now, then] = [images[0], images[2]].map((image) => image?.subarray(track * 65_536, (track + 1) * 65_536));
      return !now?.equals(then as Buffer);
    });
    expect(differing).toEqual(changed);
  });

  it('is restored from its split copy, byte by byte', async () => {
    await root.ok('pair', 'resync', 'tokyo:db', 'tokyo:two', '--wait');
    await root.ok('pair', 'split', 'tokyo:db', '--wait');
    const good = await exported('two');
    tool('sh', '-c', 'head -c 2000000 /dev/urandom > noise');
    await root.ok('volume', 'write', 'tokyo:db', 'noise', '--offset', '0');
    expect(await root.run('pair', 'resync', 'tokyo:db', 'tokyo:two', '--reverse')).toMatchObject({ code: 3 });
    await root.ok('pair', 'resync', 'tokyo:db', 'tokyo:two', '--reverse', '--discard', '--wait');
    await root.ok('volume', 'export', 'tokyo:db', 'restored.img');
    expect(readFileSync(root.file('restored.img')).equals(good)).toBe(true);
  });
});

function readPlaceOwner(): unknown {
  return machinePorts('host').owners.current(root.file('tokyo'));
}
