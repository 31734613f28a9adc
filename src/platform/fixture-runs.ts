import { closeSync, fsyncSync, openSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileError, systemCode } from './file-faults.js';

const RUN_FILE = /^run\.(\d+)$/;

/**
 * The number of a run of a fixture system: one above the highest that any process had before. It is kept as the name of an empty file in
 * the system's folder. The highest one is never removed, so a number that is made while a higher one stands is given up. Where the system
 * outlives a loss of power the name is durable before the number is used: a run that came twice would send requests of the same ids, and
 * be answered with what the first one did.
 */
export function nextRun(folder: string, durability: 'power' | 'none'): number {
  try {
    for (;;) {
      const run = highestRun(folder) + 1;
      if (!make(join(folder, `run.${run}`)) || highestRun(folder) > run) continue;
      if (durability === 'power') flushNames(folder);
      for (let old = run - 1; old > 0 && remove(folder, old); old -= 1);
      return run;
    }
  } catch (error) {
    throw fileError(error, 'count runs', folder);
  }
}

function flushNames(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
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
