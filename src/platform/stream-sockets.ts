import { createConnection, createServer, type Socket } from 'node:net';
import { resolve } from 'node:path';
import {
  type ByteStream,
  type StreamAddress,
  StreamError,
  type StreamEvents,
  type StreamListener,
  type Streams,
  type TlsIdentity,
} from '../core/ports/ports.js';
import { systemCode } from './file-faults.js';
import { listenFailure, pathFailure } from './listen-failures.js';
import { madeAnew } from './received.js';
import { listenAtPath, socketPath } from './socket-place.js';
import { wakefulness } from './wakefulness.js';

/** A TCP peer that is silent for so long is asked whether it still lives. */
const KEEP_ALIVE_AFTER_MS = 60_000;

/**
 * How bytes are received. `reused`: into one buffer of the connection, the documented `onread` of a socket that is made anew
 * around the accepted handle, which is not documented. `events`: by 'data' events, for a library in which that fails.
 */
export type ReceiveMode = 'reused' | 'events';

/** Bytes that leave after the next ones arrived. */
interface Postponed {
  readonly bytes: Uint8Array;
  readonly handedOver: () => void;
}

/** One connection over a unix or TCP socket, encrypted from `secure` on. */
class SocketStream implements ByteStream {
  #socket: Socket;
  #events: StreamEvents | undefined;
  #reason: Error | undefined;
  #closed = false;
  #postponed: Postponed | undefined;
  readonly #receivesByItself: boolean;

  constructor(accepted: Socket, mode: ReceiveMode) {
    const received = (bytes: Buffer) => {
      wakefulness.stir();
      this.#received(bytes);
    };
    const anew = mode === 'reused' ? madeAnew(accepted, { allowHalfOpen: true }, received) : undefined;
    this.#socket = anew ?? accepted;
    this.#receivesByItself = anew !== undefined;
    this.#watch(this.#socket);
  }

  start(events: StreamEvents): void {
    this.#events = events;
    if (this.#closed) {
      events.closed(this.#reason);
      return;
    }
    if (!this.#receivesByItself) this.#socket.on('data', (chunk: Buffer) => this.#received(chunk));
    this.#socket.resume();
  }

  write(bytes: Uint8Array, handedOver?: () => void): void {
    this.#sendPostponed();
    if (this.#closed || !this.#socket.writable) return;
    if (handedOver === undefined) this.#socket.write(bytes);
    else
      this.#socket.write(bytes, (error) => {
        if (!error) handedOver();
      });
  }

  writeSoon(bytes: Uint8Array, handedOver: () => void): void {
    this.#sendPostponed();
    const postponed = { bytes, handedOver };
    this.#postponed = postponed;
    // The loop looks for arrived bytes between the two.
    setImmediate(() => {
      if (this.#postponed === postponed)
        setImmediate(() => {
          if (this.#postponed === postponed) this.#sendPostponed();
        });
    });
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#closed) this.#socket.resume();
  }

  async secure(identity: TlsIdentity): Promise<void> {
    const { encrypted } = await import('./stream-tls.js');
    const plain = this.#socket;
    plain.removeAllListeners('end').removeAllListeners('close').removeAllListeners('data');
    try {
      this.#socket = await encrypted(plain, identity);
    } catch (error) {
      plain.destroy();
      this.#reason ??= error instanceof Error ? error : undefined;
      this.#end();
      throw error;
    }
    this.#watch(this.#socket);
    if (this.#events !== undefined) this.#socket.on('data', (chunk: Buffer) => this.#received(chunk));
  }

  close(): void {
    this.#sendPostponed();
    this.#socket.destroySoon();
  }

  abort(): void {
    this.#socket.destroy();
  }

  #received(bytes: Buffer): void {
    this.#sendPostponed();
    this.#events?.bytes(bytes);
  }

  #sendPostponed(): void {
    const postponed = this.#postponed;
    if (postponed === undefined) return;
    this.#postponed = undefined;
    this.write(postponed.bytes, postponed.handedOver);
  }

  #watch(socket: Socket): void {
    socket.on('end', () => this.#events?.ended());
    socket.on('error', (error) => {
      this.#reason ??= new StreamError('broken', 'the connection broke', error);
    });
    socket.on('close', () => this.#end());
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#events?.closed(this.#reason);
  }
}

async function listen(
  address: StreamAddress,
  onStream: (stream: ByteStream) => void,
  mode: ReceiveMode,
): Promise<StreamListener> {
  const options = {
    pauseOnConnect: true,
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_AFTER_MS,
  };
  const server = createServer(options, (socket) => onStream(new SocketStream(socket, mode)));
  if (address.kind === 'unix') {
    const path = resolve(address.path);
    if (await isListening(path)) throw new StreamError('in-use', `somebody listens at ${path}`);
    let stop: () => void;
    try {
      stop = await listenAtPath(server, path);
    } catch (error) {
      throw pathFailure(path, error);
    }
    server.on('error', () => {});
    return { address: { kind: 'unix', path }, close: async () => stop() };
  }
  const port = await new Promise<number>((resolvePromise, reject) => {
    server.once('error', (error) => reject(listenFailure(`${address.host} port ${address.port}`, error)));
    server.listen(address.port, address.host, () => {
      const bound = server.address();
      resolvePromise(typeof bound === 'object' && bound !== null ? bound.port : address.port);
    });
  });
  // A failing accept (no descriptors left) costs that connection, not the process.
  server.on('error', () => {});
  return { address: { ...address, port }, close: async () => void server.close() };
}

/** Whether a living process accepts connections at the path. */
function isListening(path: string): Promise<boolean> {
  let place: ReturnType<typeof socketPath>;
  try {
    place = socketPath(path);
  } catch {
    return Promise.resolve(false);
  }
  return new Promise((resolvePromise) => {
    const probe = createConnection({ path: place.path });
    const answer = (found: boolean) => {
      probe.destroy();
      place.close();
      resolvePromise(found);
    };
    probe.once('connect', () => answer(true));
    probe.once('error', (error) => answer(systemCode(error) === 'EAGAIN'));
  });
}

/** The Streams port over sockets, with the way to receive chosen. */
export function socketStreams(mode: ReceiveMode): Streams {
  return { listen: (address, onStream) => listen(address, onStream, mode) };
}

export const streamSockets: Streams = socketStreams('reused');
