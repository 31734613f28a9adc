/** Why a file operation failed. The kinds are what callers decide by; the system's own error travels as the cause. */
export type FileFault =
  | 'not-found'
  | 'exists'
  | 'not-regular' // a link, FIFO, socket, device or folder where a file must be, or a second hard link
  | 'not-empty'
  | 'no-space'
  | 'too-large' // the file system cannot hold a file of that size
  | 'read-only'
  | 'permission'
  | 'io'; // everything else, EIO first

export class FileError extends Error {
  override readonly name = 'FileError';
  readonly fault: FileFault;
  readonly operation: string;
  readonly path: string;

  constructor(fault: FileFault, operation: string, path: string, cause?: unknown) {
    super(`${operation} ${path}: ${fault}`, { cause });
    this.fault = fault;
    this.operation = operation;
    this.path = path;
  }
}

export interface FileStatus {
  readonly kind: 'file' | 'folder' | 'link' | 'other';
  readonly sizeBytes: number;
  /** What the file system holds for it; less than the size where the file has holes. */
  readonly allocatedBytes: number;
}

/** `read` and `write` want an existing regular file; `create` refuses an existing one. Links are never followed. */
export type OpenMode = 'read' | 'write' | 'create';

/** An open regular file. Reads and writes act on the page cache at once; only `flush` makes writes durable. */
export interface OpenFile {
  readonly path: string;
  sizeBytes(): number;
  /** Fills `target` from `positionBytes`; returns how many bytes there were (less only at the end of the file). */
  read(target: Uint8Array, positionBytes: number): number;
  /** Writes the whole of `source`, or throws; a failed write may have written a part. */
  write(source: Uint8Array, positionBytes: number): void;
  /** Sets the size. Growing adds a hole. */
  truncate(sizeBytes: number): void;
  /**
   * Everything written before the call is durable when it resolves (data and size). After a rejection the written data is in
   * doubt for ever: the caller never tries the flush again (reliability.md P9).
   */
  flush(): Promise<void>;
  /**
   * Writes large, sector-aligned pieces without blocking the loop and, where it can, past the page cache. `source` must come
   * from `Files.bulkBuffer` and stay untouched until the promise settles. Not durable before `flush`.
   */
  writeBulk(source: Uint8Array, positionBytes: number): Promise<void>;
  /** As `read`, without blocking the loop. Of what is written meanwhile a part may be there; `target` stays untouched until it settles. */
  readBulk(target: Uint8Array, positionBytes: number): Promise<number>;
  close(): void;
}

/** All functions throw FileError. Paths are absolute, or relative to the process's folder. */
export interface Files {
  open(path: string, mode: OpenMode): OpenFile;
  /** The status of the path itself (links are not followed), or undefined when nothing is there. */
  status(path: string): FileStatus | undefined;
  /** The same text for two paths of one file, however each leads to it; undefined when nothing is there. */
  identity(path: string): string | undefined;
  /** Names in a folder, sorted; an absent folder is `not-found`. */
  list(path: string): string[];
  /** Makes the folder and its missing parents, private to the user; present ones are fine. */
  makeFolder(path: string): void;
  /** Renames, replacing a file. Durable only after `flushFolder` of the folder(s). */
  rename(from: string, to: string): void;
  /** Removes a file; absent is fine. */
  remove(path: string): void;
  /** Removes a folder with everything in it; absent is fine. */
  removeFolder(path: string): void;
  /** The names in a folder are durable when it resolves. */
  flushFolder(path: string): Promise<void>;
  /** Memory that `writeBulk` can hand to the device as it is (aligned). */
  bulkBuffer(sizeBytes: number): Uint8Array;
  freeBytes(path: string): number;
  /** Whether locks and flushes on the file system under `path` mean something on this host alone. */
  placement(path: string): { readonly kind: 'local' | 'network'; readonly type: string; readonly writable: boolean };
}
