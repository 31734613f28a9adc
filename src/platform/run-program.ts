import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/** What a shell reports for a program that cannot be started. */
const NOT_STARTED = 127;
const SIGNALLED = 128;

/** Runs a program of the user's with this process's terminal, and answers its exit code as a shell would. `stop` asks it to end. */
export function runProgram(
  words: readonly string[],
  environment: Record<string, string>,
  stop: AbortSignal,
): Promise<number> {
  return new Promise((resolve) => {
    const [program = '', ...rest] = words;
    const child = spawn(program, rest, { stdio: 'inherit', env: { ...process.env, ...environment } });
    const ask = () => child.kill('SIGTERM');
    stop.addEventListener('abort', ask, { once: true });
    child.once('error', () => resolve(NOT_STARTED));
    child.once('exit', (code, signal) => {
      stop.removeEventListener('abort', ask);
      resolve(code ?? SIGNALLED + (signal ? constants.signals[signal] : 0));
    });
  });
}
