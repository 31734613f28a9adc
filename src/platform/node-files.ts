import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  fsync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { FileError, type FileStatus, type Files, type OpenFile, type OpenMode } from '../core/ports/ports.js';
import { bulkBuffer } from './bulk-memory.js';
import { fileError, systemCode } from './file-faults.js';
import { NodeFile } from './node-file.js';
import { freeBytes, placement } from './placement.js';

const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
/** A planted link is refused, and a planted FIFO cannot make us wait. */
const CAREFUL = constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;
const OPEN_FLAGS: Readonly<Record<OpenMode, number>> = {
  read: constants.O_RDONLY | CAREFUL,
  write: constants.O_RDWR | CAREFUL,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | CAREFUL,
};

function open(path: string, mode: OpenMode): OpenFile {
  let fd: number;
  try {
    fd = openSync(path, OPEN_FLAGS[mode], FILE_MODE);
  } catch (error) {
    throw fileError(error, 'open', path);
  }
  const status = fstatSync(fd);
  // A second hard link would be a second name that no lock knows of.
  // A second name defeats locks; who only reads need not care.
  if (status.isFile() && (status.nlink <= 1 || mode === 'read')) return new NodeFile(path, fd, mode);
  closeSync(fd);
  throw new FileError('not-regular', 'open', path);
}

function status(path: string): FileStatus | undefined {
  try {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined) return undefined;
    const kind = found.isFile() ? 'file' : found.isDirectory() ? 'folder' : found.isSymbolicLink() ? 'link' : 'other';
    return { kind, sizeBytes: found.size, allocatedBytes: found.blocks * 512 };
  } catch (error) {
    if (systemCode(error) === 'ENOTDIR') return undefined;
    throw fileError(error, 'status of', path);
  }
}

/** Numbers of files may need more than the 53 bits of a number. */
function identity(path: string): string | undefined {
  try {
    const found = lstatSync(path, { throwIfNoEntry: false, bigint: true });
    return found && `${found.dev}:${found.ino}`;
  } catch (error) {
    if (systemCode(error) === 'ENOTDIR') return undefined;
    throw fileError(error, 'status of', path);
  }
}

/** Runs one call on a path; what it throws becomes a FileError. */
function attempt<T>(operation: string, path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fileError(error, operation, path);
  }
}

/** Parent by parent: Node's own recursive call says ENOENT on a read-only file system. */
function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: FOLDER_MODE });
  } catch (error) {
    const code = systemCode(error);
    if (code === 'EEXIST' && isFolder(path)) return;
    if (code === 'ENOENT' && dirname(path) !== path) {
      makeFolder(dirname(path));
      makeFolder(path);
      return;
    }
    // A file in the place of a parent.
    if (code === 'ENOTDIR') throw new FileError('exists', 'make folder', path, error);
    throw fileError(error, 'make folder', path);
  }
}

/** Links count as what they name: whoever keeps his systems behind a link may. */
function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    const code = systemCode(error);
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw fileError(error, 'remove', path);
  }
}

function removeFolder(path: string): void {
  const found = status(path);
  if (found === undefined) return;
  if (found.kind !== 'folder') throw new FileError('not-regular', 'remove folder', path);
  attempt('remove folder', path, () => rmSync(path, { recursive: true, force: true }));
}

async function flushFolder(path: string): Promise<void> {
  const fd = attempt('flush folder', path, () => openSync(path, constants.O_RDONLY | constants.O_DIRECTORY));
  try {
    await new Promise<void>((resolve, reject) => {
      fsync(fd, (error) => (error ? reject(error) : resolve()));
    });
  } catch (error) {
    throw fileError(error, 'flush folder', path);
  } finally {
    closeSync(fd);
  }
}

/** The Files port on this machine's file systems. */
export const nodeFiles: Files = {
  open,
  status,
  identity,
  list: (path) => attempt('list', path, () => readdirSync(path).sort()),
  makeFolder,
  rename: (from, to) => attempt('rename', from, () => renameSync(from, to)),
  remove,
  removeFolder,
  flushFolder,
  bulkBuffer,
  freeBytes: (path) => attempt('free space of', path, () => freeBytes(path)),
  placement: (path) => attempt('place of', path, () => placement(path, (place) => accessSync(place, constants.W_OK))),
};
