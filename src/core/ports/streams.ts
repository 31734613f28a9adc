/** Where streams are accepted: a socket's path, or an address and port of this host. */
export type StreamAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/** What a server proves itself with. */
export interface TlsIdentity {
  readonly certificatePem: string;
  readonly keyPem: string;
  /** When set, a client must show a certificate that one of these signed. */
  readonly clientAuthoritiesPem?: string | undefined;
}

export type StreamFault =
  | 'in-use' // somebody listens there
  | 'too-long' // the path's name does not fit a socket's address
  | 'no-folder' // the folder of the path is not there, or is none
  | 'in-the-way' // something that is no socket lies at the path
  | 'not-here' // the address is none of this host
  | 'permission' // this user may not listen there
  | 'bad-address' // nobody can listen there, for another reason
  | 'identity' // the certificate or its key cannot be used
  | 'broken'; // the connection failed, or its encryption could not be agreed on

export class StreamError extends Error {
  override readonly name = 'StreamError';
  readonly fault: StreamFault;
  constructor(fault: StreamFault, message: string, cause?: unknown) {
    super(message, { cause });
    this.fault = fault;
  }
}

export interface StreamEvents {
  /** Bytes arrived. Their memory is used again once the call returns: what is kept must be copied. */
  bytes(chunk: Uint8Array): void;
  /** The other side sends no more. Writing is still possible. */
  ended(): void;
  /** Called once, last of all. With a reason when it was not an ordinary end. */
  closed(reason?: Error): void;
}

/** One two-way connection of bytes, in order. */
export interface ByteStream {
  /** Delivery begins. Called once, in the turn in which the stream was accepted or later. */
  start(events: StreamEvents): void;
  /**
   * Bytes are sent in the order of the calls. They stay untouched until `handedOver` is called, which never happens inside
   * the call itself, nor after the stream closed: one who counts what is not handed over knows how far the other side lags.
   */
  write(bytes: Uint8Array, handedOver?: () => void): void;
  /**
   * As `write`, for one who expects more bytes at this moment: these may leave after the next ones arrived, or where none are there, a
   * turn of the loop later. The other side is then woken once, for the room that it waits for and for what it is sent.
   */
  writeSoon(bytes: Uint8Array, handedOver: () => void): void;
  /** No bytes arrive until `resume`; the other side is held up. */
  pause(): void;
  resume(): void;
  /**
   * The same connection goes on encrypted, with the same events. Call it with nothing left to hand over. Rejects with
   * StreamError `broken` where the two sides do not agree; then the stream closes.
   */
  secure(identity: TlsIdentity): Promise<void>;
  /** Sends what is written, then closes both ways. */
  close(): void;
  /** Closes at once; what was not handed over is lost. */
  abort(): void;
}

export interface StreamListener {
  /** The address as it is; with port 0 the system chose one. */
  readonly address: StreamAddress;
  /** Takes no new streams; resolves when the address is free again. Open streams stay. */
  close(): Promise<void>;
}

export interface Streams {
  /** Rejects with StreamError. A dead process's left-over socket is replaced, a living one's never. */
  listen(address: StreamAddress, onStream: (stream: ByteStream) => void): Promise<StreamListener>;
}
