import { CLIError } from '@oclif/core/errors';
import { ToolkitError } from '../core/foundation/foundation.js';
import { EXIT, EXIT_CODES } from './exit-codes.js';
import { nowMs } from './now.js';
import { printError, printFailureJson } from './output.js';

/** What oclif repeats of the user's words must not reach a terminal as commands; line breaks and tabs may. */
const UNPRINTABLE = /[^\P{C}\n\t]/gu;

interface Failure {
  readonly code: string;
  readonly exitCode: number;
  readonly message: string;
  readonly hint?: string | undefined;
}

/** Says what went wrong, in words or as JSON, and returns the exit code. Every failure of every command ends here. */
export function reportFailure(error: unknown, argv: readonly string[]): number {
  const found = describeFailure(error);
  const own = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv;
  if (own.includes('--json')) {
    const asOf = new Date(nowMs()).toISOString();
    printFailureJson({ schemaVersion: 1, asOf, error: found }, own.includes('--quiet') ? 'error' : 'output');
  } else {
    printError(`Error: ${found.message}`);
    if (found.hint !== undefined) printError(`Hint: ${found.hint}`);
    printError(`Code: ${found.code}`);
  }
  if (process.env.COPYSET_DEBUG) printError(stackOf(error));
  return found.exitCode;
}

/** Exported for tests. Errors are told apart by class and code, never by their text. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof ToolkitError) {
    return { code: error.code, exitCode: EXIT_CODES[error.code], message: plain(error.message), hint: error.hint };
  }
  if (error instanceof CLIError) {
    return {
      code: 'usage',
      exitCode: EXIT_CODES.usage,
      message: plain(error.message),
      hint: 'See more help with --help',
    };
  }
  if (error instanceof Error && error.name === 'AbortError') {
    return { code: 'interrupted', exitCode: EXIT.interrupted, message: 'Interrupted.' };
  }
  const text = error instanceof Error ? error.message : String(error);
  const hint = 'This is a fault of copyset. COPYSET_DEBUG=1 shows where it happened; please report it.';
  return { code: 'bug', exitCode: EXIT_CODES.bug, message: `Unexpected: ${text}`, hint };
}

/** oclif writes its own frame around messages; the sentence is enough. */
function plain(message: string): string {
  return message
    .replace(/\nSee more help with --help/g, '')
    .replace(/^The following errors? occurred:\n\s+/, '')
    .replace(/^Parsing (--\S+) \n\t/, '$1: ')
    .replace(UNPRINTABLE, '')
    .trim();
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\nCaused by: ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
