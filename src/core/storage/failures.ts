import { type ErrorCode, failure } from '../foundation/foundation.js';
import { FileError, type FileFault } from '../ports/ports.js';

const MEANINGS: Readonly<
  Record<FileFault, { readonly code: ErrorCode; readonly says: string; readonly hint?: string }>
> = {
  'not-found': { code: 'file-not-found', says: 'is not there' },
  exists: { code: 'already-exists', says: 'is there already' },
  'not-regular': {
    code: 'not-regular',
    says: 'is a link, a folder or a special file, where a plain file must be',
    hint: 'Look at what lies there; copyset follows no links and uses no file with a second name.',
  },
  'not-empty': { code: 'not-empty', says: 'is not empty' },
  'no-space': { code: 'no-space', says: 'found no space left', hint: 'Make room on the file system and try again.' },
  'too-large': { code: 'file-too-large', says: 'would be larger than the file system allows' },
  'read-only': { code: 'read-only', says: 'lies on a read-only file system' },
  permission: {
    code: 'io-error',
    says: 'may not be used by this user',
    hint: 'Check who owns the file and its folder.',
  },
  io: { code: 'io-error', says: 'met an error of the storage below', hint: 'Look at the system log of this host.' },
};

/**
 * Turns a FileError into the ToolkitError that a person understands. `what` names the thing with its article ("the pair
 * table of system tokyo"). Anything else comes back unchanged.
 */
export function toToolkitError(error: unknown, what: string, hint?: string): unknown {
  if (!(error instanceof FileError)) return error;
  const meaning = MEANINGS[error.fault];
  const subject = what.charAt(0).toUpperCase() + what.slice(1);
  return failure(meaning.code, `${subject} ${meaning.says} (${error.operation} ${error.path}).`, hint ?? meaning.hint, {
    details: { path: error.path, operation: error.operation },
    cause: error,
  });
}

/** Runs a piece of file work; its FileErrors leave as ToolkitErrors that name `what`. */
export function naming<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw toToolkitError(error, what);
  }
}
