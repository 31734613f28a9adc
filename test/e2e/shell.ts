import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const runJs = fileURLToPath(new URL('../../bin/run.js', import.meta.url));

export interface ShellEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A copyset that goes on in another shell while a test does something else. */
export class Shell {
  readonly child: ChildProcess;
  readonly ended: Promise<ShellEnd>;
  stdout = '';
  stderr = '';

  constructor(cwd: string, ...words: string[]) {
    const env = { ...process.env, NO_COLOR: '1', COPYSET_ROOT: '' };
    const child = spawn(process.execPath, [runJs, ...words], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.on('data', (piece: Buffer) => (this.stdout += piece.toString()));
    child.stderr.on('data', (piece: Buffer) => (this.stderr += piece.toString()));
    this.child = child;
    this.ended = once(child, 'close').then(([code, signal]) => ({ code, signal }) as ShellEnd);
  }

  get isAlive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  async end(signal: NodeJS.Signals): Promise<ShellEnd> {
    this.child.kill(signal);
    return this.ended;
  }
}

/** Looks again and again until `look` answers; a protective limit, not a measurement. */
export async function eventually<T>(look: () => T | undefined | Promise<T | undefined>, limitMs = 30_000): Promise<T> {
  const deadlineMs = performance.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadlineMs) throw new Error(`It did not come true within ${limitMs} ms.`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
