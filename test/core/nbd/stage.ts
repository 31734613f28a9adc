import type { StopSignal } from '../../../src/core/foundation/foundation.js';
import { type Export, type ExportSource, NbdServer, type TlsPolicy } from '../../../src/core/nbd/nbd.js';
import {
  CMD,
  IHAVEOPT,
  OPT,
  OPTION_REPLY_MAGIC,
  REP,
  REQUEST_MAGIC,
  SIMPLE_REPLY_MAGIC,
  STRUCTURED_REPLY_MAGIC,
} from '../../../src/core/nbd/protocol.js';
import type { Clock } from '../../../src/core/ports/ports.js';
import { MemoryDevice } from './memory-device.js';
import { type MemoryClient, MemoryStreams } from './memory-streams.js';

/** A clock that a test moves. */
export class HandClock implements Clock {
  #nowMs = 0;
  readonly #sleepers = new Set<{ atMs: number; wake: (how: 'elapsed' | 'aborted') => void }>();

  nowMs = () => this.#nowMs;
  monotonicMs = () => this.#nowMs;
  toldMs = (sinceMs: number) => this.#nowMs - sinceMs;
  sequenceNs = () => BigInt(this.#nowMs) * 1_000_000n;
  bootId = () => 'boot-1';
  yieldTurn = () => Promise.resolve();

  sleep(spanMs: number, signal?: StopSignal): Promise<'elapsed' | 'aborted'> {
    if (signal?.aborted) return Promise.resolve('aborted');
    return new Promise((wake) => {
      const sleeper = { atMs: this.#nowMs + spanMs, wake };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', () => {
        this.#sleepers.delete(sleeper);
        wake('aborted');
      });
    });
  }

  get sleeperCount(): number {
    return this.#sleepers.size;
  }

  advance(spanMs: number): void {
    this.#nowMs += spanMs;
    for (const sleeper of this.#sleepers) {
      if (sleeper.atMs > this.#nowMs) continue;
      this.#sleepers.delete(sleeper);
      sleeper.wake('elapsed');
    }
  }
}

export interface StageOptions {
  readonly sizeBytes?: number;
  readonly export?: Partial<Export>;
  readonly tls?: TlsPolicy['mode'];
  readonly listing?: boolean;
  readonly names?: readonly string[];
}

export const IDENTITY = { certificatePem: 'certificate', keyPem: 'key' };

/** A server with one device `db`, which is the default export, and what tests need around it. */
export async function stage(options: StageOptions = {}) {
  const device = new MemoryDevice(options.sizeBytes ?? 1024 * 1024);
  const clock = new HandClock();
  const streams = new MemoryStreams();
  const opened: string[] = [];
  const asked: string[] = [];
  const found: Export = {
    name: 'db',
    description: 'the database',
    sizeBytes: device.sizeBytes,
    readable: true,
    writable: true,
    contexts: [],
    open: () => {
      opened.push('db');
      return device;
    },
    ...options.export,
  };
  const exports: ExportSource = {
    list: () => (options.names ?? ['db']).map((name) => ({ name, description: `about ${name}` })),
    find: (name) => {
      asked.push(name);
      return name === '' || name === 'db' ? found : undefined;
    },
  };
  const server = new NbdServer({ streams, clock, exports });
  const mode = options.tls ?? 'none';
  const tls: TlsPolicy = mode === 'none' ? { mode } : { mode, identity: IDENTITY };
  await server.listen({ kind: 'unix', path: 'memory' }, { tls, listing: options.listing ?? true });
  return { device, clock, streams, server, opened, asked, connect: () => new Peer(streams.connect()) };
}

export const be16 = (value: number) => Buffer.from([value >>> 8, value & 255]);
export const be32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
};
export const be64 = (value: number | bigint) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
};
export const text = (value: string) => Buffer.concat([be32(Buffer.byteLength(value)), Buffer.from(value)]);

export function option(number: number, data: Uint8Array = Buffer.alloc(0)): Buffer {
  return Buffer.concat([be32(IHAVEOPT[0]), be32(IHAVEOPT[1]), be32(number), be32(data.length), data]);
}
export function infoData(name: string, wanted: readonly number[] = []): Buffer {
  return Buffer.concat([text(name), be16(wanted.length), ...wanted.map(be16)]);
}
export function metaData(name: string, queries: readonly string[]): Buffer {
  return Buffer.concat([text(name), be32(queries.length), ...queries.map(text)]);
}
export interface RequestWords {
  readonly flags?: number;
  readonly cookie?: number | bigint;
  readonly offset?: number | bigint;
  readonly length?: number;
  readonly magic?: number;
}
export function request(command: number, words: RequestWords = {}, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const { flags = 0, cookie = 7, offset = 0, length = payload.length, magic = REQUEST_MAGIC } = words;
  return Buffer.concat([be32(magic), be16(flags), be16(command), be64(cookie), be64(offset), be32(length), payload]);
}
export function simple(cookie: number | bigint, error = 0, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  return Buffer.concat([be32(SIMPLE_REPLY_MAGIC), be32(error), be64(cookie), payload]);
}
export function chunk(cookie: number, flags: number, type: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  return Buffer.concat([
    be32(STRUCTURED_REPLY_MAGIC),
    be16(flags),
    be16(type),
    be64(cookie),
    be32(payload.length),
    payload,
  ]);
}
export const optionReply = (number: number, type: number, data: Uint8Array = Buffer.alloc(0)) =>
  Buffer.concat([
    be32(OPTION_REPLY_MAGIC[0]),
    be32(OPTION_REPLY_MAGIC[1]),
    be32(number),
    be32(type),
    be32(data.length),
    data,
  ]);

export interface OptionReply {
  readonly option: number;
  readonly type: number;
  readonly data: Buffer;
}

/** A client that speaks the protocol's words. */
export class Peer {
  readonly wire: MemoryClient;
  constructor(wire: MemoryClient) {
    this.wire = wire;
  }

  /** Greeting and client flags. */
  async hello(flags = 3): Promise<this> {
    await this.wire.settle(2);
    this.wire.take(18);
    this.wire.send(be32(flags));
    return this;
  }

  /** An option, and every reply to it. */
  async ask(number: number, data?: Uint8Array): Promise<OptionReply[]> {
    this.wire.send(option(number, data));
    await this.wire.settle(4);
    const replies: OptionReply[] = [];
    while (this.wire.received.length >= 20) {
      const header = this.wire.take(20);
      replies.push({
        option: header.readUInt32BE(8),
        type: header.readUInt32BE(12),
        data: this.wire.take(header.readUInt32BE(16)),
      });
    }
    return replies;
  }

  /** Into the transmission phase; with structured replies and contexts where they are wanted. */
  async go(want: { structured?: boolean; contexts?: readonly string[] } = {}): Promise<this> {
    await this.hello();
    if (want.structured || want.contexts) await this.ask(OPT.STRUCTURED_REPLY);
    if (want.contexts) await this.ask(OPT.SET_META_CONTEXT, metaData('db', want.contexts));
    const replies = await this.ask(OPT.GO, infoData('db'));
    if (replies.at(-1)?.type !== REP.ACK) throw new Error('the server did not agree');
    return this;
  }

  /** Sends requests and gives all that came back. */
  async answer(...requests: Uint8Array[]): Promise<Buffer> {
    this.wire.send(...requests);
    await this.wire.settle(6);
    return this.wire.take(this.wire.received.length);
  }

  async leave(): Promise<void> {
    this.wire.send(request(CMD.DISC));
    await this.wire.settle(4);
  }
}
