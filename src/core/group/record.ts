import type { ByteCount, Milliseconds, TrackCount, VolumeNumber } from '../foundation/foundation.js';

/** A system as last known. It is found again by its id below the roots. */
export interface SystemRef {
  readonly id: string;
  readonly name: string;
  readonly path: string;
}

/** A volume of a system, as last known. */
export interface VolumeRef {
  readonly system: SystemRef;
  readonly number: VolumeNumber;
  readonly name: string;
}

/** One row of the relationship table (DESIGN.md 5). */
export interface GroupMember {
  /** Counts from 1 in its group and is never used twice. */
  readonly relationshipId: number;
  /** The id of the remote pair, the same at both of its systems. */
  readonly pairId: string;
  readonly primary: VolumeRef;
  readonly secondary: VolumeRef;
  /** The virtual copy's volume; it lies in the secondary's system. */
  readonly backup: VolumeRef;
  /** A member takes part in formations from its first duplex on. */
  readonly joined: 'waiting' | 'member';
}

/** What a window or a person stops: copying to the remotes, or the hosts' writes. */
export type Stopped = 'sending' | 'writes';

export type GroupWindow =
  /** Runs and pauses in turns, counted from `anchorMs`. */
  | {
      readonly kind: 'run-pause';
      readonly runMs: Milliseconds;
      readonly pauseMs: Milliseconds;
      readonly anchorMs: number;
      readonly stop: Stopped;
    }
  /** Stopped once, from an instant to a later one. */
  | { readonly kind: 'from-to'; readonly fromMs: number; readonly toMs: number; readonly stop: Stopped }
  /** Stopped every day, from a minute of the day to another, which may be the next day's. */
  | { readonly kind: 'daily'; readonly fromMinute: number; readonly toMinute: number; readonly stop: Stopped };

export interface GroupPolicy {
  /** From the end of one formation to the start of the next; 0 is continuous. */
  readonly intervalMs: Milliseconds;
  readonly coordinationLimitMs: Milliseconds;
  readonly drainLimitMs: Milliseconds;
  /** What all systems of the group send together, or null for no cap. */
  readonly rateBytesPerSecond: ByteCount | null;
  /** How long a stopped write waits before it is refused. */
  readonly holdLimitMs: Milliseconds;
  readonly window: GroupWindow | null;
}

/** A formation's members, kept by whoever prepared it: what a recovery must find. A removed member leaves every list. */
export interface ListedMember {
  readonly relationshipId: number;
  readonly secondary: VolumeRef;
}

/** A formation as its master numbered it, with its members. */
export interface NumberedGroup {
  readonly sequence: number;
  readonly term: number;
  /** Wall time of the instant at which all gates were closed; a label, never an order. */
  readonly timeMs: number;
  readonly memberList: readonly ListedMember[];
  /** Drill copies are made in the same instant; absent for none. Ordered here, they show one group at all remotes (H13). */
  readonly practice?: true | undefined;
}

/**
 * The master's durable record of its last formation. `none` with `open` means that nothing was decided, which is a decision to
 * revert; `open` means that somebody may still hold what was prepared.
 */
export interface FormationRecord extends NumberedGroup {
  readonly decision: 'none' | 'commit' | 'revert';
  readonly phase: 'open' | 'settled';
}

/** The steps of a formation as a person reads them. */
export type Activity = 'start' | 'coordinate' | 'run' | 'drain' | 'prepare' | 'decide' | 'commit' | 'revert' | 'thaw';

export interface GroupFailure {
  readonly activity: Activity;
  /** The name of the system where it failed. */
  readonly controller: string;
  readonly reason: string;
  readonly timeMs: number;
}

export interface LastFormed {
  readonly sequence: number;
  readonly timeMs: number;
  readonly pauseMs: Milliseconds;
  readonly drainMs: Milliseconds;
  readonly tracks: TrackCount;
}

/** A group is made stopped. A paused group remembers what it returns to. */
export type GroupState =
  | { readonly status: 'stopped' }
  | { readonly status: 'running' }
  | {
      readonly status: 'paused';
      readonly from: 'stopped' | 'running';
      /** Held at the members by a lease that the master renews (H31). */
      readonly stop: Stopped | null;
      /** The group that the remotes were left on by `--consistent`, else null. */
      readonly leftOn: number | null;
    };

/** The group's row at its master. */
export interface MasterTable {
  readonly term: number;
  readonly policy: GroupPolicy;
  readonly state: GroupState;
  readonly members: readonly GroupMember[];
  readonly relationshipIdNext: number;
  /** The highest number ever tried; durable before its first order leaves. */
  readonly sequence: number;
  readonly last: FormationRecord | null;
  readonly lastFormed: LastFormed | null;
  readonly formedCount: number;
  readonly failedCount: number;
  readonly lastFailure: GroupFailure | null;
  /** Another master was designated; this row forms nothing any more. */
  readonly handedOver: boolean;
  /** Drill copies stand ready at all remotes; the next formation makes them. */
  readonly practice?: true | undefined;
}

/** The group's row at a system that holds primaries. */
export interface SubordinateTable {
  readonly term: number;
  readonly master: SystemRef;
  /** Those whose primary lies in this system. */
  readonly members: readonly GroupMember[];
  /** A coordinate order with a number not above it freezes nothing (H1). */
  readonly highestSequence: number;
  readonly policy: GroupPolicy;
  /** This system's part of the policy's rate. */
  readonly shareBytesPerSecond: ByteCount | null;
  /** The remotes were made primaries; this side's hosts are refused until it is brought back. */
  readonly failedOver: boolean;
}

/** A drill copy beside a member's backup. */
export interface Practice {
  readonly volume: VolumeRef;
  /** The group that it shows; null until the formation in which it is made. */
  readonly sequence: number | null;
}

/** What a remote system knows of one of its member volumes. */
export interface RemoteMember {
  readonly relationshipId: number;
  readonly committed: number | null;
  /** Prepared and neither committed nor reverted; the volume is inhibited meanwhile (H7). */
  readonly revertible: number | null;
  readonly practice: Practice | null;
}

/** The durable verdict of a recovery, written at every remote before it is carried out. */
export interface RecoveryVerdict {
  readonly term: number;
  readonly case: RecoveryCase;
  /** The group that the remotes are brought to. */
  readonly sequence: number;
  readonly settle: 'commit' | 'revert' | 'nothing';
  /** The number that is committed or reverted; that of the group itself where nothing is. */
  readonly settled: number;
  readonly partial: boolean;
  readonly relationshipIds: readonly number[];
  readonly done: boolean;
}

/** The rows of DESIGN.md 5.2. */
export type RecoveryCase = 'keep' | 'commit' | 'decided' | 'revert' | 'none' | 'disagree';

/** The group's row at a system that holds secondaries and backups. */
export interface RemoteTable {
  readonly term: number;
  readonly master: SystemRef;
  /** The whole relationship table as last told, also of members elsewhere. */
  readonly members: readonly GroupMember[];
  /** One row for each member whose secondary lies in this system. */
  readonly volumes: readonly RemoteMember[];
  /** The numbered groups that `volumes` name, each once. */
  readonly groups: readonly NumberedGroup[];
  readonly verdict: RecoveryVerdict | null;
  /** The secondaries are primaries now. */
  readonly recovered: boolean;
}

/** All that one system keeps of one group; it may be master, hold primaries and hold secondaries at once. */
export interface GroupSheet {
  readonly version: 1;
  readonly id: string;
  readonly name: string;
  readonly master: MasterTable | null;
  readonly subordinate: SubordinateTable | null;
  readonly remote: RemoteTable | null;
}
