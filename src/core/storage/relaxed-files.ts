import type { Files, OpenFile } from '../ports/ports.js';

/**
 * Files whose flushes do nothing, for systems made with `--durability none`: kill -9 stays safe, power loss does not. Only what
 * would wait for a disk is left out; everything else is the same code.
 */
export function relaxedFiles(files: Files): Files {
  return {
    open: (path, mode) => relaxedFile(files.open(path, mode)),
    status: (path) => files.status(path),
    identity: (path) => files.identity(path),
    list: (path) => files.list(path),
    makeFolder: (path) => files.makeFolder(path),
    rename: (from, to) => files.rename(from, to),
    remove: (path) => files.remove(path),
    removeFolder: (path) => files.removeFolder(path),
    flushFolder: async () => undefined,
    bulkBuffer: (sizeBytes) => files.bulkBuffer(sizeBytes),
    freeBytes: (path) => files.freeBytes(path),
    placement: (path) => files.placement(path),
  };
}

function relaxedFile(file: OpenFile): OpenFile {
  return {
    path: file.path,
    sizeBytes: () => file.sizeBytes(),
    read: (target, position) => file.read(target, position),
    write: (source, position) => file.write(source, position),
    truncate: (sizeBytes) => file.truncate(sizeBytes),
    flush: async () => undefined,
    writeBulk: (source, position) => file.writeBulk(source, position),
    readBulk: (target, position) => file.readBulk(target, position),
    close: () => file.close(),
  };
}
