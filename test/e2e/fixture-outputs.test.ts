import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCopyset } from '../cli/run-copyset.js';

const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/${name}.yaml`, import.meta.url));

/** What another tool's tests would run: a little of everything, with its outputs for programs and for people. */
const GROUP_SCRIPT: readonly (readonly string[] | { readonly write: string; readonly to: string })[] = [
  ['topology', 'apply', fixture('four-controllers')],
  ['system', 'show', 'tokyo', '--json'],
  { write: 'first', to: 'tokyo:db' },
  { write: 'of the log', to: 'yokohama:log' },
  ['cg', 'start', 'orders', '--json'],
  ['cg', 'status', '--json'],
  ['cg', 'policy', 'orders', '--interval', '5s'],
  { write: 'second', to: 'tokyo:db' },
  ['cg', 'start', 'orders'],
  ['cg', 'history', 'orders', '--json'],
  ['cg', 'split', 'orders', '--wait', '--json'],
  ['pair', 'list', '--json'],
  ['pair', 'list'],
  ['pair', 'resync', 'tokyo:db', '--wait', '--json'],
  ['volume', 'list', '--json'],
  ['history', '--json'],
  ['history'],
  ['topology', 'export'],
];

const PAIR_SCRIPT: typeof GROUP_SCRIPT = [
  ['topology', 'apply', fixture('two-sites'), '--json'],
  { write: 'contents', to: 'tokyo:db' },
  ['volume', 'create', 'tokyo:db-copy', '--size', '4MiB', '--json'],
  ['pair', 'create', 'tokyo:db', 'tokyo:db-copy', '--wait', '--json'],
  ['pair', 'split', 'tokyo:db', '--wait', '--json'],
  ['pair', 'split', 'tokyo:db', '--wait', '--json'],
  { write: 'changed', to: 'tokyo:db-copy' },
  ['pair', 'resync', 'tokyo:db', 'tokyo:db-copy'],
  ['pair', 'resync', 'tokyo:db', 'tokyo:db-copy', '--discard', '--wait'],
  ['pair', 'verify', 'tokyo:db', 'osaka:db', '--json'],
  ['fault', 'set', 'tokyo', 'io-error', '--volume', 'db', '--track', '0', '--on', 'read'],
  ['pair', 'resync', 'tokyo:db', 'osaka:db', '--wait', '--json'],
  ['pair', 'show', 'tokyo:db', 'osaka:db', '--json'],
  ['volume', 'show', 'tokyo:db', '--json'],
  ['system', 'check', 'tokyo', '--json'],
  ['history', '--json'],
];

const SESSION_SCRIPT: typeof GROUP_SCRIPT = [
  ['topology', 'apply', fixture('session')],
  { write: 'of the session', to: 'tokyo:db' },
  ['copier', 'run', '--once'],
  ['pair', 'wait', '*:*', '--status', 'duplex', '--timeout', '30s'],
  ['checkpoint', 'mark', 'j', '--json'],
  ['copier', 'run', '--once'],
  ['checkpoint', 'apply', 'j', '--json'],
  ['pair', 'list', '--json'],
  ['history', '--system', 'tokyo', '--json'],
  ['topology', 'export'],
];

/** Checkpoints order writes: their times, with nanoseconds, go on by the kernel's clock. */
const CHECKPOINT_TIMES = /2026-03-01T12:\d\d:\d\d\.\d{4,9}Z/g;

const env = { COPYSET_SEED: '42', COPYSET_NOW: '2026-03-01T12:00:00Z', TZ: 'UTC' };

/** Everything that the script prints in a folder of its own, whose name is the only thing taken out. */
async function outputsOf(
  script: typeof GROUP_SCRIPT,
  folder: string,
  more: Record<string, string> = {},
): Promise<string[]> {
  const outputs: string[] = [];
  for (const line of script) {
    const words = 'write' in line ? ['volume', 'write', line.to] : line;
    const input = 'write' in line ? line.write : '';
    const { code, stdout, stderr } = await runCopyset(words, { cwd: folder, env: { ...env, ...more }, input });
    outputs.push(`$ copyset ${words.join(' ')} -> ${code}\n${stdout}${stderr}`.replaceAll(folder, 'ROOT'));
  }
  return outputs;
}

describe('a script over fixture systems', () => {
  const folders: string[] = [];
  beforeAll(async () => {
    for (let count = 0; count < 3; count += 1) folders.push(await mkdtemp(join(tmpdir(), 'copyset-same-')));
  });
  afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

  it('prints the same in another folder, byte by byte: with a consistency group', async () => {
    const first = await outputsOf(GROUP_SCRIPT, folders[0] ?? '');
    expect(first.filter((output) => output.includes('Code: bug'))).toEqual([]);
    expect(first.join('\n')).toContain('"outcome":"formed"');
    expect(await outputsOf(GROUP_SCRIPT, folders[1] ?? '')).toEqual(first);
  });

  it('prints the same in another folder, byte by byte: with refusals and a fault', async () => {
    const [here, there] = [join(folders[0] ?? '', 'b'), join(folders[1] ?? '', 'b')];
    await mkdir(here);
    await mkdir(there);
    const first = await outputsOf(PAIR_SCRIPT, here);
    expect(first.join('\n')).toContain('Code: discard-needed');
    expect(await outputsOf(PAIR_SCRIPT, there)).toEqual(first);
  });

  it('prints the same in another folder but for the times of checkpoints: with a session', async () => {
    const [here, there] = [join(folders[0] ?? '', 'c'), join(folders[1] ?? '', 'c')];
    await mkdir(here);
    await mkdir(there);
    const timeless = async (folder: string): Promise<string[]> =>
      (await outputsOf(SESSION_SCRIPT, folder)).map((output) => output.replaceAll(CHECKPOINT_TIMES, 'TIME'));
    const first = await timeless(here);
    expect(first.join('\n')).toContain('"to":1');
    expect(await timeless(there)).toEqual(first);
  });

  it('prints other ids with another seed, and no id twice', async () => {
    const [first = '', ...rest] = await outputsOf(GROUP_SCRIPT.slice(0, 4), folders[2] ?? '', { COPYSET_SEED: '43' });
    expect([first, ...rest].join('\n')).not.toContain('Error:');
    const { stdout } = await runCopyset(['history', '--json'], { cwd: folders[2] ?? '', env });
    const { events } = JSON.parse(stdout) as { events: { id: string; system: string; phase: string; time: string }[] };
    const starts = events.filter(({ phase }) => phase === 'start').map(({ system, id }) => `${system} ${id}`);
    expect(new Set(starts).size).toBe(starts.length);
    expect(new Set(events.map(({ time }) => time))).toEqual(new Set(['2026-03-01T12:00:00.000Z']));
    const { stdout: seeded } = await runCopyset(['history', '--json'], { cwd: folders[0] ?? '', env });
    expect(seeded).not.toContain(events[0]?.id);
  });
});
