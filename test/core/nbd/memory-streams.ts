import {
  type ByteStream,
  type StreamAddress,
  StreamError,
  type StreamEvents,
  type StreamListener,
  type Streams,
} from '../../../src/core/ports/ports.js';

const POISON = 0xa5;

/**
 * Streams in memory, for tests. The server's side keeps the promises of the port to the letter and punishes who breaks them:
 * a chunk's memory is spoilt after its call, and written bytes are copied only when they are handed over, one turn later.
 */
export class MemoryStreams implements Streams {
  #onStream: ((stream: ByteStream) => void) | undefined;

  async listen(address: StreamAddress, onStream: (stream: ByteStream) => void): Promise<StreamListener> {
    this.#onStream = onStream;
    return {
      address,
      close: async () => {
        this.#onStream = undefined;
      },
    };
  }

  connect(): MemoryClient {
    const client = new MemoryClient();
    if (this.#onStream === undefined) throw new Error('nobody listens');
    this.#onStream(client.far);
    return client;
  }
}

/** The client's end, and what the test may see and do to the connection. */
export class MemoryClient {
  readonly far: ByteStream;
  /** The server closed or broke the connection. */
  closed: 'no' | 'closed' | 'aborted' = 'no';
  /** The server takes what arrives as encrypted from now on. */
  secured = false;
  /** Whether the server asked for no more bytes. */
  paused = false;
  /** Set to take nothing from the server, like a client that does not read. */
  stalled = false;
  /** Makes the next attempt to encrypt fail. */
  refuseTls = false;
  /** The largest part that arrives at once. */
  chunkBytes = 256 * 1024;
  #events: StreamEvents | undefined;
  #sent: Buffer[] = [];
  #outgoing: { bytes: Uint8Array; handedOver: (() => void) | undefined }[] = [];
  /** Written to leave with the next bytes that arrive, or a turn later. */
  #postponed: { bytes: Uint8Array; handedOver: (() => void) | undefined } | undefined;
  #received = Buffer.alloc(0);
  #isMoving = false;
  #isClosing = false;
  #isDelivering = false;
  #hasEnded = false;

  constructor() {
    this.far = this.#makeFar();
  }

  /** All that the server said and nobody took yet. */
  get received(): Buffer {
    return this.#received;
  }

  /** Bytes the server wrote that were not taken. */
  get unsentBytes(): number {
    return this.#outgoing.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  take(lengthBytes: number): Buffer {
    if (this.#received.length < lengthBytes) throw new Error(`${this.#received.length} of ${lengthBytes} bytes came`);
    const taken = this.#received.subarray(0, lengthBytes);
    this.#received = this.#received.subarray(lengthBytes);
    return taken;
  }

  send(...parts: Uint8Array[]): void {
    this.#sent.push(Buffer.concat(parts));
    this.#deliver();
  }

  /** Sends nothing more; with what it has sent it may be done long before. */
  end(): void {
    this.#hasEnded = true;
    this.#deliver();
  }

  /** Vanishes. */
  vanish(): void {
    this.#close('aborted', new StreamError('broken', 'gone'));
  }

  /** Takes again what the server has to say. */
  flow(): void {
    this.stalled = false;
    this.#move();
  }

  /** Lets everything that is ready happen. */
  async settle(turns = 20): Promise<void> {
    for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }

  #makeFar(): ByteStream {
    return {
      start: (events) => {
        this.#events = events;
        this.#deliver();
      },
      write: (bytes, handedOver) => {
        this.#sendPostponed();
        this.#write(bytes, handedOver);
      },
      writeSoon: (bytes, handedOver) => {
        this.#sendPostponed();
        this.#postponed = { bytes, handedOver };
        setImmediate(() => this.#sendPostponed());
      },
      pause: () => {
        this.paused = true;
      },
      resume: () => {
        this.paused = false;
        queueMicrotask(() => this.#deliver());
      },
      secure: async () => {
        if (this.#outgoing.length > 0) throw new Error('encryption begins with nothing left to hand over');
        await Promise.resolve();
        if (this.refuseTls) {
          this.#close('aborted', new StreamError('broken', 'no agreement'));
          throw new StreamError('broken', 'no agreement');
        }
        this.secured = true;
      },
      close: () => {
        this.#sendPostponed();
        this.#isClosing = true;
        if (this.#outgoing.length === 0) this.#close('closed');
      },
      abort: () => this.#close('aborted'),
    };
  }

  #deliver(): void {
    if (this.#isDelivering || this.#events === undefined) return;
    this.#isDelivering = true;
    while (!this.paused && this.closed === 'no' && this.#sent.length > 0) {
      const first = this.#sent.shift() as Buffer;
      const chunk = Buffer.from(first.subarray(0, this.chunkBytes));
      if (first.length > this.chunkBytes) this.#sent.unshift(first.subarray(this.chunkBytes));
      this.#sendPostponed();
      this.#events.bytes(chunk);
      chunk.fill(POISON);
    }
    this.#isDelivering = false;
    if (this.#hasEnded && this.#sent.length === 0 && this.closed === 'no') {
      this.#hasEnded = false;
      this.#events.ended();
    }
  }

  #write(bytes: Uint8Array, handedOver: (() => void) | undefined): void {
    if (this.closed !== 'no') return;
    this.#outgoing.push({ bytes, handedOver });
    this.#move();
  }

  #sendPostponed(): void {
    const postponed = this.#postponed;
    this.#postponed = undefined;
    if (postponed !== undefined) this.#write(postponed.bytes, postponed.handedOver);
  }

  #move(): void {
    if (this.#isMoving || this.stalled) return;
    this.#isMoving = true;
    queueMicrotask(() => {
      this.#isMoving = false;
      if (this.stalled || this.closed !== 'no') return;
      const moved = this.#outgoing.splice(0);
      this.#received = Buffer.concat([this.#received, ...moved.map(({ bytes }) => bytes)]);
      for (const { handedOver } of moved) handedOver?.();
      if (this.#isClosing && this.#outgoing.length === 0) this.#close('closed');
    });
  }

  #close(how: 'closed' | 'aborted', reason?: Error): void {
    if (this.closed !== 'no') return;
    this.closed = how;
    this.#outgoing = [];
    queueMicrotask(() => this.#events?.closed(reason));
  }
}
