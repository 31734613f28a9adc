import type { ByteOffset, TrackRun } from '../foundation/foundation.js';

/** A write that has just landed at a primary. `data` stays as it is until the follower's promise settles. */
export interface LandedWrite {
  readonly tracks: TrackRun;
  readonly data: Uint8Array;
  readonly offset: ByteOffset;
}

/**
 * Takes the writes of a synchronous primary's host to its secondary. What it has under way is in no map: the write's region is active
 * here and at the secondary, and whoever ends the pair's following asks it to mark what the secondary may lack (`surrender`), in the
 * very step in which the pair stops following.
 */
export interface Follower {
  /** False where a duplex pair's write must not land yet, because it could not be sent. */
  readonly isReady: boolean;
  /** Resolves when that may have changed: the link is open, or the pair was suspended because it was lost for too long. */
  ready(): Promise<void>;
  /** Whether a write of these tracks that lands in this step goes to the secondary. */
  takes(tracks: TrackRun): boolean;
  /** Marks those of the tracks that the secondary lacks anyway. */
  markLacking(tracks: TrackRun): void;
  /** Called in the step of landing, in the order of landing. Resolves when the secondary has it or the pair stopped following, durably. */
  follow(write: LandedWrite): Promise<void>;
  /** What completed before the call is durable at the secondary when it resolves, or the pair stopped following, durably. */
  flush(): Promise<void>;
  /** Whether something of these tracks is under way. */
  holds(tracks: TrackRun): boolean;
  /** Whether the secondary has not everything, or not durably. */
  readonly owes: boolean;
  /** Marks what is under way as out of sync; `unflushed`: also what the secondary has but could lose. Nothing of it is sent again. */
  surrender(unflushed: boolean): void;
  /** What was surrendered is marked durably: the writes complete. With an error that could not be done, and they fail. */
  release(error?: unknown): void;
}
