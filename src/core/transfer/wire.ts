import type { FlatRuns } from '../catalog/catalog.js';
import type { Milliseconds, TrackCount, TrackIndex, VolumeNumber } from '../foundation/foundation.js';
import type { LinkMark, PairState, PeerVolume } from '../pair/pair.js';

/** At the head of every order for a secondary's half. */
export interface Order {
  /** The pair's id. */
  readonly pair: string;
  readonly mark: LinkMark;
  /**
   * Counted up with every order of its sender. Data that comes again is dropped, and an end mark counts only where nothing that was sent
   * after it has landed (H3, H4).
   */
  readonly sequence: number;
}

/**
 * The maps of a secondary's half that its primary takes over: what was collected of its host's writes, and tracks in doubt after a
 * crash. A secondary that records its host's writes has no use for its own map of changes; what is handed over lies there meanwhile.
 */
export type HandedMap = 'changed' | 'outOfSync';

export interface HalfShown {
  readonly volume: VolumeNumber;
  readonly name: string;
  readonly state: PairState;
  readonly term: number;
  /** It was made a primary, and is one still. */
  readonly takenOver: boolean;
  /** Hosts may have written at the secondary, or may now: a return by itself would lose that (DESIGN.md 3.2). */
  readonly written: boolean;
  readonly secondaryTracks: TrackCount;
  readonly doubtTracks: TrackCount;
  /** Of a journal pair that has one: the volume beside the secondary that keeps its last checkpoint while differences come back. */
  readonly backup?: { readonly number: VolumeNumber; readonly name: string } | undefined;
}

/**
 * Orders of a primary's half to its secondary's, each answered once it is durable, but for `remote.copy` and `remote.write`, which
 * are durable with the next `remote.settle` or `remote.flush`. Repeating any of them does no harm.
 */
export interface TransferRequests {
  /** Begins a link session: whatever an earlier one still sends is refused from now on. */
  'remote.open': {
    input: Order & {
      readonly from: PeerVolume['system'];
      /** The secondary of a synchronous pair counts as linked for so long after an order (H29). */
      readonly heardMs?: Milliseconds | undefined;
    };
    output: HalfShown;
  };
  'remote.show': { input: { readonly pair: string }; output: HalfShown };
  /** Whether the session still stands and nobody replaced the sender. */
  'remote.beat': { input: Order; output: HalfShown };
  /** The state that the primary's half has; it says what hosts may do at the secondary. */
  'remote.tell': {
    input: Order & {
      readonly state: PairState;
      readonly group: string | null;
      readonly missingTracks: TrackCount;
      /** Rises with each state that is told: one that comes late, or again, does not undo what was told since. */
      readonly nth?: number | undefined;
    };
    output: HalfShown;
  };
  /** What the secondary's host wrote so far is moved to where it is handed over from; what it writes from now on is not in it. */
  'remote.collect': { input: Order; output: { readonly tracks: TrackCount } };
  /** Runs of a map from a track on; `next` is where to go on, or null at the end. */
  'remote.map': {
    input: { readonly pair: string; readonly map: HandedMap | 'allocated'; readonly from: TrackIndex };
    output: { readonly runs: FlatRuns; readonly next: TrackIndex | null };
  };
  /** The primary has taken the map over, durably; it is emptied. */
  'remote.merged': { input: Order & { readonly map: HandedMap }; output: Record<string, never> };
  /** Neighbouring tracks with the check codes of their data. Without data they are all zero. */
  'remote.copy': {
    input: Order & { readonly first: TrackIndex; readonly count: TrackCount; readonly codes: readonly number[] };
    output: Record<string, never>;
  };
  /** Everything sent in this session is durable; with `end` it was all of that formation. */
  'remote.settle': { input: Order & { readonly end?: number | undefined }; output: Record<string, never> };
  /**
   * Host writes of a synchronous pair, in the order in which they landed at the primary; answered when they have landed. `writes` is
   * flat: offset, length and the CRC-32 of each, their bytes one after the other in the data. Messages are taken up in the order of
   * `place`, which begins at 1 with each link session.
   */
  'remote.write': {
    input: Order & { readonly place: number; readonly writes: readonly number[] };
    output: Record<string, never>;
  };
  /** All writes answered before are durable. */
  'remote.flush': { input: Order; output: Record<string, never> };
  /** Check codes of the secondary's data, to compare. Null where a map there has the track. */
  'remote.codes': {
    input: { readonly pair: string; readonly first: TrackIndex; readonly count: TrackCount };
    output: { readonly codes: readonly (number | null)[] };
  };
  /** Tracks of the secondary for a restore; their bytes come back as data. */
  'remote.fetch': {
    input: Order & { readonly first: TrackIndex; readonly count: TrackCount };
    output: { readonly codes: readonly number[] };
  };
}

export type TransferCode = keyof TransferRequests;

/** How a sender reaches the other half. Throws ToolkitError; `link-lost` and `peer-missing` where nothing came back. */
export interface PeerHalf {
  request<Code extends TransferCode>(
    code: Code,
    input: TransferRequests[Code]['input'],
    data?: Uint8Array,
  ): Promise<{ readonly output: TransferRequests[Code]['output']; readonly data?: Uint8Array | undefined }>;
}

/** Negative where `a` is older than `b`, 0 where they are the same. */
export function compareMarks(a: LinkMark, b: LinkMark): number {
  return a.term - b.term || a.epoch - b.epoch || a.session - b.session;
}
