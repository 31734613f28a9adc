import type { Catalog } from '../catalog/catalog.js';
import type { ByteCount, VolumeNumber } from '../foundation/foundation.js';
import type { PairRecord, SuspendReason } from '../pair/pair.js';
import type { Clock, Files } from '../ports/ports.js';
import type { Follower } from './follower.js';
import type { LivePair } from './live-volume.js';
import type { Recorder } from './recorder.js';

/** What the fabric tells its owner, who records it. */
export interface FabricHooks {
  /** A pair was suspended by a fault, durably. */
  suspended(before: PairRecord, after: PairRecord): void;
  /** A named step of the write path or of copying is reached; crash faults strike here. */
  step(name: string): void;
  /** Who takes the writes of a synchronous pair's primary to its secondary. */
  follower?(pair: LivePair): Follower;
  /** Who keeps the writes of a journal pair's primary as records. */
  recorder?(pair: LivePair): Recorder;
  /** A journal pair tracks from now on, durably, and copies its differences again by itself. */
  degraded?(before: PairRecord, after: PairRecord, why: string): void;
  /** Whether a checkpoint is being applied to the secondary of this pair: hosts are refused meanwhile. */
  isUpdating?(pair: LivePair): boolean;
  /** Resolves once nothing lies above the volume's image any more. */
  landOverlay?(volume: VolumeNumber): Promise<void>;
  /** The pairs that are to be suspended with this one, which is the first of them (H29). */
  suspendedWith?(pair: LivePair, reason: SuspendReason): readonly LivePair[];
}

export interface FabricParts {
  readonly system: string;
  readonly catalog: Catalog;
  readonly files: Files;
  readonly clock: Clock;
  readonly hooks: FabricHooks;
  /** What the save areas of all pairs may hold together. */
  readonly saveLimitBytes: ByteCount;
  /** Nothing of the system is written: images are opened for reading, check codes not at all. */
  readonly readOnly?: boolean;
}
