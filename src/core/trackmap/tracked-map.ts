import type { TrackCount, TrackIndex, TrackRun } from '../foundation/foundation.js';
import { TrackMap } from './track-map.js';

/** What was marked in a map since the watch began. Ends with `close`, or it costs every later mark. */
export interface Watch {
  touched(track: TrackIndex): boolean;
  anyTouched(first: TrackIndex, count: TrackCount): boolean;
  /** Forgets marks that the watcher made itself. */
  forget(first: TrackIndex, count: TrackCount): void;
  close(): void;
}

/**
 * A map that remembers what was set since it was last logged, and tells watchers of every mark. Its own methods keep the two in
 * step; `map` is for asking only.
 */
export class TrackedMap {
  readonly map: TrackMap;
  readonly #unlogged: TrackMap;
  readonly #watches: TrackMap[] = [];

  /** With `isDoubtful` nothing of what the map holds counts as logged. */
  constructor(map: TrackMap, isDoubtful = false) {
    this.map = map;
    this.#unlogged = new TrackMap(map.trackCount);
    if (isDoubtful) this.#unlogged.unite(map);
  }

  /**
   * Sets tracks; those that were not set count as unlogged. Watchers learn of all the tracks, also of those that were set
   * already: the copier must not clear a track that was written again while it was copied. Returns how many were new.
   */
  mark(first: TrackIndex, count: TrackCount): TrackCount {
    for (const watch of this.#watches) watch.set(first, count);
    const end = first + count;
    for (let from = first; from < end && !this.map.all(from, end - from); ) {
      const gap = this.map.nextGap(from, end - from);
      if (gap === undefined || gap.first >= end) break;
      this.#unlogged.set(gap.first, Math.min(gap.count, end - gap.first));
      from = gap.first + gap.count;
    }
    return this.map.set(first, count);
  }

  /** Sets tracks that the log tells of already. Watchers learn of them. */
  setLogged(first: TrackIndex, count: TrackCount): TrackCount {
    for (const watch of this.#watches) watch.set(first, count);
    return this.map.set(first, count);
  }

  /** Clears tracks, and forgets that they were unlogged; returns how many were set. */
  clear(first: TrackIndex, count: TrackCount): TrackCount {
    this.#unlogged.clear(first, count);
    return this.map.clear(first, count);
  }

  /** Clears all tracks, and forgets that they were unlogged. */
  empty(): void {
    this.#unlogged.empty();
    this.map.empty();
  }

  /** this := this ∪ other, as a step that the log tells of. Watchers learn of all tracks of the other. */
  unite(other: TrackedMap): void {
    for (const watch of this.#watches) watch.unite(other.map);
    this.#unlogged.unite(other.#unlogged);
    this.map.unite(other.map);
  }

  /** The fold, as a step that the log tells of: this := this ∪ other, other := ∅. At once where this is empty. */
  takeFrom(other: TrackedMap): void {
    for (const watch of this.#watches) watch.unite(other.map);
    this.#unlogged.unite(other.#unlogged);
    this.map.takeFrom(other.map);
    other.#unlogged.empty();
  }

  /** this := this minus other, as a step that the log tells of. */
  subtract(other: TrackedMap): void {
    this.#unlogged.subtract(other.map);
    this.map.subtract(other.map);
  }

  get hasUnlogged(): boolean {
    return !this.#unlogged.isEmpty;
  }

  /** The runs set since they were last taken, which stay unlogged. */
  unlogged(): TrackRun[] {
    return [...this.#unlogged.runs()];
  }

  /** The runs set since the last call; from now on they count as logged. */
  takeUnlogged(): TrackRun[] {
    const runs = this.unlogged();
    this.#unlogged.empty();
    return runs;
  }

  /** Begins to remember which tracks are marked. */
  watch(): Watch {
    const touched = new TrackMap(this.map.trackCount);
    this.#watches.push(touched);
    return {
      touched: (track) => touched.has(track),
      anyTouched: (first, count) => touched.any(first, count),
      forget: (first, count) => void touched.clear(first, count),
      close: () => {
        const place = this.#watches.indexOf(touched);
        if (place !== -1) this.#watches.splice(place, 1);
      },
    };
  }
}
