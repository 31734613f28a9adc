import { assert, SECTOR_BYTES } from '../../../src/core/foundation/foundation.js';
import { FileError, type FileStatus, type Files, type OpenFile, type OpenMode } from '../../../src/core/ports/ports.js';
import { Rng } from './rng.js';
import { CHUNK_BYTES, type Keep } from './sim-content.js';
import { SimDisk, SimFileNode, SimFolderNode, type SimNode, SimStrangeNode } from './sim-disk.js';
import { SimProcess, type StoreCall, WorldStopped } from './sim-process.js';

/** Loss of power, or kill -9: after it the page cache is still there. */
export type CrashKind = 'power' | 'kill';

const bulkBuffers = new WeakSet<ArrayBufferLike>();

class SimOpenFile implements OpenFile {
  readonly path: string;
  readonly #node: SimFileNode;
  readonly #mode: OpenMode;
  readonly #disk: SimDisk;
  readonly #process: SimProcess;
  readonly #rng: Rng;
  #closed = false;

  constructor(path: string, node: SimFileNode, mode: OpenMode, disk: SimDisk, process: SimProcess, rng: Rng) {
    this.path = path;
    this.#node = node;
    this.#mode = mode;
    this.#disk = disk;
    this.#process = process;
    this.#rng = rng;
  }

  sizeBytes(): number {
    this.#use();
    return this.#node.content.sizeBytes;
  }

  read(target: Uint8Array, positionBytes: number): number {
    this.#use();
    return this.#node.content.read(target, positionBytes);
  }

  write(source: Uint8Array, positionBytes: number): void {
    this.#useToChange('write');
    try {
      this.#process.enter('write', this.path, { content: this.#node.content, source, at: positionBytes });
    } catch (error) {
      if (error instanceof WorldStopped) this.#tear(source, positionBytes);
      throw error;
    }
    this.#put(source, positionBytes);
  }

  truncate(sizeBytes: number): void {
    this.#useToChange('truncate');
    this.#process.enter('truncate', this.path);
    if (sizeBytes > this.#disk.fileSizeMaxBytes) throw new FileError('too-large', 'truncate', this.path);
    const before = this.#node.content.allocatedBytes;
    this.#node.content.truncate(sizeBytes);
    this.#disk.allocatedBytes += this.#node.content.allocatedBytes - before;
  }

  async flush(): Promise<void> {
    this.#use();
    this.#process.enter('flush', this.path);
    const content = this.#node.content;
    const mark = content.flushMark;
    await this.#process.settle(() => content.flushed(mark));
  }

  /** The flush that the medium refuses (FaultFiles); later ones succeed and cover only what is written after it. */
  failFlush(): void {
    this.#node.content.flushFailed();
  }

  async writeBulk(source: Uint8Array, positionBytes: number): Promise<void> {
    this.#useToChange('writeBulk');
    assert(positionBytes % SECTOR_BYTES === 0, `bulk writes to ${this.path} start at a sector`);
    assert(bulkBuffers.has(source.buffer), `bulk writes to ${this.path} come from bulkBuffer`);
    this.#process.enter('writeBulk', this.path);
    const bulk = { process: this.#process, content: this.#node.content, data: source.slice(), at: positionBytes };
    this.#disk.bulkWrites.add(bulk);
    await this.#process.settle(() => {
      this.#disk.bulkWrites.delete(bulk);
      assert(sameBytes(bulk.data, source), `the source of a bulk write to ${this.path} stays untouched`);
      this.#put(bulk.data, positionBytes);
    });
  }

  /** Half of it is read at once, the other half as late as can be: whatever is written meanwhile tears it. */
  async readBulk(target: Uint8Array, positionBytes: number): Promise<number> {
    this.#use();
    const { content } = this.#node;
    const half = target.length >> 1;
    let found = content.read(target.subarray(0, half), positionBytes);
    await this.#process.settle(() => {
      found += content.read(target.subarray(half), positionBytes + half);
    });
    return found;
  }

  close(): void {
    this.#closed = true;
  }

  #put(source: Uint8Array, positionBytes: number): void {
    const { content } = this.#node;
    const disk = this.#disk;
    let length = source.length;
    if (positionBytes + length > disk.fileSizeMaxBytes) length = Math.max(0, disk.fileSizeMaxBytes - positionBytes);
    const room = content.roomFor(positionBytes, length);
    if (disk.allocatedBytes + room > disk.capacityBytes) {
      length = Math.min(length, this.#bytesThatFit(positionBytes, length));
    }
    disk.allocatedBytes += length === source.length ? room : content.roomFor(positionBytes, length);
    content.write(length === source.length ? source : source.subarray(0, length), positionBytes);
    if (length === source.length) return;
    const full = positionBytes + source.length <= disk.fileSizeMaxBytes;
    throw new FileError(full ? 'no-space' : 'too-large', 'write', this.path);
  }

  #bytesThatFit(positionBytes: number, lengthBytes: number): number {
    let fits = 0;
    while (fits < lengthBytes) {
      const next = Math.min(lengthBytes, fits + CHUNK_BYTES - ((positionBytes + fits) % CHUNK_BYTES));
      const room = this.#node.content.roomFor(positionBytes, next);
      if (this.#disk.allocatedBytes + room > this.#disk.capacityBytes) break;
      fits = next;
    }
    return fits;
  }

  /** The process is killed inside a large write: whole pages of it are there, up to some place. */
  #tear(source: Uint8Array, positionBytes: number): void {
    if (source.length <= CHUNK_BYTES) return;
    const pages = this.#rng.below(Math.ceil(source.length / CHUNK_BYTES));
    const firstBytes = CHUNK_BYTES - (positionBytes % CHUNK_BYTES);
    if (pages > 0) this.#put(source.subarray(0, firstBytes + (pages - 1) * CHUNK_BYTES), positionBytes);
  }

  #use(): void {
    this.#process.assertAlive();
    if (this.#closed) assert(false, `${this.path} is not used after close`);
  }

  #useToChange(operation: string): void {
    this.#use();
    if (this.#mode === 'read') assert(false, `${this.path} was opened for reading only`);
    this.#disk.assertWritable(operation, this.path);
  }
}

/** The Files port wholly in memory, for one process. Without a process of a world, what it defers settles by itself. */
export class SimFiles implements Files {
  readonly disk: SimDisk;
  readonly process: SimProcess;
  readonly #rng: Rng;

  constructor(disk = new SimDisk(), process = new SimProcess(), rng = new Rng(1)) {
    this.disk = disk;
    this.process = process;
    this.#rng = rng;
    process.onEnd(() => disk.processEnded(process, this.#rng));
  }

  /** Called before every store call takes effect, with its running number. */
  beforeCall(listener: ((call: StoreCall) => void) | undefined): void {
    this.process.beforeCall(listener);
  }

  /** Ends this process and gives the files as its next incarnation finds them. */
  crash(seed: number, kind: CrashKind, keep: Keep = 'random'): SimFiles {
    this.process.end();
    const rng = new Rng(seed, 2);
    const disk = kind === 'kill' ? this.disk : this.disk.afterPowerLoss(rng, keep);
    return new SimFiles(disk, new SimProcess(this.process.name, this.process.scheduler), rng);
  }

  /** Puts a link, or a FIFO or the like, where the code under test may meet it. */
  plant(path: string, kind: 'link' | 'other'): void {
    const { folder, name } = this.#parent('plant', path);
    folder.names.set(name, new SimStrangeNode(kind));
    folder.durableNames.set(name, new SimStrangeNode(kind));
  }

  open(path: string, mode: OpenMode): OpenFile {
    this.process.assertAlive();
    const { folder, name } = this.#parent('open', path);
    const found = folder.names.get(name);
    if (mode === 'create') {
      if (found !== undefined) throw new FileError('exists', 'open', path);
      this.process.enter('create', path);
      const node = new SimFileNode();
      this.disk.change('open', path, [{ folder, name, node }]);
      return new SimOpenFile(path, node, mode, this.disk, this.process, this.#rng);
    }
    if (found === undefined) throw new FileError('not-found', 'open', path);
    if (found.kind !== 'file') throw new FileError('not-regular', 'open', path);
    if (mode === 'write') this.disk.assertWritable('open', path);
    return new SimOpenFile(path, found, mode, this.disk, this.process, this.#rng);
  }

  status(path: string): FileStatus | undefined {
    this.process.assertAlive();
    const node = this.#find(path);
    if (node === undefined) return undefined;
    if (node.kind !== 'file') return { kind: node.kind, sizeBytes: 0, allocatedBytes: 0 };
    return { kind: 'file', sizeBytes: node.content.sizeBytes, allocatedBytes: node.content.allocatedBytes };
  }

  /** There are no links to folders here: a path is the only one. */
  identity(path: string): string | undefined {
    this.process.assertAlive();
    return this.#find(path) && parts(path).join('/');
  }

  list(path: string): string[] {
    this.process.assertAlive();
    return [...this.#folder('list', path).names.keys()].sort();
  }

  makeFolder(path: string): void {
    this.process.enter('makeFolder', path);
    let folder = this.disk.root;
    for (const name of parts(path)) {
      const found = folder.names.get(name);
      if (found === undefined) {
        const made = new SimFolderNode();
        this.disk.change('make folder', path, [{ folder, name, node: made }]);
        folder = made;
      } else {
        if (found.kind !== 'folder') throw new FileError('exists', 'make folder', path);
        folder = found;
      }
    }
  }

  rename(from: string, to: string): void {
    const source = this.#parent('rename', from);
    const target = this.#parent('rename', to);
    const node = source.folder.names.get(source.name);
    if (node === undefined) throw new FileError('not-found', 'rename', from);
    const replaced = target.folder.names.get(target.name);
    if (replaced !== undefined && replaced !== node) {
      if ((replaced.kind === 'folder') !== (node.kind === 'folder')) throw new FileError('not-regular', 'rename', from);
      if (replaced.kind === 'folder' && replaced.names.size > 0) throw new FileError('not-empty', 'rename', from);
    }
    this.process.enter('rename', from);
    if (replaced === node) return;
    this.disk.change('rename', from, [
      { ...source, node: undefined },
      { ...target, node },
    ]);
    if (replaced !== undefined) this.#forget(replaced);
  }

  remove(path: string): void {
    this.process.assertAlive();
    const node = this.#find(path);
    if (node === undefined) return;
    if (node.kind === 'folder') throw new FileError('not-regular', 'remove', path);
    this.process.enter('remove', path);
    this.disk.change('remove', path, [{ ...this.#parent('remove', path), node: undefined }]);
    this.#forget(node);
  }

  removeFolder(path: string): void {
    this.process.assertAlive();
    const node = this.#find(path);
    if (node === undefined) return;
    if (node.kind !== 'folder') throw new FileError('not-regular', 'remove folder', path);
    this.#empty(node, path);
    this.process.enter('removeFolder', path);
    this.disk.change('remove folder', path, [{ ...this.#parent('remove folder', path), node: undefined }]);
  }

  async flushFolder(path: string): Promise<void> {
    const folder = this.#folder('flush folder', path);
    this.process.enter('flushFolder', path);
    const mark = this.disk.namesMark();
    await this.process.settle(() => this.disk.namesFlushed(folder, mark));
  }

  bulkBuffer(sizeBytes: number): Uint8Array {
    const buffer = new Uint8Array(sizeBytes);
    bulkBuffers.add(buffer.buffer);
    return buffer;
  }

  freeBytes(_path: string): number {
    this.process.assertAlive();
    return Math.max(0, this.disk.capacityBytes - this.disk.allocatedBytes);
  }

  placement(_path: string): ReturnType<Files['placement']> {
    this.process.assertAlive();
    return this.disk.place;
  }

  #empty(folder: SimFolderNode, path: string): void {
    for (const [name, node] of [...folder.names]) {
      if (node.kind === 'folder') this.#empty(node, `${path}/${name}`);
      this.process.enter('remove', `${path}/${name}`);
      this.disk.change('remove', `${path}/${name}`, [{ folder, name, node: undefined }]);
      this.#forget(node);
    }
  }

  /** Room comes back when the last name goes. (A file that is still open keeps its bytes, but not the room.) */
  #forget(node: SimNode): void {
    if (node.kind === 'file') this.disk.allocatedBytes -= node.content.allocatedBytes;
  }

  #find(path: string): SimNode | undefined {
    let node: SimNode = this.disk.root;
    for (const name of parts(path)) {
      const next: SimNode | undefined = node.kind === 'folder' ? node.names.get(name) : undefined;
      if (next === undefined) return undefined;
      node = next;
    }
    return node;
  }

  #folder(operation: string, path: string): SimFolderNode {
    const node = this.#find(path);
    if (node === undefined) throw new FileError('not-found', operation, path);
    if (node.kind !== 'folder') throw new FileError('not-regular', operation, path);
    return node;
  }

  #parent(operation: string, path: string): { folder: SimFolderNode; name: string } {
    this.process.assertAlive();
    const names = parts(path);
    let node: SimNode = this.disk.root;
    for (let index = 0; index < names.length - 1; index += 1) {
      const next: SimNode | undefined = node.kind === 'folder' ? node.names.get(names[index] as string) : undefined;
      if (next === undefined) throw new FileError('not-found', operation, path);
      node = next;
    }
    const name = names.at(-1);
    if (name === undefined) throw new FileError('not-regular', operation, path);
    if (node.kind !== 'folder') throw new FileError('not-found', operation, path);
    return { folder: node, name };
  }
}

const knownParts = new Map<string, readonly string[]>();

/** The names along a path. Relative paths begin at the root. */
function parts(path: string): readonly string[] {
  let names = knownParts.get(path);
  if (names === undefined) {
    const found: string[] = [];
    for (const name of path.split('/')) {
      if (name === '..') found.pop();
      else if (name !== '' && name !== '.') found.push(name);
    }
    names = found;
    if (knownParts.size > 10_000) knownParts.clear();
    knownParts.set(path, names);
  }
  return names;
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}

export { SimOpenFile };
