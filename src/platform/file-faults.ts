import { FileError, type FileFault } from '../core/ports/ports.js';

const FAULTS: Readonly<Record<string, FileFault>> = {
  ENOENT: 'not-found',
  ENOTDIR: 'not-found',
  EEXIST: 'exists',
  ELOOP: 'not-regular',
  EISDIR: 'not-regular',
  ENXIO: 'not-regular',
  ENODEV: 'not-regular',
  ENOTEMPTY: 'not-empty',
  ENOSPC: 'no-space',
  EDQUOT: 'no-space',
  EFBIG: 'too-large',
  EROFS: 'read-only',
  EACCES: 'permission',
  EPERM: 'permission',
};
/** Operations on something that must be a folder, or must not be one, see ENOTDIR as a thing of the wrong kind. */
const WANTS_A_FOLDER: ReadonlySet<string> = new Set(['list', 'rename', 'flush folder']);

/** The system's short name of an error, as in `ENOENT`. */
export function systemCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}

/** What a file operation threw, as a FileError. */
export function fileError(error: unknown, operation: string, path: string): FileError {
  if (error instanceof FileError) return error;
  const code = systemCode(error);
  const fault = code === 'ENOTDIR' && WANTS_A_FOLDER.has(operation) ? 'not-regular' : FAULTS[code ?? ''];
  return new FileError(fault ?? 'io', operation, path, error);
}
