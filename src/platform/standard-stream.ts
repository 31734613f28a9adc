import { fstatSync, writeSync } from 'node:fs';
import type { FileError } from '../core/ports/ports.js';
import { fileError, systemCode } from './file-faults.js';

/**
 * Standard output or standard error, which takes what is said whole or says why not. Pipes and terminals are left to the
 * runtime. Files and devices are written here: the runtime writes once and passes over what was not taken, which a disk that
 * fills does without an error, and writes nothing at all where standard output is a block device.
 */
export class StandardStream {
  readonly #fd: 1 | 2;
  #runtimeStream: NodeJS.WriteStream | undefined;
  #isWatched = false;
  #givenBytes = 0;
  #takenBytes = 0;
  #fault: FileError | undefined;
  #isClosed = false;

  constructor(fd: 1 | 2) {
    this.#fd = fd;
  }

  /** Whoever read it has gone away. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Why something was not taken; nothing is written after it. */
  get fault(): FileError | undefined {
    return this.#fault;
  }

  get givenBytes(): number {
    return this.#givenBytes;
  }

  get takenBytes(): number {
    return this.#takenBytes;
  }

  /** Never throws. False: no more should be written before `drained` resolves. */
  write(text: string | Uint8Array): boolean {
    const bytes = typeof text === 'string' ? Buffer.from(text) : text;
    this.#givenBytes += bytes.length;
    if (this.#isClosed || this.#fault !== undefined) return true;
    const stream = this.#stream();
    if (stream === undefined) {
      this.#writeAll(bytes);
      return true;
    }
    return stream.write(bytes, (error) => {
      if (!error) this.#takenBytes += bytes.length;
    });
  }

  /** Resolves when the stream takes more, or never will. */
  async drained(): Promise<void> {
    const stream = this.#stream();
    if (stream === undefined || this.#isClosed || !stream.writableNeedDrain) return;
    await new Promise<void>((resolve) => stream.once('drain', resolve).once('close', resolve));
  }

  /** Resolves when everything is handed over, or cannot be. */
  flushed(): Promise<void> {
    return new Promise((resolve) => {
      const stream = this.#runtimeStream;
      if (this.#isClosed || stream === undefined || stream.writableLength === 0) resolve();
      else stream.write('', () => resolve());
    });
  }

  /** From now on nothing that happens to the stream ends the process, whoever writes to it. */
  watch(): void {
    if (this.#isWatched) return;
    this.#isWatched = true;
    (this.#fd === 1 ? process.stdout : process.stderr).on('error', (error) => this.#failed(error));
  }

  /** Undefined where we write ourselves. */
  #stream(): NodeJS.WriteStream | undefined {
    if (this.#runtimeStream === undefined && !isFileOrDevice(this.#fd)) {
      this.watch();
      this.#runtimeStream = this.#fd === 1 ? process.stdout : process.stderr;
    }
    return this.#runtimeStream;
  }

  #writeAll(bytes: Uint8Array): void {
    try {
      for (let at = 0; at < bytes.length; ) {
        const written = writeSync(this.#fd, bytes, at);
        if (written === 0) throw new Error('nothing was taken');
        at += written;
        this.#takenBytes += written;
      }
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    if (systemCode(error) === 'EPIPE') this.#isClosed = true;
    else this.#fault ??= fileError(error, 'write', this.#fd === 1 ? 'standard output' : 'standard error');
  }
}

/** Anything but a pipe, a socket or a terminal. */
function isFileOrDevice(fd: 1 | 2): boolean {
  try {
    const found = fstatSync(fd);
    if (found.isFIFO() || found.isSocket()) return false;
    return !found.isCharacterDevice() || !(fd === 1 ? process.stdout : process.stderr).isTTY;
  } catch {
    return false;
  }
}
