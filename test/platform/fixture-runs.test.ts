import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nextRun } from '../../src/platform/platform.js';
import { temporaryFolder } from './temporary-folder.js';

const platform = new URL('../../src/platform/platform.ts', import.meta.url).href;
const hasStrace = spawnSync('strace', ['-V']).status === 0;

describe('the runs of a fixture system', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  beforeEach(() => {
    folder = temporaryFolder();
  });
  afterEach(() => folder.remove());

  it('are counted from 1, and only the last number is kept', () => {
    expect([nextRun(folder.path, 'none'), nextRun(folder.path, 'none'), nextRun(folder.path, 'none')]).toEqual([
      1, 2, 3,
    ]);
    expect(readdirSync(folder.path)).toEqual(['run.3']);
  });

  it('go on above a number that another process made meanwhile', () => {
    writeFileSync(`${folder.path}/run.7`, '');
    expect(nextRun(folder.path, 'none')).toBe(8);
  });

  it('fail with the fault of the folder where it is gone', () => {
    rmSync(folder.path, { recursive: true });
    expect(() => nextRun(folder.path, 'none')).toThrow(
      expect.objectContaining({ name: 'FileError', fault: 'not-found' }),
    );
  });

  it.skipIf(!hasStrace)(
    'is durable before it is used, where the system outlives a loss of power (needs strace)',
    () => {
      const trace = join(folder.path, 'trace');
      const program = `import { nextRun } from ${JSON.stringify(platform)}; nextRun(process.argv[1], process.argv[2]); process.exit();`;
      const calls = (durability: string) => {
        const words = [
          '-e',
          'trace=openat,fsync',
          '-o',
          trace,
          process.execPath,
          '--import',
          'tsx',
          '--input-type=module',
        ];
        execFileSync('strace', [...words, '-e', program, folder.path, durability]);
        const lines = readFileSync(trace, 'utf8').split('\n');
        const made = lines.findIndex((line) => /run\.\d+".*O_EXCL/.test(line));
        expect(made).toBeGreaterThan(-1);
        return lines.slice(made).filter((line) => line.startsWith('fsync(')).length;
      };
      expect([calls('power'), calls('none')]).toEqual([1, 0]);
    },
  );
});
