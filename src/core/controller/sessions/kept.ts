import type { PairNumber, TrackRun } from '../../foundation/foundation.js';
import type { RecordSequence } from '../../journal/journal.js';
import { TrackMap } from '../../trackmap/trackmap.js';

interface Generation {
  readonly tracks: Map<PairNumber, TrackMap>;
  /** The last record that is counted in it. */
  upTo: RecordSequence;
}

/**
 * The tracks of the records that a journal still keeps, for each pair: what its secondary may lack. In two generations, the older of
 * which is forgotten as a whole once its last record is applied; what is not forgotten yet is a superset, never less.
 */
export class KeptTracks {
  #older: Generation = newGeneration();
  #newer: Generation = newGeneration();

  note(pair: PairNumber, trackCount: number, { first, count }: TrackRun, sequence: RecordSequence): void {
    const { tracks } = this.#newer;
    let map = tracks.get(pair);
    if (!map) {
      map = new TrackMap(trackCount);
      tracks.set(pair, map);
    }
    map.set(first, count);
    this.#newer.upTo = sequence;
  }

  /** Records up to this one are not kept any more. */
  applied(upTo: RecordSequence): void {
    if (this.#older.upTo > upTo) return;
    this.#older = this.#newer;
    this.#newer = newGeneration();
    if (this.#older.upTo <= upTo) this.#older = newGeneration();
  }

  *runs(pair: PairNumber): Iterable<TrackRun> {
    for (const { tracks } of [this.#older, this.#newer]) {
      const map = tracks.get(pair);
      if (map) yield* map.runs();
    }
  }

  forget(pair: PairNumber): void {
    for (const { tracks } of [this.#older, this.#newer]) tracks.delete(pair);
  }
}

function newGeneration(): Generation {
  return { tracks: new Map(), upTo: 0 };
}
