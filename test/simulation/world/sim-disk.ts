import { TIB } from '../../../src/core/foundation/foundation.js';
import { FileError } from '../../../src/core/ports/ports.js';
import type { Rng } from './rng.js';
import { type Keep, SimContent } from './sim-content.js';
import type { SimProcess } from './sim-process.js';

/** With more than this not durable, the oldest half is by itself. */
const PENDING_NAMES_MAX = 4_096;

export class SimFileNode {
  readonly kind = 'file';
  content = new SimContent();
}

export class SimFolderNode {
  readonly kind = 'folder';
  /** As every process sees it. */
  names = new Map<string, SimNode>();
  /** As the medium has it for sure. */
  durableNames = new Map<string, SimNode>();
}

/** Something that is neither: planted by a test to see it refused. */
export class SimStrangeNode {
  readonly kind: 'link' | 'other';
  constructor(kind: 'link' | 'other') {
    this.kind = kind;
  }
}

export type SimNode = SimFileNode | SimFolderNode | SimStrangeNode;

interface NameChange {
  readonly folder: SimFolderNode;
  readonly name: string;
  readonly node: SimNode | undefined;
}

/** Changes of names that happen together or not at all. */
interface NameOperation {
  /** In the order in which they happened. */
  readonly serial: number;
  readonly changes: readonly NameChange[];
  /** Folders that are to be flushed before it is durable. */
  readonly unflushed: Set<SimFolderNode>;
}

/** A bulk write that the device may have done in part when its process dies. */
export interface BulkWrite {
  readonly process: SimProcess;
  readonly content: SimContent;
  readonly data: Uint8Array;
  readonly at: number;
}

/** A write in whose middle a process dies: so much of it is in the page cache. */
export interface TornWrite {
  readonly content: SimContent;
  readonly source: Uint8Array;
  readonly at: number;
  readonly doneBytes: number;
}

/** What a machine's file system holds; it outlives the processes, and a power loss leaves a part of it. */
export class SimDisk {
  root = new SimFolderNode();
  capacityBytes = 4 * TIB;
  fileSizeMaxBytes = 16 * TIB;
  place: { kind: 'local' | 'network'; type: string; writable: boolean } = {
    kind: 'local',
    type: 'simulated',
    writable: true,
  };
  allocatedBytes = 0;
  readonly bulkWrites = new Set<BulkWrite>();
  #serial = 0;
  #pending: NameOperation[] = [];

  constructor() {
    // Most tests work below /tmp or /systems; both are there as on a real machine.
    for (const name of ['tmp', 'systems']) this.root.names.set(name, new SimFolderNode());
    this.root.durableNames = new Map(this.root.names);
  }

  change(operation: string, path: string, changes: readonly NameChange[]): void {
    this.assertWritable(operation, path);
    for (const { folder, name, node } of changes) setName(folder.names, name, node);
    this.#serial += 1;
    this.#pending.push({ serial: this.#serial, changes, unflushed: new Set(changes.map((change) => change.folder)) });
    if (this.#pending.length > PENDING_NAMES_MAX) {
      for (const old of this.#pending.splice(0, PENDING_NAMES_MAX / 2)) makeDurable(old);
    }
  }

  assertWritable(operation: string, path: string): void {
    if (!this.place.writable) throw new FileError('read-only', operation, path);
  }

  /** The operations that a flush of this folder covers when it starts now. */
  namesMark(): number {
    return this.#serial;
  }

  /** The folder's names up to the mark are durable, and with them whatever they rest on. */
  namesFlushed(folder: SimFolderNode, mark: number): void {
    const included = new Set<NameOperation>();
    const needed: NameChange[] = [];
    // What the mark named may be durable by another flush meanwhile; what came before it is flushed all the same.
    for (let index = this.#pending.findLastIndex(({ serial }) => serial <= mark); index >= 0; index -= 1) {
      const operation = this.#pending[index] as NameOperation;
      operation.unflushed.delete(folder);
      if (operation.unflushed.size > 0 && !touches(operation, needed)) continue;
      included.add(operation);
      needed.push(...operation.changes);
    }
    if (included.size === 0) return;
    for (const operation of this.#pending) if (included.has(operation)) makeDurable(operation);
    this.#pending = this.#pending.filter((operation) => !included.has(operation));
  }

  /** A process died: the device may have done its bulk writes up to any place. */
  processEnded(process: SimProcess, rng: Rng): void {
    for (const bulk of this.bulkWrites) {
      if (bulk.process !== process) continue;
      this.bulkWrites.delete(bulk);
      const done = rng.below(bulk.data.length / 512 + 1) * 512;
      bulk.content.write(bulk.data.subarray(0, done), bulk.at);
    }
  }

  /**
   * The disk as it would be found if all processes died now, page cache included, as a disk of its own. This one goes on, so that
   * one run shows what a crash at each of its moments would leave. `torn` is a write that they die in.
   */
  afterKill(rng: Rng, torn?: TornWrite): SimDisk {
    const copies = new Copies();
    const disk = new SimDisk();
    disk.capacityBytes = this.capacityBytes;
    disk.fileSizeMaxBytes = this.fileSizeMaxBytes;
    disk.place = { ...this.place };
    disk.root = copies.folder(this.root);
    disk.allocatedBytes = this.allocatedBytes;
    disk.#serial = this.#serial;
    disk.#pending = this.#pending.map(({ serial, changes, unflushed }) => ({
      serial,
      changes: changes.map(({ folder, name, node }) => ({
        folder: copies.folder(folder),
        name,
        node: node && copies.node(node),
      })),
      unflushed: new Set([...unflushed].map((folder) => copies.folder(folder))),
    }));
    for (const { content, data, at } of this.bulkWrites) {
      const done = rng.below(data.length / 512 + 1) * 512;
      if (done > 0) copies.content(content)?.write(data.subarray(0, done), at);
    }
    if (torn !== undefined && torn.doneBytes > 0) {
      copies.content(torn.content)?.write(torn.source.subarray(0, torn.doneBytes), torn.at);
    }
    return disk;
  }

  /** The disk after a power loss, as a disk of its own; this one stays as it is, so that one moment can be lost many ways. */
  afterPowerLoss(rng: Rng, keep: Keep): SimDisk {
    const lost = new Overlay(rng, keep);
    for (const operation of this.#survivors(rng, keep)) lost.apply(operation.changes);
    const disk = new SimDisk();
    disk.capacityBytes = this.capacityBytes;
    disk.fileSizeMaxBytes = this.fileSizeMaxBytes;
    disk.place = { ...this.place };
    disk.root = lost.folder(this.root);
    disk.allocatedBytes = lost.allocatedBytes;
    return disk;
  }

  /**
   * A machine whose files lie below this folder loses its power; the others go on. Its processes are no more: what they had open is not
   * looked at again.
   */
  losePowerBelow(parent: SimFolderNode, name: string, rng: Rng, keep: Keep): void {
    const folder = parent.names.get(name);
    if (folder?.kind !== 'folder') return;
    const below = foldersBelow(folder);
    const own = this.#pending.filter(({ changes }) => changes.some((change) => below.has(change.folder)));
    this.#pending = this.#pending.filter((operation) => !own.includes(operation));
    const lost = new Overlay(rng, keep);
    for (const operation of survivorsOf(own, rng, keep)) lost.apply(operation.changes);
    const left = lost.folder(folder);
    parent.names.set(name, left);
    if (parent.durableNames.has(name)) parent.durableNames.set(name, left);
  }

  /** Which name operations the medium has: a prefix, or a subset in which nothing rests on something that is missing. */
  #survivors(rng: Rng, keep: Keep): NameOperation[] {
    return survivorsOf(this.#pending, rng, keep);
  }
}

function survivorsOf(pending: readonly NameOperation[], rng: Rng, keep: Keep): NameOperation[] {
  if (keep === 'none') return [];
  if (keep === 'all') return [...pending];
  if (rng.chance(0.5)) return pending.slice(0, rng.below(pending.length + 1));
  const missing: NameChange[] = [];
  return pending.filter((operation) => {
    const kept = !touches(operation, missing) && rng.chance(0.5);
    if (!kept) missing.push(...operation.changes);
    return kept;
  });
}

function foldersBelow(folder: SimFolderNode, found = new Set<SimFolderNode>()): Set<SimFolderNode> {
  found.add(folder);
  for (const node of [...folder.names.values(), ...folder.durableNames.values()])
    if (node.kind === 'folder' && !found.has(node)) foldersBelow(node, found);
  return found;
}

/** A copy of the durable tree with some pending operations on top; the tree itself is not touched. */
class Overlay {
  readonly #rng: Rng;
  readonly #keep: Keep;
  readonly #names = new Map<SimFolderNode, Map<string, SimNode>>();
  readonly #copies = new Map<SimNode, SimNode>();
  allocatedBytes = 0;

  constructor(rng: Rng, keep: Keep) {
    this.#rng = rng;
    this.#keep = keep;
  }

  apply(changes: readonly NameChange[]): void {
    for (const { folder, name, node } of changes) setName(this.#namesOf(folder), name, node);
  }

  folder(source: SimFolderNode): SimFolderNode {
    const copy = new SimFolderNode();
    this.#copies.set(source, copy);
    for (const [name, node] of this.#namesOf(source)) copy.names.set(name, this.#copy(node));
    copy.durableNames = new Map(copy.names);
    return copy;
  }

  #copy(node: SimNode): SimNode {
    const known = this.#copies.get(node);
    if (known !== undefined) return known;
    if (node.kind === 'folder') return this.folder(node);
    if (node.kind !== 'file') return node;
    const copy = new SimFileNode();
    copy.content = node.content.afterPowerLoss(this.#rng, this.#keep);
    this.allocatedBytes += copy.content.allocatedBytes;
    this.#copies.set(node, copy);
    return copy;
  }

  #namesOf(folder: SimFolderNode): Map<string, SimNode> {
    let names = this.#names.get(folder);
    if (names === undefined) {
      names = new Map(folder.durableNames);
      this.#names.set(folder, names);
    }
    return names;
  }
}

/** A copy of a tree, page cache and all. */
class Copies {
  readonly #copies = new Map<SimNode, SimNode>();
  readonly #contents = new Map<SimContent, SimContent>();

  node(source: SimNode): SimNode {
    if (source.kind === 'folder') return this.folder(source);
    if (source.kind !== 'file') return source;
    const known = this.#copies.get(source);
    if (known !== undefined) return known;
    const copy = new SimFileNode();
    copy.content = source.content.copy();
    this.#copies.set(source, copy);
    this.#contents.set(source.content, copy.content);
    return copy;
  }

  folder(source: SimFolderNode): SimFolderNode {
    const known = this.#copies.get(source);
    if (known !== undefined) return known as SimFolderNode;
    const copy = new SimFolderNode();
    this.#copies.set(source, copy);
    for (const [name, node] of source.names) copy.names.set(name, this.node(node));
    for (const [name, node] of source.durableNames) copy.durableNames.set(name, this.node(node));
    return copy;
  }

  /** The copy of a file's content, where the file still has a name. */
  content(source: SimContent): SimContent | undefined {
    return this.#contents.get(source);
  }
}

function makeDurable(operation: NameOperation): void {
  for (const { folder, name, node } of operation.changes) setName(folder.durableNames, name, node);
}

function setName(names: Map<string, SimNode>, name: string, node: SimNode | undefined): void {
  if (node === undefined) names.delete(name);
  else names.set(name, node);
}

function touches(operation: NameOperation, changes: readonly NameChange[]): boolean {
  return operation.changes.some((own) =>
    changes.some((other) => own.folder === other.folder && own.name === other.name),
  );
}
