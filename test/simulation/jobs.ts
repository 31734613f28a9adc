import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What one process of a campaign does: schedules of formations and of sessions, from a seed of its own each. */
export interface Slice {
  readonly formations: number;
  readonly formationSeed: number;
  readonly sessions: number;
  readonly sessionSeed: number;
}

/** So that every seed of the whole is played by exactly one. */
export function slicesOf(jobs: number, seed: number, formations: number, sessions: number): Slice[] {
  const from = (total: number, job: number) => Math.floor((total * job) / jobs);
  return Array.from({ length: jobs }, (_, job) => ({
    formations: from(formations, job + 1) - from(formations, job),
    formationSeed: seed + from(formations, job),
    sessions: from(sessions, job + 1) - from(sessions, job),
    sessionSeed: seed + from(sessions, job),
  }));
}

/**
 * Plays each of these command lines in a process of its own, from one file: what is loaded module by module from its sources keeps the
 * name of every function that is made, which costs a schedule a quarter of its time. Answers whether all of them found nothing; the
 * first that finds something ends the others.
 */
export async function playAll(commandLines: readonly (readonly string[])[]): Promise<boolean> {
  const top = fileURLToPath(new URL('../..', import.meta.url));
  const bundle = join(top, '.cache', `simulate-${process.pid}.mjs`);
  mkdirSync(join(top, '.cache'), { recursive: true });
  const { build } = await import('esbuild');
  await build({
    entryPoints: [join(top, 'test/simulation/simulate.ts')],
    outfile: bundle,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    packages: 'external',
    sourcemap: 'inline',
    logLevel: 'error',
  });
  const children = commandLines.map((line) =>
    spawn(process.execPath, ['--enable-source-maps', bundle, '--job', ...line], {
      cwd: top,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    }),
  );
  try {
    const verdicts = children.map(async (child) => {
      const foundNothing = await endOf(child);
      if (!foundNothing) for (const other of children) other.kill('SIGKILL');
      return foundNothing;
    });
    return (await Promise.all(verdicts)).every(Boolean);
  } finally {
    rmSync(bundle, { force: true });
  }
}

function endOf(child: ChildProcess): Promise<boolean> {
  return new Promise((resolve) => {
    child.on('error', () => resolve(false));
    child.on('close', (code) => resolve(code === 0));
  });
}

/** A process of a campaign ends with the one that started it. */
export function endWithParent(): void {
  process.on('disconnect', () => process.exit(1));
  process.channel?.unref();
}
