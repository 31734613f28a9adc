import { assert, type ChangeNumber, type TrackCount } from '../foundation/foundation.js';
import type { Files } from '../ports/ports.js';
import { MapFile, TrackedMap } from '../trackmap/trackmap.js';
import type { MapKey } from './changes.js';
import { mapFilePath } from './system-files.js';

interface OpenedMap {
  readonly file: MapFile;
  readonly tracked: TrackedMap;
  dirty: boolean;
}

export interface MapStoreOptions {
  readonly readOnly: boolean;
  /** What a map's file holds beyond this change was written by a checkpoint that never came to count. */
  readonly upTo: ChangeNumber;
}

/** The maps of one system, opened when first asked for and written out at a checkpoint. */
export class MapStore {
  readonly #files: Files;
  readonly #folder: string;
  readonly #options: MapStoreOptions;
  readonly #opened = new Map<MapKey, OpenedMap>();

  constructor(files: Files, folder: string, options: MapStoreOptions) {
    this.#files = files;
    this.#folder = folder;
    this.#options = options;
  }

  /** The map for use; whoever takes it may mark it, so it counts as dirty unless `reading`. */
  get(key: MapKey, trackCount: TrackCount, reading = false): TrackedMap {
    const opened = this.#open(key, trackCount);
    if (!reading) opened.dirty = true;
    return opened.tracked;
  }

  /** How many tracks an opened map has; undefined where it was not opened, and so not changed either. */
  countOf(key: MapKey): TrackCount | undefined {
    return this.#opened.get(key)?.tracked.map.count;
  }

  /** Closes and forgets a map whose owner was dropped. Its file is removed by the catalog. */
  drop(key: MapKey): void {
    this.#opened.get(key)?.file.close();
    this.#opened.delete(key);
  }

  *unlogged(): IterableIterator<readonly [MapKey, TrackedMap]> {
    for (const [key, opened] of this.#opened) if (opened.tracked.hasUnlogged) yield [key, opened.tracked];
  }

  /** Writes out every map changed since the last checkpoint. Marks made while it runs stay for the next. */
  async checkpoint(change: ChangeNumber): Promise<MapFile[]> {
    assert(!this.#options.readOnly, 'a reader does not write maps');
    const dirty = [...this.#opened.values()].filter((opened) => opened.dirty);
    for (const opened of dirty) opened.dirty = opened.tracked.hasUnlogged;
    await Promise.all(dirty.map((opened) => opened.file.checkpoint(change)));
    return dirty.map((opened) => opened.file);
  }

  /** Reads every page of every opened map and compares codes. */
  *check(): IterableIterator<{ key: MapKey; damaged: number[] }> {
    for (const [key, opened] of this.#opened) yield { key, damaged: opened.file.check().damaged };
  }

  close(): void {
    for (const opened of this.#opened.values()) opened.file.close();
    this.#opened.clear();
  }

  #open(key: MapKey, trackCount: TrackCount): OpenedMap {
    const present = this.#opened.get(key);
    if (present) return present;
    const path = `${this.#folder}/${mapFilePath(key)}`;
    const file = MapFile.open(this.#files, path, trackCount, this.#options);
    const opened = { file, tracked: new TrackedMap(file.map), dirty: false };
    this.#opened.set(key, opened);
    return opened;
  }
}
