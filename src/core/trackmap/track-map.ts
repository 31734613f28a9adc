import { assert, type TrackCount, type TrackIndex, type TrackRun } from '../foundation/foundation.js';
import { countUnionOf, subtractTables, tablesIntersect, uniteTables } from './algebra.js';
import { PAGE_TRACKS, type PageSource, PageTable } from './page-table.js';

/**
 * A set of tracks, one bit each. It costs memory only where tracks are partly set, and time only where they are set. Maps
 * that meet in one call have the same number of tracks. Any call may read a page of the map's file, and then throws the
 * ToolkitError `metadata-damaged` or `io-error`.
 */
export class TrackMap {
  readonly trackCount: TrackCount;
  /** The place behind the last track. */
  readonly #end: TrackIndex;
  /** Absent while nothing is set. */
  #table: PageTable | undefined;

  constructor(trackCount: TrackCount, source?: PageSource) {
    assert(Number.isSafeInteger(trackCount) && trackCount >= 0, 'a map has a whole number of tracks');
    this.trackCount = trackCount;
    this.#end = +trackCount;
    if (source !== undefined) this.#table = new PageTable(trackCount, source);
  }

  /** Set tracks. */
  get count(): TrackCount {
    return this.#table === undefined ? 0 : this.#table.count;
  }

  get isEmpty(): boolean {
    return this.count === 0;
  }

  /** The pages themselves, for the map's file. Not used outside this room. */
  get table(): PageTable | undefined {
    return this.#table;
  }

  has(track: TrackIndex): boolean {
    this.#demand(track, 1);
    return this.#table?.has(track) ?? false;
  }

  /** Is any of these set? */
  any(first: TrackIndex, count: TrackCount): boolean {
    this.#demand(first, count);
    if (this.#table === undefined) return false;
    const end = first + count;
    return this.#table.findSet(first, end) < end;
  }

  /** Are all of these set? None of them is all of them. */
  all(first: TrackIndex, count: TrackCount): boolean {
    this.#demand(first, count);
    if (this.#table === undefined) return count === 0;
    const end = first + count;
    return this.#table.findClear(first, end) === end;
  }

  countIn(first: TrackIndex, count: TrackCount): TrackCount {
    this.#demand(first, count);
    const table = this.#table;
    if (table === undefined || count === 0) return 0;
    const end = first + count;
    let total = 0;
    let page = table.nextPresent(Math.floor(first / PAGE_TRACKS));
    for (; page * PAGE_TRACKS < end && page < table.pageCount; page = table.nextPresent(page + 1)) {
      const base = page * PAGE_TRACKS;
      total += table.countIn(page, Math.max(first - base, 0), Math.min(end - base, table.capacityOf(page)));
    }
    return total;
  }

  /** Sets tracks; returns how many were not set before. */
  set(first: TrackIndex, count: TrackCount): TrackCount {
    this.#demand(first, count);
    if (count === 0) return 0;
    this.#table ??= new PageTable(this.trackCount);
    const table = this.#table;
    const end = first + count;
    let added = 0;
    for (let page = Math.floor(first / PAGE_TRACKS); page * PAGE_TRACKS < end; page++) {
      const base = page * PAGE_TRACKS;
      added += table.setIn(page, Math.max(first - base, 0), Math.min(end - base, table.capacityOf(page)));
    }
    return added;
  }

  /** Clears tracks; returns how many were set before. */
  clear(first: TrackIndex, count: TrackCount): TrackCount {
    this.#demand(first, count);
    const table = this.#table;
    if (table === undefined || count === 0) return 0;
    const end = first + count;
    let removed = 0;
    let page = table.nextPresent(Math.floor(first / PAGE_TRACKS));
    for (; page * PAGE_TRACKS < end && page < table.pageCount; page = table.nextPresent(page + 1)) {
      const base = page * PAGE_TRACKS;
      removed += table.clearIn(page, Math.max(first - base, 0), Math.min(end - base, table.capacityOf(page)));
    }
    return removed;
  }

  /** The next run of set tracks at or after `from`, cut to `limit` tracks; undefined when no more are set. */
  nextRun(from: TrackIndex, limit: TrackCount = this.trackCount): TrackRun | undefined {
    const table = this.#table;
    if (table === undefined || from >= this.#end || limit <= 0) return undefined;
    const first = table.findSet(from, this.#end);
    if (first === this.#end) return undefined;
    const count = table.findClear(first, Math.min(first + limit, this.#end)) - first;
    return { first, count };
  }

  /** The next run of tracks that are not set at or after `from`, cut to `limit` tracks. */
  nextGap(from: TrackIndex, limit: TrackCount = this.trackCount): TrackRun | undefined {
    if (from >= this.#end || limit <= 0) return undefined;
    const table = this.#table;
    if (table === undefined) return { first: from, count: Math.min(limit, this.#end - from) };
    const first = table.findClear(from, this.#end);
    if (first === this.#end) return undefined;
    const count = table.findSet(first, Math.min(first + limit, this.#end)) - first;
    return { first, count };
  }

  /** All runs, ascending. The map may change meanwhile; tracks behind the last run given are then seen as they are. */
  *runs(): IterableIterator<TrackRun> {
    let run = this.nextRun(0);
    while (run !== undefined) {
      yield run;
      run = this.nextRun(run.first + run.count);
    }
  }

  /** Clears all tracks, at once whatever their number. */
  empty(): void {
    if (this.#table !== undefined) this.#table.abandoned = true;
    this.#table = undefined;
  }

  /** Sets all tracks. */
  fill(): void {
    this.empty();
    const table = new PageTable(this.trackCount);
    for (let page = 0; page < table.pageCount; page++) table.setIn(page, 0, table.capacityOf(page));
    this.#table = table;
  }

  /** this := this ∪ other. */
  unite(other: TrackMap): void {
    this.#demandLike(other);
    if (other.#table === undefined || other === this) return;
    this.#table ??= new PageTable(this.trackCount);
    uniteTables(this.#table, other.#table);
  }

  /** The fold: this := this ∪ other, other := ∅. At once where this is empty. */
  takeFrom(other: TrackMap): void {
    this.#demandLike(other);
    if (other === this) return;
    if (!this.isEmpty) {
      this.unite(other);
      other.empty();
      return;
    }
    this.empty();
    this.#table = other.#table;
    other.#table = undefined;
  }

  /** this := this minus other. */
  subtract(other: TrackMap): void {
    this.#demandLike(other);
    if (other === this) this.empty();
    else if (this.#table !== undefined && other.#table !== undefined) subtractTables(this.#table, other.#table);
  }

  intersects(other: TrackMap): boolean {
    this.#demandLike(other);
    if (this.#table === undefined || other.#table === undefined) return false;
    return tablesIntersect(this.#table, other.#table);
  }

  /** How many tracks are in this map or in any of the others. */
  countUnion(...others: readonly TrackMap[]): TrackCount {
    const tables: PageTable[] = this.#table === undefined ? [] : [this.#table];
    for (const other of others) {
      this.#demandLike(other);
      if (other.#table !== undefined) tables.push(other.#table);
    }
    return countUnionOf(tables);
  }

  /** A map of its own, in memory, with the same tracks. */
  copy(): TrackMap {
    const copy = new TrackMap(this.trackCount);
    copy.unite(this);
    return copy;
  }

  #demand(first: TrackIndex, count: TrackCount): void {
    const inside = first >= 0 && count >= 0 && first + count <= this.trackCount;
    assert(inside && Number.isInteger(first) && Number.isInteger(count), 'a run of tracks lies inside its map');
  }

  #demandLike(other: TrackMap): void {
    assert(other.trackCount === this.trackCount, 'maps that meet have the same number of tracks');
  }
}
