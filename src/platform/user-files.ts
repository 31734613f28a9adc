import {
  constants,
  createReadStream,
  createWriteStream,
  openSync,
  promises,
  realpathSync,
  type WriteStream,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { FileError } from '../core/ports/ports.js';
import { fileError, systemCode } from './file-faults.js';

/**
 * Files that a person names beside a command. A system's own files are never links; these may be: what a shell hands over as
 * `<(gzip -dc image.gz)` is a link to a pipe.
 */
export interface UserInput {
  /** Known for a plain file only. */
  readonly sizeBytes: number | undefined;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** A plain file that appears, or is replaced, whole at `commit`. */
export interface UserOutput {
  write(bytes: Uint8Array): Promise<void>;
  /** Durable under its name when it resolves. */
  commit(): Promise<void>;
  /** Takes back what was written; does nothing after `commit`. */
  discard(): Promise<void>;
}

const CHUNK_BYTES = 1024 * 1024;

export async function openInput(path: string): Promise<UserInput> {
  const found = await attempt('open', path, () => promises.stat(path));
  if (found.isDirectory() || found.isSocket()) throw new FileError('not-regular', 'open', path);
  return { sizeBytes: found.isFile() ? found.size : undefined, chunks: chunksOf(path, found.isFIFO()) };
}

async function* chunksOf(path: string, isPipe: boolean): AsyncGenerator<Uint8Array> {
  try {
    const stream = isPipe ? await pipeStream(path) : createReadStream(path, { highWaterMark: CHUNK_BYTES });
    for await (const chunk of stream) yield chunk as Uint8Array;
  } catch (error) {
    throw fileError(error, 'read', path);
  }
}

/** A pipe may have no writer yet, or none that ever writes; waited for on a thread, it would keep the process from ending. */
async function pipeStream(path: string): Promise<AsyncIterable<unknown>> {
  const { Socket } = await import('node:net');
  return new Socket({ fd: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK), readable: true, writable: false });
}

/** The whole of a text that must not be longer than `maxBytes`. */
export async function readText(path: string, maxBytes: number): Promise<string> {
  const { chunks } = await openInput(path);
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > maxBytes) throw new FileError('too-large', 'read', path);
    parts.push(chunk);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** Writes beside the file and renames, so that whoever reads it sees the old or the new whole. */
export async function createOutput(path: string): Promise<UserOutput> {
  const target = await placeOfFile(path);
  const present = await promises.stat(target).catch(() => undefined);
  if (present && !present.isFile()) throw new FileError('not-regular', 'write', path);
  const beside = join(dirname(target), `.${basename(target)}.${process.pid}.tmp`);
  const stream = createWriteStream(beside, { flags: 'wx', flush: true });
  await attempt('create', path, () => once(stream, 'open'));
  let committed = false;
  return {
    write: (bytes) => attempt('write', path, () => writeTo(stream, bytes)),
    async commit() {
      await attempt('write', path, () => ended(stream));
      await attempt('write', path, () => promises.rename(beside, target));
      committed = true;
      await attempt('flush', path, () => flushFolder(dirname(target)));
    },
    async discard() {
      if (committed) return;
      stream.destroy();
      await promises.unlink(beside).catch(() => {});
    },
  };
}

/** Where a file of this path is, or would be made: with its links followed, or those of the folder that it is to lie in. */
export async function placeOfFile(path: string): Promise<string> {
  const there = await followLinks(path);
  if (there !== undefined) return there;
  const folder = await followLinks(dirname(path));
  return folder === undefined ? path : join(folder, basename(path));
}

/** The path with its links followed, or undefined where nothing is there. */
export async function followLinks(path: string): Promise<string | undefined> {
  try {
    return realpathSync.native(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined;
    throw fileError(error, 'look up', path);
  }
}

async function attempt<T>(operation: string, path: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw fileError(error, operation, path);
  }
}

function once(stream: WriteStream, event: 'open'): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.once(event, () => resolve());
    stream.once('error', reject);
  });
}

function writeTo(stream: WriteStream, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

function ended(stream: WriteStream): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.once('error', reject);
    stream.end(() => resolve());
  });
}

async function flushFolder(path: string): Promise<void> {
  const folder = await promises.open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
