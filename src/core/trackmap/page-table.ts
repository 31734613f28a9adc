import { assert, type TrackCount, type TrackIndex } from '../foundation/foundation.js';
import { clearBits, countBits, findClearBit, findSetBit, hasBit, setBit, setBits } from './bits.js';

/** Words of one page; with 64 bytes of header they are 4 KiB on disk. */
export const PAGE_WORDS = 1008;
/** Tracks of one page. */
export const PAGE_TRACKS = PAGE_WORDS * 32;

/** Where pages that are not in memory come from. */
export interface PageSource {
  /** Bits set in the page, known without reading it. */
  countOf(page: number): number;
  /** Pages with bits set, ascending. */
  pages(): Iterable<number>;
  /** The page's words, which then belong to the caller. Throws where they cannot be trusted. */
  load(page: number): Uint32Array;
}

/** Zeroed pages kept for the next use, so that tracks that go in and out of a map allocate nothing. */
const SPARE_PAGES_MAX = 32;
const spare: Uint32Array[] = [];

function zeroedPage(): Uint32Array {
  return spare.pop() ?? new Uint32Array(PAGE_WORDS);
}

/**
 * The pages of one non-empty map. The count of a page says how it is held: 0 is an empty page and the capacity a full one,
 * neither has words; any other page has words, in memory or still at the source. Two bit lists over the pages say which
 * are not empty and which changed since they were last written to a file.
 */
export class PageTable {
  readonly trackCount: TrackCount;
  readonly pageCount: number;
  /** Set bits of all pages. */
  count: TrackCount = 0;
  /** Nobody has this table any more: its pages need not be kept readable. */
  abandoned = false;
  readonly #counts: Uint16Array;
  readonly #present: Uint32Array;
  readonly #changed: Uint32Array;
  readonly #words = new Map<number, Uint32Array>();
  readonly #source: PageSource | undefined;

  constructor(trackCount: TrackCount, source?: PageSource) {
    this.trackCount = trackCount;
    this.pageCount = Math.ceil(trackCount / PAGE_TRACKS);
    this.#counts = new Uint16Array(this.pageCount);
    this.#present = new Uint32Array((this.pageCount + 31) >>> 5);
    this.#changed = new Uint32Array(this.#present.length);
    this.#source = source;
    if (source === undefined) return;
    for (const page of source.pages()) {
      const count = source.countOf(page);
      assert(count > 0 && count <= this.capacityOf(page), 'a page holds no more tracks than fit');
      this.#counts[page] = count;
      setBits(this.#present, page, page + 1);
      this.count += count;
    }
  }

  /** Tracks of the page; fewer than PAGE_TRACKS in the last one only. */
  capacityOf(page: number): number {
    return page === this.pageCount - 1 ? this.trackCount - page * PAGE_TRACKS : PAGE_TRACKS;
  }

  countOf(page: number): number {
    return this.#counts[page] as number;
  }

  /** The first page from `page` on that is not empty, or `pageCount`. */
  nextPresent(page: number): number {
    return findSetBit(this.#present, page, this.pageCount);
  }

  /** The first page from `page` on that changed since it was last written, or `pageCount`. */
  nextChanged(page: number): number {
    return findSetBit(this.#changed, page, this.pageCount);
  }

  /** From now on no page counts as changed. */
  forgetChanges(): void {
    this.#changed.fill(0);
  }

  /** The words of a page that is neither empty nor full; read only. */
  wordsOf(page: number): Uint32Array | undefined {
    const count = this.#counts[page] as number;
    if (count === 0 || count === this.capacityOf(page)) return undefined;
    return this.#words.get(page) ?? this.#load(page);
  }

  /** Words that may be changed; `recount` must follow. An empty page gives zeros, a full one ones. */
  writableWordsOf(page: number): Uint32Array {
    const present = this.wordsOf(page);
    if (present !== undefined) return present;
    const words = zeroedPage();
    if (this.#counts[page] !== 0) setBits(words, 0, this.capacityOf(page));
    this.#words.set(page, words);
    return words;
  }

  /** Gives the page its new count; empty and full pages lose their words. */
  recount(page: number, count: number): void {
    const before = this.#counts[page] as number;
    this.#counts[page] = count;
    this.count += count - before;
    setBit(this.#changed, page);
    if (count === 0) clearBits(this.#present, page, page + 1);
    else setBit(this.#present, page);
    if (count === 0 || count === this.capacityOf(page)) this.#dropWords(page);
  }

  has(track: TrackIndex): boolean {
    const page = Math.floor(track / PAGE_TRACKS);
    const words = this.wordsOf(page);
    return words === undefined ? this.#counts[page] !== 0 : hasBit(words, track - page * PAGE_TRACKS);
  }

  /** Sets the part of a page; returns how many bits were clear before. */
  setIn(page: number, from: number, to: number): number {
    const capacity = this.capacityOf(page);
    if (this.#counts[page] === capacity) return 0;
    const whole = from === 0 && to === capacity;
    if (whole) {
      const added = capacity - this.countOf(page);
      this.recount(page, capacity);
      return added;
    }
    const added = setBits(this.writableWordsOf(page), from, to);
    if (added > 0 || this.countOf(page) === capacity) this.recount(page, this.countOf(page) + added);
    return added;
  }

  /** Clears the part of a page; returns how many bits were set before. */
  clearIn(page: number, from: number, to: number): number {
    if (this.#counts[page] === 0) return 0;
    const whole = from === 0 && to === this.capacityOf(page);
    const removed = whole ? this.countOf(page) : clearBits(this.writableWordsOf(page), from, to);
    if (removed > 0) this.recount(page, this.countOf(page) - removed);
    return removed;
  }

  countIn(page: number, from: number, to: number): number {
    const count = this.#counts[page] as number;
    if (count === 0) return 0;
    if (from === 0 && to === this.capacityOf(page)) return count;
    const words = this.wordsOf(page);
    return words === undefined ? to - from : countBits(words, from, to);
  }

  /** The first set track of the range, or `end`. */
  findSet(from: TrackIndex, end: TrackIndex): TrackIndex {
    let page = Math.floor(from / PAGE_TRACKS);
    let bit = from - page * PAGE_TRACKS;
    while (page < this.pageCount) {
      const present = this.nextPresent(page);
      if (present !== page) bit = 0;
      page = present;
      const base = page * PAGE_TRACKS;
      if (base + bit >= end) return end;
      const words = this.wordsOf(page);
      if (words === undefined) return base + bit;
      const limit = Math.min(PAGE_TRACKS, end - base);
      const found = findSetBit(words, bit, limit);
      if (found < limit) return base + found;
      page += 1;
      bit = 0;
    }
    return end;
  }

  /** The first clear track of the range, or `end`. */
  findClear(from: TrackIndex, end: TrackIndex): TrackIndex {
    let track = from;
    while (track < end) {
      const page = Math.floor(track / PAGE_TRACKS);
      if (this.#counts[page] === 0) return track;
      const base = page * PAGE_TRACKS;
      const limit = Math.min(this.capacityOf(page), end - base);
      const words = this.wordsOf(page);
      const found = words === undefined ? limit : findClearBit(words, track - base, limit);
      if (found < limit) return base + found;
      track = base + limit;
    }
    return end;
  }

  /** Reads every page that only the source has. Afterwards the source is not asked again. */
  loadAll(): void {
    if (this.#source === undefined) return;
    for (let page = this.nextPresent(0); page < this.pageCount; page = this.nextPresent(page + 1)) this.wordsOf(page);
  }

  #load(page: number): Uint32Array | undefined {
    assert(this.#source !== undefined, 'a page without words has a source');
    const words = this.#source.load(page);
    assert(words.length === PAGE_WORDS, 'a source gives whole pages');
    const count = countBits(words, 0, this.capacityOf(page));
    this.#words.set(page, words);
    // A source may give more than it announced (a damaged page that reads as all ones); what was read counts.
    if (count !== this.#counts[page]) this.recount(page, count);
    return this.#words.get(page);
  }

  #dropWords(page: number): void {
    const words = this.#words.get(page);
    if (words === undefined) return;
    this.#words.delete(page);
    if (spare.length >= SPARE_PAGES_MAX) return;
    words.fill(0);
    spare.push(words);
  }
}
