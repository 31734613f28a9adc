import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../platform/temporary-folder.js';
import { runCopyset } from './run-copyset.js';

/** What an earlier start leaves for later ones (docs/decisions/0040-compiled-code-is-kept.md). */
describe('a start', () => {
  let place: ReturnType<typeof temporaryFolder>;
  let folder: string;
  const run = (words: string[], env: Record<string, string> = {}) =>
    runCopyset(words, { cwd: place.path, env: { XDG_CACHE_HOME: join(place.path, 'cache'), ...env } });
  const kept = () => (existsSync(folder) ? readdirSync(folder) : []).map((name) => name.split('-').slice(5).join('-'));
  const only = () => join(folder, readdirSync(folder)[0] ?? 'nothing');
  beforeEach(() => {
    place = temporaryFolder();
    folder = join(place.path, 'cache/copyset');
  });
  afterEach(() => place.remove());

  it('leaves its compiled code, which the next of the same command takes as it is', async () => {
    const first = await run(['system', 'create', 'tokyo']);
    expect(kept()).toEqual(['system-create']);
    const { ino, mtimeMs } = statSync(only());
    const second = await run(['system', 'create', 'osaka']);
    expect([first.code, second.code]).toEqual([0, 0]);
    expect(statSync(only())).toMatchObject({ ino, mtimeMs });
    await run(['system', 'list']);
    await run(['--version']);
    expect(kept().sort()).toEqual(['system-create', 'system-list', 'version']);
  });

  it('says the same with kept code as without', async () => {
    await run(['system', 'create', 'tokyo']);
    const words = ['system', 'list', '--columns', 'name,volumes'];
    const [fresh, again] = [await run(words), await run(words)];
    expect(again).toEqual(fresh);
    expect(fresh.stdout).toContain('tokyo');
  });

  it('passes over code that was damaged, and replaces it', async () => {
    const fresh = await run(['system', 'list', '--json']);
    const whole = readFileSync(only());
    const spoilt = Buffer.from(whole);
    spoilt.fill(0x5a, 200_000, 200_016);
    writeFileSync(only(), spoilt);
    const ended = await run(['system', 'list', '--json']);
    expect([ended.code, ended.stderr]).toEqual([fresh.code, fresh.stderr]);
    expect(readFileSync(only()).equals(spoilt)).toBe(false);
  });

  it('leaves nothing of a command that failed, nor where the user wants none', async () => {
    expect((await run(['system', 'show', 'tokyo'])).code).not.toBe(0);
    expect((await run(['--version'], { NODE_DISABLE_COMPILE_CACHE: '1' })).code).toBe(0);
    expect(kept()).toEqual([]);
  });

  it('needs no place for its code', async () => {
    writeFileSync(join(place.path, 'cache'), 'a file');
    for (const env of [{}, { XDG_CACHE_HOME: '', HOME: '' }, { XDG_CACHE_HOME: '', HOME: join(place.path, 'gone') }]) {
      expect(await run(['--version'], env)).toMatchObject({ code: 0, stderr: '' });
    }
    expect(existsSync(join(place.path, 'gone'))).toBe(false);
  });

  it('of many at once leaves one whole entry', async () => {
    mkdirSync(join(place.path, 'cache'));
    const all = await Promise.all(Array.from({ length: 6 }, () => run(['--version'])));
    expect(all.map(({ code }) => code)).toEqual(Array(6).fill(0));
    expect(kept()).toEqual(['version']);
    expect(await run(['--version'])).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('a checkout that was not built', () => {
  it('says so in one line, with what to do', () => {
    const place = temporaryFolder();
    try {
      cpSync(fileURLToPath(new URL('../../bin', import.meta.url)), join(place.path, 'bin'), { recursive: true });
      const { status, stdout, stderr } = spawnSync(process.execPath, [join(place.path, 'bin/run.js'), 'pair', 'list'], {
        encoding: 'utf8',
      });
      expect([status, stdout, stderr.trimEnd().split('\n').length]).toEqual([1, '', 1]);
      expect(stderr).toContain('npm run build');
    } finally {
      place.remove();
    }
  });
});
