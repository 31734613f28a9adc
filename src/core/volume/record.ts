import type { ByteCount, TrackCount, VolumeNumber } from '../foundation/foundation.js';

export const VOLUME_STATUSES = ['normal', 'blocked', 'format', 'correct', 'copying', 'unknown'] as const;
export type VolumeStatus = (typeof VOLUME_STATUSES)[number];

/** A side that lacks tracks and has nobody left to read them from (after a forced delete or a lost save). */
export interface Incomplete {
  readonly missingTracks: TrackCount;
  readonly reason: string;
}

/** One row of a system's volume table. `copying` and `unknown` are never stored; they are worked out when listed. */
export interface VolumeRecord {
  readonly number: VolumeNumber;
  readonly name: string;
  readonly sizeBytes: ByteCount;
  readonly trackSizeBytes: ByteCount;
  /** A label; both volumes of a pair carry the same. */
  readonly emulation: string;
  /** Kept as a copy target. */
  readonly reserved: boolean;
  /** The raw image: relative to the system's folder, or absolute where a pool was named. */
  readonly imagePath: string;
  readonly status: 'normal' | 'blocked' | 'format' | 'correct';
  /** Why it is blocked, else null. */
  readonly blockedReason: string | null;
  readonly incomplete: Incomplete | null;
  readonly createdAtMs: number;
}
