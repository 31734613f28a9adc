import { assert, type ChangeNumber, type TrackCount } from '../foundation/foundation.js';
import type { Files } from '../ports/ports.js';
import { MapFile, TrackedMap } from '../trackmap/trackmap.js';
import type { MapKey } from './changes.js';
import { mapFilePath } from './system-files.js';

interface OpenedMap {
  readonly file: MapFile;
  readonly tracked: TrackedMap;
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
  readonly #unconfirmed = new Set<MapFile>();
  readonly #opened = new Map<MapKey, OpenedMap>();

  constructor(files: Files, folder: string, options: MapStoreOptions) {
    this.#files = files;
    this.#folder = folder;
    this.#options = options;
  }

  get(key: MapKey, trackCount: () => TrackCount): TrackedMap {
    return this.#open(key, trackCount).tracked;
  }

  /** How many tracks an opened map has; undefined where it was not opened, and so not changed either. */
  countOf(key: MapKey): TrackCount | undefined {
    return this.#opened.get(key)?.tracked.map.count;
  }

  /** How many tracks an opened map has in its file; undefined where it was not opened. */
  writtenCountOf(key: MapKey): TrackCount | undefined {
    return this.#opened.get(key)?.file.writtenCount;
  }

  /** Closes and forgets a map whose owner was dropped. Its file is removed by the catalog. */
  drop(key: MapKey): void {
    const file = this.#opened.get(key)?.file;
    if (file) this.#unconfirmed.delete(file);
    file?.close();
    this.#opened.delete(key);
  }

  *unlogged(): IterableIterator<readonly [MapKey, TrackedMap]> {
    for (const [key, opened] of this.#opened) if (opened.tracked.hasUnlogged) yield [key, opened.tracked];
  }

  /** How many maps a checkpoint would write. */
  get changedCount(): number {
    let count = 0;
    for (const { file } of this.#opened.values()) if (file.isChanged) count += 1;
    return count;
  }

  /** Writes out every map changed since it was last written. Marks made while it runs stay for the next. */
  async checkpoint(change: ChangeNumber): Promise<void> {
    assert(!this.#options.readOnly, 'a reader does not write maps');
    const written: Promise<void>[] = [];
    for (const { file } of this.#opened.values()) {
      if (!file.isChanged) continue;
      this.#unconfirmed.add(file);
      written.push(file.checkpoint(change));
    }
    // All have ended before one's failure is told, so that the next attempt meets none under way.
    const failed = (await Promise.allSettled(written)).find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }

  /** The log starts from what was written, also by attempts at a checkpoint that failed in between. */
  confirm(): void {
    for (const file of this.#unconfirmed) file.confirm();
    this.#unconfirmed.clear();
  }

  /** Reads every page of every opened map and compares codes. */
  *check(): IterableIterator<{ key: MapKey; damaged: number[] }> {
    for (const [key, opened] of this.#opened) yield { key, damaged: opened.file.check().damaged };
  }

  close(): void {
    for (const opened of this.#opened.values()) opened.file.close();
    this.#opened.clear();
  }

  #open(key: MapKey, trackCount: () => TrackCount): OpenedMap {
    const present = this.#opened.get(key);
    if (present) return present;
    const path = `${this.#folder}/${mapFilePath(key)}`;
    const file = MapFile.open(this.#files, path, trackCount(), this.#options);
    const opened = { file, tracked: new TrackedMap(file.map, file.isDoubtful && !this.#options.readOnly) };
    this.#opened.set(key, opened);
    return opened;
  }
}
