import { mkdir, rename } from 'node:fs/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { makeSites, PRIMARIES, SECONDARIES, SESSION, serveAll, shown, statusOf } from './checkpoint-sites.js';
import type { Server } from './hosts-serving.js';
import { refused, useRootFolder } from './root-folder.js';

const root = useRootFolder((made) => makeSites(made, '--interval', '0'));
const servers = new Map<string, Server>();

afterAll(async () => {
  await Promise.all([...servers.values()].map((server) => server.kill()));
});

async function serve(...systems: string[]): Promise<void> {
  for (const [system, server] of await serveAll(root, systems)) servers.set(system, server);
}

async function stop(...systems: string[]): Promise<void> {
  for (const system of systems) await servers.get(system)?.stop();
  for (const system of systems) servers.delete(system);
}

async function write(address: string, text: string): Promise<void> {
  expect(await root.feed(text, 'volume', 'write', address)).toMatchObject({ code: 0 });
}

async function read(address: string): Promise<string> {
  return (await root.ok('volume', 'read', address, '--length', '5')).stdout;
}

describe('a checkpoint session over two sites', { timeout: 120_000 }, () => {
  it('is shown stopped, with its systems, before it was started', async () => {
    const { code, session } = await statusOf(root);
    expect(code).toBe(0);
    expect(session).toMatchObject({ state: 'stopped', applied: null, recoverable: false });
    expect(session.systems.map(({ system }) => system).sort()).toEqual([...PRIMARIES, ...SECONDARIES].sort());
    expect(await root.run('checkpoint', 'mark', SESSION)).toEqual(refused(3, 'session-refuses'));
  });

  it('shows at the secondaries what was written before a mark', async () => {
    await serve(...PRIMARIES, ...SECONDARIES);
    await root.ok('checkpoint', 'start', SESSION);
    await write('tokyo:db', 'one..');
    await write('nagoya:db', 'two..');
    await expect
      .poll(async () => (await root.ok('pair', 'list')).stdout, { timeout: 20_000 })
      .toContain('2 pairs: 2 duplex');
    await shown(root);
    expect([await read('osaka:db'), await read('kobe:db')]).toEqual(['one..', 'two..']);
    const { code, session } = await statusOf(root);
    expect({ code, ...session }).toMatchObject({ code: 0, state: 'running', recoverable: true, late: [] });
    expect((await root.ok('status')).stdout).toMatch(/^sales +running +clock +4 /m);
  });

  it('keeps showing one checkpoint while later writes wait for the next', async () => {
    await write('tokyo:db', 'three');
    expect(await read('osaka:db')).toBe('one..');
    await shown(root);
    expect(await read('osaka:db')).toBe('three');
  });

  it('says that there is nothing to apply, and what is shown', async () => {
    const { code, data } = await root.json('checkpoint', 'apply', SESSION);
    expect(code).toBe(0);
    expect(data).toMatchObject({ session: SESSION, records: 0 });
    expect(data.from).toBe(data.to);
    expect((await root.ok('checkpoint', 'apply', SESSION, '--instant')).stdout).toContain('nothing to apply');
  });

  it('refuses a mark of an earlier run, and times out on one that was never issued', async () => {
    const earlier = await root.run('checkpoint', 'wait', SESSION, '0.1', '--timeout', '0ms');
    expect(earlier).toMatchObject({ code: 3, stdout: expect.stringContaining('of an earlier run') });
    const { session } = await statusOf(root);
    const later = `1.${(session.applied ?? 0) + 1_000}`;
    expect((await root.json('checkpoint', 'wait', SESSION, later, '--timeout', '200ms')).code).toBe(20);
    expect(await root.run('checkpoint', 'wait', SESSION, 'soon')).toEqual(refused(2, 'usage'));
  });

  it('tells what was done with it', async () => {
    const { data } = await root.json('checkpoint', 'history', SESSION);
    const deeds = (data.events as { deed: string; about: string | null }[]).map(({ deed }) => deed);
    expect(deeds).toEqual(expect.arrayContaining(['start', 'enter', 'return']));
  });

  it('is recovered from the secondaries alone, the primaries being gone', async () => {
    await write('nagoya:db', 'four.');
    await shown(root);
    await stop(...PRIMARIES);
    await mkdir(root.file('.gone'));
    for (const system of PRIMARIES) await rename(root.file(system), root.file(`.gone/${system}`));
    const planned = await root.json('checkpoint', 'recover', SESSION, '--at', 'osaka,kobe', '--plan');
    expect(planned.code).toBe(0);
    expect(await root.feed('no', 'volume', 'write', 'osaka:db')).toMatchObject({ code: 3 });
    const { code, data } = await root.json('checkpoint', 'recover', SESSION, '--at', 'osaka,kobe');
    expect({ code, number: data.number }).toEqual({ code: 0, number: planned.data.number });
    expect([await read('osaka:db'), await read('kobe:db')]).toEqual(['three', 'four.']);
    await write('osaka:db', 'after');
    const { code: watched, session } = await statusOf(root);
    expect({ watched, state: session.state }).toEqual({ watched: 21, state: 'recovered' });
    expect((await root.json('status')).data.findings).toContainEqual(
      expect.objectContaining({ kind: 'session-recovered', severity: 'stuck' }),
    );
  });

  it('recovers once: the same command again finds the same', async () => {
    const again = await root.json('checkpoint', 'recover', SESSION, '--at', 'osaka,kobe', '--wait=30s');
    expect(again.code).toBe(0);
    expect(await read('osaka:db')).toBe('after');
  });

  it('comes home by differences when the old site is back', async () => {
    for (const system of PRIMARIES) await rename(root.file(`.gone/${system}`), root.file(system));
    await serve(...PRIMARIES);
    const { code, data } = await root.json('checkpoint', 'failback', SESSION, '--wait=60s');
    expect({ code, outcome: data.outcome }).toEqual({ code: 0, outcome: 'returned' });
    expect(await read('tokyo:db')).toBe('after');
    await root.ok('checkpoint', 'start', SESSION);
    await write('tokyo:db', 'home.');
    await shown(root);
    expect(await read('osaka:db')).toBe('home.');
  });
});
