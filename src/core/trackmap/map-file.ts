import { assert, type ChangeNumber, failure, type TrackCount } from '../foundation/foundation.js';
import type { Files, OpenFile, OpenMode } from '../ports/ports.js';
import { flushFailure, folderOf, naming, toToolkitError } from '../storage/storage.js';
import { setBits } from './bits.js';
import { writeDirectory, writeHeader, writePages } from './map-checkpoint.js';
import { entryCount, type MapGeometry, mapGeometry, type Slot } from './map-layout.js';
import {
  blankState,
  capacityOf,
  damagedMap,
  isPartial,
  type MapState,
  newestGeneration,
  readPage,
  readState,
} from './map-state.js';
import { PAGE_WORDS, type PageSource, type PageTable } from './page-table.js';
import { TrackMap } from './track-map.js';

export interface MapFileOptions {
  /** Writes nothing; a map that its owner rewrites meanwhile throws `busy` where that shows. */
  readonly readOnly?: boolean;
  /** A checkpoint beyond this change does not count: its owner crashed before it came to rely on it. */
  readonly upTo?: ChangeNumber;
  /**
   * What a page with a bad code means. `all-ones` is for maps of changes, where more is safe; an out-of-sync map of a frozen
   * pair has no safe default (DESIGN.md 8).
   */
  readonly damagedPages?: 'refuse' | 'all-ones';
  /** Learns of each page that was taken as all ones. */
  readonly onDamage?: (page: number) => void;
}

/** What a check of all pages found. */
export interface MapCheck {
  /** Pages read. */
  readonly pages: number;
  readonly damaged: number[];
}

/** A track map and the file that keeps it. No file is held open between calls: a system may have many thousand maps. */
export class MapFile {
  readonly path: string;
  readonly map: TrackMap;
  readonly #files: Files;
  readonly #geometry: MapGeometry;
  readonly #options: MapFileOptions;
  /** What the file holds. */
  #state: MapState;
  /**
   * The last checkpoint that its owner relies on, absent where there was none. No checkpoint overwrites it: one that follows
   * an unconfirmed one takes that one's place.
   */
  #confirmed: MapState | undefined;
  /** The pages that the file was last compared with; others in the map mean that any page may differ. */
  #known: PageTable | undefined;
  #otherIsLater: boolean;
  #isNew: boolean;
  /**
   * What was found may be in the page cache alone: its writer was killed before it was durable, and the log has passed it since. Marks of
   * it count as made just now, and the next checkpoint writes it again.
   */
  readonly isDoubtful: boolean;
  #hasFile: boolean;
  #isDurable = false;
  #compareAll = false;
  #isWriting = false;
  #failure: Error | undefined;

  private constructor(
    files: Files,
    path: string,
    geometry: MapGeometry,
    state: MapState | undefined,
    options: MapFileOptions,
    hasFile = false,
  ) {
    this.path = path;
    this.#hasFile = hasFile;
    this.#files = files;
    this.#geometry = geometry;
    this.#options = options;
    this.#isNew = state === undefined;
    this.#state = state ?? blankState(geometry);
    this.#confirmed = state;
    this.#otherIsLater = state?.otherIsLater ?? false;
    this.isDoubtful = state?.isConfirmed === false;
    this.#compareAll = this.isDoubtful;
    this.map = new TrackMap(geometry.trackCount, state === undefined ? undefined : this.#source());
    this.#known = this.map.table;
  }

  /** An empty map whose file appears with the first checkpoint. Throws `already-exists` where something is there. */
  static create(files: Files, path: string, trackCount: TrackCount): MapFile {
    const status = naming(`the map ${path}`, () => files.status(path));
    if (status !== undefined) throw failure('already-exists', `There is a map ${path} already.`);
    return new MapFile(files, path, mapGeometry(trackCount), undefined, {});
  }

  /**
   * Opens a map; where there is no file it is empty, as of change 0. Throws `metadata-damaged`, `format-too-new`,
   * `not-regular` or `io-error`.
   */
  static open(files: Files, path: string, trackCount: TrackCount, options: MapFileOptions = {}): MapFile {
    const geometry = mapGeometry(trackCount);
    const state = naming(`the map ${path}`, () => {
      if (files.status(path) === undefined) return undefined;
      return withFile(files, path, 'read', (file) =>
        readState(file, geometry, options.upTo ?? Number.POSITIVE_INFINITY),
      );
    });
    return new MapFile(files, path, geometry, state, options, files.status(path) !== undefined);
  }

  /** The change up to which the file holds the map. */
  get change(): ChangeNumber {
    return this.#state.change;
  }

  /** How many tracks are marked in the file as it was last written. */
  get writtenCount(): TrackCount {
    let count = 0;
    for (const entry of this.#state.entries) count += entryCount(entry);
    return count;
  }

  /** Whether the map may differ from what the last checkpoint wrote. */
  get isChanged(): boolean {
    const table = this.map.table;
    if (this.#compareAll || this.#holdsStale || table !== this.#known) return true;
    return table !== undefined && table.nextChanged(0) < table.pageCount;
  }

  /**
   * The file holds a checkpoint that never came to count, because its writer died in it. The next one that counts passes its change, and
   * would make it count: it is overwritten by then.
   */
  get #holdsStale(): boolean {
    return this.#otherIsLater || (this.#isNew && this.#hasFile);
  }

  /** There is no file yet; the first checkpoint makes it. */
  get isNew(): boolean {
    return this.#isNew;
  }

  /**
   * Makes the file hold the map of this instant or of a moment soon after it, as of `change`; what is marked later while it runs stays
   * for the next. A crash anywhere leaves the last checkpoint. Throws `no-space`, after which it may be tried again, or `io-error`, which stays.
   */
  async checkpoint(change: ChangeNumber): Promise<void> {
    assert(this.#options.readOnly !== true, 'a reader does not write maps');
    assert(change >= this.change, 'a map does not go back');
    assert(!this.#isWriting, 'checkpoints of one map do not overlap');
    if (this.#failure !== undefined) throw this.#failure;
    this.#isWriting = true;
    try {
      await (this.#confirmed === undefined ? this.#writeFirst(change) : this.#writeNext(change, this.#confirmed));
      this.#isNew = false;
      this.#isDurable = true;
      this.#compareAll = false;
    } catch (error) {
      this.#compareAll = true;
      throw toToolkitError(error, `the map ${this.path}`);
    } finally {
      this.#isWriting = false;
    }
  }

  /**
   * The owner relies on the last checkpoint now: both header slots hold it, so that a header damaged later never brings the
   * earlier one back. Until then a crash of the owner finds the earlier one.
   */
  confirm(): void {
    if (this.#isNew || this.#confirmed === this.#state) return;
    naming(`the map ${this.path}`, () =>
      withFile(this.#files, this.path, 'write', (file) =>
        writeHeader(file, this.#geometry, this.#state, otherSlot(this.#state.headerSlot)),
      ),
    );
    this.#confirmed = this.#state;
    this.#otherIsLater = false;
  }

  /** Reads every page and compares codes; takes nothing into memory. */
  check(): MapCheck {
    const damaged: number[] = [];
    let pages = 0;
    if (this.#isNew) return { pages, damaged };
    naming(`the map ${this.path}`, () =>
      withFile(this.#files, this.path, 'read', (file) => {
        for (const [page, entry] of this.#state.entries.entries()) {
          if (!isPartial(this.#geometry, page, entry)) continue;
          pages += 1;
          if (readPage(file, this.#geometry, page, entry) === undefined) damaged.push(page);
        }
      }),
    );
    return { pages, damaged };
  }

  /** Lets the file go; afterwards it may be removed. Pages that another map took from this one are read before. */
  close(): void {
    this.#settleTaken();
  }

  async #writeFirst(change: ChangeNumber): Promise<void> {
    const beside = `${this.path}.new`;
    this.#files.remove(beside);
    const file = this.#files.open(beside, 'create');
    try {
      const blank = blankState(this.#geometry);
      const next = writeDirectory(file, this.#geometry, blank, this.#writePages(file, change, blank));
      writeHeader(file, this.#geometry, next, otherSlot(next.headerSlot));
      await this.#flush(() => file.flush());
      this.#files.rename(beside, this.path);
      await this.#flush(() => this.#files.flushFolder(folderOf(this.path)));
      this.#state = next;
    } finally {
      file.close();
    }
  }

  async #writeNext(change: ChangeNumber, base: MapState): Promise<void> {
    const file = this.#files.open(this.path, 'write');
    try {
      if (this.#otherIsLater) await this.#withdraw(file, base);
      const prepared = this.#writePages(file, change, base);
      if (prepared.dataPagesWritten > 0 || !this.#isDurable) await this.#flush(() => file.flush());
      this.#otherIsLater = true;
      const next = writeDirectory(file, this.#geometry, base, prepared);
      await this.#flush(() => file.flush());
      // A killed owner may have made the file and its name known to the page cache alone.
      if (!this.#isDurable) await this.#flush(() => this.#files.flushFolder(folderOf(this.path)));
      this.#state = next;
    } finally {
      file.close();
    }
  }

  /** Takes back a checkpoint that never counted, before its pages are overwritten: half of it could be found otherwise. */
  async #withdraw(file: OpenFile, base: MapState): Promise<void> {
    writeHeader(file, this.#geometry, base, otherSlot(base.headerSlot));
    await this.#flush(() => file.flush());
    this.#otherIsLater = false;
  }

  #writePages(file: OpenFile, change: ChangeNumber, base: MapState): ReturnType<typeof writePages> {
    this.#settleTaken();
    const table = this.map.table;
    // What an unconfirmed checkpoint wrote no longer counts as changed, but the confirmed one lacks it.
    const all = this.#compareAll || table !== this.#known || base !== this.#state;
    const prepared = writePages(file, this.#geometry, base, table, all, change);
    table?.forgetChanges();
    this.#known = table;
    return prepared;
  }

  /** Pages that another map took are read before this file overwrites or loses them. */
  #settleTaken(): void {
    const known = this.#known;
    if (known !== undefined && known !== this.map.table && !known.abandoned) known.loadAll();
  }

  async #flush(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.#failure = flushFailure(error, this.path);
      throw this.#failure;
    }
  }

  #source(): PageSource {
    const state = this.#state;
    return {
      countOf: (page) => entryCount(this.#state.entries[page] as number),
      pages: function* () {
        for (const [page, entry] of state.entries.entries()) if (entryCount(entry) > 0) yield page;
      },
      load: (page) => this.#load(page),
    };
  }

  #load(page: number): Uint32Array {
    const entry = this.#state.entries[page] as number;
    return naming(`the map ${this.path}`, () =>
      withFile(this.#files, this.path, 'read', (file) => {
        return readPage(file, this.#geometry, page, entry) ?? this.#onDamaged(file, page);
      }),
    );
  }

  #onDamaged(file: OpenFile, page: number): Uint32Array {
    if (this.#options.readOnly === true && newestGeneration(file) !== this.#state.generation) {
      throw failure('busy', `The map ${this.path} was rewritten while it was read.`, 'Run the command again.');
    }
    if (this.#options.damagedPages !== 'all-ones') throw damagedMap(this.path, `page ${page} has a wrong check code`);
    this.#options.onDamage?.(page);
    const words = new Uint32Array(PAGE_WORDS);
    setBits(words, 0, capacityOf(this.#geometry, page));
    return words;
  }
}

function otherSlot(slot: Slot): Slot {
  return slot === 0 ? 1 : 0;
}

function withFile<T>(files: Files, path: string, mode: OpenMode, work: (file: OpenFile) => T): T {
  const file = files.open(path, mode);
  try {
    return work(file);
  } finally {
    file.close();
  }
}
