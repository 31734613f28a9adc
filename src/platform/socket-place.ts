import { closeSync, constants, lstatSync, openSync, renameSync, unlinkSync } from 'node:fs';
import type { Server } from 'node:net';
import { basename, dirname } from 'node:path';
import { LinkError } from '../core/ports/ports.js';

/** What fits a socket address beside its final zero. */
const SOCKET_PATH_MAX_BYTES = 107;

/** A path that the kernel takes as a socket's address, for as long as it is not closed. */
interface SocketPath {
  readonly path: string;
  close(): void;
}

/** A path that is too long for a socket is named through an open descriptor of its folder instead. */
export function socketPath(path: string): SocketPath {
  if (Buffer.byteLength(path) <= SOCKET_PATH_MAX_BYTES) return { path, close: () => {} };
  const fd = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  const short = `/proc/self/fd/${fd}/${basename(path)}`;
  if (Buffer.byteLength(short) <= SOCKET_PATH_MAX_BYTES) return { path: short, close: () => closeSync(fd) };
  closeSync(fd);
  throw new LinkError('no-listener', `the name of ${path} is too long for a socket`);
}

/** The socket's file is made inside `listen`: private from its first moment, without a chmod that comes too late. */
function withPrivateUmask(call: () => void): void {
  let umask: number | undefined;
  try {
    umask = process.umask(0o077);
  } catch {
    // Worker threads may not set it; the folder is private too.
  }
  try {
    call();
  } finally {
    if (umask !== undefined) process.umask(umask);
  }
}

function startListening(server: Server, path: string): Promise<void> {
  return new Promise((resolvePromise, reject) => {
    server.once('error', reject);
    withPrivateUmask(() => {
      server.listen(path, () => {
        server.off('error', reject);
        resolvePromise();
      });
    });
  });
}

function assertSocketOrNothing(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found !== undefined && !found.isSocket()) throw new LinkError('no-listener', `${path} is there and is no socket`);
}

/** The name under which a server begins to listen. */
export function besideSocket(path: string): string {
  return `${path}.new`;
}

/**
 * Listens under a name beside the path and then renames it onto the path. So a dead owner's socket is replaced in one step,
 * and when the server closes, the library removes that other name and never a successor's socket. The answer stops it.
 */
export async function listenAtPath(server: Server, path: string): Promise<() => void> {
  const beside = besideSocket(path);
  assertSocketOrNothing(path);
  assertSocketOrNothing(beside);
  let place: SocketPath | undefined;
  try {
    if (lstatSync(beside, { throwIfNoEntry: false }) !== undefined) unlinkSync(beside);
    place = socketPath(beside);
    await startListening(server, place.path);
    renameSync(beside, path);
  } catch (error) {
    server.close();
    place?.close();
    throw error instanceof LinkError ? error : new LinkError('no-listener', `cannot listen at ${path}`, error);
  }
  const inode = lstatSync(path, { throwIfNoEntry: false })?.ino;
  return () => stopListening(server, path, inode, place);
}

/** Takes no new connections; open ones stay. */
function stopListening(server: Server, path: string, inode: number | undefined, place: SocketPath | undefined): void {
  if (!server.listening) return;
  const present = lstatSync(path, { throwIfNoEntry: false });
  try {
    if (present !== undefined && present.ino === inode) unlinkSync(path);
  } catch {
    // Somebody removed the folder under it: nothing is left to tidy up.
  }
  server.close();
  place?.close();
}
