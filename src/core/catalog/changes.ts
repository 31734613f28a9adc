import type { PairNumber, TrackRun, VolumeNumber } from '../foundation/foundation.js';
import type { PairMapName, PairRecord } from '../pair/pair.js';
import type { VolumeRecord } from '../volume/volume.js';
import type { PortRecord } from './tables.js';

export const VOLUME_MAPS = ['allocated', 'codeless'] as const satisfies readonly VolumeMapName[];
/** Tracks that were ever written; tracks among them whose check code is not set. */
export type VolumeMapName = 'allocated' | 'codeless';

/** Names one map: `v26:allocated`, `p3:outOfSync`. Stable, because it stands in the log. */
export type MapKey = `v${number}:${VolumeMapName}` | `p${number}:${PairMapName}`;

export function volumeMapKey(volume: VolumeNumber, map: VolumeMapName): MapKey {
  return `v${volume}:${map}`;
}

export function pairMapKey(pair: PairNumber, map: PairMapName): MapKey {
  return `p${pair}:${map}`;
}

/** Runs as they are logged: first, count, first, count, … */
export type FlatRuns = readonly number[];

export function flatten(runs: Iterable<TrackRun>): number[] {
  const flat: number[] = [];
  for (const run of runs) flat.push(run.first, run.count);
  return flat;
}

/** A change of maps alone. */
export type MapChange =
  | { readonly do: 'set'; readonly map: MapKey; readonly runs: FlatRuns }
  | { readonly do: 'clear'; readonly map: MapKey; readonly runs: FlatRuns }
  /** `into` := `into` ∪ `from`; `from` := ∅. */
  | { readonly do: 'fold'; readonly from: MapKey; readonly into: MapKey }
  /** `into` := `into` ∪ `from`. */
  | { readonly do: 'unite'; readonly from: MapKey; readonly into: MapKey }
  /** `from` := `from` minus `tracks`. */
  | { readonly do: 'subtract'; readonly tracks: MapKey; readonly from: MapKey }
  | { readonly do: 'empty'; readonly map: MapKey };

/** What it makes of a map depends on what another holds, or it begins the map anew. */
export function stepsBetweenMaps({ do: kind }: Change): boolean {
  return kind === 'fold' || kind === 'unite' || kind === 'subtract' || kind === 'empty';
}

/**
 * One change to what a system durably knows. A list of changes goes into the log as one frame: all of it holds after a crash,
 * or none. Each is plain data and does the same whenever it is replayed in order.
 */
export type Change =
  /** A new owner; every later frame carries its epoch. */
  | { readonly do: 'grant'; readonly epoch: number }
  /** A new or altered row of the volume table. A new row starts with empty maps. */
  | { readonly do: 'put-volume'; readonly record: VolumeRecord }
  /** The row goes at once; its files are removed afterwards, also after a crash in between. */
  | { readonly do: 'drop-volume'; readonly number: VolumeNumber }
  | { readonly do: 'put-pair'; readonly record: PairRecord }
  | { readonly do: 'drop-pair'; readonly number: PairNumber }
  | { readonly do: 'put-port'; readonly record: PortRecord }
  | { readonly do: 'drop-port'; readonly name: string }
  /** What a room above keeps about a system beside its tables, by a name of its own; null takes it away. */
  | { readonly do: 'put-sheet'; readonly name: string; readonly sheet: unknown }
  /** The files of dropped volumes and pairs are gone. */
  | { readonly do: 'cleaned' }
  | MapChange
  /** Regions of a volume whose marks may be younger than the log; after a crash every track in them is doubtful. */
  | { readonly do: 'activate'; readonly volume: VolumeNumber; readonly regions: readonly number[] }
  | { readonly do: 'cool'; readonly volume: VolumeNumber; readonly regions: readonly number[] }
  /** The answer to a request, kept so that one sent again is answered and not done twice (H28). */
  | { readonly do: 'answer'; readonly id: string; readonly answer: unknown };
