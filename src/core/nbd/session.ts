import type { ByteStream, Clock } from '../ports/ports.js';
import type { BufferPool } from './buffer-pool.js';
import { ByteQueue } from './byte-queue.js';
import type { ExportSource } from './exports.js';
import { NBD_LIMITS } from './limits.js';
import { type Agreement, Negotiation, type TlsPolicy } from './negotiation.js';
import { Transmission } from './transmission.js';

export interface SessionParts {
  readonly stream: ByteStream;
  readonly clock: Clock;
  readonly pool: BufferPool;
  readonly exports: ExportSource;
  readonly tls: TlsPolicy;
  readonly listing: boolean;
  /** Called once: the connection is gone, nothing is under way, and the device is closed. */
  onFinished(): void;
}

/** One connection from its greeting to its end: first a negotiation, then, if they agree, the transmission. */
export class Session {
  readonly #parts: SessionParts;
  readonly #queue: ByteQueue;
  readonly #handshakeOver = new AbortController();
  #negotiation: Negotiation | undefined;
  #transmission: Transmission | undefined;
  #exportName: string | undefined;
  #isNegotiating = true;
  #isStopping = false;
  #isClosed = false;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.#queue = new ByteQueue(parts.stream);
  }

  /** The export it serves, once that is agreed on. */
  get exportName(): string | undefined {
    return this.#exportName;
  }

  get heldBytes(): number {
    return this.#transmission?.heldBytes ?? 0;
  }

  start(): void {
    const { stream } = this.#parts;
    stream.start({
      bytes: (chunk) => (this.#transmission ?? this.#queueTaker).receive(chunk),
      ended: () => (this.#transmission ?? this.#queueTaker).ended(),
      closed: () => this.#closed(),
    });
    void this.#limitHandshake();
    void this.#run();
  }

  /** See `Transmission.stop`; a negotiation is told with its next option. */
  stop(): void {
    this.#isStopping = true;
    this.#transmission?.stop();
  }

  abort(): void {
    this.#parts.stream.abort();
  }

  readonly #queueTaker = {
    receive: (chunk: Uint8Array) => this.#queue.push(chunk),
    ended: () => this.#queue.end(),
  };

  async #limitHandshake(): Promise<void> {
    const { clock } = this.#parts;
    const how = await clock.sleep(NBD_LIMITS.handshakeLimitMs, this.#handshakeOver.signal);
    if (how === 'elapsed') this.#parts.stream.abort();
  }

  async #run(): Promise<void> {
    const { stream, exports, tls, listing } = this.#parts;
    const stopping = () => this.#isStopping;
    this.#negotiation = new Negotiation({ stream, queue: this.#queue, exports, tls, listing, stopping });
    const agreement = await this.#negotiation.run();
    this.#isNegotiating = false;
    if (agreement !== undefined) this.#transmit(agreement);
    else if (this.#isClosed) this.#parts.onFinished();
    else stream.close();
  }

  #transmit(agreement: Agreement): void {
    const { stream, pool } = this.#parts;
    this.#handshakeOver.abort();
    const transmission = new Transmission(stream, pool, agreement, () => {
      agreement.device.close();
      this.#parts.onFinished();
    });
    this.#transmission = transmission;
    this.#exportName = agreement.found.name;
    const { bytes, isEnded, isPaused } = this.#queue.handOver();
    if (bytes.length > 0) transmission.receive(bytes);
    if (isPaused) stream.resume();
    if (isEnded) transmission.ended();
    if (this.#isStopping) transmission.stop();
    if (this.#isClosed) transmission.closed();
  }

  #closed(): void {
    this.#isClosed = true;
    this.#handshakeOver.abort();
    this.#negotiation?.closed();
    if (this.#transmission !== undefined) this.#transmission.closed();
    else if (!this.#isNegotiating) this.#parts.onFinished();
  }
}
