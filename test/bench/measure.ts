import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const runJs = fileURLToPath(new URL('../../bin/run.js', import.meta.url));

/** A command as a whole process: program and words. */
export type Command = readonly [string, ...string[]];

export const copyset = (...words: string[]): Command => [process.execPath, runJs, ...words];

export class Bench {
  readonly #env: NodeJS.ProcessEnv;

  constructor(root: string) {
    this.#env = { ...process.env, COPYSET_ROOT: root, NO_COLOR: '1' };
  }

  /** Runs a command to its end and returns how long the whole process took. */
  timeMs([program, ...words]: Command): number {
    const startedMs = performance.now();
    const { status, stderr, error } = spawnSync(program, words, {
      env: this.#env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const tookMs = performance.now() - startedMs;
    if (status !== 0) throw new Error(`${program} ${words.join(' ')} ended with ${status}: ${error ?? stderr}`);
    return tookMs;
  }

  /** The most memory a command held at once. */
  peakBytes([program, ...words]: Command): Promise<number> {
    return new Promise((resolve, reject) => {
      const child = spawn(program, words, { env: this.#env, stdio: 'ignore' });
      let peakKib = 0;
      const look = setInterval(() => {
        peakKib = Math.max(peakKib, highWaterKib(child.pid));
      }, 10);
      child.on('error', reject);
      child.on('exit', (status) => {
        clearInterval(look);
        if (status === 0) resolve(peakKib * 1024);
        else reject(new Error(`${program} ${words.join(' ')} ended with ${status}`));
      });
    });
  }
}

function highWaterKib(pid: number | undefined): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0; // It has ended.
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] ?? 0) + (sorted[sorted.length >> 1] ?? 0)) / 2;
}

/** Measures in rounds, the order turned round in each: what drifts with the machine then falls on all alike. */
export function interleaved<Name extends string>(
  rounds: number,
  contenders: Readonly<Record<Name, () => number>>,
): Record<Name, number[]> {
  const names = Object.keys(contenders) as Name[];
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = 0; round < rounds; round += 1) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) times[name].push(contenders[name]());
  }
  return times;
}

/** The median of what `of` makes of the rounds, one by one. */
export function perRound(rounds: number, of: (round: number) => number): number {
  return median(Array.from({ length: rounds }, (_, round) => of(round)));
}
