import { closeSync, openSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileError, systemCode } from './file-faults.js';

const RUN_FILE = /^run\.(\d+)$/;

/**
 * The number of a run of a fixture system: one above the highest that any process had before. It is kept as the name of an empty file in
 * the system's folder. The highest one is never removed, so a number that is made while a higher one stands is given up.
 */
export function nextRun(folder: string): number {
  try {
    for (;;) {
      const run = highestRun(folder) + 1;
      if (!make(join(folder, `run.${run}`)) || highestRun(folder) > run) continue;
      for (let old = run - 1; old > 0 && remove(folder, old); old -= 1);
      return run;
    }
  } catch (error) {
    throw fileError(error, 'count runs', folder);
  }
}

function highestRun(folder: string): number {
  return Math.max(0, ...readdirSync(folder).map((name) => Number(RUN_FILE.exec(name)?.[1] ?? 0)));
}

function make(path: string): boolean {
  try {
    closeSync(openSync(path, 'wx', 0o600));
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** False where it was not there: those below it are gone as well. */
function remove(folder: string, run: number): boolean {
  try {
    rmSync(join(folder, `run.${run}`));
    return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}
