import { cp, readdir } from 'node:fs/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { makeSites, PRIMARIES, SECONDARIES, SESSION, serveAll, shown, statusOf } from './checkpoint-sites.js';
import { Server } from './hosts-serving.js';
import { useRootFolder } from './root-folder.js';

const root = useRootFolder((made) => makeSites(made, '--interval', '0'));
const servers: Server[] = [];
afterAll(async () => {
  await Promise.all(servers.map((server) => server.kill()));
});

async function write(address: string, text: string): Promise<void> {
  expect(await root.feed(text, 'volume', 'write', address)).toMatchObject({ code: 0 });
}

async function read(address: string): Promise<string> {
  return (await root.ok('volume', 'read', address, '--length', '5')).stdout;
}

describe('systems of a checkpoint session that were copied while they were served', { timeout: 120_000 }, () => {
  it('do not take part in it, though they are served', async () => {
    servers.push(...(await serveAll(root, [...PRIMARIES, ...SECONDARIES])).values());
    await root.ok('checkpoint', 'start', SESSION);
    await write('tokyo:db', 'one..');
    await write('nagoya:db', 'two..');
    await root.ok('pair', 'wait', 'tokyo:db', '--status', 'duplex', '--timeout', '20s');
    await root.ok('pair', 'wait', 'nagoya:db', '--status', 'duplex', '--timeout', '20s');
    await shown(root);
    const asIs = { recursive: true, verbatimSymlinks: true, filter: (path: string) => !path.endsWith('.sock') };
    for (const system of ['tokyo', 'osaka']) await cp(root.file(system), root.file(`${system}-copy`), asIs);
    await root.ok('system', 'check', 'tokyo');
    // The lock was copied with the folder, and names a process that lives.
    await root.run('system', 'check', './tokyo-copy', '--break-lock');
    const copy = await Server.start(root.path, './tokyo-copy');
    await write('./tokyo-copy:db', 'copy!');
    await write('tokyo:db', 'three');
    await shown(root);
    await shown(root);
    expect([await read('osaka:db'), await read('kobe:db')]).toEqual(['three', 'two..']);
    expect(await statusOf(root)).toMatchObject({ code: 0, session: { state: 'running', recoverable: true } });
    await copy.stop();
  });

  it('become systems of their own, with what they held and without the session', async () => {
    await root.ok('system', 'separate', './tokyo-copy', 'lab');
    await root.ok('system', 'separate', './osaka-copy', 'museum');
    expect([await read('lab:db'), await read('museum:db')]).toEqual(['copy!', 'one..']);
    for (const system of ['lab', 'museum']) {
      expect((await root.json('system', 'check', system, '--deep')).data.systems).toEqual([
        { name: system, findings: [] },
      ]);
      expect((await root.json('pair', 'list', system)).data.pairs).toEqual([]);
    }
    expect(await readdir(root.file('tokyo-copy/journals')).catch(() => [])).toEqual([]);
    expect(await readdir(root.file('osaka-copy/journals')).catch(() => [])).toEqual([]);
    await write('tokyo:db', 'four.');
    await shown(root);
    expect(await read('osaka:db')).toBe('four.');
    expect(await root.json('status')).toMatchObject({ code: 0, data: { findings: [] } });
    expect((await statusOf(root)).session.systems).toHaveLength(4);
  });
});
