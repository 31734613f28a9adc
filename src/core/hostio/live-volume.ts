import { type Catalog, CODES_FOLDER, codeFilePath } from '../catalog/catalog.js';
import {
  assert,
  type ByteCount,
  type PairNumber,
  type TrackCount,
  tuning,
  type VolumeNumber,
} from '../foundation/foundation.js';
import {
  type Alongside,
  alongsideOf,
  halfRoles,
  isJournalled,
  type PairRecord,
  type PairRoles,
  rolesOf,
  type Side,
} from '../pair/pair.js';
import type { Files } from '../ports/ports.js';
import { toToolkitError } from '../storage/storage.js';
import { type TrackedMap, TrackMap } from '../trackmap/trackmap.js';
import { CheckCodeFile, Geometry, Image, type VolumeRecord } from '../volume/volume.js';
import { Claims } from './claims.js';
import type { Follower } from './follower.js';
import { Gate, Mutex } from './gate.js';
import type { Recorder } from './recorder.js';
import { SaveArea } from './save-area.js';

/** A formation's freeze of a pair: it lives and dies with this process, and no map that counts after a crash knows of it (H3, H15). */
export interface Forming {
  readonly group: string;
  readonly sequence: number;
  /** Frozen tracks whose old contents lie in the save area. */
  readonly saved: TrackMap;
}

/** A pair with its maps, as the write path sees it. The record is the catalog's present one. */
export class LivePair {
  readonly number: PairNumber;
  readonly outOfSync: TrackedMap;
  readonly changed: TrackedMap;
  readonly secondary: TrackedMap;
  /** Held by a copier's batch from reading to clearing, and by whoever changes the pair's state. */
  readonly mutex = new Mutex();
  /** Old contents of frozen tracks; only the primary's half of a remote pair uses it. */
  readonly saveArea: SaveArea;
  /** At the secondary's half: the formation whose end mark came after all its data, until the next write to the volume. */
  completeFor: number | undefined;
  /** Until then, on the monotonic clock, the copier begins nothing new: a gate over several systems is about to close. */
  restsUntilMs = Number.NEGATIVE_INFINITY;
  /** Why the last formation's freeze ended before its time. */
  voidedBecause: string | undefined;
  /** Commands that wait for what copying leads to. */
  waiters = 0;
  /** Takes the writes of a synchronous primary to the secondary; made with the first of them. */
  follower: Follower | undefined;
  /** Keeps the writes of a journalled primary; opened with the first of them. */
  recorder: Recorder | undefined;
  /** The pair alone, as those that a write need not mark. */
  readonly alone: ReadonlySet<PairNumber>;
  readonly #catalog: Catalog;
  #forming: Forming | undefined;
  #rolesFor: unknown;
  #roles: PairRoles | undefined;
  #alongside: Alongside = null;
  #isJournalled = false;

  constructor(catalog: Catalog, files: Files, record: PairRecord) {
    this.#catalog = catalog;
    this.saveArea = new SaveArea(catalog, files, record.number, `the save area of pair ${record.number}`);
    this.number = record.number;
    this.alone = new Set([record.number]);
    this.outOfSync = catalog.pairMap(record.number, 'outOfSync');
    this.changed = catalog.pairMap(record.number, 'changed');
    this.secondary = catalog.pairMap(record.number, 'secondary');
  }

  /** The freeze of a formation under way. */
  get forming(): Forming | undefined {
    return this.#forming;
  }

  /** Freezes for a formation, in one step: what is written from now on is recorded apart. */
  freezeFor(group: string, sequence: number): void {
    this.#forming = { group, sequence, saved: new TrackMap(this.outOfSync.map.trackCount) };
    this.voidedBecause = undefined;
    this.#roles = undefined;
  }

  /** The caller folds what was recorded apart in the same step. */
  endFreeze(): void {
    this.#forming = undefined;
    this.#roles = undefined;
  }

  /** Frozen tracks whose old contents lie in the save area: of a formation, else of a split. */
  get saved(): TrackMap {
    return this.#forming?.saved ?? this.#catalog.pairMap(this.number, 'saved').map;
  }

  /** The pair's row, or undefined once it is deleted. */
  get record(): PairRecord | undefined {
    return this.#catalog.pairs.get(this.number);
  }

  /** What the pair does in its present state; worked out anew only when the state changes. */
  get roles(): PairRoles {
    const { record } = this;
    if (!this.#roles || this.#rolesFor !== record) {
      this.#roles = record?.remote
        ? halfRoles(record.state, record.remote, this.#forming !== undefined)
        : rolesOf(record?.state ?? { status: 'pending' });
      this.#alongside = record ? alongsideOf(record) : null;
      this.#isJournalled = record !== undefined && isJournalled(record);
      this.#rolesFor = record;
    }
    return this.#roles;
  }

  /** Which writes of the primary's host go to the secondary before they complete. */
  get alongside(): Alongside {
    return this.roles && this.#alongside;
  }

  /** Whether the writes of the primary's host are recorded, and not marked. */
  get isJournalled(): boolean {
    return this.roles && this.#isJournalled;
  }

  map(name: 'outOfSync' | 'changed' | 'secondary'): TrackedMap {
    return this[name];
  }

  sideOf(volume: VolumeNumber): Side {
    return this.record?.primary === volume ? 'primary' : 'secondary';
  }
}

/** An open volume. */
export class LiveVolume {
  readonly number: VolumeNumber;
  readonly geometry: Geometry;
  readonly image: Image;
  readonly allocated: TrackedMap;
  /** Allocated tracks whose check code is not set. */
  readonly codeless: TrackedMap;
  readonly claims = new Claims();
  readonly gate = new Gate();
  /** Active regions, the one used longest ago first. */
  readonly hot = new Map<number, true>();
  /** Regions that are to go cold once they are flushed, for each flush under way. */
  readonly goingCold = new Set<Set<number>>();
  readonly tracksPerRegion: number;
  /** The version of the rows for which a host was last found to be allowed. */
  readonly permitted = { read: -1, write: -1 };
  /** Set when a flush failed: nothing is written any more (P9). */
  blockedBy: unknown;
  /** Set while a group stops writes for longer than hosts are kept waiting. */
  heldBack: Error | undefined;
  readonly #catalog: Catalog;
  readonly #files: Files;
  readonly #codes: CheckCodeFile | undefined;
  /** The code file was made anew, and a loss of power could take its name away again. */
  #codesAreNew = false;

  constructor(
    catalog: Catalog,
    files: Files,
    record: VolumeRecord,
    system: string,
    imagePath: string,
    mode: 'read' | 'write',
  ) {
    this.#catalog = catalog;
    this.#files = files;
    this.number = record.number;
    this.geometry = new Geometry(record);
    this.image = Image.open(files, { path: imagePath, system, volume: record, mode });
    this.allocated = catalog.volumeMap(record.number, 'allocated');
    this.codeless = catalog.volumeMap(record.number, 'codeless');
    this.#codes = mode === 'write' ? this.#openCodes(files, `${system}:${record.name}`) : undefined;
    this.tracksPerRegion = tracksPerRegion(record.trackSizeBytes);
    for (const region of catalog.active.get(record.number) ?? []) this.hot.set(region, true);
  }

  get record(): VolumeRecord | undefined {
    return this.#catalog.volumes.get(this.number);
  }

  get codes(): CheckCodeFile {
    assert(this.#codes, 'who only reads for hosts uses no check codes');
    return this.#codes;
  }

  /** Every code written before the call is durable when it resolves, in a file that a crash cannot take away (H32). */
  async flushCodes(): Promise<void> {
    await this.codes.flush();
    if (!this.#codesAreNew) return;
    const folder = `${this.#catalog.folder}/${CODES_FOLDER}`;
    await this.#files.flushFolder(folder).catch((error: unknown) => {
      throw toToolkitError(error, `the folder ${folder}`);
    });
    this.#codesAreNew = false;
  }

  close(): void {
    this.image.close();
    this.#codes?.close();
  }

  /** Codes can always be computed again: a file that is gone is made anew, and no code counts. */
  #openCodes(files: Files, address: string): CheckCodeFile {
    const path = `${this.#catalog.folder}/${codeFilePath(this.number)}`;
    const options = { path, trackCount: this.geometry.trackCount, what: `the check codes of ${address}` };
    if (files.status(path)) return CheckCodeFile.open(files, options);
    this.codeless.mark(0, this.geometry.trackCount);
    this.#codesAreNew = true;
    return CheckCodeFile.create(files, options);
  }
}

/** How many tracks one region has; a track larger than a region is a region of its own. */
export function tracksPerRegion(trackSizeBytes: ByteCount): TrackCount {
  return Math.max(1, tuning.regionBytes / trackSizeBytes);
}
