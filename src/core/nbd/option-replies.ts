import type { ByteStream } from '../ports/ports.js';
import { type Export, preferredBytes, transmissionFlags } from './exports.js';
import { NBD_LIMITS } from './limits.js';
import {
  FLAG_FIXED_NEWSTYLE,
  FLAG_NO_ZEROES,
  IHAVEOPT,
  INFO,
  NBDMAGIC,
  OPTION_REPLY_HEADER_BYTES,
  OPTION_REPLY_MAGIC,
  REP,
} from './protocol.js';
import { encodeText, putU16, putU32, putU64 } from './wire.js';

const NOTHING = new Uint8Array(0);

/** The server's side of "Fixed newstyle negotiation": the greeting and the replies to options. */
export class OptionReplies {
  readonly #stream: ByteStream;
  #unsentBytes = 0;
  #isClosed = false;
  #onTaken: (() => void) | undefined;

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  /** The first words of the server: "Newstyle negotiation". */
  greet(): void {
    const greeting = new Uint8Array(18);
    putU32(greeting, 0, NBDMAGIC[0]);
    putU32(greeting, 4, NBDMAGIC[1]);
    putU32(greeting, 8, IHAVEOPT[0]);
    putU32(greeting, 12, IHAVEOPT[1]);
    putU16(greeting, 16, FLAG_FIXED_NEWSTYLE | FLAG_NO_ZEROES);
    this.raw(greeting);
  }

  raw(bytes: Uint8Array): void {
    this.#unsentBytes += bytes.length;
    this.#stream.write(bytes, () => {
      this.#unsentBytes -= bytes.length;
      if (this.#unsentBytes === 0) this.#onTaken?.();
    });
  }

  reply(option: number, type: number, data: Uint8Array = NOTHING): void {
    const bytes = new Uint8Array(OPTION_REPLY_HEADER_BYTES + data.length);
    putU32(bytes, 0, OPTION_REPLY_MAGIC[0]);
    putU32(bytes, 4, OPTION_REPLY_MAGIC[1]);
    putU32(bytes, 8, option);
    putU32(bytes, 12, type);
    putU32(bytes, 16, data.length);
    bytes.set(data, OPTION_REPLY_HEADER_BYTES);
    this.raw(bytes);
  }

  ack(option: number): void {
    this.reply(option, REP.ACK);
  }

  refuse(option: number, type: number, message: string): void {
    this.reply(option, type, boundedText(message));
  }

  /** NBD_REP_SERVER. */
  server(option: number, name: string, description: string): void {
    const nameBytes = encodeText(name);
    this.reply(option, REP.SERVER, Buffer.concat([number32(nameBytes.length), nameBytes, boundedText(description)]));
  }

  /** NBD_REP_META_CONTEXT. */
  metaContext(option: number, id: number, name: string): void {
    this.reply(option, REP.META_CONTEXT, Buffer.concat([number32(id), encodeText(name)]));
  }

  /** NBD_REP_INFO: what a client wanted to know, and always NBD_INFO_EXPORT. */
  infos(option: number, found: Export, wanted: readonly number[], structuredReplies: boolean): void {
    this.#info(option, INFO.EXPORT, sizeAndFlags(found, structuredReplies));
    if (wanted.includes(INFO.NAME)) this.#info(option, INFO.NAME, encodeText(found.name));
    if (wanted.includes(INFO.DESCRIPTION)) this.#info(option, INFO.DESCRIPTION, boundedText(found.description));
    if (wanted.includes(INFO.BLOCK_SIZE)) {
      const sizes = [number32(1), number32(preferredBytes(found)), number32(NBD_LIMITS.payloadBytesMax)];
      this.#info(option, INFO.BLOCK_SIZE, Buffer.concat(sizes));
    }
  }

  /** Where more than `leftBytes` of replies are kept here, waits until all are taken. False when the connection is gone. */
  async taken(leftBytes: number): Promise<boolean> {
    if (this.#unsentBytes > leftBytes && !this.#isClosed) {
      await new Promise<void>((resolve) => {
        this.#onTaken = resolve;
      });
    }
    return !this.#isClosed;
  }

  closed(): void {
    this.#isClosed = true;
    this.#onTaken?.();
  }

  #info(option: number, type: number, data: Uint8Array): void {
    const bytes = new Uint8Array(2 + data.length);
    putU16(bytes, 0, type);
    bytes.set(data, 2);
    this.reply(option, REP.INFO, bytes);
  }
}

/** What NBD_OPT_EXPORT_NAME answers and NBD_INFO_EXPORT holds. */
export function sizeAndFlags(found: Export, structuredReplies: boolean): Uint8Array {
  const bytes = new Uint8Array(10);
  putU64(bytes, 0, found.sizeBytes);
  putU16(bytes, 8, transmissionFlags(found, structuredReplies));
  return bytes;
}

function number32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  putU32(bytes, 0, value);
  return bytes;
}

/** A text for people, no longer than the protocol allows; cut between characters. */
export function boundedText(text: string): Uint8Array {
  const bytes = encodeText(text.replaceAll('\0', ' '));
  if (bytes.length <= NBD_LIMITS.stringBytesMax) return bytes;
  let end: number = NBD_LIMITS.stringBytesMax;
  while (((bytes[end] as number) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end);
}
