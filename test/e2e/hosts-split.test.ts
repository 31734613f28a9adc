import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { HostConnection } from './hosts-client.js';
import { NumberedLoad } from './hosts-load.js';
import { useServers } from './hosts-servers.js';
import { useRootFolder } from './root-folder.js';

const SIZE_BYTES = 8 * 1_048_576;
/** Far beyond what a split holds hosts for on the slowest machine; a split whose pause grew with the volume would not keep it. */
const PAUSE_LIMIT_MS = 2_000;
const SPLITS = 2;

const root = useRootFolder(async (folder) => {
  await folder.ok('system', 'create', 'tokyo');
  for (const name of ['db', 'copy']) await folder.ok('volume', 'create', `tokyo:${name}`, '--size', String(SIZE_BYTES));
  await folder.ok('pair', 'create', 'tokyo:db', 'tokyo:copy', '--wait');
});
const serve = useServers(root);
const image = (name: string) => readFileSync(root.file(`tokyo/images/${name}.img`));

/** The whole volume as hosts see it, read through the server. */
async function readAll(socket: string, name: string): Promise<Buffer> {
  const host = await HostConnection.open(socket, name);
  const pieces: Buffer[] = [];
  for (let at = 0; at < SIZE_BYTES; at += 1_048_576) pieces.push(await host.read(at, 1_048_576));
  host.close();
  return Buffer.concat(pieces);
}

describe('a split while a host writes without pause', { timeout: 120_000 }, () => {
  it.each([1, 4, 16])('is one instant, over %i connections', async (connections) => {
    const server = await serve('tokyo', '--nbd', `unix:${root.file('all.sock')}`);
    const load = await NumberedLoad.start(server.socket, 'db', { connections });
    const pauses: { seenMs: number; toldMs: number }[] = [];
    for (let n = 0; n < SPLITS; n += 1) {
      await load.more(2_000);
      const [before, beforeMs] = [load.now(), performance.now()];
      const { code, data } = await root.json('pair', 'split', 'tokyo:db');
      const [after, afterMs] = [load.now(), performance.now()];
      expect({ code, data }).toMatchObject({ code: 0, data: { pairs: [{ outcome: 'done' }] } });
      const toldMs = (data as { pauseMs: number }).pauseMs;
      pauses.push({ toldMs, seenMs: load.longestPauseMs(beforeMs, afterMs) });

      // While the host goes on, and tracks are still being copied or saved, the secondary shows that instant.
      const shown = await readAll(server.socket, 'copy');
      await load.more(2_000);
      await root.ok('pair', 'wait', 'tokyo:db', '--status', 'split', '--timeout', '60s');
      const cut = load.cutOf(shown);
      expect(cut.torn).toEqual([]);
      expect(cut.from).toBeLessThan(cut.until);
      // Whatever was answered before the command began is in it, nothing that was issued after it ended.
      expect(cut.until).toBeGreaterThan(before);
      expect(cut.from).toBeLessThan(after);
      expect(image('copy').equals(shown)).toBe(true);
      await root.ok('pair', 'resync', 'tokyo:db');
    }
    expect(load.failures).toEqual([]);
    await load.stop();
    for (const { toldMs } of pauses) {
      expect(toldMs).toBeGreaterThan(0);
      expect(toldMs).toBeLessThan(PAUSE_LIMIT_MS);
    }
    // What the host felt is what the split tells, but for what the machine adds; the quietest of the rounds shows it.
    expect(Math.min(...pauses.map(({ seenMs, toldMs }) => seenMs - toldMs))).toBeLessThan(PAUSE_LIMIT_MS);
    await root.ok('pair', 'wait', 'tokyo:db', '--status', 'duplex', '--timeout', '60s');
    expect(await root.run('pair', 'verify', 'tokyo:db')).toMatchObject({ code: 0 });
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    expect(image('copy').equals(image('db'))).toBe(true);
  });
});
