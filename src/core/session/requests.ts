import type { ByteCount, Milliseconds, TrackCount } from '../foundation/foundation.js';
import type { FailbackAnswer, FailbackWish, SystemRef } from '../group/group.js';
import type { JournalsUsage, JournalUsage } from '../journal/journal.js';
import type { Checkpoint, Wanted } from '../sequence/sequence.js';
import type { SessionPolicyChange } from './policy.js';
import type { SessionOrder, SessionPolicy, SessionSheet } from './record.js';

/** What a pair's direct copy has made of its secondary meanwhile (H20). `bare`: it shows a mix, and no backup keeps what it showed. */
export type Returning = 'no' | 'backup' | 'bare';

/** What a system knows of one of its streams beyond its sheet. */
export interface StreamReport {
  /** The system at the other end. */
  readonly peer: SystemRef;
  readonly role: 'primary' | 'secondary';
  /** What its journal holds, and may hold now. Null where only files were read. */
  readonly journal: JournalUsage | null;
  /** At a primary: in its transmit journal and not yet durable at the other. At a secondary: received and not applied. Null where only files were read. */
  readonly bufferedBytes: ByteCount | null;
  readonly bufferedRecords: number | null;
  /** The last checkpoint in the journal, whether or not it is whole. */
  readonly lastCheckpoint: Checkpoint | null;
  /** The whole checkpoints that are durable here and not applied; at a primary none. */
  readonly held: readonly Checkpoint[];
  /** A pair of the stream tracks instead of being journalled. */
  readonly degraded: boolean;
  readonly outOfSyncTracks: TrackCount;
  readonly returning: Returning;
  /** Why the pair is degraded or the stream does not go on; null where all is well. */
  readonly reason: string | null;
}

/** What a system says of a session beyond its sheet. */
export interface SessionReport {
  readonly session: string;
  /** Of all journals of the system together, also those of other sessions. Null where only files were read. */
  readonly journals: JournalsUsage | null;
  readonly streams: readonly StreamReport[];
}

/** The journal of one stream: what it holds, and what it may hold beside the others. */
export interface StreamListing extends JournalUsage {
  readonly system: string;
}

/** A row of `checkpoint status`: one system in one role. */
export interface SessionSystemListing {
  readonly system: string;
  readonly role: 'primary' | 'secondary';
  readonly master: boolean;
  /** It takes part: a primary that is not resigned, a secondary all of whose streams count. */
  readonly active: boolean;
  readonly state: 'active' | 'waiting' | 'degraded' | 'returning' | 'resigned' | 'stopped' | 'unreachable';
  /** Of a primary the last one placed in all its streams, of a secondary the last one that all its streams hold or have applied. */
  readonly lastCheckpoint: number | null;
  /** What its secondaries would show if the primaries were lost now. ISO time; null where nothing could be shown. */
  readonly recoverableTime: string | null;
  readonly recoverable: boolean;
  readonly bufferedBytes: ByteCount | null;
  /** Of all journals of the system together, in whatever role or session; null where they are not known. */
  readonly journals: JournalsUsage | null;
  /** In this role, by the system at the other end. */
  readonly streams: readonly StreamListing[];
  readonly updateInProgress: boolean;
  /** It is what the next release waits for. */
  readonly late: boolean;
  readonly reason: string | null;
}

export interface SessionListing {
  readonly name: string;
  readonly id: string;
  readonly term: number;
  readonly run: number;
  readonly home: string;
  readonly state: 'stopped' | 'starting' | 'running' | 'degraded' | 'resigned' | 'recovered';
  readonly order: SessionOrder;
  readonly policy: SessionPolicy;
  readonly issued: number | null;
  readonly released: number | null;
  readonly applied: number | null;
  /** ISO time, as are all here. */
  readonly appliedTime: string | null;
  /** The lowest of all its systems, resigned ones included. */
  readonly recoverableTime: string | null;
  readonly recoverable: boolean;
  /** How old the data would be that a recovery brings back now. */
  readonly exposureSeconds: number | null;
  /** The names of the systems that the next release waits for. */
  readonly late: readonly string[];
  readonly systems: readonly SessionSystemListing[];
}

/** `checkpoint mark`. The mark is what `checkpoint wait` takes: it names the run as well. */
export interface MarkAnswer {
  readonly session: string;
  readonly mark: string;
  readonly number: number;
  readonly time: string;
}

/** `checkpoint apply`: from the checkpoint that was shown before to the one that is shown now. */
export interface ApplyAnswer {
  readonly session: string;
  readonly from: number | null;
  readonly to: number | null;
  readonly records: number;
  readonly bytes: ByteCount;
}

export type WaitVerdict = 'applied' | 'timed-out' | 'degraded' | 'other-run';

export interface WaitAnswer {
  readonly session: string;
  readonly mark: string;
  readonly verdict: WaitVerdict;
  readonly applied: number | null;
  readonly reason: string | null;
}

/** The rows of `session/recovery.ts`. */
export type SessionRecoveryCase = 'keep' | 'finish' | 'apply' | 'restore' | 'none' | 'mixed' | 'disagree';

export interface SessionRecoverySystem {
  readonly system: string;
  readonly action: 'keep' | 'finish' | 'apply' | 'restore' | 'left-out' | 'none';
  /** The checkpoint that it shows before. */
  readonly from: number | null;
  readonly records: number;
  readonly bytes: ByteCount;
}

export interface SessionRecoveryAnswer {
  readonly session: string;
  readonly term: number;
  readonly case: SessionRecoveryCase;
  readonly verdict: string;
  /** What all secondaries are brought to; null where there is nothing. */
  readonly number: number | null;
  readonly time: string | null;
  /** Later ones that are dropped: how many checkpoints and records, and the time of the last. */
  readonly dropped: { readonly checkpoints: number; readonly records: number; readonly upToTime: string | null };
  readonly systems: readonly SessionRecoverySystem[];
}

export type SessionDeed =
  | 'start'
  | 'stop'
  | 'enter'
  | 'apply'
  | 'degrade'
  | 'damage'
  | 'return'
  | 'resign'
  | 'join'
  | 'master'
  | 'recovery'
  | 'failback';

/** What a system's history keeps of a session, for programs. */
export interface SessionEvent {
  readonly session: string;
  /** A name may be used again; an id is not. */
  readonly sessionId: string;
  readonly deed: SessionDeed;
  /** The system that it is about, by name; null where it is the session. */
  readonly about: string | null;
  readonly number: number | null;
  /** The checkpoint's, ISO. */
  readonly time: string | null;
  readonly records: number | null;
  readonly bytes: ByteCount | null;
  readonly reason: string | null;
}

/** One row of `checkpoint history`. */
export interface SessionHistoryRow extends SessionEvent {
  /** ISO time. */
  readonly ended: string;
  /** The system in whose history it stands. */
  readonly system: string;
  readonly actor: string;
}

interface OfSession {
  readonly session: string;
}

interface Changed {
  readonly session: SessionListing;
  readonly outcome: 'done' | 'nothing';
}

/** What controllers answer about sessions from the outside; `session` is a name. */
export interface SessionRequests {
  /** Asked of the system that shall hold the configuration table. */
  'session.create': {
    input: OfSession & { order: SessionOrder; policy: SessionPolicyChange; enableAtSecondary: boolean };
    output: { session: SessionListing };
  };
  'session.policy': { input: OfSession & { change: SessionPolicyChange }; output: Changed };
  'session.delete': { input: OfSession; output: { name: string; systems: number } };
  /** The sheets of this system, and what it knows beside them. Answered from files, too, without owning the system. */
  'session.list': {
    input: Record<string, never>;
    output: { sheets: readonly SessionSheet[]; reports: readonly SessionReport[] };
  };
  /** Asked of each system to be started, a primary or, with `--enable-at-secondary`, a secondary. */
  'session.start': { input: OfSession; output: Changed };
  'session.stop': { input: OfSession; output: Changed };
  /** Asked of the primary master; another answers `not-primary-master`, with its name. */
  'session.mark': { input: OfSession; output: MarkAnswer };
  /** Asked of the secondary master: one round after another until `to` is shown, or nothing more can be. `follow`: reports each as progress until the signal ends it. `instant`: shown at once, applied behind. */
  'session.apply': {
    input: OfSession & { to?: Wanted | undefined; follow?: boolean | undefined; instant?: boolean | undefined };
    output: ApplyAnswer;
  };
  /** Asked of the secondary master. */
  'session.wait': { input: OfSession & { mark: string; timeoutMs?: Milliseconds | undefined }; output: WaitAnswer };
  /** Asked of any system that is still there. */
  'session.resign': { input: OfSession & { system: SystemRef }; output: Changed };
  'session.join': { input: OfSession & { system: SystemRef }; output: Changed };
  /** What stands in this system's own history, newest last. */
  'session.history': { input: OfSession; output: { events: readonly SessionHistoryRow[] } };
  /** Asked of one of the secondaries. */
  'session.recover': {
    input: OfSession & { at: readonly SystemRef[]; to?: Wanted | undefined; plan?: boolean | undefined };
    output: SessionRecoveryAnswer;
  };
  /** Asked of a recovered secondary. */
  'session.failback': { input: OfSession & FailbackWish; output: FailbackAnswer & { readonly session: string } };
}
