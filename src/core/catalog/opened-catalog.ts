import {
  assert,
  type ChangeNumber,
  failure,
  isToolkitError,
  type PairNumber,
  type TrackCount,
  tuning,
  type VolumeNumber,
} from '../foundation/foundation.js';
import { geometryVolume, isJournalled, PAIR_MAPS, type PairMapName } from '../pair/pair.js';
import type { Files, Random } from '../ports/ports.js';
import { Ledger, type LedgerFrame, naming } from '../storage/storage.js';
import type { TrackedMap } from '../trackmap/trackmap.js';
import { CatalogRows } from './catalog-rows.js';
import {
  type Change,
  type FlatRuns,
  flatten,
  type MapChange,
  type MapKey,
  pairMapKey,
  stepsBetweenMaps,
  VOLUME_MAPS,
  type VolumeMapName,
  volumeMapKey,
} from './changes.js';
import { MapStore } from './map-store.js';
import { LOG_FOLDER, MAPS_FOLDER, mapFilePath } from './system-files.js';
import { NO_TABLES, readTables, type Tables, writeTables } from './table-files.js';
import type { VolumeTable } from './tables.js';

const HALF_MAPS = [...PAIR_MAPS, 'saved'] as const satisfies readonly PairMapName[];

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export interface CatalogOptions {
  /** Reads without ownership; sees the state of one moment. */
  readonly readOnly?: boolean;
}

/**
 * A system's tables and maps in memory, equal to log and files. Every change passes `change`; marks of host writes alone are
 * made on the maps directly and logged later (their region is active).
 */
export class Catalog extends CatalogRows {
  readonly folder: string;
  /** True when the last frame of the log was cut short by a crash. */
  readonly tornTail: boolean;

  readonly #files: Files;
  readonly #random: Random;
  readonly #ledger: Ledger;
  readonly #maps: MapStore;
  /** The counts of maps as of the log's start, for those not opened since. */
  readonly #counts = new Map<string, TrackCount>();
  #hasCheckpointed = false;
  #checkpointing: Promise<void> | undefined;
  /**
   * Called in the very step in which a pair stops being journalled, whatever the reason: whoever keeps its records marks their tracks as
   * out of sync, and the marks stand in the frame that changes the row (H23).
   */
  leavesJournal: (pair: PairNumber) => void = () => undefined;

  private constructor(files: Files, random: Random, folder: string, readOnly: boolean) {
    super();
    this.#files = files;
    this.#random = random;
    this.folder = folder;
    const opened = Ledger.open(files, `${folder}/${LOG_FOLDER}`, { readOnly });
    this.#ledger = opened.ledger;
    if (!readOnly) this.#ledger.beginDurable();
    this.tornTail = opened.tail === 'torn';
    this.#maps = new MapStore(files, folder, { readOnly, upTo: this.#ledger.baseChange });
    this.#readTables();
    for (const frame of opened.frames) this.#replay(frame);
    if (!readOnly) this.#demandMaps();
  }

  /** Throws ToolkitError for tables, maps or a log that cannot be trusted. Recovery is the controller's. */
  static open(files: Files, random: Random, folder: string, options: CatalogOptions = {}): Catalog {
    return new Catalog(files, random, folder, options.readOnly ?? false);
  }

  /** Writes the empty tables and the log of a new system; all durable when it resolves. */
  static async create(files: Files, random: Random, folder: string): Promise<void> {
    files.makeFolder(`${folder}/${LOG_FOLDER}`);
    await writeTables(files, random, folder, 1, NO_TABLES);
    await Ledger.create(files, `${folder}/${LOG_FOLDER}`);
  }

  /** A map of a volume, for asking and for marking. */
  volumeMap(volume: VolumeNumber, map: VolumeMapName): TrackedMap {
    return this.#map(volumeMapKey(volume, map));
  }

  pairMap(pair: PairNumber, map: PairMapName): TrackedMap {
    return this.#map(pairMapKey(pair, map));
  }

  /** How many tracks a map has, without opening it where it was not changed. */
  countOf(key: MapKey): TrackCount {
    return this.#maps.countOf(key) ?? this.#counts.get(key) ?? 0;
  }

  /**
   * Logs the changes that `decide` returns as one frame and makes them in memory. `decide` runs when nothing can come between it
   * and the frame; what it read is still so. An empty list logs nothing. With `withMarks` the unlogged marks of all maps stand
   * before the changes in the same frame, which steps between maps need.
   *
   * The frame is not durable before `durable()`. Throws ToolkitError `no-space` or `io-error`, nothing changed.
   */
  async change(decide: () => readonly Change[], withMarks = false): Promise<void> {
    while (this.#checkpointing) await this.#checkpointing;
    const changes = decide();
    const leaving = this.#leavingJournal(changes);
    for (const pair of leaving) this.leavesJournal(pair);
    const marked = withMarks || leaving.length > 0 || changes.some(stepsBetweenMaps);
    const all = marked ? [...this.#peekMarks(), ...changes] : changes;
    if (all.length === 0) return;
    this.#ledger.append(encoder.encode(JSON.stringify(all)), this.epoch);
    if (marked) this.#forgetMarks();
    for (const change of changes) this.#apply(change);
    if (this.#ledger.usedBytes >= tuning.checkpointAtBytes) await this.checkpoint();
  }

  /** Logs the marks that are not logged yet. */
  async logMarks(): Promise<void> {
    await this.change(() => [], true);
  }

  /** Every change made before the call is durable when it resolves. */
  async durable(): Promise<void> {
    while (this.#checkpointing) await this.#checkpointing;
    await this.#ledger.durable();
  }

  /**
   * Throws once the log has failed: tables and maps here may be ahead of what a crash leaves, so nothing may be written that rests
   * on them. The system has to be opened again.
   */
  demandSound(): void {
    const { failure } = this.#ledger;
    if (failure !== undefined) throw failure instanceof Error ? failure : new Error(String(failure));
  }

  /** Writes maps and tables out and starts the log anew. */
  async checkpoint(): Promise<void> {
    while (this.#checkpointing) await this.#checkpointing;
    this.#checkpointing = this.#writeCheckpoint().finally(() => {
      this.#checkpointing = undefined;
    });
    await this.#checkpointing;
  }

  /**
   * Before closing: starts the log anew where the next to open the system would read it for longer than this takes. Nothing rests on
   * it, so that a failure is not told.
   */
  async shortenLog(): Promise<void> {
    const limitBytes = tuning.checkpointAtCloseBytes + this.#maps.changedCount * tuning.checkpointMapBytes;
    if (this.#ledger.failure !== undefined || this.#ledger.usedBytes < limitBytes) return;
    try {
      await this.checkpoint();
    } catch (error) {
      if (!isToolkitError(error)) throw error;
    }
  }

  /** Opens every map and compares all codes. */
  *checkMaps(): IterableIterator<{ key: MapKey; damaged: number[] }> {
    for (const volume of this.volumes.keys()) {
      this.volumeMap(volume, 'allocated');
      this.volumeMap(volume, 'codeless');
    }
    for (const [pair, { remote }] of this.pairs)
      for (const map of remote ? HALF_MAPS : PAIR_MAPS) this.pairMap(pair, map);
    yield* this.#maps.check();
  }

  close(): void {
    this.#maps.close();
    this.#ledger.close();
  }

  /**
   * Maps and tables are written beside those that the present log starts from; starting the new log is what makes them count. A
   * crash before that finds the old ones whole: steps between maps are replayed from maps of one and the same change.
   */
  async #writeCheckpoint(): Promise<void> {
    const change = this.#ledger.lastChange;
    await this.#ledger.durable();
    if (!this.#hasCheckpointed) this.#openPresentMaps();
    await this.#maps.checkpoint(change);
    // Of the files: hosts mark meanwhile, and a map that is said to be empty is not looked into after a crash.
    const counts = [...this.#writtenCounts()];
    const tables = this.#tables(change, counts);
    await writeTables(this.#files, this.#random, this.folder, this.#ledger.sequence + 1, tables);
    await this.#ledger.restart();
    this.#hasCheckpointed = true;
    this.#maps.confirm();
  }

  #tables(change: ChangeNumber, counts: VolumeTable['counts']): Tables {
    const active = [...this.active].map(([volume, regions]) => ({ volume, regions: [...regions] }));
    const volumes = {
      change,
      epoch: this.epoch,
      volumes: [...this.volumes.values()],
      ports: [...this.ports.values()],
      sheets: [...this.sheets].map(([name, sheet]) => ({ name, sheet })),
      active,
      answers: this.latestAnswers(),
      leftovers: this.leftovers,
      counts,
      pairNumberNext: this.pairNumberNext,
    };
    return { volumes, pairs: { change, pairs: [...this.pairs.values()] } };
  }

  /** A checkpoint in which an earlier owner died may have left any of them with what never came to count. */
  #openPresentMaps(): void {
    const present = this.#presentMaps();
    for (const key of this.#mapKeys()) if (present.has(mapFilePath(key))) this.#map(key);
  }

  /** The map files that are there. */
  #presentMaps(): ReadonlySet<string> {
    const names = naming(`the folder ${MAPS_FOLDER}`, () => this.#files.list(`${this.folder}/${MAPS_FOLDER}`));
    return new Set(names.map((name) => `${MAPS_FOLDER}/${name}`));
  }

  #mapKeys(): readonly MapKey[] {
    return [
      ...[...this.volumes.keys()].flatMap((volume) => VOLUME_MAPS.map((map) => volumeMapKey(volume, map))),
      ...[...this.pairs].flatMap(([pair, { remote }]) =>
        (remote ? HALF_MAPS : PAIR_MAPS).map((map) => pairMapKey(pair, map)),
      ),
    ];
  }

  *#writtenCounts(): IterableIterator<{ map: MapKey; count: TrackCount }> {
    for (const map of this.#mapKeys()) {
      const count = this.#maps.writtenCountOf(map) ?? this.#counts.get(map) ?? 0;
      if (count > 0) yield { map, count };
    }
  }

  #leavingJournal(changes: readonly Change[]): readonly PairNumber[] {
    return changes.flatMap((change) => {
      if (change.do !== 'put-pair' || isJournalled(change.record)) return [];
      const present = this.pairs.get(change.record.number);
      return present && isJournalled(present) ? [present.number] : [];
    });
  }

  #readTables(): void {
    const { volumes, pairs } = readTables(this.#files, this.folder, this.#ledger.sequence);
    this.epoch = volumes.epoch;
    this.pairNumberNext = volumes.pairNumberNext;
    this.leftovers = [...volumes.leftovers];
    for (const record of volumes.volumes) this.volumes.set(record.number, record);
    for (const record of volumes.ports) this.ports.set(record.name, record);
    for (const { name, sheet } of volumes.sheets ?? []) this.sheets.set(name, sheet);
    for (const { volume, regions } of volumes.active) this.active.set(volume, new Set(regions));
    for (const { map, count } of volumes.counts) this.#counts.set(map, count);
    for (const { id, answer } of volumes.answers) this.answers.set(id, answer);
    for (const record of pairs.pairs) this.putPair(record);
  }

  /** A map that marked tracks and is gone would read as empty, and its differences would be lost in silence. */
  #demandMaps(): void {
    if (this.#counts.size === 0) return;
    const present = this.#presentMaps();
    for (const [key, count] of this.#counts) {
      const path = mapFilePath(key as MapKey);
      if (count === 0 || present.has(path)) continue;
      throw failure(
        'metadata-damaged',
        `${this.folder}/${path}, in which ${count} tracks are marked, is missing.`,
        'Bring the file back from a backup: without it differences would be lost.',
      );
    }
  }

  #replay(frame: LedgerFrame): void {
    let changes: Change[];
    try {
      changes = JSON.parse(decoder.decode(frame.payload)) as Change[];
    } catch (cause) {
      throw failure(
        'metadata-damaged',
        `The log of ${this.folder} holds a frame that cannot be read (change ${frame.change}).`,
        undefined,
        { cause },
      );
    }
    this.epoch = Math.max(this.epoch, frame.epoch);
    for (const change of changes) this.#apply(change);
  }

  #apply(change: Change): void {
    if (this.applyToRows(change)) return;
    this.#applyToMaps(change);
  }

  #applyToMaps(change: MapChange): void {
    switch (change.do) {
      case 'set': {
        const map = this.#map(change.map);
        eachRun(change.runs, (first, count) => map.setLogged(first, count));
        return;
      }
      case 'clear': {
        const map = this.#map(change.map);
        eachRun(change.runs, (first, count) => map.clear(first, count));
        return;
      }
      case 'fold':
        this.#map(change.into).takeFrom(this.#map(change.from));
        return;
      case 'unite':
        this.#map(change.into).unite(this.#map(change.from));
        return;
      case 'subtract':
        this.#map(change.from).subtract(this.#map(change.tracks));
        return;
      case 'empty':
        this.#map(change.map).empty();
    }
  }

  protected override forgetMap(key: MapKey): void {
    this.#maps.drop(key);
    this.#counts.delete(key);
  }

  #peekMarks(): Change[] {
    const marks: Change[] = [];
    for (const [map, tracked] of this.#maps.unlogged())
      marks.push({ do: 'set', map, runs: flatten(tracked.unlogged()) });
    return marks;
  }

  #forgetMarks(): void {
    for (const [, tracked] of this.#maps.unlogged()) tracked.takeUnlogged();
  }

  #trackCountOfKey(key: MapKey): TrackCount {
    if (key.startsWith('v')) return this.trackCountOf(ownerOf(key));
    const record = this.pairs.get(ownerOf(key));
    assert(record, `pair ${key} is in the table`);
    return this.trackCountOf(geometryVolume(record));
  }

  #map(key: MapKey): TrackedMap {
    return this.#maps.get(key, () => this.#trackCountOfKey(key));
  }
}

function ownerOf(key: MapKey): number {
  return Number.parseInt(key.slice(1), 10);
}

function eachRun(runs: FlatRuns, act: (first: number, count: number) => void): void {
  for (let i = 0; i < runs.length; i += 2) act(runs[i] as number, runs[i + 1] as number);
}
