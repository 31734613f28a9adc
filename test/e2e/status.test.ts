import { rename, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { useServers } from './hosts-servers.js';
import { useRootFolder } from './root-folder.js';

const SIZE = String(1_048_576);

const root = useRootFolder();
const serve = useServers(root);

async function findings(...words: string[]) {
  const { code, data } = await root.json('status', ...words);
  const found = data.findings as { severity: string; kind: string; subject: string; hint: string }[];
  return { code, well: data.well, found, kinds: found.map(({ severity, kind }) => `${severity} ${kind}`) };
}

describe('status', { timeout: 60_000 }, () => {
  it('is not well where there is nothing to watch', async () => {
    const ended = await root.run('status');
    expect(ended).toMatchObject({ code: 4, stderr: expect.stringContaining('system-not-found') });
  });

  it('says that all is well, with what there is', async () => {
    for (const name of ['tokyo', 'osaka']) {
      await root.ok('system', 'create', name, '--durability', 'none', '--fixture');
      for (const volume of ['db', 'log']) await root.ok('volume', 'create', `${name}:${volume}`, '--size', SIZE);
    }
    await root.ok('pair', 'create', 'tokyo:db', 'osaka:db', '--mode', 'async', '--wait');
    const ended = await root.run('status');
    expect(ended).toMatchObject({ code: 0, stdout: expect.stringContaining('all is well') });
    expect(ended.stdout).toContain('1 pair: 1 duplex; nothing out of sync.');
    expect(await findings()).toMatchObject({ code: 0, well: true, found: [] });
  });

  it('says late, and the command that helps, where nobody copies', async () => {
    await root.feed('x', 'volume', 'write', 'tokyo:db', '-');
    expect(await findings()).toMatchObject({ code: 0, well: true, kinds: ['late no-copier'] });
    const { found } = await findings();
    const words = found[0]?.hint.split(': copyset ')[1]?.split(' ') ?? [];
    await root.ok(...words);
    expect(await findings()).toMatchObject({ code: 0, found: [] });
  });

  it('says stuck where a copier gets nothing across for so long', async () => {
    const server = await serve('tokyo');
    await root.ok('fault', 'set', 'tokyo', 'link-down', '--peer', 'osaka');
    await root.feed('y', 'volume', 'write', 'tokyo:db', '-');
    await expect
      .poll(() => findings('--stuck', '1s'), { timeout: 20_000, interval: 300 })
      .toMatchObject({
        code: 21,
        well: false,
        kinds: ['stuck pair-stalled'],
      });
    expect(await findings('--stuck', '10m')).toMatchObject({ code: 0, found: [] });
    await root.ok('fault', 'clear', 'tokyo');
    await expect.poll(() => findings('--stuck', '1s'), { timeout: 20_000, interval: 300 }).toMatchObject({ found: [] });
    await server.stop();
  });

  it('says suspended, by a person too, and resync clears it', async () => {
    await root.ok('pair', 'suspend', 'tokyo:db');
    expect(await findings()).toMatchObject({ code: 21, kinds: ['suspended pair-suspended'] });
    const ended = await root.run('status');
    expect(ended).toMatchObject({ code: 21, stdout: expect.stringMatching(/^As of .*: 1 suspended\./) });
    await root.ok('pair', 'resync', 'tokyo:db', '--wait');
    expect(await findings()).toMatchObject({ code: 0 });
  });

  it('says stuck where the image of a volume is missing, or has another size', async () => {
    const image = root.file('tokyo/images/log.img');
    await rename(image, root.file('aside'));
    expect(await findings()).toMatchObject({ code: 21, kinds: ['stuck image-missing'] });
    const { data } = await root.json('volume', 'show', 'tokyo:log');
    expect(data.volumes).toMatchObject([
      { status: 'blocked', imageFault: 'missing', imageComplete: false, readable: false, writable: false },
    ]);
    expect((await root.ok('volume', 'show', 'tokyo:log')).stdout).toContain(`blocked: its image ${image} is missing`);
    const listed = await root.json('volume', 'list', '--status', 'blocked');
    expect(listed).toMatchObject({ code: 0, data: { volumes: [{ name: 'log', status: 'blocked' }] } });
    expect(await root.run('volume', 'path', 'tokyo:log')).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('is missing'),
    });
    const { stdout } = await root.ok('status', '--format', 'prometheus');
    expect(stdout).toContain('copyset_volumes_blocked{system="tokyo"} 1');
    await writeFile(image, 'short');
    const { found } = await findings();
    expect(found).toMatchObject([
      { kind: 'image-missing', message: expect.stringContaining('has 5 bytes instead of') },
    ]);
    const server = await serve('tokyo');
    expect(await findings()).toMatchObject({ code: 21, kinds: ['stuck image-missing'] });
    await server.stop();
    await rename(root.file('aside'), image);
    expect(await findings()).toMatchObject({ code: 0, found: [] });
  });

  it('prints metrics that a collector takes, one HELP and TYPE each', async () => {
    const { stdout } = await root.ok('status', '--format', 'prometheus');
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toContain(
      'copyset_pair_status{primary="tokyo:db",secondary="osaka:db",mode="async",status="duplex"} 1',
    );
    const sample = /^[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? [0-9.e+-]+$/;
    for (const line of lines) expect(line).toMatch(line.startsWith('#') ? /^# (HELP|TYPE) [a-z_]+ .+/ : sample);
    const types = lines.filter((line) => line.startsWith('# TYPE')).map((line) => line.split(' ')[2]);
    expect(new Set(types).size).toBe(types.length);
  });

  it('lists the volumes of a system that is gone as unknown', async () => {
    await rename(root.file('osaka'), root.file('.elsewhere'));
    const { data } = await root.json('volume', 'list', '--status', 'unknown');
    expect(data.volumes).toMatchObject([{ system: 'osaka', name: 'db', status: 'unknown', secondaryOf: 'tokyo:db' }]);
    const { stdout } = await root.ok('volume', 'list');
    expect(stdout).toContain('1 more out of reach');
    await rename(root.file('.elsewhere'), root.file('osaka'));
    expect((await root.json('volume', 'list', '--status', 'unknown')).data.volumes).toEqual([]);
  });

  it('shows where hosts reach volumes, and what happened to what is at a port', async () => {
    await root.ok('port', 'create', 'tokyo', 'CL1-A', '--listen', 'unix:a.sock');
    await root.ok('volume', 'attach', 'tokyo:log', '--port', 'CL1-A', '--lun', '3');
    expect((await root.ok('volume', 'list', 'tokyo:log')).stdout).toContain('CL1-A:3');
    const { data } = await root.json('history', '--port', 'CL1-A');
    const events = data.events as { primary: string }[];
    expect(new Set(events.map(({ primary }) => primary))).toEqual(new Set(['tokyo:log']));
    expect(await root.run('history', '--port', 'CL9-Z')).toMatchObject({ code: 4 });
  });

  it('names a system that is gone, and one that cannot be read, beside what it could see', async () => {
    await rename(root.file('osaka'), root.file('.elsewhere'));
    expect(await findings()).toMatchObject({ code: 21, kinds: ['stuck peer-missing'] });
    await rename(root.file('.elsewhere'), root.file('osaka'));
    await writeFile(root.file('osaka/system.json'), '{');
    const torn = await findings();
    expect(torn.code).toBe(21);
    expect(torn.kinds).toContain('stuck system-unreadable');
    expect((await root.run('status')).stdout).toContain('tokyo');
  });
});
