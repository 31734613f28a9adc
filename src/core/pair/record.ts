import type { ByteCount, Epoch, PairNumber, TrackCount, TrackIndex, VolumeNumber } from '../foundation/foundation.js';
import type { PreparedSplit } from './prepared.js';

export const PAIR_STATUSES = [
  'simplex',
  'pending',
  'duplex',
  'sp-pending',
  'split',
  'resync',
  'resync-reverse',
  'suspended',
] as const;
/** DESIGN.md 3.1. `simplex` is the absence of a pair; no record has it. */
export type PairStatus = (typeof PAIR_STATUSES)[number];

export type PairMode = 'local' | 'sync' | 'async' | 'journal';
export type Pace = 'slow' | 'medium' | 'fast' | 'hold';
export type Side = 'primary' | 'secondary';

/** A pair's three maps: 1 = S lacks the track, or may; P wrote it after the freeze; S's host wrote it after the split. */
export type MapName = 'outOfSync' | 'changed' | 'secondary';

export const PAIR_MAPS = ['outOfSync', 'changed', 'secondary'] as const satisfies readonly MapName[];

/** A map that only the primary's half of a remote pair has: frozen tracks whose old contents lie in the save area. */
export type PairMapName = MapName | 'saved';

/** What a freeze made: the instant that the secondary shows, and how hosts may use it. */
export interface Frozen {
  /** Wall time of the instant in milliseconds; a label, never an order. */
  readonly pointInTimeMs: number;
  /** Tracks stay at P until they are overwritten; no background copy. */
  readonly virtual: boolean;
  /** S's host may read but not write. */
  readonly readOnly: boolean;
  /** An old track could not be saved: S no longer shows the instant; only resync is allowed. */
  readonly pointInTimeLost: boolean;
}

/** The states that a suspended pair can come from. */
export type ActiveState =
  | { readonly status: 'pending' }
  | { readonly status: 'duplex' }
  | { readonly status: 'sp-pending'; readonly frozen: Frozen }
  | { readonly status: 'split'; readonly frozen: Frozen }
  | { readonly status: 'resync' }
  /** `backup` is there for a restored virtual copy: it keeps its point in time and returns to split (H30). */
  | { readonly status: 'resync-reverse'; readonly backup: Frozen | null };

export type SuspendReason =
  | 'command'
  | 'io-error'
  | 'no-space'
  | 'check-code'
  | 'volume-blocked'
  | 'link-lost'
  | 'save-failed'
  /** No room is left for the records of a journal pair. */
  | 'journal-full'
  /** The secondary was made a primary while its primary was away. */
  | 'takeover';

const FAULTS = ['check-code', 'no-space', 'volume-blocked'] as const satisfies readonly SuspendReason[];

/** What an error makes of a pair in whose copying it was met. */
export function reasonOf(code: string): SuspendReason {
  return FAULTS.find((reason) => reason === code) ?? 'io-error';
}

/** Suspended keeps the state it came from: frozen or not, direction, maps (H14). */
export interface SuspendedState {
  readonly status: 'suspended';
  readonly from: ActiveState;
  readonly reason: SuspendReason;
  /** A sentence for people: which track, which error. */
  readonly message: string;
  /** S was opened to its host by `--allow-write`. */
  readonly allowWrite: boolean;
}

export type PairState = ActiveState | SuspendedState;

/** A volume of another system, as last known. It is found again by the system's id below the roots. */
export interface PeerVolume {
  readonly system: { readonly id: string; readonly name: string; readonly path: string };
  readonly number: VolumeNumber;
  readonly name: string;
}

/** Orders what a primary sends: the higher term counts first, then the sender's epoch, then the link session (H4, H5). */
export interface LinkMark {
  readonly term: number;
  readonly epoch: Epoch;
  readonly session: number;
}

/** What a pair between two systems adds to its row. Each of the two systems holds one half of the pair. */
export interface RemoteHalf {
  /** The same at both systems. */
  readonly id: string;
  /** The side whose volume lies in this system. */
  readonly side: Side;
  readonly peer: PeerVolume;
  /** Raised by a takeover, a recovery and each change of roles; orders and data of a lower one are refused. */
  readonly term: number;
  /** At the secondary: the highest mark of which anything was taken, durable before it was. */
  readonly taken: LinkMark | null;
  /** No return by itself after a lost link, or after a degrade. */
  readonly manual: boolean;
  /** Sync pairs made with the same name suspend together. */
  readonly session: string | null;
  /** The consistency group that the pair is a member of. */
  readonly group: string | null;
  /** At the secondary: when the primary last told its state, in milliseconds of wall time. */
  readonly toldAtMs: number | null;
  /** At the secondary: how many tracks it lacked then. */
  readonly toldMissingTracks: TrackCount | null;
  /** At the secondary: it was made a primary. */
  readonly takenOver: TakenOver | null;
  /** At the primary: the secondary was made a primary meanwhile; hosts are refused until somebody decides (DESIGN.md 3.1). */
  readonly displaced: boolean;
  /** Of a pair in mode `journal`, and of no other. */
  readonly journal?: JournalHalf | undefined;
}

/** What a checkpoint session adds to a pair's half (decision 70). */
export interface JournalHalf {
  /** The session's id. */
  readonly session: string;
  /** How the primary keeps its host's writes: as marks in the out-of-sync map, or as records of the stream. */
  readonly how: 'tracking' | 'journalled';
  /**
   * At the primary: S may hold a base of which the session counts on, so nothing is copied straight into it. At the secondary: S shows
   * a checkpoint that was applied to it.
   */
  readonly entered: boolean;
  /** The session has let go of what S held, and differences may be copied straight into it until the pair enters again (H20). */
  readonly withdrawn: boolean;
  /** At the secondary: the volume here on which S is kept as it was at its last checkpoint while differences come back. */
  readonly backup: VolumeNumber | null;
}

/** What was known of a secondary when it was made a primary. */
export interface TakenOver {
  readonly atMs: number;
  /** The status that its primary had last told, and when. */
  readonly from: PairStatus;
  readonly knownAtMs: number | null;
  /** Tracks that it lacked then, or may have: its contents are a mix where there are any. */
  readonly missingTracks: TrackCount;
}

/**
 * One row of the pair table. Of a remote pair the side that lies in the other system has a number of its own kind
 * (`foreignVolume`), which stands in no volume table; everything else about it is in `remote.peer`.
 */
export interface PairRecord {
  readonly number: PairNumber;
  readonly primary: VolumeNumber;
  readonly secondary: VolumeNumber;
  readonly mode: PairMode;
  /** Absent for a pair inside one system. */
  readonly remote?: RemoteHalf | undefined;
  /**
   * The consistency group whose virtual copy this is, beside a remote secondary: only the group's formations and recoveries change it,
   * and its point in time is never given up for a write's sake (H8).
   */
  readonly virtualCopyOf?: string | undefined;
  /**
   * The consistency group whose drill copy this is, beside a remote secondary and its virtual copy. Only the group makes and drops
   * it, but it is worth less than the group: where an old track cannot be saved to it, it pays (H13).
   */
  readonly practiceOf?: string | undefined;
  /** A split over several systems whose decision is not known here yet. */
  readonly prepared?: PreparedSplit | undefined;
  readonly state: PairState;
  readonly pace: Pace;
  /** Bytes per second, or null for no cap. */
  readonly rateBytesPerSecond: ByteCount | null;
  /** The track from which an interrupted copy goes on. */
  readonly copyPointer: TrackIndex;
  /** Rises with every freeze, thaw and restore. */
  readonly generation: number;
  readonly createdAtMs: number;
  /** When the pair was last split, or null. */
  readonly splitAtMs: number | null;
  /** How many tracks of the maps of writes were marked by an unclean stop alone, in this generation. Hosts may have written them since. */
  readonly doubtful?: DoubtfulTracks | undefined;
}

export interface DoubtfulTracks {
  readonly changed: TrackCount;
  readonly secondary: TrackCount;
}

/** One step on a pair's maps. A list of steps is logged as it is and gives the same maps whenever it is replayed. */
export type MapStep =
  /** `into` := `into` ∪ `from`, then `from` := ∅. */
  | { readonly step: 'fold'; readonly from: MapName; readonly into: MapName }
  /** `from` := `from` minus `tracks`. */
  | { readonly step: 'subtract'; readonly tracks: MapName; readonly from: MapName }
  | { readonly step: 'empty'; readonly map: MapName };

/** Tracks of one side's volume that change their contents at the instant of a step (DESIGN.md 2, "A jump"). */
export interface Jump {
  readonly side: Side;
  readonly map: MapName;
  /** Whether the map is read before or after the plan's steps. */
  readonly when: 'before' | 'after';
}

/** What an operation does to one pair: its new state, the steps on its maps, and the jumps that other pairs must take. */
export interface PairChange {
  readonly next: PairState;
  readonly steps: readonly MapStep[];
  readonly jumps: readonly Jump[];
}

/** How a pair in its present state takes part in the write path, the read path and copying. */
export interface PairRoles {
  /** The map that a write at P marks. */
  readonly primaryWrites: MapName;
  /** The map that a write by S's host marks; always `secondary`. */
  readonly secondaryWrites: MapName;
  /** Tracks that S lacks and reads from P; a write at P first saves them to S. Null where S is not frozen or not kept. */
  readonly secondaryLacks: MapName | null;
  /**
   * Frozen tracks of a remote pair whose old contents go to the save area before P is overwritten, unless they lie there already
   * or were sent. A host never waits for a link.
   */
  readonly savesAside: MapName | null;
  /** Tracks that P lacks and reads from S (restore). */
  readonly primaryLacks: MapName | null;
  /** What the copier has to empty now, and from which side; null where it has nothing to do. */
  readonly drain: { readonly map: MapName; readonly source: Side } | null;
}
