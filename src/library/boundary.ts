import { EXIT, EXIT_CODES } from '../cli/exit-codes.js';
import { isToolkitError } from '../core/foundation/foundation.js';
import { CopysetError } from './errors.js';

/** The core's errors as the library's. */
export async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isToolkitError(error)) throw error;
    const { code, message, hint, details } = error;
    throw new CopysetError(code, message, { exitCode: EXIT_CODES[code], hint, details, cause: error });
  }
}

const WAITS = {
  'timed-out': ['wait-timed-out', EXIT.waitTimedOut, 'The time to wait is over'],
  suspended: ['wait-suspended', EXIT.suspended, 'The pair is suspended'],
  unreachable: ['wait-unreachable', EXIT.cannotCome, 'The pair came to a status from which the wanted one cannot come'],
} as const;

/** A wait that ended without what was waited for. */
export function waitError(verdict: keyof typeof WAITS, what: string): CopysetError {
  const [code, exitCode, words] = WAITS[verdict];
  return new CopysetError(code, `${words}: ${what}.`, { exitCode });
}
