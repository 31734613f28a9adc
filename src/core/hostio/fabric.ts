import { type Catalog, type Change, pairMapKey } from '../catalog/catalog.js';
import {
  assert,
  type ByteCount,
  type ByteOffset,
  isToolkitError,
  type PairNumber,
  type TrackRun,
  tuning,
  type VolumeNumber,
} from '../foundation/foundation.js';
import { ownVolumes, type Side, type SuspendReason } from '../pair/pair.js';
import type { Clock, Files } from '../ports/ports.js';
import { checkRange } from '../volume/volume.js';
import { activateRegions } from './activating.js';
import { addressOf } from './addresses.js';
import type { Claim } from './claims.js';
import { coolRegions } from './cooling.js';
import type { FabricHooks, FabricParts } from './fabric-parts.js';
import type { Follower } from './follower.js';
import { followersOf, journalledPair, land, landingMaxBytes } from './landing.js';
import { LivePair, LiveVolume } from './live-volume.js';
import { nextObstacle } from './obstacles.js';
import type { Overlay } from './overlay.js';
import { demandUnblocked, hostRefusal, type Leg } from './permission.js';
import { readThrough } from './read-path.js';
import type { Recorder } from './recorder.js';
import { coldRegions } from './regions.js';
import { removeObstacle } from './removing.js';
import { suspendPairs } from './suspending.js';

/** Who writes: a host, or the copier of one pair, whose own pair neither marks nor saves nor fills for it. */
export interface Writer {
  readonly copierOf?: PairNumber;
  readonly claim?: Claim;
  /** It lands the records that lie above the image: what it changes below is not seen. */
  readonly below?: boolean;
  /** Sync pairs that the write goes to as well: they are not marked. */
  readonly along?: ReadonlySet<PairNumber>;
}

export const HOST: Writer = {};

/** A pair of a volume, and which side of it the volume is. */
export interface LiveLeg {
  readonly pair: LivePair;
  readonly side: Side;
}

/** All open volumes and pairs of a system, and the paths that I/O takes through them. */
export class Fabric {
  readonly system: string;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly hooks: FabricHooks;
  readonly saveLimitBytes: ByteCount;
  /** What volumes show that their images do not have yet, while it is written behind. */
  readonly overlays = new Map<VolumeNumber, Overlay>();
  /** What hosts have asked for so far; copying gives way while it grows. */
  hostRequests = 0;
  readonly #files: Files;
  readonly #readOnly: boolean;
  readonly #volumes = new Map<VolumeNumber, LiveVolume>();
  readonly #pairs = new Map<PairNumber, LivePair>();
  readonly #legs = new Map<VolumeNumber, readonly LiveLeg[]>();

  constructor(parts: FabricParts) {
    this.system = parts.system;
    this.catalog = parts.catalog;
    this.clock = parts.clock;
    this.hooks = parts.hooks;
    this.saveLimitBytes = parts.saveLimitBytes;
    this.#files = parts.files;
    this.#readOnly = parts.readOnly ?? false;
    this.catalog.leavesJournal = (number) => {
      const pair = this.pair(number);
      this.recorder(pair).surrender(pair);
    };
  }

  volume(number: VolumeNumber): LiveVolume {
    const open = this.#volumes.get(number);
    if (open) return open;
    const record = this.catalog.volumes.get(number);
    assert(record, `volume ${number} is in the table`);
    const mode = this.#readOnly ? 'read' : 'write';
    const volume = new LiveVolume(this.catalog, this.#files, record, this.system, this.imagePath(number), mode);
    this.#volumes.set(number, volume);
    return volume;
  }

  pair(number: PairNumber): LivePair {
    let pair = this.#pairs.get(number);
    if (!pair) {
      const record = this.catalog.pairs.get(number);
      assert(record, `pair ${number} is in the table`);
      pair = new LivePair(this.catalog, this.#files, record);
      this.#pairs.set(number, pair);
    }
    return pair;
  }

  /** Who takes a pair's writes to its secondary; undefined where they are only marked. */
  follower(pair: LivePair): Follower | undefined {
    if (pair.alongside === null) return undefined;
    pair.follower = this.hooks.follower?.(pair);
    return pair.follower;
  }

  /** Who keeps the writes of a journal pair's primary. */
  recorder(pair: LivePair): Recorder {
    pair.recorder ??= this.hooks.recorder?.(pair);
    assert(pair.recorder, `the writes of pair ${pair.number} are recorded by somebody`);
    return pair.recorder;
  }

  /** The pairs that a volume takes part in. */
  legs(volume: VolumeNumber): readonly LiveLeg[] {
    let legs = this.#legs.get(volume);
    if (!legs) {
      legs = this.catalog.pairsOf(volume).map((number) => {
        const pair = this.pair(number);
        return { pair, side: pair.sideOf(volume) };
      });
      this.#legs.set(volume, legs);
    }
    return legs;
  }

  /** What the save areas hold now of what counts. */
  savedBytes(): ByteCount {
    let bytes = 0;
    for (const pair of this.#pairs.values()) {
      const { record } = pair;
      if (record?.remote?.side !== 'primary') continue;
      bytes += pair.saved.count * (this.catalog.volumes.get(record.primary)?.trackSizeBytes ?? 0);
    }
    return bytes;
  }

  /**
   * Ends a formation's freeze, in whatever way it ended: what was written since is out of sync like all the rest (H1). Not durable; a
   * crash before the frame comes out the same.
   */
  async thaw(pair: LivePair, voided?: string): Promise<void> {
    await this.catalog.change(() => {
      if (!pair.forming) return [];
      pair.voidedBecause = voided;
      pair.endFreeze();
      return [{ do: 'fold', from: pairMapKey(pair.number, 'changed'), into: pairMapKey(pair.number, 'outOfSync') }];
    }, true);
  }

  /** To be called when a pair came or went. */
  pairsChanged(): void {
    this.#legs.clear();
    for (const number of this.overlays.keys())
      if (this.catalog.pairsOf(number).length === 0) this.overlays.delete(number);
    for (const [number, pair] of this.#pairs) {
      if (this.catalog.pairs.has(number)) continue;
      pair.saveArea.close();
      this.#pairs.delete(number);
    }
  }

  /** Closes a volume, so that its image can be replaced or removed. */
  forget(number: VolumeNumber): void {
    this.#volumes.get(number)?.close();
    this.#volumes.delete(number);
    this.#legs.delete(number);
  }

  /** Memory that bulk writes can hand to the device as it is. */
  bulkBuffer(sizeBytes: number): Uint8Array {
    return this.#files.bulkBuffer(sizeBytes);
  }

  address(number: VolumeNumber): string {
    return addressOf(this.catalog, this.system, number);
  }

  imagePath(number: VolumeNumber): string {
    const path = this.catalog.volumes.get(number)?.imagePath ?? '';
    return path.startsWith('/') ? path : `${this.catalog.folder}/${path}`;
  }

  /** Throws the reason why a host may not do this now. */
  demandHost(number: VolumeNumber, wanted: 'read' | 'write'): void {
    const record = this.catalog.volumes.get(number);
    assert(record, `volume ${number} is in the table`);
    const isUpdating = (pair: Leg['pair']) => this.hooks.isUpdating?.(pair as LivePair) ?? false;
    const refusal = hostRefusal(this.system, record, this.legs(number), wanted, isUpdating);
    if (refusal) throw refusal;
    const heldBack = wanted === 'write' ? this.#volumes.get(number)?.heldBack : undefined;
    if (heldBack) throw heldBack;
  }

  /** As `demandHost`, worked out anew only when a row changed: for the path that every request of a host takes. */
  #demandHostQuickly(volume: LiveVolume, wanted: 'read' | 'write'): void {
    if (volume.heldBack && wanted === 'write') throw volume.heldBack;
    const known = volume.permitted[wanted];
    if (known === this.catalog.rowsVersion) return;
    this.demandHost(volume.number, wanted);
    volume.permitted[wanted] = this.catalog.rowsVersion;
  }

  /** A host's read in the caller's own turn. The range lies inside the volume. Throws as `readAsHost` does. */
  readNow(volume: LiveVolume, target: Uint8Array, offset: ByteOffset): void {
    this.hostRequests += 1;
    this.#demandHostQuickly(volume, 'read');
    readThrough(this, volume, target, offset);
  }

  /** A host's write in the caller's own turn: true when it landed, false where something stands in its way. */
  writeNow(volume: LiveVolume, data: Uint8Array, offset: ByteOffset): boolean {
    this.hostRequests += 1;
    this.#demandHostQuickly(volume, 'write');
    const tracks = volume.geometry.tracksOf(offset, data.length);
    // One that goes to a secondary as well is completed later.
    if (nextObstacle(this, volume, tracks, undefined, HOST) || followersOf(this, volume).length > 0) return false;
    if (data.length > landingMaxBytes(this, volume)) return false;
    void land(this, volume, tracks, data, offset);
    return true;
  }

  /** A host's read. Throws `not-readable`, `incomplete`, `volume-blocked`, `bad-range`, `io-error`. */
  readAsHost(number: VolumeNumber, target: Uint8Array, offset: ByteOffset): void {
    this.hostRequests += 1;
    this.demandHost(number, 'read');
    this.#checkRange(number, offset, target.length);
    this.read(number, target, offset);
  }

  /** Reads what the volume holds logically; tracks it lacks come from the other side of their pair. */
  read(number: VolumeNumber, target: Uint8Array, offset: ByteOffset): void {
    readThrough(this, this.volume(number), target, offset);
  }

  /** A host's write: completed, not yet durable, when it resolves: here and at synchronous secondaries. Nothing is written when it throws before landing. */
  async writeAsHost(number: VolumeNumber, data: Uint8Array, offset: ByteOffset): Promise<void> {
    this.hostRequests += 1;
    this.demandHost(number, 'write');
    this.#checkRange(number, offset, data.length);
    if (data.length === 0) return;
    const volume = this.volume(number);
    for (let done = 0; done < data.length; ) {
      const part = data.subarray(done, Math.min(data.length, done + landingMaxBytes(this, volume)));
      await this.#writeOnce(volume, part, offset + done);
      done += part.length;
    }
  }

  async #writeOnce(volume: LiveVolume, data: Uint8Array, offset: ByteOffset): Promise<void> {
    const tracks = volume.geometry.tracksOf(offset, data.length);
    const whole = volume.geometry.wholeTracksIn(offset, data.length);
    for (;;) {
      // What is superseded is there before it lands, and would be there before its record.
      const superseding = journalledPair(this, volume) ? undefined : whole;
      const obstacle = nextObstacle(this, volume, tracks, superseding, HOST);
      if (!obstacle && data.length <= landingMaxBytes(this, volume)) break;
      // A pair that has begun to record since takes it in parts.
      if (!obstacle) return this.writeAsHost(volume.number, data, offset);
      await removeObstacle(this, volume, obstacle, HOST, { data, offset });
      this.demandHost(volume.number, 'write');
    }
    await land(this, volume, tracks, data, offset);
  }

  /** Removes what stands between a copier and its target's tracks; `land` runs in the very step in which nothing does. */
  async clearTheWay<T>(volume: LiveVolume, tracks: TrackRun, writer: Writer, land: () => T): Promise<T> {
    for (;;) {
      const obstacle = nextObstacle(this, volume, tracks, undefined, writer);
      if (!obstacle) {
        this.catalog.demandSound();
        this.demandUnblocked(volume.number);
        return land();
      }
      await removeObstacle(this, volume, obstacle, writer);
    }
  }

  /** Marks what a write of these tracks marks. Their regions are active. */
  mark(volume: LiveVolume, tracks: TrackRun, writer: Writer): void {
    for (const { pair, side } of this.legs(volume.number)) {
      if (pair.number === writer.copierOf || writer.along?.has(pair.number)) continue;
      const { primaryWrites, secondaryWrites } = pair.roles;
      pair.map(side === 'primary' ? primaryWrites : secondaryWrites).mark(tracks.first, tracks.count);
    }
    volume.allocated.mark(tracks.first, tracks.count);
    volume.codeless.mark(tracks.first, tracks.count);
  }

  /** Makes regions active ahead of a long write, so that it costs few flushes. */
  async warm(volume: LiveVolume, ...runs: readonly TrackRun[]): Promise<void> {
    const cold = new Set(runs.flatMap((run) => coldRegions(volume, run)));
    const regions = [...cold].slice(0, tuning.activeRegionsMax / 4);
    if (regions.length > 0) await activateRegions(this, volume, regions);
  }

  /** Everything completed on the volume is durable. A failed flush blocks the volume for good (P9). */
  async flush(number: VolumeNumber): Promise<void> {
    const volume = this.volume(number);
    try {
      await volume.image.flush();
    } catch (error) {
      await this.block(volume, error);
      throw error;
    }
  }

  /** Copying asks before it begins, as hosts do before each request, and again in the step in which its data lands. */
  demandUnblocked(...volumes: readonly VolumeNumber[]): void {
    demandUnblocked(this.system, ...volumes.map((number) => this.catalog.volumes.get(number)));
  }

  async block(volume: LiveVolume, error: unknown): Promise<void> {
    const record = volume.record;
    if (volume.blockedBy !== undefined || !record) return;
    volume.blockedBy = error;
    const blockedReason = error instanceof Error ? error.message : String(error);
    await this.catalog.change(() => [{ do: 'put-volume', record: { ...record, status: 'blocked', blockedReason } }]);
    await this.catalog.durable();
    for (const { pair } of this.legs(volume.number)) await this.suspend(pair, 'volume-blocked', blockedReason);
  }

  /** Suspends a pair by a fault, durably; `lost`: an old track could not be saved, so its point in time is gone as well. */
  async suspend(pair: LivePair, reason: SuspendReason, message: string, lost = false): Promise<void> {
    // One that was deleted while it was copied has nothing to suspend, and takes no others with it.
    const together = pair.record && this.hooks.suspendedWith?.(pair, reason);
    const pairs = together ?? [pair];
    await suspendPairs(this, pairs, { reason, message, lost });
  }

  /** A save failed for the secondary's sake: the host's write goes on and the pair pays (DESIGN.md 3.1). */
  async loseThePointInTime(pair: LivePair, error: unknown): Promise<void> {
    if (!isToolkitError(error)) throw error;
    await this.suspend(pair, 'save-failed', `an old track could not be saved: ${error.message}`, true);
  }

  /**
   * Makes the changes that clear lacking tracks, durably, before either side may be written there: a crash that brought a bit back
   * would bring the other side's later contents with it (P4).
   */
  async clearDurably(pair: LivePair, runs: readonly TrackRun[], changes: () => readonly Change[]): Promise<void> {
    const { record } = pair;
    if (!record) return;
    const held: (() => void)[] = [];
    try {
      await this.catalog.change(() => {
        for (const { claims } of ownVolumes(record).map((number) => this.volume(number))) {
          for (const run of runs) {
            const claim = claims.take(run.first, run.count);
            held.push(() => claims.release(claim));
          }
        }
        return changes();
      });
      await this.catalog.durable();
    } finally {
      for (const release of held) release();
    }
  }

  /** Cools every volume, makes the log durable and closes all. */
  async close(): Promise<void> {
    // Whatever no secondary answered for is marked, for no region tells of it any more.
    for (const pair of this.#pairs.values()) if (pair.alongside !== null) pair.follower?.surrender(false);
    for (const volume of this.#volumes.values())
      if (volume.hot.size > 0) await coolRegions(this, volume, volume.hot.size);
    await this.catalog.logMarks();
    await this.catalog.durable();
    this.abandon();
  }

  /** Closes the files as they are. */
  abandon(): void {
    for (const volume of this.#volumes.values()) volume.close();
    for (const pair of this.#pairs.values()) pair.saveArea.close();
    this.#volumes.clear();
  }

  #checkRange(number: VolumeNumber, offset: ByteOffset, length: number): void {
    const record = this.catalog.volumes.get(number);
    assert(record, `volume ${number} is in the table`);
    checkRange({ sizeBytes: record.sizeBytes, name: record.name }, offset, length);
  }
}
