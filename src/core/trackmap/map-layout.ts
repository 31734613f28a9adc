import { type ChangeNumber, failure, type TrackCount } from '../foundation/foundation.js';
import { crc32 } from '../storage/storage.js';
import { PAGE_TRACKS, PAGE_WORDS } from './page-table.js';

/**
 * How a map's file is laid out (`docs/formats/track-map.md`). Everything is in blocks of 4 KiB that begin with a magic of
 * 8 bytes and the crc32 of all that follows it; numbers are little-endian. Every block has two places, slots 0 and 1.
 */
export const BLOCK_BYTES = 4096;
export const MAP_VERSION = 1;

const HEADER_MAGIC = 'CSTMAP01';
const DIRECTORY_MAGIC = 'CSTMDR01';
const PAGE_MAGIC = 'CSTMPG01';
const CODE_AT = 8;
const CODED_FROM = 12;
const CONTENT_AT = 64;

/** Map pages that one directory page describes, 4 bytes each. */
export const DIRECTORY_ENTRIES = PAGE_WORDS;
/** Directory pages that the header can name; 64 TiB of 4 KiB tracks need 529. */
const DIRECTORY_PAGES_MAX = 640;
const STATES_AT = CONTENT_AT;
const CODES_AT = STATES_AT + DIRECTORY_PAGES_MAX;

export type Slot = 0 | 1;

/** Where things lie in the file of a map with so many tracks. */
export interface MapGeometry {
  readonly trackCount: TrackCount;
  readonly pageCount: number;
  readonly directoryCount: number;
}

export function mapGeometry(trackCount: TrackCount): MapGeometry {
  const pageCount = Math.ceil(trackCount / PAGE_TRACKS);
  const directoryCount = Math.ceil(pageCount / DIRECTORY_ENTRIES);
  if (directoryCount > DIRECTORY_PAGES_MAX) throw failure('limit-reached', `A map cannot hold ${trackCount} tracks.`);
  return { trackCount, pageCount, directoryCount };
}

export function headerAt(slot: Slot): number {
  return slot * BLOCK_BYTES;
}

export function directoryAt(geometry: MapGeometry, index: number, slot: Slot): number {
  return (2 + slot * geometry.directoryCount + index) * BLOCK_BYTES;
}

export function pageAt(geometry: MapGeometry, page: number, slot: Slot): number {
  return (2 + 2 * geometry.directoryCount + slot * geometry.pageCount + page) * BLOCK_BYTES;
}

/** A page's entry: tracks set, the slot that holds it, and the lower half of its block's code. */
export function entryOf(count: number, slot: Slot, code: number): number {
  return (((code & 0xffff) << 16) | (slot << 15) | count) >>> 0;
}

export function entryCount(entry: number): number {
  return entry & 0x7fff;
}

export function entrySlot(entry: number): Slot {
  return ((entry >>> 15) & 1) as Slot;
}

export interface MapHeader {
  readonly generation: number;
  readonly change: ChangeNumber;
  readonly trackCount: TrackCount;
  readonly count: TrackCount;
  /** Of each directory page: 0 = all its pages are empty, 1 = slot 0 holds it, 2 = slot 1. */
  readonly states: Uint8Array;
  /** Of each directory page that is held: its block's code. */
  readonly codes: Uint32Array;
}

export function encodeHeader(header: MapHeader): Uint8Array {
  const bytes = new Uint8Array(BLOCK_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(12, MAP_VERSION, true);
  putWhole(view, 16, header.generation);
  putWhole(view, 24, header.change);
  putWhole(view, 32, header.trackCount);
  putWhole(view, 40, header.count);
  view.setUint32(48, header.states.length, true);
  bytes.set(header.states, STATES_AT);
  for (const [index, code] of header.codes.entries()) view.setUint32(CODES_AT + index * 4, code, true);
  seal(bytes, HEADER_MAGIC);
  return bytes;
}

/** Undefined where the block is not a whole header; 'too-new' where a newer copyset wrote a whole one. */
export function decodeHeader(bytes: Uint8Array): MapHeader | 'too-new' | undefined {
  if (!isSealed(bytes, HEADER_MAGIC)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, BLOCK_BYTES);
  if (view.getUint32(12, true) > MAP_VERSION) return 'too-new';
  const directoryCount = view.getUint32(48, true);
  if (directoryCount > DIRECTORY_PAGES_MAX) return undefined;
  const codes = new Uint32Array(directoryCount);
  for (let index = 0; index < directoryCount; index++) codes[index] = view.getUint32(CODES_AT + index * 4, true);
  return {
    generation: getWhole(view, 16),
    change: getWhole(view, 24),
    trackCount: getWhole(view, 32),
    count: getWhole(view, 40),
    states: bytes.slice(STATES_AT, STATES_AT + directoryCount),
    codes,
  };
}

/** Puts a directory page together and returns its code. `entries` are those of its pages, fewer in the last one. */
export function encodeDirectory(bytes: Uint8Array, index: number, generation: number, entries: Uint32Array): number {
  bytes.fill(0);
  const view = new DataView(bytes.buffer, bytes.byteOffset, BLOCK_BYTES);
  view.setUint32(12, index, true);
  putWhole(view, 16, generation);
  for (const [place, entry] of entries.entries()) view.setUint32(CONTENT_AT + place * 4, entry, true);
  return seal(bytes, DIRECTORY_MAGIC);
}

/** The entries of a directory page, or undefined where the block is not the one with that code. */
export function decodeDirectory(bytes: Uint8Array, index: number, code: number): Uint32Array | undefined {
  if (!isSealed(bytes, DIRECTORY_MAGIC) || codeOf(bytes) !== code) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, BLOCK_BYTES);
  if (view.getUint32(12, true) !== index) return undefined;
  const entries = new Uint32Array(DIRECTORY_ENTRIES);
  for (let place = 0; place < DIRECTORY_ENTRIES; place++) {
    entries[place] = view.getUint32(CONTENT_AT + place * 4, true);
  }
  return entries;
}

export interface PageLabel {
  readonly page: number;
  readonly generation: number;
  readonly change: ChangeNumber;
  readonly count: number;
}

/** Puts a data page together and returns its code. `bytes` starts at a multiple of 4. */
export function encodePage(bytes: Uint8Array, label: PageLabel, words: Uint32Array): number {
  bytes.fill(0, 0, CONTENT_AT);
  const view = new DataView(bytes.buffer, bytes.byteOffset, BLOCK_BYTES);
  view.setUint32(12, label.page, true);
  putWhole(view, 16, label.generation);
  putWhole(view, 24, label.change);
  view.setUint32(32, label.count, true);
  const target = new Uint32Array(bytes.buffer, bytes.byteOffset + CONTENT_AT, PAGE_WORDS);
  target.set(words);
  toLittleEndian(target);
  return seal(bytes, PAGE_MAGIC);
}

/** The words of a page, a view on `bytes`; undefined where the block is not the one that the entry means. */
export function decodePage(bytes: Uint8Array, page: number, entry: number): Uint32Array | undefined {
  if (!isSealed(bytes, PAGE_MAGIC) || (codeOf(bytes) & 0xffff) !== entry >>> 16) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, BLOCK_BYTES);
  if (view.getUint32(12, true) !== page || view.getUint32(32, true) !== entryCount(entry)) return undefined;
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset + CONTENT_AT, PAGE_WORDS);
  toLittleEndian(words);
  return words;
}

function seal(bytes: Uint8Array, magic: string): number {
  for (let index = 0; index < 8; index++) bytes[index] = magic.charCodeAt(index);
  const code = crc32(bytes.subarray(CODED_FROM, BLOCK_BYTES));
  new DataView(bytes.buffer, bytes.byteOffset, BLOCK_BYTES).setUint32(CODE_AT, code, true);
  return code;
}

function isSealed(bytes: Uint8Array, magic: string): boolean {
  for (let index = 0; index < 8; index++) if (bytes[index] !== magic.charCodeAt(index)) return false;
  return codeOf(bytes) === crc32(bytes.subarray(CODED_FROM, BLOCK_BYTES));
}

function codeOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, BLOCK_BYTES).getUint32(CODE_AT, true);
}

const LITTLE_ENDIAN_HERE = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

function toLittleEndian(words: Uint32Array): void {
  if (LITTLE_ENDIAN_HERE) return;
  const view = new DataView(words.buffer, words.byteOffset, words.byteLength);
  for (let index = 0; index < words.length; index++) view.setUint32(index * 4, words[index] as number, true);
}

/** Whole numbers up to 2^53 take 8 bytes; two halves are faster than a BigInt. */
function putWhole(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
}

function getWhole(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true);
}
