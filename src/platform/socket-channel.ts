import type { Socket } from 'node:net';
import { MESSAGE_MAX_BYTES } from '../core/foundation/foundation.js';
import { type Channel, LinkError, type Message } from '../core/ports/ports.js';
import { type ReceivingMemory, receivingMemory } from './bulk-memory.js';

const LENGTH_BYTES = 4;
/** Total length (of what follows it) and length of the head. */
const PREFIX_BYTES = 2 * LENGTH_BYTES;

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

/** What is left of some data is received where it belongs from so many bytes on. */
const IN_PLACE_FROM_BYTES = 16 * 1024;

/** Takes the bytes of a connection as they come and gives whole messages. Lengths are judged before anything is kept. */
class FrameReader {
  readonly #prefix = Buffer.alloc(PREFIX_BYTES);
  /** The parts of the message that is coming; undefined until their length is known, or come to. */
  #head: Buffer | undefined;
  #data: ReceivingMemory | undefined;
  #dataBytes = 0;
  /** How much of the latest part is there. */
  #filledBytes = 0;

  /** Whether the connection may end here without losing a part of a message. */
  get isBetweenMessages(): boolean {
    return this.#head === undefined && this.#filledBytes === 0;
  }

  /** Where the next bytes are best put. Until some were read nothing else is done with that memory. */
  get room(): Uint8Array | undefined {
    if (this.#data === undefined || this.#dataBytes - this.#filledBytes < IN_PLACE_FROM_BYTES) return undefined;
    return this.#data.bytes.subarray(this.#filledBytes);
  }

  /** What it keeps of the chunk is copied, unless it lies in `room`: the memory may be used again. */
  *read(chunk: Buffer): Generator<Message> {
    for (let at = 0; at < chunk.length; ) {
      const into = this.#data?.bytes ?? this.#head ?? this.#prefix;
      const taken = Math.min(chunk.length - at, into.length - this.#filledBytes);
      const isInPlace = chunk.buffer === into.buffer && chunk.byteOffset + at === into.byteOffset + this.#filledBytes;
      if (!isInPlace) into.set(chunk.subarray(at, at + taken), this.#filledBytes);
      at += taken;
      this.#filledBytes += taken;
      if (this.#filledBytes < into.length) return;
      if (this.#head === undefined) this.#begin();
      else if (this.#data === undefined && this.#dataBytes > 0) this.#beginData();
      else yield this.#end(this.#head, this.#data);
    }
  }

  #begin(): void {
    const totalBytes = this.#prefix.readUInt32BE(0);
    const headBytes = this.#prefix.readUInt32BE(LENGTH_BYTES);
    const dataBytes = totalBytes - LENGTH_BYTES - headBytes;
    if (dataBytes < 0 || headBytes === 0) throw new LinkError('malformed', 'the lengths of a message do not fit');
    if (headBytes > MESSAGE_MAX_BYTES || dataBytes > MESSAGE_MAX_BYTES) {
      throw new LinkError('too-large', `a message of ${totalBytes} bytes`);
    }
    this.#head = Buffer.allocUnsafe(headBytes);
    this.#dataBytes = dataBytes;
    this.#filledBytes = 0;
  }

  #beginData(): void {
    this.#data = receivingMemory(this.#dataBytes);
    this.#filledBytes = 0;
  }

  #end(head: Buffer, data: ReceivingMemory | undefined): Message {
    this.#head = undefined;
    this.#data = undefined;
    this.#filledBytes = 0;
    return { head: decode(head), data: data?.bytes, ...(data?.giveBack ? { giveBack: data.giveBack } : {}) };
  }
}

function decode(head: Buffer): unknown {
  try {
    return JSON.parse(strictUtf8.decode(head));
  } catch (error) {
    throw new LinkError('malformed', 'the head of a message is no JSON', error);
  }
}

/** The prefix and head of a message; its data is sent after it as it is. */
function encodeHead(message: Message): Buffer {
  const head = Buffer.from(JSON.stringify(message.head) ?? 'null', 'utf8');
  const dataBytes = message.data?.length ?? 0;
  if (head.length > MESSAGE_MAX_BYTES || dataBytes > MESSAGE_MAX_BYTES) {
    throw new LinkError('too-large', `a message of ${head.length + dataBytes} bytes`);
  }
  const prefix = Buffer.allocUnsafe(PREFIX_BYTES);
  prefix.writeUInt32BE(LENGTH_BYTES + head.length + dataBytes, 0);
  prefix.writeUInt32BE(head.length, LENGTH_BYTES);
  return Buffer.concat([prefix, head]);
}

/** One connection over a stream socket: `u32 total, u32 head, JSON head, data`, all numbers big-endian. */
export class SocketChannel implements Channel {
  #socket: Socket | undefined;
  readonly #frames = new FrameReader();
  #early: Message[] = [];
  #listener: ((message: Message) => void) | undefined;
  readonly #onClose: ((reason?: Error) => void)[] = [];
  #reason: Error | undefined;
  #state: 'open' | 'closing' | 'closed' = 'open';

  /** The connection, once it stands. Whoever made it gives what it receives to `receive`. */
  attach(socket: Socket): void {
    this.#socket = socket;
    socket.on('end', () => {
      if (!this.#frames.isBetweenMessages)
        this.#reason ??= new LinkError('closed', 'the connection ended in a message');
    });
    socket.on('error', (error) => {
      this.#reason ??= new LinkError('closed', 'the connection broke', error);
    });
    socket.on('close', () => this.#closed());
    socket.resume();
  }

  send(message: Message): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = this.#socket;
      if (this.#state !== 'open' || !socket?.writable) {
        throw new LinkError('closed', 'the connection is closed', this.#reason);
      }
      const head = encodeHead(message);
      // Handed over means: the kernel has it, and the data may be used again. So one who sends faster than is read waits.
      const handedOver = (error?: Error | null) => {
        if (error) reject(new LinkError('closed', 'the connection broke', error));
        else resolve();
      };
      if (message.data === undefined || message.data.length === 0) {
        socket.write(head, handedOver);
        return;
      }
      socket.cork();
      socket.write(head);
      socket.write(message.data, handedOver);
      socket.uncork();
    });
  }

  onMessage(listener: (message: Message) => void): void {
    this.#listener = listener;
    const early = this.#early;
    this.#early = [];
    for (const message of early) this.#deliver(message);
    this.#socket?.resume();
  }

  onClose(listener: (reason?: Error) => void): void {
    if (this.#state === 'closed') listener(this.#reason);
    else this.#onClose.push(listener);
  }

  close(): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#socket?.destroySoon();
  }

  /** Where the next bytes of the connection are best put. */
  room(): Uint8Array | undefined {
    return this.#state === 'open' ? this.#frames.room : undefined;
  }

  /** Bytes of the connection, in their order. Nothing of them is used after it returns. */
  receive(chunk: Buffer): void {
    try {
      for (const message of this.#frames.read(chunk)) this.#deliver(message);
    } catch (error) {
      if (!(error instanceof LinkError)) throw error;
      this.#reason ??= error;
      this.#state = 'closing';
      this.#socket?.destroy();
    }
  }

  #deliver(message: Message): void {
    if (this.#state !== 'open') return;
    if (this.#listener !== undefined) {
      this.#listener(message);
      return;
    }
    this.#early.push(message);
    this.#socket?.pause();
  }

  #closed(): void {
    this.#state = 'closed';
    for (const listener of this.#onClose.splice(0)) listener(this.#reason);
  }
}
