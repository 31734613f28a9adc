import { Socket, type SocketConstructorOpts } from 'node:net';

/** Large enough for a whole request of 128 KiB with what follows it; each connection has one. */
const RECEIVE_BUFFER_BYTES = 256 * 1024;

/**
 * The documented `onread` of a socket: all that comes goes into one buffer, which is used again when `bytes` returns. `room` says where
 * the next bytes go instead, until some came.
 */
export function intoOneBuffer(bytes: (received: Buffer) => void, room: () => Uint8Array | undefined = () => undefined) {
  const own = Buffer.allocUnsafeSlow(RECEIVE_BUFFER_BYTES);
  return {
    buffer: () => room() ?? own,
    callback: (length: number, buffer: Uint8Array) => {
      bytes(Buffer.from(buffer.buffer, buffer.byteOffset, length));
      return true;
    },
  };
}

/**
 * An accepted connection as a paused socket that receives into one buffer, made anew around its handle; undefined where the library
 * has no such handle, for that is not documented.
 */
export function madeAnew(
  accepted: Socket,
  options: { readonly allowHalfOpen: boolean },
  bytes: (received: Buffer) => void,
  room?: () => Uint8Array | undefined,
): Socket | undefined {
  const { _handle: handle } = accepted as unknown as { _handle?: { useUserBuffer?: unknown } };
  if (typeof handle?.useUserBuffer !== 'function') return undefined;
  return new Socket({
    handle,
    allowHalfOpen: options.allowHalfOpen,
    pauseOnCreate: true,
    onread: intoOneBuffer(bytes, room),
  } as SocketConstructorOpts);
}
