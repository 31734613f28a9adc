import type { StatusRun } from '../ports/ports.js';
import type { Fault } from './faults.js';
import { boundedText } from './option-replies.js';
import type { Output } from './output.js';
import {
  CHUNK_HEADER_BYTES,
  CMD,
  DATA_CHUNK_HEADER_BYTES,
  ERROR,
  REPLY_FLAG_DONE,
  REPLY_TYPE,
  SIMPLE_REPLY_BYTES,
  SIMPLE_REPLY_MAGIC,
  STRUCTURED_REPLY_MAGIC,
} from './protocol.js';
import type { Request } from './request.js';
import { putU16, putU32, putU64 } from './wire.js';

/** Replies of the transmission phase: simple ones, and structured ones where they were negotiated and say more. */
export class Replies {
  readonly #output: Output;
  readonly #structured: boolean;
  /** What stands before the data of a read. */
  readonly dataHeaderBytes: number;

  constructor(output: Output, structured: boolean) {
    this.#output = output;
    this.#structured = structured;
    this.dataHeaderBytes = structured ? DATA_CHUNK_HEADER_BYTES : SIMPLE_REPLY_BYTES;
  }

  /** The request succeeded and has no payload to answer with. */
  done(request: Request): void {
    if (this.#structured && request.command === CMD.READ) this.#chunk(request, REPLY_FLAG_DONE, REPLY_TYPE.NONE, 0);
    else this.#simple(request, ERROR.NONE);
  }

  /** "The server SHOULD prefer sending errors via a structured reply", which carries the reason in words. */
  fail(request: Request, fault: Fault): void {
    if (!this.#structured) {
      this.#simple(request, fault.error);
      return;
    }
    const message = boundedText(fault.message);
    const at = this.#chunk(request, REPLY_FLAG_DONE, REPLY_TYPE.ERROR, 6 + message.length);
    const block = this.#output.block as Buffer;
    putU32(block, at, fault.error);
    putU16(block, at + 4, message.length);
    block.set(message, at + 6);
  }

  /** Puts what stands before the data of a read: so many bytes, all of it, or with `more` not the end of the reply. */
  putDataHeader(target: Uint8Array, at: number, request: Request, more = false): void {
    if (!this.#structured) {
      putSimple(target, at, request, ERROR.NONE);
      return;
    }
    const { lengthBytes, offsetBytes } = request;
    putChunkHeader(target, at, request, more ? 0 : REPLY_FLAG_DONE, REPLY_TYPE.OFFSET_DATA, 8 + lengthBytes);
    putU64(target, at + CHUNK_HEADER_BYTES, offsetBytes);
  }

  /** NBD_REPLY_TYPE_BLOCK_STATUS of one context. */
  status(request: Request, contextId: number, runs: readonly StatusRun[], isLast: boolean): void {
    const flags = isLast ? REPLY_FLAG_DONE : 0;
    let at = this.#chunk(request, flags, REPLY_TYPE.BLOCK_STATUS, 4 + 8 * runs.length);
    const block = this.#output.block as Buffer;
    putU32(block, at, contextId);
    at += 4;
    for (const run of runs) {
      putU32(block, at, run.lengthBytes);
      putU32(block, at + 4, run.flags);
      at += 8;
    }
  }

  #simple(request: Request, error: number): void {
    const at = this.#output.reserve(SIMPLE_REPLY_BYTES);
    putSimple(this.#output.block as Buffer, at, request, error);
  }

  /** Puts a chunk's header; the answer is where its payload begins. */
  #chunk(request: Request, flags: number, type: number, payloadBytes: number): number {
    const at = this.#output.reserve(CHUNK_HEADER_BYTES + payloadBytes);
    putChunkHeader(this.#output.block as Buffer, at, request, flags, type, payloadBytes);
    return at + CHUNK_HEADER_BYTES;
  }
}

/** "Simple reply message". */
function putSimple(target: Uint8Array, at: number, request: Request, error: number): void {
  putU32(target, at, SIMPLE_REPLY_MAGIC);
  putU32(target, at + 4, error);
  putU32(target, at + 8, request.cookieHigh);
  putU32(target, at + 12, request.cookieLow);
}

/** "Structured reply chunk message". */
function putChunkHeader(
  target: Uint8Array,
  at: number,
  request: Request,
  flags: number,
  type: number,
  payloadBytes: number,
): void {
  putU32(target, at, STRUCTURED_REPLY_MAGIC);
  putU16(target, at + 4, flags);
  putU16(target, at + 6, type);
  putU32(target, at + 8, request.cookieHigh);
  putU32(target, at + 12, request.cookieLow);
  putU32(target, at + 16, payloadBytes);
}
