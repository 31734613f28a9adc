import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { runCopyset } from '../cli/run-copyset.js';
import { useRootFolder } from './root-folder.js';
import { eventually, Shell } from './shell.js';

const root = useRootFolder();
const shells: Shell[] = [];

const MIB = 1024 * 1024;
const TRACK = 64 * 1024;
const SIZE_MIB = 24;

afterEach(async () => {
  for (const shell of shells.splice(0)) if (shell.isAlive) await shell.end('SIGKILL');
});

async function copyset(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCopyset(words, { cwd: root.path });
  if (code !== 0) throw new Error(`copyset ${words.join(' ')}: ${code}: ${stdout}${stderr}`);
  return stdout;
}

async function serve(system: string): Promise<Shell> {
  const shell = new Shell(root.path, 'serve', system);
  shells.push(shell);
  await eventually(() => (shell.stdout.includes('ready') ? true : undefined));
  return shell;
}

async function row() {
  const { pairs } = JSON.parse(await copyset('pair', 'list', '--json')) as {
    pairs: { status: string; outOfSyncTracks: number; secondaryStatus: string }[];
  };
  return pairs[0];
}

/** A host that writes random tracks, one after the other, and knows which were answered. */
async function writeSome(expected: Uint8Array, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    const track = Math.floor(Math.random() * ((SIZE_MIB * MIB) / TRACK));
    const data = randomBytes(TRACK);
    writeFileSync(join(root.path, 'piece'), data);
    await copyset('volume', 'write', 'tokyo:db', 'piece', '--offset', String(track * TRACK));
    expected.set(data, track * TRACK);
  }
}

describe('two systems, each served by a process of its own', { timeout: 240_000 }, () => {
  it('lose nothing when either is killed with -9 while it copies and is written, and its secondary can take over', async () => {
    const expected = randomBytes(SIZE_MIB * MIB);
    writeFileSync(join(root.path, 'db.img'), expected);
    for (const name of ['tokyo', 'osaka']) await copyset('system', 'create', name);
    await copyset('volume', 'import', 'tokyo:db', 'db.img', '--create');
    await copyset('volume', 'create', 'osaka:db', '--size', `${SIZE_MIB}MiB`);
    const servers = { tokyo: await serve('tokyo'), osaka: await serve('osaka') };
    await copyset('pair', 'create', 'tokyo:db', 'osaka:db', '--rate', '20MiB');
    for (const name of ['osaka', 'tokyo', 'osaka'] as const) {
      await writeSome(expected, 2);
      await servers[name].end('SIGKILL');
      const listed = await row();
      if (name === 'tokyo') expect(listed?.outOfSyncTracks).toBeGreaterThan(0);
      servers[name] = await serve(name);
      await writeSome(expected, 1);
    }
    await copyset('pair', 'wait', 'tokyo:db', '--status', 'duplex', '--timeout', '60s');
    await eventually(async () => ((await row())?.outOfSyncTracks === 0 ? true : undefined));
    await copyset('pair', 'verify', 'tokyo:db');
    await servers.tokyo.end('SIGKILL');
    await copyset('pair', 'takeover', 'osaka:db');
    await copyset('volume', 'export', 'osaka:db', 'copy.img');
    expect(Buffer.compare(readFileSync(join(root.path, 'copy.img')), expected)).toBe(0);
    servers.tokyo = await serve('tokyo');
    const refused = await runCopyset(['volume', 'write', 'tokyo:db', 'piece'], { cwd: root.path });
    expect(refused.code).toBe(8);
    await copyset('pair', 'resync', 'tokyo:db', '--reverse', '--discard', '--wait=60s');
    expect(await row()).toMatchObject({ status: 'duplex' });
    await copyset('pair', 'verify', 'tokyo:db');
    for (const shell of Object.values(servers)) expect((await shell.end('SIGTERM')).code).toBe(0);
  });
});
