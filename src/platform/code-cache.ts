import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  type Stats,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { crc32 } from 'node:zlib';

const HEADER_BYTES = 16;
const MAGIC = Buffer.from('CSCODE1\n', 'latin1');
const ENTRY_MAX_BYTES = 16 * 1024 * 1024;
/** Older entries go when all together are more: each build and each version of Node leaves its own behind. */
const FOLDER_MAX_BYTES = 64 * 1024 * 1024;
const WRITABLE_BY_OTHERS = 0o022;

/**
 * Compiled code kept between runs in a folder of the user's. What is read here is executed without a further look, so it is read
 * only where nobody else can have written it, and only when it is whole: V8 itself checks versions, but no bytes. Nothing here
 * throws: a program without its cache is a slower one.
 */
export class CodeCache {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Undefined where the user has no such folder, or does not want one (NODE_DISABLE_COMPILE_CACHE). */
  static find(environment: NodeJS.ProcessEnv): CodeCache | undefined {
    if (environment.NODE_DISABLE_COMPILE_CACHE) return undefined;
    const { XDG_CACHE_HOME: named, HOME: home } = environment;
    if (named && isAbsolute(named)) return new CodeCache(join(named, 'copyset'));
    if (home && isAbsolute(home)) return new CodeCache(join(home, '.cache', 'copyset'));
    return undefined;
  }

  read(name: string): Uint8Array | undefined {
    try {
      if (!isOurs(lstatSync(this.#folder), 'folder')) return undefined;
      const bytes = readOwnFile(join(this.#folder, name));
      if (bytes === undefined || bytes.length < HEADER_BYTES || !bytes.subarray(0, MAGIC.length).equals(MAGIC))
        return undefined;
      const code = bytes.subarray(HEADER_BYTES);
      const isWhole = bytes.readUInt32LE(8) === code.length && bytes.readUInt32LE(12) === crc32(code);
      return isWhole ? code : undefined;
    } catch {
      return undefined;
    }
  }

  /** The entry appears, or is replaced, whole. It need not outlive a loss of power: a torn one is not taken. */
  keep(name: string, code: Uint8Array): void {
    const beside = join(this.#folder, `${name}.${process.pid}.tmp`);
    try {
      this.#makeFolder();
      if (!isOurs(lstatSync(this.#folder), 'folder')) return;
      this.#makeRoom(code.length);
      const header = Buffer.alloc(HEADER_BYTES);
      MAGIC.copy(header);
      header.writeUInt32LE(code.length, 8);
      header.writeUInt32LE(crc32(code), 12);
      writeFileSync(beside, Buffer.concat([header, code]), { flag: 'wx', mode: 0o600 });
      renameSync(beside, join(this.#folder, name));
    } catch {
      remove(beside);
    }
  }

  /** The folder, and the one that it lies in, but no home that is not there. */
  #makeFolder(): void {
    for (const folder of [join(this.#folder, '..'), this.#folder]) {
      try {
        mkdirSync(folder, { mode: 0o700 });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
  }

  #makeRoom(wantedBytes: number): void {
    const entries = readdirSync(this.#folder).flatMap((name) => {
      const path = join(this.#folder, name);
      const found = lstatSync(path, { throwIfNoEntry: false });
      return found?.isFile() ? [{ path, sizeBytes: found.size, writtenMs: found.mtimeMs }] : [];
    });
    let leftBytes = FOLDER_MAX_BYTES - wantedBytes;
    for (const { path, sizeBytes } of entries.sort((a, b) => b.writtenMs - a.writtenMs)) {
      leftBytes -= sizeBytes;
      if (leftBytes < 0) remove(path);
    }
  }
}

function readOwnFile(path: string): Buffer | undefined {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const found = fstatSync(fd);
    if (!isOurs(found, 'file') || found.size > ENTRY_MAX_BYTES) return undefined;
    const bytes = Buffer.allocUnsafeSlow(found.size);
    return readSync(fd, bytes, 0, found.size, 0) === found.size ? bytes : undefined;
  } finally {
    closeSync(fd);
  }
}

function isOurs(found: Stats, kind: 'folder' | 'file'): boolean {
  const isKind = kind === 'folder' ? found.isDirectory() : found.isFile();
  return isKind && found.uid === process.geteuid?.() && (found.mode & WRITABLE_BY_OTHERS) === 0;
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It is gone already, or stays until there is room to be made again.
  }
}
