import type { ByteCount, Milliseconds, TrackCount } from '../foundation/foundation.js';
import type { PolicyChange } from './policy.js';
import type { Activity, GroupPolicy, GroupSheet, RecoveryCase, Stopped, SystemRef } from './record.js';

/** A volume that a person named: its system was looked up, the volume was not. */
export interface NamedVolume {
  readonly system: SystemRef;
  /** A name or a number. */
  readonly volume: string;
}

export type MemberState = 'idle' | 'coordinating' | 'draining' | 'copying' | 'paused' | 'unreachable';

/** What a system knows of a member whose primary lies in it, beyond its sheet. */
export interface MemberReport {
  readonly group: string;
  readonly relationshipId: number;
  readonly state: MemberState;
  readonly outOfSyncTracks: TrackCount;
  /** Of the last formation that it took part in. */
  readonly pauseMs: Milliseconds | null;
  readonly drainMs: Milliseconds | null;
  readonly lastFailure: ListedFailure | null;
}

/** ISO time. */
export interface ListedFailure {
  readonly activity: Activity;
  readonly reason: string;
  readonly time: string;
}

export interface MemberListing {
  readonly relationshipId: number;
  readonly primary: string;
  readonly secondary: string;
  readonly backup: string;
  readonly controller: string;
  readonly role: 'master' | 'subordinate';
  readonly state: MemberState;
  readonly joined: boolean;
  readonly asOf: string | null;
  readonly outOfSyncTracks: TrackCount | null;
  readonly revertible: boolean | null;
  /** What the remote volume's virtual copy stands at. */
  readonly sequence: number | null;
  readonly pauseMs: Milliseconds | null;
  readonly drainMs: Milliseconds | null;
  readonly lastFailure: ListedFailure | null;
}

export interface GroupListing {
  readonly name: string;
  readonly id: string;
  readonly term: number;
  readonly master: string;
  /** `failed`: its last formation is undecided, or its remotes were made primaries; it forms nothing until a person helps. */
  readonly state: 'running' | 'paused' | 'stopped' | 'failed';
  /** Of the last group formed. ISO time. */
  readonly sequence: number | null;
  readonly time: string | null;
  readonly exposureSeconds: number | null;
  readonly pauseMs: Milliseconds | null;
  readonly drainMs: Milliseconds | null;
  readonly formed: number;
  readonly failed: number;
  readonly policy: GroupPolicy;
  readonly stop: Stopped | null;
  /** What is held back now, by a window or a pause, and until when at least. ISO time. */
  readonly held: { readonly what: Stopped; readonly by: 'window' | 'pause'; readonly until: string } | null;
  readonly lastFailure: (ListedFailure & { readonly controller: string }) | null;
  readonly members: readonly MemberListing[];
}

export type FormationOutcome = 'formed' | 'void' | 'failed' | 'undecided' | 'paused' | 'skipped';

export interface FormationMember {
  readonly relationshipId: number;
  readonly primary: string;
  readonly secondary: string;
  readonly backup: string;
  readonly controller: string;
}

/** `cg start`: what one formation came to. Every count is null where it did not get that far. */
export interface FormationAnswer {
  readonly group: string;
  readonly sequence: number | null;
  /** The instant of the group. ISO time. */
  readonly time: string | null;
  readonly outcome: FormationOutcome;
  readonly reason: string | null;
  readonly failure: { readonly activity: Activity; readonly controller: string } | null;
  readonly pauseMs: Milliseconds | null;
  readonly drainMs: Milliseconds | null;
  readonly tracks: TrackCount | null;
  readonly members: readonly FormationMember[];
}

export type GroupDeed = 'formation' | 'recovery' | 'failback' | 'master';

/** What a system's history keeps of a group's formation, or of what else was done with the whole group, for programs. */
export interface GroupEvent extends Omit<FormationAnswer, 'members' | 'outcome'> {
  /** A name may be used again; an id is not. */
  readonly groupId: string;
  readonly deed: GroupDeed;
  readonly outcome: FormationOutcome | RecoveryCase | 'done';
}

/** One row of `cg history`. */
export interface GroupHistoryRow extends GroupEvent {
  /** When it ended. ISO time. */
  readonly ended: string;
  /** The system in whose history it stands. */
  readonly system: string;
  readonly actor: string;
}

export type RecoveryAction = 'keep' | 'commit' | 'revert' | 'left-out' | 'missing' | 'none';

export interface RecoveryMember {
  readonly relationshipId: number;
  readonly secondary: string;
  /** Null for a member that was given up. */
  readonly backup: string | null;
  readonly revertible: boolean | null;
  readonly sequence: number | null;
  readonly action: RecoveryAction;
}

export interface RecoveryAnswer {
  readonly group: string;
  readonly term: number;
  readonly case: RecoveryCase;
  readonly verdict: string;
  /** The group that the remotes are brought to; null where there is none. */
  readonly sequence: number | null;
  readonly time: string | null;
  readonly partial: boolean;
  readonly members: readonly RecoveryMember[];
}

export interface FailbackRow {
  readonly primary: string;
  readonly secondary: string;
  readonly direction: string;
  readonly tracks: TrackCount;
  readonly bytes: ByteCount;
  /** `compared`: the old primary's maps could not be read, so all tracks are compared (H12). */
  readonly by: 'differences' | 'compared';
}

/** `wait`: goes on until the roles are turned back, at most so long; absent only begins. */
export interface FailbackWish {
  readonly plan?: boolean | undefined;
  readonly wait?: { readonly timeoutMs?: Milliseconds | undefined } | undefined;
}

export interface FailbackAnswer {
  readonly term: number;
  readonly outcome: 'begun' | 'returned' | 'timed-out' | 'planned';
  readonly pairs: readonly FailbackRow[];
}

export interface PracticeRow {
  readonly relationshipId: number;
  readonly secondary: string;
  readonly backup: string;
  readonly practice: string;
  /** Null until the formation in which it is made. */
  readonly sequence: number | null;
  /** An old track could not be saved to it: it shows its group no more. */
  readonly lost: boolean;
}

interface OfGroup {
  readonly group: string;
}

interface Changed {
  readonly group: GroupListing;
  readonly outcome: 'done' | 'nothing';
}

/**
 * What controllers answer about groups from the outside. All but `cg.list`, `cg.recover` and `cg.failback` are asked of the group's
 * master; a system that is not answers `not-master`, with the master's name.
 */
export interface GroupRequests {
  'cg.create': {
    input: OfGroup & { policy: PolicyChange };
    output: { group: GroupListing };
  };
  'cg.add': {
    input: OfGroup & { primary: NamedVolume; secondary: NamedVolume; backup: NamedVolume | 'auto' };
    /** `paired`: the pair was made by this request. */
    output: Changed & { member: MemberListing; paired: boolean };
  };
  'cg.remove': { input: OfGroup & { primary: NamedVolume }; output: Changed };
  'cg.delete': { input: OfGroup; output: { name: string; members: number } };
  /** The sheets of this system, and how its own members stand. Answered from files, too, without owning the system. */
  'cg.list': {
    input: Record<string, never>;
    output: { sheets: readonly GroupSheet[]; members: readonly MemberReport[] };
  };
  /** Asked of the system that shall be master. `systems` are all that have a sheet of the group, as the asker found them. */
  'cg.master': { input: OfGroup & { id: string; systems: readonly SystemRef[] }; output: Changed };
  'cg.policy': { input: OfGroup & { change: PolicyChange }; output: Changed };
  /** One formation, to its end. The signal cancels it; a decision to commit is carried out all the same. */
  'cg.start': { input: OfGroup & { skipIfBusy?: boolean | undefined }; output: FormationAnswer };
  /** Makes the group running, durably. */
  'cg.run': { input: OfGroup; output: Changed };
  /** Reports each formation as progress until the signal ends it or the group runs no more. */
  'cg.follow': { input: OfGroup; output: { group: GroupListing } };
  /** `formation` is there with `consistent`; where it is not formed nothing is paused. */
  'cg.pause': {
    input: OfGroup & { stop?: Stopped | undefined; consistent?: boolean | undefined };
    output: Changed & { formation: FormationAnswer | null };
  };
  'cg.resume': { input: OfGroup; output: Changed };
  'cg.stop': { input: OfGroup; output: Changed };
  /** What stands in this system's own history, newest last; `cg history` puts those of all systems together. */
  'cg.history': { input: OfGroup; output: { formations: readonly GroupHistoryRow[] } };
  /** Asked of one of the remotes. `without`: secondaries given up, as they were typed. */
  'cg.recover': {
    input: OfGroup & { at: readonly SystemRef[]; without: readonly string[]; plan?: boolean | undefined };
    output: RecoveryAnswer;
  };
  /** Asked of a recovered remote. */
  'cg.failback': { input: OfGroup & FailbackWish; output: FailbackAnswer & { readonly group: string } };
  'cg.practice': {
    input: OfGroup & { to: NamedVolume | 'auto'; drop: boolean };
    output: { group: string; outcome: 'ordered' | 'dropped' | 'nothing'; practice: readonly PracticeRow[] };
  };
}
