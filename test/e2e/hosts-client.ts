import { connect, type Socket } from 'node:net';

/** Words of the NBD protocol, as its specification spells them. Written here once more, so that a test does not believe the server's own. */
const HAS_MAGIC = Buffer.from('NBDMAGICIHAVEOPT', 'latin1');
const GREETING_BYTES = 18;
const FIXED_NEWSTYLE_NO_ZEROES = 3;
const OPTION_GO = 7;
const OPTION_REPLY_BYTES = 20;
const REPLY_ACK = 1;
const REPLY_INFO = 3;
const REPLY_ERROR_BIT = 0x8000_0000;
const INFO_EXPORT = 0;
const REQUEST_BYTES = 28;
const REQUEST_MAGIC = 0x2560_9513;
const REPLY_BYTES = 16;
const REPLY_MAGIC = 0x6744_6698;
const COMMAND = { read: 0, write: 1, disconnect: 2, flush: 3 } as const;

/** The server answered a request with an error number. */
export class RefusedError extends Error {
  readonly number: number;
  constructor(number: number) {
    super(`The server answered with error ${number}.`);
    this.number = number;
  }
}

interface Waiting {
  readonly readBytes: number;
  resolve(data: Buffer): void;
  reject(error: Error): void;
}

/** A host's connection: requests go out as they are asked for, and are answered in any order. */
export class HostConnection {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  #unread: Buffer = Buffer.alloc(0);
  #next = 0;
  #takeBytes: ((chunk: Buffer) => void) | undefined;
  #gone: Error | undefined;
  sizeBytes = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => this.#takeBytes?.(chunk));
    const gone = (error: Error) => {
      this.#gone ??= error;
      for (const waiting of this.#waiting.values()) waiting.reject(error);
      this.#waiting.clear();
    };
    socket.on('error', gone);
    socket.on('close', () => gone(new Error('The server closed the connection.')));
  }

  /** Connects to a unix socket and agrees on an export. */
  static async open(path: string, exportName: string): Promise<HostConnection> {
    const socket = connect({ path });
    const connection = new HostConnection(socket);
    try {
      await connection.#agree(exportName);
    } catch (error) {
      socket.destroy();
      throw error;
    }
    connection.#takeBytes = (chunk) => connection.#takeReplies(chunk);
    return connection;
  }

  async write(offset: number, data: Buffer): Promise<void> {
    await this.#ask(COMMAND.write, offset, data.length, data);
  }

  async read(offset: number, length: number): Promise<Buffer> {
    return this.#ask(COMMAND.read, offset, length);
  }

  async flush(): Promise<void> {
    await this.#ask(COMMAND.flush, 0, 0);
  }

  close(): void {
    if (!this.#gone) this.#socket.end(request(COMMAND.disconnect, 0, 0, 0));
  }

  #ask(command: number, offset: number, length: number, data?: Buffer): Promise<Buffer> {
    if (this.#gone) return Promise.reject(this.#gone);
    const cookie = this.#next;
    this.#next += 1;
    return new Promise((resolve, reject) => {
      this.#waiting.set(cookie, { readBytes: command === COMMAND.read ? length : 0, resolve, reject });
      const head = request(command, cookie, offset, length);
      this.#socket.write(data ? Buffer.concat([head, data]) : head);
    });
  }

  #takeReplies(chunk: Buffer): void {
    this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
    for (;;) {
      if (this.#unread.length < REPLY_BYTES) return;
      const cookie = Number(this.#unread.readBigUInt64BE(8));
      const waiting = this.#waiting.get(cookie);
      const error = this.#unread.readUInt32BE(4);
      if (this.#unread.readUInt32BE(0) !== REPLY_MAGIC || !waiting) {
        this.#socket.destroy(new Error('That is no reply.'));
        return;
      }
      const endBytes = REPLY_BYTES + (error === 0 ? waiting.readBytes : 0);
      if (this.#unread.length < endBytes) return;
      this.#waiting.delete(cookie);
      if (error === 0) waiting.resolve(Buffer.from(this.#unread.subarray(REPLY_BYTES, endBytes)));
      else waiting.reject(new RefusedError(error));
      this.#unread = this.#unread.subarray(endBytes);
    }
  }

  async #agree(exportName: string): Promise<void> {
    const bytes = await this.#exactly(GREETING_BYTES);
    if (!bytes.subarray(0, HAS_MAGIC.length).equals(HAS_MAGIC)) throw new Error('That is no NBD server.');
    const name = Buffer.from(exportName);
    const option = Buffer.alloc(4 + 16 + 4 + name.length + 2);
    option.writeUInt32BE(FIXED_NEWSTYLE_NO_ZEROES, 0);
    HAS_MAGIC.copy(option, 4, 8);
    option.writeUInt32BE(OPTION_GO, 12);
    option.writeUInt32BE(4 + name.length + 2, 16);
    option.writeUInt32BE(name.length, 20);
    name.copy(option, 24);
    this.#socket.write(option);
    for (;;) {
      const head = await this.#exactly(OPTION_REPLY_BYTES);
      const kind = head.readUInt32BE(12);
      const body = await this.#exactly(head.readUInt32BE(16));
      if (kind === REPLY_ACK) return;
      if (kind >= REPLY_ERROR_BIT) throw new RefusedError(kind - REPLY_ERROR_BIT);
      if (kind === REPLY_INFO && body.readUInt16BE(0) === INFO_EXPORT) this.sizeBytes = Number(body.readBigUInt64BE(2));
    }
  }

  #exactly(length: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (this.#unread.length < length) return false;
        const bytes = this.#unread.subarray(0, length);
        this.#unread = this.#unread.subarray(length);
        this.#takeBytes = undefined;
        resolve(bytes);
        return true;
      };
      if (look()) return;
      if (this.#gone) {
        reject(this.#gone);
        return;
      }
      this.#socket.once('close', () => reject(this.#gone ?? new Error('The server closed the connection.')));
      this.#takeBytes = (chunk) => {
        this.#unread = Buffer.concat([this.#unread, chunk]);
        look();
      };
    });
  }
}

function request(command: number, cookie: number, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(REQUEST_BYTES);
  bytes.writeUInt32BE(REQUEST_MAGIC, 0);
  bytes.writeUInt16BE(command, 6);
  bytes.writeBigUInt64BE(BigInt(cookie), 8);
  bytes.writeBigUInt64BE(BigInt(offset), 16);
  bytes.writeUInt32BE(length, 24);
  return bytes;
}
