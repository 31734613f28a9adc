import type { ByteCount, ByteOffset } from '../foundation/foundation.js';
import type { LivePair } from './live-volume.js';

/**
 * Keeps the writes of a journal pair's host as records of its session's stream (DESIGN.md 6). What it keeps is in no map: whoever ends
 * the pair's journalling has it mark the tracks of all records that are still kept (`surrender`), in the very step that changes the row.
 */
export interface Recorder {
  /** A longer write lands in several parts: at a kill the last record alone may not be in the image (H23). */
  readonly recordMaxBytes: ByteCount;
  /** False where a write of so many bytes must not land now: there is no room, or its pair is about to track. */
  hasRoom(lengthBytes: ByteCount): boolean;
  /** Resolves when that may have changed: there is room, or the pair tracks, durably. */
  ready(lengthBytes: ByteCount): Promise<void>;
  /** Stamps and appends in the step of landing, before the image is written (H23). When it throws nothing was appended. */
  record(pair: LivePair, data: Uint8Array, offset: ByteOffset): void;
  /** The image did not take what was recorded: nothing more is recorded before the pair tracks. */
  spoiled(error: unknown): void;
  /** What was recorded before the call is durable when it resolves, or its pairs track, durably. */
  durable(): Promise<void>;
  /** Marks the tracks of the pair's records that are still kept as out of sync. */
  surrender(pair: LivePair): void;
}
