import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const top = fileURLToPath(new URL('../..', import.meta.url));

/** The examples are run as their first lines say, with `copyset` on the path. */
describe('the examples', () => {
  let bin = '';
  beforeAll(async () => {
    bin = await mkdtemp(join(tmpdir(), 'copyset-bin-'));
    await writeFile(join(bin, 'copyset'), `#!/bin/sh\nexec "${process.execPath}" "${join(top, 'bin/run.js')}" "$@"\n`);
    await chmod(join(bin, 'copyset'), 0o755);
  });
  afterAll(() => rm(bin, { recursive: true, force: true }));

  async function run(program: string, ...words: string[]): Promise<{ code: number; output: string }> {
    const { NODE_OPTIONS: _, ...environment } = process.env;
    const env = { ...environment, PATH: `${bin}:${process.env.PATH}`, COPYSET_ROOT: '', PYTHONDONTWRITEBYTECODE: '1' };
    return new Promise((resolve) => {
      execFile(program, words, { cwd: top, env }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? -1), output: stdout + stderr });
      });
    });
  }

  it('with the library as a fixture of node:test', async () => {
    const { code, output } = await run(process.execPath, '--test', 'examples/node-test/backup.test.mjs');
    expect(output).toMatch(/pass 3/);
    expect(code).toBe(0);
  });

  it('with the commands as a fixture of a bash script', async () => {
    const { code, output } = await run('bash', 'examples/bash/backup-test.sh');
    expect(output).toContain('1..5');
    expect(output).not.toContain('not ok');
    expect(code).toBe(0);
  });

  it('with the commands as a fixture of a Python suite', async () => {
    const { code, output } = await run('python3', '-m', 'unittest', 'discover', 'examples/python');
    expect(output).toMatch(/Ran 3 tests/);
    expect(output).toMatch(/\nOK\n/);
    expect(code).toBe(0);
  });
});
