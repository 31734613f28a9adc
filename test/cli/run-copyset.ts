import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const runJs = fileURLToPath(new URL('../../bin/run.js', import.meta.url));

/** Runs copyset as a user does: the built program in a process of its own. */
export function runCopyset(
  words: readonly string[],
  options: { cwd?: string; env?: Record<string, string>; input?: string | Uint8Array } = {},
) {
  return new Promise<Ended>((resolve, reject) => {
    const env = { ...process.env, NO_COLOR: '1', COPYSET_ROOT: '', ...options.env };
    const child = spawn(process.execPath, [runJs, ...words], { cwd: options.cwd, env });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
  });
}
