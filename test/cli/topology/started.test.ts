import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { type RootFolder, type Running, refused, useRootFolder } from '../../e2e/root-folder.js';

const fixture = (name: string): string => fileURLToPath(new URL(`../../../fixtures/${name}.yaml`, import.meta.url));

/** The ready topology of a group, or of a session, with some words of it replaced. */
async function put(root: RootFolder, name: string, from: string, words: string, others: string): Promise<void> {
  const text = await readFile(fixture(from), 'utf8');
  expect(text).toContain(words);
  await writeFile(root.file(name), text.replace(words, others));
}

interface Waited {
  readonly code: number | null;
  readonly outcome: unknown;
  readonly verdict: unknown;
  readonly awaited: readonly { kind: string; name: string; verdict: string; reason: string | null }[];
}

async function waited(root: RootFolder, file: string, wait = '--wait'): Promise<Waited> {
  const { code, data } = await root.json('topology', 'apply', file, wait);
  return { code, outcome: data.outcome, verdict: data.verdict, awaited: data.awaited as Waited['awaited'] };
}

async function group(root: RootFolder): Promise<Record<string, unknown>> {
  const { data } = await root.json('cg', 'status', 'orders');
  return (data.groups as Record<string, unknown>[])[0] ?? {};
}

async function session(root: RootFolder): Promise<Record<string, unknown>> {
  const { data } = await root.json('checkpoint', 'status', 'j');
  return (data.sessions as Record<string, unknown>[])[0] ?? {};
}

/** The session's interval; with zero nothing is issued by itself. */
const AT_ONCE = 'interval: 1s, started: true';

describe('a group that is started in a topology', () => {
  const root = useRootFolder(async (folder) => {
    await put(folder, 'runs.yaml', 'four-controllers', 'interval: 30s', 'interval: 30s\n    started: true');
    await put(folder, 'stands.yaml', 'four-controllers', 'interval: 30s', 'interval: 30s\n    started: false');
  });

  it('is made, runs, and is found running', async () => {
    const planned = await root.ok('topology', 'apply', 'runs.yaml', '--plan');
    expect(planned.stdout).toContain('~ group orders  started');
    const made = await root.ok('topology', 'apply', 'runs.yaml');
    expect(made.stderr).toContain('Nobody serves tokyo, yokohama');
    expect(await group(root)).toMatchObject({ state: 'running', sequence: null });
    expect((await root.json('topology', 'apply', 'runs.yaml', '--prune')).data).toMatchObject({ outcome: 'nothing' });
    expect((await root.ok('topology', 'export')).stdout).toContain('started: true');
    expect((await root.json('topology', 'apply', fixture('four-controllers'))).data).toMatchObject({
      outcome: 'nothing',
    });
  });

  it('is formed with --wait where nobody serves it, once', async () => {
    const first = await waited(root, 'runs.yaml');
    expect(first).toMatchObject({ code: 0, outcome: 'nothing', verdict: 'reached' });
    expect(first.awaited).toEqual([
      { kind: 'pair', name: 'tokyo:db -> osaka:db', verdict: 'reached', reason: null },
      { kind: 'pair', name: 'yokohama:log -> kobe:log', verdict: 'reached', reason: null },
      { kind: 'group', name: 'orders', verdict: 'reached', reason: null },
    ]);
    const { sequence } = await group(root);
    expect(sequence).toBeTypeOf('number');
    expect(await waited(root, 'runs.yaml')).toMatchObject({ code: 0, outcome: 'nothing', verdict: 'reached' });
    expect(await group(root)).toMatchObject({ sequence, formed: 1 });
  });

  it('is stopped, and no longer exported as started', async () => {
    expect((await root.ok('topology', 'apply', 'stands.yaml')).stdout).toContain('~ group orders  stopped');
    expect(await group(root)).toMatchObject({ state: 'stopped' });
    expect((await root.ok('topology', 'export')).stdout).not.toContain('started');
    expect((await root.json('topology', 'apply', 'stands.yaml')).data).toMatchObject({ outcome: 'nothing' });
  });

  it('keeps a pause that interrupts it, and is not started over one that began while it was stopped', async () => {
    await root.ok('cg', 'pause', 'orders');
    expect(await root.run('topology', 'apply', 'runs.yaml')).toEqual(refused(3, 'topology-differs'));
    await root.ok('cg', 'resume', 'orders');
    await root.ok('topology', 'apply', 'runs.yaml');
    await root.ok('cg', 'pause', 'orders');
    expect((await root.json('topology', 'apply', 'runs.yaml')).data).toMatchObject({ outcome: 'nothing' });
    expect(await group(root)).toMatchObject({ state: 'paused' });
  });
});

describe('--wait for a group that cannot be formed', () => {
  const root = useRootFolder(async (folder) => {
    await put(folder, 'runs.yaml', 'four-controllers', 'interval: 30s', 'interval: 30s\n    started: true');
    await folder.ok('topology', 'apply', 'runs.yaml');
  });

  it('ends with the time limit where a system is not reached, and says why', async () => {
    await root.ok('fault', 'set', 'yokohama', 'link-down', '--peer', 'kobe');
    const ended = await waited(root, 'runs.yaml', '--wait=3s');
    expect(ended).toMatchObject({ code: 20, outcome: 'unfinished', verdict: 'timed-out' });
    expect(ended.awaited.at(-1)).toMatchObject({ kind: 'group', verdict: 'timed-out' });
    expect(ended.awaited.at(-1)?.reason).toBeTruthy();
    expect(await group(root)).toMatchObject({ sequence: null });
  });

  it('says at once that a group which is paused does not come', async () => {
    await root.ok('cg', 'pause', 'orders');
    const ended = await waited(root, 'runs.yaml');
    expect(ended).toMatchObject({ code: 22, verdict: 'unreachable' });
    expect(ended.awaited.at(-1)?.reason).toContain('copyset cg resume orders');
  });

  it('goes on from there when the link is back', async () => {
    await root.ok('cg', 'resume', 'orders');
    await root.ok('fault', 'clear', 'yokohama');
    expect(await waited(root, 'runs.yaml', '--wait=60s')).toMatchObject({ code: 0, verdict: 'reached' });
    expect(await group(root)).toMatchObject({ formed: 1 });
  });
});

describe('--wait for a session', () => {
  const root = useRootFolder(async (folder) => {
    await put(folder, 'quiet.yaml', 'session', AT_ONCE, 'interval: 0, started: true');
  });

  it('applies a checkpoint where nobody serves it, once', async () => {
    const first = await waited(root, 'quiet.yaml', '--wait=120s');
    expect(first).toMatchObject({ code: 0, outcome: 'done', verdict: 'reached' });
    expect(first.awaited.at(-1)).toEqual({ kind: 'session', name: 'j', verdict: 'reached', reason: null });
    const { applied } = await session(root);
    expect(applied).toBeTypeOf('number');
    expect(await waited(root, 'quiet.yaml')).toMatchObject({ code: 0, outcome: 'nothing', verdict: 'reached' });
    expect(await session(root)).toMatchObject({ applied });
  });
});

describe('--wait for a session whose secondary is not reached', () => {
  const root = useRootFolder((folder) => folder.ok('topology', 'apply', fixture('session')).then(() => undefined));

  it('ends with the time limit, and goes on when it is back', async () => {
    await root.ok('fault', 'set', 'tokyo', 'link-down', '--peer', 'osaka');
    const ended = await waited(root, fixture('session'), '--wait=3s');
    expect(ended).toMatchObject({ code: 20, outcome: 'unfinished', verdict: 'timed-out' });
    const rows = ended.awaited.filter(({ verdict }) => verdict !== 'reached');
    expect(rows.length).toBeGreaterThan(0);
    for (const { reason } of rows) expect(reason).toBeTruthy();
    await root.ok('fault', 'clear', 'tokyo');
    expect(await waited(root, fixture('session'), '--wait=120s')).toMatchObject({ code: 0, verdict: 'reached' });
  });
});

describe('--wait where somebody serves', () => {
  const root = useRootFolder(async (folder) => {
    await put(folder, 'stopped.yaml', 'session', AT_ONCE, 'interval: 1s, started: false');
    await folder.ok('topology', 'apply', 'stopped.yaml');
  });
  let server: Running | undefined;

  afterEach(async () => {
    server?.child.kill('SIGTERM');
    await server?.ended;
  });

  it('leaves the work to them and sees it done', async () => {
    server = root.start('serve', 'tokyo', 'yokohama', 'osaka', 'kobe');
    await server.says('ready');
    const ended = await root.run('topology', 'apply', fixture('session'), '--wait=120s');
    expect(ended).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('All of it is there') as string,
      stderr: '',
    });
    expect(ended.stderr).not.toContain('Nobody serves');
  });
});

describe('--wait for pairs', () => {
  const PAIR = `
systems: {tokyo: {durability: none, fixture: true, volumes: {db: {size: 256KiB}, copy: {size: 256KiB}}}}
pairs: [{primary: "tokyo:db", secondary: "tokyo:copy"}]
`;
  const root = useRootFolder((folder) => writeFile(folder.file('pair.yaml'), PAIR));

  it('copies a pair of which the file names no status', async () => {
    expect(await waited(root, 'pair.yaml')).toMatchObject({ code: 0, outcome: 'done', verdict: 'reached' });
    const { data } = await root.json('pair', 'list');
    expect(data.pairs).toMatchObject([{ status: 'duplex' }]);
  });

  it('leaves a pair that was split as it is', async () => {
    await root.ok('pair', 'split', 'tokyo:db', '--wait');
    expect(await waited(root, 'pair.yaml')).toMatchObject({ code: 0, outcome: 'nothing', verdict: 'reached' });
  });

  it('ends with 21 where a pair is suspended', async () => {
    await writeFile(root.file('duplex.yaml'), PAIR.replace('copy"}', 'copy", status: duplex}'));
    await root.ok('topology', 'apply', 'duplex.yaml', '--force');
    await root.ok('pair', 'split', 'tokyo:db', '--wait');
    await root.feed('more', 'volume', 'write', 'tokyo:db');
    await root.ok('pair', 'resync', 'tokyo:db', '--pace', 'hold');
    await root.ok('fault', 'set', 'tokyo', 'io-error', '--volume', 'copy', '--on', 'write');
    await root.ok('pair', 'pace', 'tokyo:db', '--pace', 'fast');
    expect(await waited(root, 'pair.yaml')).toMatchObject({
      code: 21,
      verdict: 'suspended',
      awaited: [{ kind: 'pair', verdict: 'suspended' }],
    });
  });
});
