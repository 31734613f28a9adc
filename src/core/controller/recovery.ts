import { type Catalog, type Change, pairMapKey, volumeMapKey } from '../catalog/catalog.js';
import type { PairNumber, TrackCount } from '../foundation/foundation.js';
import { tracksPerRegion } from '../hostio/hostio.js';
import { type MapName, mapTakingDoubt, type PairMapName, type PairRecord, phaseOf } from '../pair/pair.js';
import type { VolumeRecord } from '../volume/volume.js';
import type { Controller } from './open-controller.js';

/**
 * What an unclean stop leaves in doubt: every track of an active region. It is marked allocated, its check code is unset, and the map
 * of each pair that takes new writes now takes it (H10, H19, H32). Marking twice does no harm, so a crash in between does none. Of the
 * pairs in `redone` nothing is in doubt: what their records say is in the image, and both are durable.
 */
export function doubtfulChanges(catalog: Catalog, redone: ReadonlySet<PairNumber> = new Set()): Change[] {
  const changes: Change[] = [];
  const rows = new Map<PairNumber, PairRecord>();
  for (const [number, regions] of catalog.active) {
    const record = catalog.volumes.get(number);
    if (!record) continue;
    const runs = regionRuns(record, catalog.trackCountOf(number), regions);
    changes.push({ do: 'set', map: volumeMapKey(number, 'allocated'), runs });
    changes.push({ do: 'set', map: volumeMapKey(number, 'codeless'), runs });
    for (const pairNumber of catalog.pairsOf(number)) {
      const pair = catalog.pairs.get(pairNumber);
      if (!pair || redone.has(pairNumber) || isApplied(pair)) continue;
      const map = mapTakingDoubt(pair, pair.primary === number ? 'primary' : 'secondary');
      changes.push({ do: 'set', map: pairMapKey(pairNumber, map), runs });
      rows.set(pairNumber, withDoubt(catalog, rows.get(pairNumber) ?? pair, map, runs));
    }
    changes.push({ do: 'cool', volume: number, regions: [...regions] });
  }
  for (const [number, record] of rows)
    if (record !== catalog.pairs.get(number)) changes.push({ do: 'put-pair', record });
  changes.push(...formationsEnded(catalog));
  return changes;
}

/** The row that tells doubt from writing where somebody has to give up what was written. Half of a remote pair's maps lies elsewhere. */
function withDoubt(catalog: Catalog, record: PairRecord, name: MapName, runs: readonly number[]): PairRecord {
  if (name === 'outOfSync' || record.remote) return record;
  const { map } = catalog.pairMap(record.number, name);
  let unmarked = 0;
  for (let i = 0; i < runs.length; i += 2) {
    const [first = 0, count = 0] = runs.slice(i, i + 2);
    unmarked += count - map.countIn(first, count);
  }
  if (unmarked === 0) return record;
  const doubtful = record.doubtful ?? { changed: 0, secondary: 0 };
  return { ...record, doubtful: { ...doubtful, [name]: doubtful[name] + unmarked } };
}

/** What was written to the secondary of a session since it was last flushed is applied again, from its journal. */
function isApplied({ remote }: PairRecord): boolean {
  if (remote?.side !== 'secondary' || remote.takenOver) return false;
  return remote.journal?.entered === true && !remote.journal.withdrawn;
}

/**
 * Marks in memory what the next owner will mark for good: an unclean stop must not read as in sync. Answers how many tracks of each
 * pair are marked for that alone.
 */
export function showDoubt(catalog: Catalog): ReadonlyMap<PairNumber, TrackCount> {
  const doubts = new Map<PairNumber, TrackCount>();
  for (const change of doubtfulChanges(catalog)) {
    if (change.do !== 'set' || !change.map.startsWith('p')) continue;
    const [owner = '', name] = change.map.slice(1).split(':');
    const map = catalog.pairMap(Number(owner), name as PairMapName);
    let marked = 0;
    for (let i = 0; i < change.runs.length; i += 2) marked += map.mark(change.runs[i] ?? 0, change.runs[i + 1] ?? 0);
    doubts.set(Number(owner), (doubts.get(Number(owner)) ?? 0) + marked);
  }
  return doubts;
}

/** A formation's freeze ends with the process that made it: what was written since is out of sync like the rest (H3). */
function formationsEnded(catalog: Catalog): Change[] {
  return [...catalog.pairs.values()].flatMap((pair) => {
    const changed = pairMapKey(pair.number, 'changed');
    if (pair.remote?.side !== 'primary' || phaseOf(pair.state) !== 'following' || catalog.countOf(changed) === 0)
      return [];
    return [{ do: 'fold' as const, from: changed, into: pairMapKey(pair.number, 'outOfSync') }];
  });
}

function regionRuns(record: VolumeRecord, trackCount: number, regions: Iterable<number>): number[] {
  const tracks = tracksPerRegion(record.trackSizeBytes);
  const runs: number[] = [];
  for (const region of [...regions].sort((a, b) => a - b)) {
    const first = region * tracks;
    if (first < trackCount) runs.push(first, Math.min(tracks, trackCount - first));
  }
  return runs;
}

/** What the last owner began and did not end, in the history. */
export function endUnfinished(controller: Controller): void {
  const { catalog, history } = controller;
  for (const event of history.unfinished()) {
    const pair = [...catalog.pairs.values()].find(
      ({ primary, secondary }) =>
        controller.address(primary) === event.primary && controller.address(secondary) === event.secondary,
    );
    const message = 'its controller died; the operation was finished or undone when the system was opened again';
    const after = pair?.state.status ?? null;
    controller.record({ ...event, phase: 'abnormal', code: 'died', message, seconds: null, after });
  }
}
