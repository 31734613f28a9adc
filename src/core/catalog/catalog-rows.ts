import {
  ANSWERS_KEPT,
  ANSWERS_KEPT_BYTES,
  ANSWERS_KEPT_LEAST,
  assert,
  type Epoch,
  type PairNumber,
  type TrackCount,
  type VolumeNumber,
} from '../foundation/foundation.js';
import { isForeign, PAIR_MAPS, type PairRecord, pairOfForeign } from '../pair/pair.js';
import type { VolumeRecord } from '../volume/volume.js';
import { type Change, type MapChange, type MapKey, pairMapKey, VOLUME_MAPS, volumeMapKey } from './changes.js';
import { pairFiles, volumeFiles } from './system-files.js';
import type { PortRecord } from './tables.js';

/** The rows of a system's tables, and how a change alters them. The maps are the opened catalog's. */
export abstract class CatalogRows {
  readonly volumes = new Map<VolumeNumber, VolumeRecord>();
  readonly pairs = new Map<PairNumber, PairRecord>();
  readonly ports = new Map<string, PortRecord>();
  /** What rooms above keep here, each under names of its own and checked by themselves: consistency groups, sessions. */
  readonly sheets = new Map<string, unknown>();
  /** Regions that are active according to the log. */
  readonly active = new Map<VolumeNumber, Set<number>>();
  readonly answers = new Map<string, unknown>();
  leftovers: string[] = [];
  epoch: Epoch = 0;
  pairNumberNext: PairNumber = 1;
  /** Rises with every row that comes, goes or changes: what was worked out from rows holds as long as it stays. */
  rowsVersion = 0;
  readonly #pairsOfVolume = new Map<VolumeNumber, Set<PairNumber>>();

  /** Numbers of the pairs that a volume takes part in. */
  pairsOf(volume: VolumeNumber): readonly PairNumber[] {
    return [...(this.#pairsOfVolume.get(volume) ?? [])];
  }

  trackCountOf(volume: VolumeNumber): TrackCount {
    const record = this.volumes.get(isForeign(volume) ? this.#counterpartOf(volume) : volume);
    assert(record, `volume ${volume} is in the table`);
    return Math.ceil(record.sizeBytes / record.trackSizeBytes);
  }

  /** The volume here of the remote pair that a foreign number belongs to. */
  #counterpartOf(foreign: VolumeNumber): VolumeNumber {
    const pair = this.pairs.get(pairOfForeign(foreign));
    assert(pair, `the pair of volume ${foreign} is in the table`);
    return pair.primary === foreign ? pair.secondary : pair.primary;
  }

  /** A map whose owner was dropped goes with it. */
  protected abstract forgetMap(key: MapKey): void;

  /** Makes a change of rows; false where the change is one of maps. */
  protected applyToRows(change: Change): change is Exclude<Change, MapChange> {
    switch (change.do) {
      case 'grant':
        this.epoch = change.epoch;
        return true;
      case 'put-volume':
        this.rowsVersion += 1;
        this.volumes.set(change.record.number, change.record);
        return true;
      case 'drop-volume':
        this.#dropVolume(change.number);
        return true;
      case 'put-pair':
        this.putPair(change.record);
        return true;
      case 'drop-pair':
        this.#dropPair(change.number);
        return true;
      case 'put-port':
        this.rowsVersion += 1;
        this.ports.set(change.record.name, change.record);
        return true;
      case 'drop-port':
        this.rowsVersion += 1;
        this.ports.delete(change.name);
        return true;
      case 'put-sheet':
        this.rowsVersion += 1;
        if (change.sheet === null) this.sheets.delete(change.name);
        else this.sheets.set(change.name, change.sheet);
        return true;
      case 'cleaned':
        this.leftovers = [];
        return true;
      case 'activate':
        addAll(this.active, change.volume, change.regions);
        return true;
      case 'cool':
        deleteAll(this.active, change.volume, change.regions);
        return true;
      case 'answer':
        this.#keepAnswer(change.id, change.answer);
        return true;
      default:
        return false;
    }
  }

  protected putPair(record: PairRecord): void {
    this.rowsVersion += 1;
    this.pairs.set(record.number, record);
    this.pairNumberNext = Math.max(this.pairNumberNext, record.number + 1);
    addAll(this.#pairsOfVolume, record.primary, [record.number]);
    addAll(this.#pairsOfVolume, record.secondary, [record.number]);
  }

  #dropPair(number: PairNumber): void {
    const record = this.pairs.get(number);
    if (!record) return;
    this.rowsVersion += 1;
    this.pairs.delete(number);
    deleteAll(this.#pairsOfVolume, record.primary, [number]);
    deleteAll(this.#pairsOfVolume, record.secondary, [number]);
    for (const map of PAIR_MAPS) this.forgetMap(pairMapKey(number, map));
    if (record.remote) this.forgetMap(pairMapKey(number, 'saved'));
    this.leftovers.push(...pairFiles(record));
  }

  #dropVolume(number: VolumeNumber): void {
    const record = this.volumes.get(number);
    if (!record) return;
    this.rowsVersion += 1;
    this.volumes.delete(number);
    this.active.delete(number);
    for (const map of VOLUME_MAPS) this.forgetMap(volumeMapKey(number, map));
    this.leftovers.push(record.imagePath, ...volumeFiles(number));
  }

  /** The answers that go into a table, the oldest first; what they leave out is forgotten. */
  protected latestAnswers(): { id: string; answer: unknown }[] {
    const latest: { id: string; answer: unknown }[] = [];
    let leftBytes = ANSWERS_KEPT_BYTES;
    for (const [id, answer] of [...this.answers].reverse()) {
      leftBytes -= id.length + JSON.stringify(answer).length;
      if (leftBytes >= 0 || latest.length < ANSWERS_KEPT_LEAST) latest.push({ id, answer });
      else this.answers.delete(id);
    }
    return latest.reverse();
  }

  #keepAnswer(id: string, answer: unknown): void {
    this.answers.set(id, answer);
    for (const oldest of this.answers.keys()) {
      if (this.answers.size <= ANSWERS_KEPT) break;
      this.answers.delete(oldest);
    }
  }
}

function addAll<Key>(sets: Map<Key, Set<number>>, key: Key, values: readonly number[]): void {
  const set = sets.get(key) ?? new Set<number>();
  for (const value of values) set.add(value);
  sets.set(key, set);
}

function deleteAll<Key>(sets: Map<Key, Set<number>>, key: Key, values: readonly number[]): void {
  const set = sets.get(key);
  if (!set) return;
  for (const value of values) set.delete(value);
  if (set.size === 0) sets.delete(key);
}
