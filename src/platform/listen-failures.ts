import { lstatSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { LinkError, StreamError, type StreamFault } from '../core/ports/ports.js';
import { systemCode } from './file-faults.js';
import { besideSocket, socketPath } from './socket-place.js';

/** Why nobody can listen at a socket's path. The system's own codes do not tell a missing folder from a forbidden one. */
export function pathFailure(path: string, thrown: unknown): StreamError {
  const error = thrown instanceof LinkError ? thrown.cause : thrown;
  const folder = dirname(path);
  const around = look(() => statSync(folder));
  if (around === 'ENAMETOOLONG') return new StreamError('too-long', 'the path is too long for a socket', error);
  if (around === 'ENOENT') return new StreamError('no-folder', `the folder ${folder} is not there`, error);
  if (around === 'ENOTDIR' || (typeof around === 'object' && !around.isDirectory()))
    return new StreamError('no-folder', `${folder} is no folder`, error);
  for (const place of [path, besideSocket(path)]) {
    const found = look(() => lstatSync(place));
    if (found === 'ENAMETOOLONG') return tooLong(error);
    if (typeof found === 'object' && !found.isSocket())
      return new StreamError('in-the-way', `${place} is there and is no socket`, error);
  }
  return fits(besideSocket(path)) ? listenFailure(path, error) : tooLong(error);
}

/** Why nobody can listen at a place, by the system's code alone. */
export function listenFailure(place: string, error: unknown): StreamError {
  const code = systemCode(error);
  const [fault, why] = BY_CODE[code ?? ''] ?? ['bad-address', `cannot listen at ${place}${code ? ` (${code})` : ''}`];
  return new StreamError(fault, why === undefined ? `somebody listens at ${place}` : why, error);
}

const BY_CODE: Readonly<Record<string, readonly [StreamFault, string?]>> = {
  EADDRINUSE: ['in-use'],
  EADDRNOTAVAIL: ['not-here', 'it is no address of this host'],
  ENOTFOUND: ['not-here', 'it is no address of this host'],
  EACCES: ['permission', 'this user may not listen there'],
  EPERM: ['permission', 'this user may not listen there'],
  EROFS: ['permission', 'it lies on a read-only file system'],
};

function tooLong(error: unknown): StreamError {
  return new StreamError('too-long', 'the name is too long for a socket', error);
}

function look(call: () => Stats): Stats | string | undefined {
  try {
    return call();
  } catch (error) {
    return systemCode(error);
  }
}

function fits(path: string): boolean {
  try {
    socketPath(path).close();
    return true;
  } catch (error) {
    return !(error instanceof LinkError);
  }
}
