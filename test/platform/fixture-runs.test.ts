import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nextRun } from '../../src/platform/platform.js';
import { temporaryFolder } from './temporary-folder.js';

describe('the runs of a fixture system', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  beforeEach(() => {
    folder = temporaryFolder();
  });
  afterEach(() => folder.remove());

  it('are counted from 1, and only the last number is kept', () => {
    expect([nextRun(folder.path), nextRun(folder.path), nextRun(folder.path)]).toEqual([1, 2, 3]);
    expect(readdirSync(folder.path)).toEqual(['run.3']);
  });

  it('go on above a number that another process made meanwhile', () => {
    writeFileSync(`${folder.path}/run.7`, '');
    expect(nextRun(folder.path)).toBe(8);
  });

  it('fail with the fault of the folder where it is gone', () => {
    rmSync(folder.path, { recursive: true });
    expect(() => nextRun(folder.path)).toThrow(expect.objectContaining({ name: 'FileError', fault: 'not-found' }));
  });
});
