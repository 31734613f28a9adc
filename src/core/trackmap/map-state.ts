import { type ChangeNumber, failure } from '../foundation/foundation.js';
import type { OpenFile } from '../ports/ports.js';
import {
  BLOCK_BYTES,
  DIRECTORY_ENTRIES,
  decodeDirectory,
  decodeHeader,
  decodePage,
  directoryAt,
  entryCount,
  entrySlot,
  headerAt,
  MAP_VERSION,
  type MapGeometry,
  type MapHeader,
  pageAt,
  type Slot,
} from './map-layout.js';
import { PAGE_TRACKS } from './page-table.js';

/** What a map's file holds as of its last whole checkpoint. */
export interface MapState {
  readonly generation: number;
  readonly change: ChangeNumber;
  /** The header's slot that is known to be whole; a checkpoint writes the other first. */
  readonly headerSlot: Slot;
  /** The other slot may hold a later checkpoint that did not count. Before its pages are overwritten it must go. */
  readonly otherIsLater: boolean;
  /** Both slots hold it: it was durable before that was written. */
  readonly isConfirmed: boolean;
  readonly states: Uint8Array;
  readonly codes: Uint32Array;
  /** One entry for each page of the map. */
  readonly entries: Uint32Array;
}

export function blankState(geometry: MapGeometry): MapState {
  return {
    generation: 0,
    change: 0,
    headerSlot: 1,
    otherIsLater: false,
    isConfirmed: true,
    states: new Uint8Array(geometry.directoryCount),
    codes: new Uint32Array(geometry.directoryCount),
    entries: new Uint32Array(geometry.pageCount),
  };
}

export function capacityOf(geometry: MapGeometry, page: number): number {
  return Math.min(PAGE_TRACKS, geometry.trackCount - page * PAGE_TRACKS);
}

/** Neither empty nor full, so that the file holds its words. */
export function isPartial(geometry: MapGeometry, page: number, entry: number): boolean {
  const count = entryCount(entry);
  return count !== 0 && count !== capacityOf(geometry, page);
}

/**
 * Reads header and directory, not the pages. Of the headers up to the change `upTo` the newest whose directory is whole counts: a
 * crash in a checkpoint leaves the earlier one, and once a checkpoint is confirmed both slots hold it, so that damage is never
 * taken for a crash. Undefined where the file holds only a first checkpoint beyond `upTo`, which never came to count.
 */
export function readState(file: OpenFile, geometry: MapGeometry, upTo: ChangeNumber): MapState | undefined {
  const headers = readHeaders(file);
  if (headers.includes('too-new')) {
    throw failure(
      'format-too-new',
      `The map ${file.path} has a newer format than version ${MAP_VERSION}, which this copyset knows.`,
      'Use the copyset that wrote it, or a newer one.',
      { details: { path: file.path } },
    );
  }
  let beyond = false;
  for (const slot of newestFirst(headers)) {
    const header = headers[slot] as MapHeader;
    if (header.change > upTo) {
      // A later one was written over an earlier one that counted: then that is missing, not this one too many.
      beyond = header.generation === 1;
      continue;
    }
    if (header.trackCount !== geometry.trackCount) {
      throw damagedMap(file.path, `it is made for ${header.trackCount} tracks, the volume has ${geometry.trackCount}`);
    }
    const entries = readDirectory(file, geometry, header);
    if (entries === undefined) continue;
    const { generation, change, states, codes } = header;
    const other = headers[slot === 0 ? 1 : 0];
    const otherIsLater = typeof other === 'object' && other.generation > generation;
    const isConfirmed = typeof other === 'object' && other.generation === generation;
    return { generation, change, headerSlot: slot, otherIsLater, isConfirmed, states, codes, entries };
  }
  if (beyond) return undefined;
  throw damagedMap(file.path, 'neither of its two headers, each with its directory, is whole');
}

/** The generation of the newest whole header, or -1. */
export function newestGeneration(file: OpenFile): number {
  let newest = -1;
  for (const header of readHeaders(file)) {
    if (typeof header === 'object') newest = Math.max(newest, header.generation);
  }
  return newest;
}

/** The words of a partial page, or undefined where they cannot be trusted. */
export function readPage(file: OpenFile, geometry: MapGeometry, page: number, entry: number): Uint32Array | undefined {
  const bytes = new Uint8Array(BLOCK_BYTES);
  if (file.read(bytes, pageAt(geometry, page, entrySlot(entry))) < BLOCK_BYTES) return undefined;
  return decodePage(bytes, page, entry);
}

export function damagedMap(path: string, why: string): Error {
  return failure(
    'metadata-damaged',
    `The map ${path} cannot be trusted: ${why}.`,
    'Run `copyset system check`; it says what can be made anew.',
    { details: { path, why } },
  );
}

function readHeaders(file: OpenFile): (MapHeader | 'too-new' | undefined)[] {
  return ([0, 1] as const).map((slot) => {
    const bytes = new Uint8Array(BLOCK_BYTES);
    return file.read(bytes, headerAt(slot)) < BLOCK_BYTES ? undefined : decodeHeader(bytes);
  });
}

function newestFirst(headers: readonly (MapHeader | 'too-new' | undefined)[]): Slot[] {
  const generationOf = (slot: Slot): number => {
    const header = headers[slot];
    return typeof header === 'object' ? header.generation : -1;
  };
  const slots: Slot[] = generationOf(1) > generationOf(0) ? [1, 0] : [0, 1];
  return slots.filter((slot) => generationOf(slot) >= 0);
}

function readDirectory(file: OpenFile, geometry: MapGeometry, header: MapHeader): Uint32Array | undefined {
  if (header.states.length !== geometry.directoryCount) return undefined;
  const entries = new Uint32Array(geometry.pageCount);
  const bytes = new Uint8Array(BLOCK_BYTES);
  for (const [index, state] of header.states.entries()) {
    if (state === 0) continue;
    const slot: Slot = state === 1 ? 0 : 1;
    if (file.read(bytes, directoryAt(geometry, index, slot)) < BLOCK_BYTES) return undefined;
    const part = decodeDirectory(bytes, index, header.codes[index] as number);
    if (part === undefined) return undefined;
    const first = index * DIRECTORY_ENTRIES;
    entries.set(part.subarray(0, Math.min(DIRECTORY_ENTRIES, geometry.pageCount - first)), first);
  }
  return isPossible(geometry, header, entries) ? entries : undefined;
}

/** Whether the counts fit the pages and the whole. */
function isPossible(geometry: MapGeometry, header: MapHeader, entries: Uint32Array): boolean {
  let total = 0;
  for (let page = 0; page < entries.length; page++) {
    const count = entryCount(entries[page] as number);
    if (count === 0) continue;
    if (count > capacityOf(geometry, page)) return false;
    total += count;
  }
  return total === header.count;
}
