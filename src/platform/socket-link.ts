import { createConnection, createServer, type Socket } from 'node:net';
import { resolve } from 'node:path';
import { type Channel, type Link, LinkError, type Listener } from '../core/ports/ports.js';
import { systemCode } from './file-faults.js';
import { intoOneBuffer, madeAnew } from './received.js';
import { SocketChannel } from './socket-channel.js';
import { listenAtPath, socketPath } from './socket-place.js';

/** What a connect meets where no process listens. */
const NOBODY: ReadonlySet<string> = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTDIR', 'ENOTSOCK', 'ECONNRESET', 'EPIPE']);

/** Listens at a path of any length; a dead owner's socket there is replaced. */
async function listen(address: string, onChannel: (channel: Channel) => void): Promise<Listener> {
  const server = createServer({ pauseOnConnect: true }, (socket) => onChannel(accepted(socket)));
  const stop = await listenAtPath(server, resolve(address));
  // A failing accept (no descriptors left) costs that connection, not the process.
  server.on('error', () => {});
  return { address, close: async () => stop() };
}

function accepted(socket: Socket): Channel {
  const channel = new SocketChannel();
  const anew = madeAnew(socket, { allowHalfOpen: false }, ...receiving(channel));
  if (anew === undefined) socket.on('data', (bytes: Buffer) => channel.receive(bytes));
  channel.attach(anew ?? socket);
  return channel;
}

function receiving(channel: SocketChannel) {
  return [(bytes: Buffer) => channel.receive(bytes), () => channel.room()] as const;
}

function connect(address: string): Promise<Channel> {
  const path = resolve(address);
  let place: ReturnType<typeof socketPath>;
  try {
    place = socketPath(path);
  } catch (error) {
    return Promise.reject(
      error instanceof LinkError ? error : new LinkError('no-listener', `nobody listens at ${path}`, error),
    );
  }
  return new Promise((resolvePromise, reject) => {
    const channel = new SocketChannel();
    const onread = intoOneBuffer(...receiving(channel));
    const socket = createConnection({ path: place.path, onread });
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
      channel.attach(socket);
      resolvePromise(channel);
    });
  });
}

/** The Link port over unix sockets; an address is the path of a socket, of any length. */
export const socketLink: Link = { listen, connect };
