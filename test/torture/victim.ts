import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const runJs = fileURLToPath(new URL('../../bin/run.js', import.meta.url));

export interface VictimEnd {
  /** Undefined: it was killed. */
  readonly code: number | undefined;
  readonly text: string;
}

/** A copyset process that may be killed. */
export class Victim {
  readonly words: readonly string[];
  readonly ended: Promise<VictimEnd>;
  readonly startedAtMs = performance.now();
  readonly #child: ChildProcess;
  /** When it was seen to own its system. */
  ownedAtMs: number | undefined;
  killedAtMs: number | undefined;
  endedAtMs: number | undefined;

  constructor(words: readonly string[], root: string, input?: Uint8Array) {
    this.words = words;
    const env = { ...process.env, COPYSET_ROOT: root, NO_COLOR: '1' };
    const child = spawn(process.execPath, [runJs, ...words], { env, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child = child;
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece: Buffer) => (text += piece.toString()));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    this.ended = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => {
        this.endedAtMs = performance.now();
        resolve({ code: signal === 'SIGKILL' ? undefined : (code ?? 1), text });
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** kill -9. */
  kill(): void {
    if (!this.isAlive) return;
    this.killedAtMs = performance.now();
    this.#child.kill('SIGKILL');
  }
}
