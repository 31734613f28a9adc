import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT_CODE_MEANINGS, EXIT_CODES } from '../../src/cli/exit-codes.js';
import { ERROR_CODES } from '../../src/core/foundation/foundation.js';
import { runCopyset } from './run-copyset.js';

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'copyset-cli-'));
});
afterAll(() => rm(cwd, { recursive: true }));

describe('the program', () => {
  it('says its version', async () => {
    const ended = await runCopyset(['--version'], { cwd });
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toMatch(/^copyset\/\d+\.\d+\.\d+ \S+ node-v\d+/);
  });

  it.each([[[]], [['--help']], [['help']], [['help', 'system', 'list']], [['system']], [['system', 'list', '--help']]])(
    'helps with %j',
    async (words) => {
      const ended = await runCopyset(words, { cwd });
      expect(ended).toMatchObject({ code: 0, stderr: '' });
      expect(ended.stdout).toContain('USAGE');
    },
  );

  it('does not know a misspelt command, and says what was probably meant', async () => {
    const ended = await runCopyset(['system', 'lst'], { cwd });
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toBe(
      'Error: There is no command "system lst".\nHint: Did you mean: copyset system list\nCode: usage\n',
    );
  });

  it.each([
    [['--root', '.', 'pair', 'delete', 'tokyo:db'], '"--root" stands where a command is wanted.'],
    [['pair', '--root', '.', 'list'], '"--root" stands where a command is wanted after "pair".'],
    [['pair', 'lst', '--quiet'], 'There is no command "pair lst".'],
  ])('does not help with %j and end with 0, as if it had done what was meant', async (words, told) => {
    const ended = await runCopyset(words, { cwd });
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toContain(told);
  });

  it('prints an error as one JSON object with --json, on standard error with --quiet too', async () => {
    const loud = await runCopyset(['system', 'list', '--nope', '--json'], { cwd });
    expect(loud.code).toBe(2);
    expect(JSON.parse(loud.stdout)).toMatchObject({ schemaVersion: 1, error: { code: 'usage', exitCode: 2 } });
    expect(loud.stderr).toBe('');
    const quiet = await runCopyset(['system', 'list', '--nope', '--json', '--quiet'], { cwd });
    expect(quiet.stdout).toBe('');
    expect(JSON.parse(quiet.stderr)).toMatchObject({ error: { code: 'usage' } });
  });

  it('lists nothing in an empty folder, in one JSON object', async () => {
    const ended = await runCopyset(['system', 'list', '--json'], { cwd, env: { COPYSET_NOW: '2026-03-01T12:00:00Z' } });
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(ended.stdout)).toEqual({ schemaVersion: 1, asOf: '2026-03-01T12:00:00.000Z', systems: [] });
  });
});

describe('exit codes', () => {
  it('each error code has one, and each has a meaning', () => {
    const bare = ERROR_CODES.filter((code) => EXIT_CODE_MEANINGS[EXIT_CODES[code]] === undefined);
    expect(bare).toEqual([]);
  });
});
