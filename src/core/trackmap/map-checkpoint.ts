import type { ChangeNumber } from '../foundation/foundation.js';
import type { OpenFile } from '../ports/ports.js';
import {
  BLOCK_BYTES,
  DIRECTORY_ENTRIES,
  directoryAt,
  encodeDirectory,
  encodeHeader,
  encodePage,
  entryCount,
  entryOf,
  entrySlot,
  headerAt,
  type MapGeometry,
  pageAt,
  type Slot,
} from './map-layout.js';
import { isPartial, type MapState } from './map-state.js';
import type { PageTable } from './page-table.js';

/** Data pages written with one call where they are neighbours in the file. */
const BATCH_PAGES = 64;

/** A checkpoint whose data pages are written but nothing names them yet. */
export interface PreparedCheckpoint {
  readonly change: ChangeNumber;
  readonly entries: Uint32Array;
  /** Directory pages whose entries differ. */
  readonly directories: ReadonlySet<number>;
  readonly dataPagesWritten: number;
}

/**
 * Writes the data pages that changed into the slots that the present state does not use. It runs without a pause, so what
 * it writes is the map of one instant. `all` compares every page instead of those that the table knows as changed.
 */
export function writePages(
  file: OpenFile,
  geometry: MapGeometry,
  state: MapState,
  table: PageTable | undefined,
  all: boolean,
  change: ChangeNumber,
): PreparedCheckpoint {
  const entries = state.entries.slice();
  const directories = new Set<number>();
  const batch = new PageBatch(file, geometry);
  let dataPagesWritten = 0;
  for (const page of all ? differingPages(state, table) : changedPages(table)) {
    const before = state.entries[page] as number;
    const words = table?.wordsOf(page);
    const count = table?.countOf(page) ?? 0;
    let entry = count;
    if (words !== undefined) {
      const slot: Slot = isPartial(geometry, page, before) && entrySlot(before) === 0 ? 1 : 0;
      const label = { page, generation: state.generation + 1, change, count };
      entry = entryOf(count, slot, encodePage(batch.place(page, slot), label, words));
      dataPagesWritten += 1;
    }
    entries[page] = entry;
    directories.add(Math.floor(page / DIRECTORY_ENTRIES));
  }
  batch.write();
  return { change, entries, directories, dataPagesWritten };
}

/** Writes directory pages and one header, which make the prepared checkpoint the map's state once they are durable. */
export function writeDirectory(
  file: OpenFile,
  geometry: MapGeometry,
  state: MapState,
  prepared: PreparedCheckpoint,
): MapState {
  const generation = state.generation + 1;
  const states = state.states.slice();
  const codes = state.codes.slice();
  const bytes = new Uint8Array(BLOCK_BYTES);
  for (const index of prepared.directories) {
    const part = prepared.entries.subarray(index * DIRECTORY_ENTRIES, (index + 1) * DIRECTORY_ENTRIES);
    if (part.every((entry) => entry === 0)) {
      states[index] = 0;
      codes[index] = 0;
      continue;
    }
    const slot: Slot = states[index] === 1 ? 1 : 0;
    codes[index] = encodeDirectory(bytes, index, generation, part);
    states[index] = slot + 1;
    file.write(bytes, directoryAt(geometry, index, slot));
  }
  const headerSlot: Slot = state.headerSlot === 0 ? 1 : 0;
  const { change, entries } = prepared;
  const next: MapState = {
    generation,
    change,
    headerSlot,
    otherIsLater: false,
    isConfirmed: false,
    states,
    codes,
    entries,
  };
  writeHeader(file, geometry, next, headerSlot);
  return next;
}

export function writeHeader(file: OpenFile, geometry: MapGeometry, state: MapState, slot: Slot): void {
  let count = 0;
  for (const entry of state.entries) count += entryCount(entry);
  file.write(encodeHeader({ ...state, trackCount: geometry.trackCount, count }), headerAt(slot));
}

function* changedPages(table: PageTable | undefined): IterableIterator<number> {
  if (table === undefined) return;
  for (let page = table.nextChanged(0); page < table.pageCount; page = table.nextChanged(page + 1)) yield page;
}

function* differingPages(state: MapState, table: PageTable | undefined): IterableIterator<number> {
  for (let page = 0; page < state.entries.length; page++) {
    if (state.entries[page] !== 0 || (table !== undefined && table.countOf(page) !== 0)) yield page;
  }
}

/** Gathers data pages that are neighbours in the file. */
class PageBatch {
  readonly #file: OpenFile;
  readonly #geometry: MapGeometry;
  #bytes = new Uint8Array(BLOCK_BYTES);
  #startBytes = 0;
  #pages = 0;

  constructor(file: OpenFile, geometry: MapGeometry) {
    this.#file = file;
    this.#geometry = geometry;
  }

  /** The place where the page's block is to be put together. */
  place(page: number, slot: Slot): Uint8Array {
    const position = pageAt(this.#geometry, page, slot);
    if (this.#pages === BATCH_PAGES || position !== this.#startBytes + this.#pages * BLOCK_BYTES) this.write();
    if (this.#pages === 0) this.#startBytes = position;
    const at = this.#pages * BLOCK_BYTES;
    if (at === this.#bytes.length) this.#grow();
    this.#pages += 1;
    return this.#bytes.subarray(at, at + BLOCK_BYTES);
  }

  write(): void {
    if (this.#pages > 0) this.#file.write(this.#bytes.subarray(0, this.#pages * BLOCK_BYTES), this.#startBytes);
    this.#pages = 0;
  }

  #grow(): void {
    const larger = new Uint8Array(Math.min(this.#bytes.length * 8, BATCH_PAGES * BLOCK_BYTES));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}
