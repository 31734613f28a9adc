import { closeSync, constants, lstatSync, openSync, renameSync, unlinkSync } from 'node:fs';
import { createConnection, createServer, type Server } from 'node:net';
import { basename, dirname, resolve } from 'node:path';
import { type Channel, type Link, LinkError, type Listener } from '../core/ports/ports.js';
import { systemCode } from './file-faults.js';
import { SocketChannel } from './socket-channel.js';

/** What fits a socket address beside its final zero. */
const SOCKET_PATH_MAX_BYTES = 107;
/** What a connect meets where no process listens. */
const NOBODY: ReadonlySet<string> = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTDIR', 'ENOTSOCK', 'ECONNRESET', 'EPIPE']);

/** A path that the kernel takes as a socket's address, for as long as it is not closed. */
interface SocketPath {
  readonly path: string;
  close(): void;
}

/** A path that is too long for a socket is named through an open descriptor of its folder instead. */
function socketPath(path: string): SocketPath {
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

/**
 * Listens under a name beside the address and then renames it onto the address. So a dead owner's socket is replaced in one
 * step, and when this server closes, the library removes that other name and never a successor's socket.
 */
async function listen(address: string, onChannel: (channel: Channel) => void): Promise<Listener> {
  const path = resolve(address);
  const beside = `${path}.new`;
  const server = createServer((socket) => onChannel(new SocketChannel(socket)));
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
  // A failing accept (no descriptors left) costs that connection, not the process.
  server.on('error', () => {});
  const inode = lstatSync(path, { throwIfNoEntry: false })?.ino;
  return { address, close: async () => stopListening(server, path, inode, place) };
}

/** Takes no new connections; open ones stay. */
function stopListening(server: Server, path: string, inode: number | undefined, place: SocketPath): void {
  if (!server.listening) return;
  const present = lstatSync(path, { throwIfNoEntry: false });
  if (present !== undefined && present.ino === inode) unlinkSync(path);
  server.close();
  place.close();
}

function connect(address: string): Promise<Channel> {
  const path = resolve(address);
  let place: SocketPath;
  try {
    place = socketPath(path);
  } catch (error) {
    return Promise.reject(
      error instanceof LinkError ? error : new LinkError('no-listener', `nobody listens at ${path}`, error),
    );
  }
  return new Promise((resolvePromise, reject) => {
    const socket = createConnection({ path: place.path });
    const onError = (error: Error) => {
      place.close();
      const nobody = NOBODY.has(systemCode(error) ?? '');
      reject(
        nobody
          ? new LinkError('no-listener', `nobody listens at ${path}`, error)
          : new LinkError('closed', `cannot connect to ${path}`, error),
      );
    };
    socket.once('error', onError);
    socket.once('connect', () => {
      place.close();
      socket.off('error', onError);
      resolvePromise(new SocketChannel(socket));
    });
  });
}

/** The Link port over unix sockets; an address is the path of a socket, of any length. */
export const socketLink: Link = { listen, connect };
