import {
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  ftruncateSync,
  openSync,
  read,
  readSync,
  write,
  writeSync,
} from 'node:fs';
import { assert, SECTOR_BYTES } from '../core/foundation/foundation.js';
import { FileError, type OpenFile, type OpenMode } from '../core/ports/ports.js';
import { fileError, systemCode } from './file-faults.js';

/** Devices ask for 512 or 4,096; what is aligned to this is aligned for all of them. */
const DIRECT_ALIGNMENT_BYTES = 4_096;

/** The descriptor for direct writes: not tried yet, refused by the file system, or open. */
type Direct = 'untried' | 'refused' | number;

/** An open file of this machine. Reads and writes are direct system calls: they are the hot path of every host. */
export class NodeFile implements OpenFile {
  readonly path: string;
  readonly #fd: number;
  readonly #mode: OpenMode;
  #direct: Direct = 'untried';
  /** Calls on the thread pool; a descriptor is never closed under them, its number could be another file's by then. */
  #poolCalls = 0;
  #closed = false;

  constructor(path: string, fd: number, mode: OpenMode) {
    this.path = path;
    this.#fd = fd;
    this.#mode = mode;
  }

  sizeBytes(): number {
    this.#assertOpen();
    try {
      return fstatSync(this.#fd).size;
    } catch (error) {
      throw fileError(error, 'size of', this.path);
    }
  }

  read(target: Uint8Array, positionBytes: number): number {
    this.#assertOpen();
    const length = target.length;
    let done = 0;
    try {
      while (done < length) {
        const got = readSync(this.#fd, target, done, length - done, positionBytes + done);
        if (got === 0) break;
        done += got;
      }
    } catch (error) {
      throw fileError(error, 'read', this.path);
    }
    return done;
  }

  write(source: Uint8Array, positionBytes: number): void {
    this.#assertWritable();
    const length = source.length;
    let done = 0;
    try {
      while (done < length) {
        const put = writeSync(this.#fd, source, done, length - done, positionBytes + done);
        if (put === 0) throw new FileError('io', 'write', this.path);
        done += put;
      }
    } catch (error) {
      throw fileError(error, 'write', this.path);
    }
  }

  truncate(sizeBytes: number): void {
    this.#assertWritable();
    try {
      ftruncateSync(this.#fd, sizeBytes);
    } catch (error) {
      // Beyond the largest file some file systems say EINVAL; a negative size never gets here.
      if (systemCode(error) === 'EINVAL') throw new FileError('too-large', 'truncate', this.path, error);
      throw fileError(error, 'truncate', this.path);
    }
  }

  async flush(): Promise<void> {
    this.#assertOpen();
    try {
      await this.#onPool<void>((done) => fdatasync(this.#fd, (error) => done(error)));
    } catch (error) {
      throw fileError(error, 'flush', this.path);
    }
  }

  async writeBulk(source: Uint8Array, positionBytes: number): Promise<void> {
    this.#assertWritable();
    let done = 0;
    try {
      while (done < source.length) {
        const put = await this.#writePiece(source, done, positionBytes + done);
        if (put === 0) throw new FileError('io', 'write', this.path);
        done += put;
      }
    } catch (error) {
      throw fileError(error, 'write', this.path);
    }
  }

  async readBulk(target: Uint8Array, positionBytes: number): Promise<number> {
    this.#assertOpen();
    let done = 0;
    try {
      while (done < target.length) {
        const from = done;
        const got = await this.#onPool<number>((ended) =>
          read(this.#fd, target, from, target.length - from, positionBytes + from, ended),
        );
        if (got === 0) break;
        done += got;
      }
    } catch (error) {
      throw fileError(error, 'read', this.path);
    }
    return done;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#poolCalls === 0) this.#closeDescriptors();
  }

  /** One try of the rest of `source` from `from` on: past the page cache as far as it is aligned, else through it. */
  async #writePiece(source: Uint8Array, from: number, positionBytes: number): Promise<number> {
    const rest = source.length - from;
    const direct = positionBytes % SECTOR_BYTES === 0 ? this.#openDirect() : undefined;
    const alignedBytes = rest - (rest % (rest >= DIRECT_ALIGNMENT_BYTES ? DIRECT_ALIGNMENT_BYTES : SECTOR_BYTES));
    if (direct !== undefined && alignedBytes > 0) {
      const put = await this.#tryDirect(direct, source, from, alignedBytes, positionBytes);
      if (put !== undefined) return put;
    }
    return this.#onPool<number>((done) => write(this.#fd, source, from, rest, positionBytes, done));
  }

  /** Bytes written, or undefined where the file system or the device does not take this piece directly. */
  async #tryDirect(
    fd: number,
    source: Uint8Array,
    from: number,
    lengthBytes: number,
    positionBytes: number,
  ): Promise<number | undefined> {
    try {
      return await this.#onPool<number>((done) => write(fd, source, from, lengthBytes, positionBytes, done));
    } catch (error) {
      if (systemCode(error) === 'EINVAL') return undefined;
      throw error;
    }
  }

  /** Opens the same file again past the page cache. Through the descriptor, so a path exchanged meanwhile does not matter. */
  #openDirect(): number | undefined {
    if (this.#direct === 'untried') {
      try {
        this.#direct = openSync(`/proc/self/fd/${this.#fd}`, constants.O_WRONLY | constants.O_DIRECT);
      } catch {
        this.#direct = 'refused';
      }
    }
    return this.#direct === 'refused' ? undefined : this.#direct;
  }

  #onPool<T>(start: (done: (error: Error | null, value?: T) => void) => void): Promise<T> {
    this.#poolCalls += 1;
    return new Promise<T>((resolve, reject) => {
      start((error, value) => {
        this.#poolCalls -= 1;
        if (this.#closed && this.#poolCalls === 0) this.#closeDescriptors();
        if (error) reject(error);
        else resolve(value as T);
      });
    });
  }

  #closeDescriptors(): void {
    closeSync(this.#fd);
    if (typeof this.#direct === 'number') closeSync(this.#direct);
  }

  #assertOpen(): void {
    if (this.#closed) assert(false, `${this.path} is not used after close`);
  }

  #assertWritable(): void {
    this.#assertOpen();
    if (this.#mode === 'read') assert(false, `${this.path} was opened for reading only`);
  }
}
