import type { BlockDevice, ByteStream } from '../ports/ports.js';
import type { BufferPool } from './buffer-pool.js';
import { perform } from './commands.js';
import { type Fault, faultOf } from './faults.js';
import { IncomingWrite, type WriteOwner } from './incoming-write.js';
import { readLarge } from './large-read.js';
import { NBD_LIMITS } from './limits.js';
import type { SelectedContext } from './meta-contexts.js';
import type { Agreement } from './negotiation.js';
import { Output } from './output.js';
import { CMD, CMD_FLAG, REQUEST_BYTES, REQUEST_MAGIC } from './protocol.js';
import { Replies } from './replies.js';
import { type Request, type RequestRules, readRequest, refusalOf, SHUTTING_DOWN } from './request.js';
import { u32 } from './wire.js';

/**
 * The "Transmission" phase of one connection. What a chunk asks for is done in the chunk's own turn where the device can, and
 * the replies leave together at its end. Where something must be awaited the request is in flight, and later ones overtake it.
 * Intake is held up while too much is in flight or not yet taken by the client.
 */
export class Transmission implements WriteOwner {
  readonly #stream: ByteStream;
  readonly #device: BlockDevice;
  readonly #rules: RequestRules;
  readonly #contexts: readonly SelectedContext[];
  readonly #output: Output;
  readonly #replies: Replies;
  readonly #onFinished: () => void;
  /** A request of which only the beginning has arrived. */
  readonly #partial = new Uint8Array(REQUEST_BYTES);
  #partialBytes = 0;
  #write: IncomingWrite | undefined;
  /** What arrived and waits until there is room. The stream is paused while there is some. */
  #held: Uint8Array | undefined;
  #inFlight = 0;
  #alone = false;
  #settling = false;
  #state: 'open' | 'stopping' | 'leaving' | 'closed' | 'finished' = 'open';
  #wakeRoom: (() => void) | undefined;

  constructor(stream: ByteStream, pool: BufferPool, agreement: Agreement, onFinished: () => void) {
    this.#stream = stream;
    this.#device = agreement.device;
    this.#contexts = agreement.contexts;
    this.#rules = {
      sizeBytes: agreement.device.sizeBytes,
      readOnly: !agreement.found.writable,
      structuredReplies: agreement.structuredReplies,
      hasContexts: agreement.contexts.length > 0,
    };
    this.#output = new Output(stream, pool, () => this.#released());
    this.#replies = new Replies(this.#output, agreement.structuredReplies);
    this.#onFinished = onFinished;
  }

  /** Bytes that this connection keeps in memory at this moment. */
  get heldBytes(): number {
    return this.#output.unsentBytes + this.#output.waitingBytes + (this.#held?.length ?? 0);
  }

  receive(chunk: Uint8Array): void {
    if (!this.#isTaking()) return;
    if (this.#held !== undefined) {
      this.#held = Buffer.concat([this.#held, chunk]);
      return;
    }
    const used = this.#consume(chunk);
    // In the middle of a payload the client is sending, or waits for room to send.
    this.#output.flush(this.#write === undefined ? 'now' : 'soon');
    if (used === chunk.length || !this.#isTaking()) return;
    this.#held = Buffer.from(chunk.subarray(used));
    this.#stream.pause();
  }

  /** The client sends no more: what is in flight is answered, then the connection closes. */
  ended(): void {
    this.#leave();
  }

  /** The server is being shut down: what is in flight is answered, what comes meanwhile is refused. */
  stop(): void {
    if (this.#state === 'open') this.#state = 'stopping';
    this.#settle();
  }

  /** The connection is gone. */
  closed(): void {
    this.#leave();
    if (this.#state !== 'finished') this.#state = 'closed';
    this.#wakeRoom?.();
    this.#settle();
  }

  writeWaits(): void {
    this.#inFlight += 1;
  }

  pieceEnds(): void {
    this.#settle();
  }

  writeEnds(write: IncomingWrite, waited: boolean): void {
    if (!write.isAbandoned) this.#answerWrite(write.request, write.fault);
    if (!waited) return;
    this.#inFlight -= 1;
    this.#settle();
  }

  #answerWrite(request: Request, fault: Fault | undefined): void {
    if (fault !== undefined) this.#replies.fail(request, fault);
    else if ((request.flags & CMD_FLAG.FUA) === 0) this.#replies.done(request);
    else
      void this.#perform(request, async () => {
        await this.#device.flush();
        this.#replies.done(request);
      });
  }

  #isTaking(): boolean {
    return this.#state === 'open' || this.#state === 'stopping';
  }

  #isFull(): boolean {
    return (
      this.#alone ||
      this.#inFlight >= NBD_LIMITS.requestsMax ||
      this.#output.unsentBytes >= NBD_LIMITS.unsentBytesMax ||
      this.#output.waitingBytes >= NBD_LIMITS.waitingBytesMax
    );
  }

  /** Takes requests and payload from the chunk; the answer is how far it came before intake had to stop. */
  #consume(chunk: Uint8Array): number {
    let at = 0;
    while (at < chunk.length) {
      if (this.#isFull()) return at;
      if (this.#write !== undefined) at += this.#takePayload(this.#write, chunk, at);
      else if (this.#partialBytes === 0 && chunk.length - at >= REQUEST_BYTES) {
        this.#begin(chunk, at);
        at += REQUEST_BYTES;
      } else at += this.#gather(chunk, at);
      if (!this.#isTaking()) return chunk.length;
    }
    return at;
  }

  #takePayload(write: IncomingWrite, chunk: Uint8Array, at: number): number {
    const taken = write.take(chunk, at);
    if (!write.hasArrived) return taken;
    this.#write = undefined;
    if (this.#state === 'stopping') this.#settle();
    return taken;
  }

  /** A request that is cut by the end of a chunk. */
  #gather(chunk: Uint8Array, at: number): number {
    const taken = Math.min(chunk.length - at, REQUEST_BYTES - this.#partialBytes);
    this.#partial.set(chunk.subarray(at, at + taken), this.#partialBytes);
    this.#partialBytes += taken;
    if (this.#partialBytes === REQUEST_BYTES) {
      this.#partialBytes = 0;
      this.#begin(this.#partial, 0);
    }
    return taken;
  }

  #begin(bytes: Uint8Array, at: number): void {
    if (u32(bytes, at) !== REQUEST_MAGIC) {
      this.#leave();
      return;
    }
    const request = readRequest(bytes, at);
    if (request.command === CMD.DISC) {
      this.#leave();
      return;
    }
    const refusal = this.#state === 'stopping' ? SHUTTING_DOWN : refusalOf(request, this.#rules);
    if (request.command === CMD.WRITE) this.#beginWrite(request, refusal);
    else if (refusal !== undefined) this.#replies.fail(request, refusal);
    else if (request.command === CMD.READ) this.#read(request);
    else if (request.command === CMD.CACHE) this.#replies.done(request);
    else void this.#perform(request, () => perform(request, this.#commandParts()));
  }

  #beginWrite(request: Request, refusal: Fault | undefined): void {
    if (request.lengthBytes > NBD_LIMITS.payloadSkippedBytesMax) {
      this.#leave();
      return;
    }
    const write = new IncomingWrite(request, refusal, this.#device, this.#output, this);
    if (request.lengthBytes === 0) this.writeEnds(write, false);
    else this.#write = write;
  }

  #read(request: Request): void {
    const { lengthBytes, offsetBytes } = request;
    if (lengthBytes > NBD_LIMITS.wholeReadBytesMax) {
      void this.#readAlone(request);
      return;
    }
    if (lengthBytes === 0) {
      this.#replies.done(request);
      return;
    }
    const output = this.#output;
    const headerBytes = this.#replies.dataHeaderBytes;
    const at = output.reserve(headerBytes + lengthBytes);
    const block = output.block as Buffer;
    let isRead = false;
    try {
      isRead = this.#device.readNow(block.subarray(at + headerBytes, at + headerBytes + lengthBytes), offsetBytes);
    } catch (error) {
      output.unreserve(headerBytes + lengthBytes);
      this.#replies.fail(request, faultOf(error));
      return;
    }
    if (isRead) {
      this.#replies.putDataHeader(block, at, request);
      return;
    }
    output.unreserve(headerBytes + lengthBytes);
    void this.#perform(request, () => this.#readLater(request));
  }

  async #readLater(request: Request): Promise<void> {
    const headerBytes = this.#replies.dataHeaderBytes;
    const endBytes = headerBytes + request.lengthBytes;
    const buffer = this.#output.hold(request.lengthBytes);
    try {
      await this.#device.read(buffer.subarray(headerBytes, endBytes), request.offsetBytes);
    } catch (error) {
      this.#output.release(buffer);
      throw error;
    }
    this.#replies.putDataHeader(buffer, 0, request);
    this.#output.send(buffer, endBytes);
  }

  /** A read too large to be held: once all others are answered it has the connection for itself. */
  async #readAlone(request: Request): Promise<void> {
    this.#alone = true;
    while (this.#inFlight > 0) await this.#change();
    this.#inFlight += 1;
    const parts = { ...this.#commandParts(), output: this.#output, structuredReplies: this.#rules.structuredReplies };
    const isWhole = await readLarge(request, { ...parts, room: () => this.#room() });
    if (!isWhole) this.#stream.abort();
    this.#alone = false;
    this.#inFlight -= 1;
    this.#settle();
  }

  async #room(): Promise<boolean> {
    while (this.#state !== 'closed' && this.#output.unsentBytes >= NBD_LIMITS.unsentBytesMax) await this.#change();
    return this.#state !== 'closed';
  }

  /** Something was answered or taken, or the connection is gone. */
  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wakeRoom = resolve;
    });
  }

  #commandParts() {
    return { device: this.#device, replies: this.#replies, contexts: this.#contexts };
  }

  /** Runs what must be awaited; the request is in flight until it is answered. */
  async #perform(request: Request, action: () => Promise<void>): Promise<void> {
    this.#inFlight += 1;
    try {
      await action();
    } catch (error) {
      this.#replies.fail(request, faultOf(error));
    }
    this.#inFlight -= 1;
    this.#settle();
  }

  /** After something ended outside a chunk's turn: several ends of one turn send their replies together. */
  #settle(): void {
    if (this.#settling) return;
    this.#settling = true;
    queueMicrotask(() => {
      this.#settling = false;
      this.#output.flush();
      this.#wakeRoom?.();
      this.#proceed();
      this.#closeWhenQuiet();
    });
  }

  #released(): void {
    this.#wakeRoom?.();
    this.#proceed();
  }

  /** Goes on with what was held up. */
  #proceed(): void {
    const held = this.#held;
    if (held === undefined || this.#isFull() || !this.#isTaking()) return;
    const used = this.#consume(held);
    this.#output.flush();
    if (!this.#isTaking()) return;
    this.#held = used === held.length ? undefined : held.subarray(used);
    if (this.#held === undefined) this.#stream.resume();
  }

  /** Takes nothing more; the connection closes once everything in flight is answered. */
  #leave(): void {
    if (!this.#isTaking()) return;
    this.#state = 'leaving';
    this.#held = undefined;
    this.#write?.abandon();
    this.#write = undefined;
    this.#settle();
  }

  #closeWhenQuiet(): void {
    if (this.#inFlight > 0 || this.#alone) return;
    if (this.#state === 'stopping' && this.#write === undefined && this.#held === undefined) this.#leave();
    if (this.#state === 'leaving') this.#stream.close();
    if (this.#state !== 'closed') return;
    this.#state = 'finished';
    this.#onFinished();
  }
}
