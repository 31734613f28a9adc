import type { Milliseconds } from '../foundation/foundation.js';
import type { SystemRef } from '../group/group.js';
import type { Anchor, Checkpoint, TimeDigits } from '../sequence/sequence.js';

/** How the writes of several systems are brought into one order: by a common clock, or by closed gates (DESIGN.md 6). */
export type SessionOrder = 'clock' | 'arrival';

export interface SessionPolicy {
  /** From one checkpoint to the next; 0 issues none but by `checkpoint mark`. */
  readonly intervalMs: Milliseconds;
  /** How long a secondary waits for a lost primary before it resigns itself; null is never. */
  readonly resignAfterMs: Milliseconds | null;
  /** A secondary joins only when it was started there too. */
  readonly enableAtSecondary: boolean;
}

/** One primary system in the configuration table. */
export interface ConfigRow {
  readonly system: SystemRef;
  /** The secondaries to which it has a stream. */
  readonly coupled: readonly SystemRef[];
  /** The number of the last checkpoint before it resigned; null while it takes part. */
  readonly resignedAt: number | null;
}

/** What a primary keeps of one of its streams. */
export interface TransmitRow {
  readonly secondary: SystemRef;
  /** The record up to which the secondary has said that it is durable there. */
  readonly sentUpTo: number;
  /** The checkpoint that the secondary has applied: segments below it go (H23). */
  readonly appliedTime: TimeDigits | null;
  /** Rises when its journal cannot be trusted any more and another is begun. */
  readonly generation: number;
}

/** A session's row at a system that holds primaries. */
export interface PrimaryTable {
  readonly state: 'stopped' | 'running';
  readonly configTerm: number;
  readonly config: readonly ConfigRow[];
  readonly anchor: Anchor | null;
  /** The last one issued here; durable before it leaves, its number is never used again. */
  readonly issued: Checkpoint | null;
  /** The highest number ever seen here, issued by whomever: a new master goes on above it (H22). */
  readonly seen: number;
  readonly streams: readonly TransmitRow[];
}

/** One stream in the copy-active table. */
export interface ActiveRow {
  readonly secondary: SystemRef;
  readonly primary: SystemRef;
  /** The checkpoint from which it counts; null until it has entered (H21). */
  readonly enteredAt: number | null;
  /** The checkpoint that it shows since it resigned, 0 where it never showed one; null while it takes part. */
  readonly resigned: number | null;
}

/** What a secondary keeps of one of its streams. */
export interface ReceiveRow {
  readonly primary: SystemRef;
  /** By the pair's id: records before this place are void, because what they say came directly later (H20). */
  readonly voidBefore: Readonly<Record<string, number>>;
  /** Every record up to this one is applied or void. */
  readonly appliedSequence: number;
  /** Where it is there, records up to this one are shown, and those that are not applied are read from the journal. */
  readonly shownSequence?: number;
  /** Checkpoints before this place are not held any more. */
  readonly heldFrom: number;
  /** Of its primary's journal: records of an earlier one are refused. */
  readonly generation: number;
  /** The generation in which what was received and not applied was lost here; null once a checkpoint was applied since. */
  readonly remadeIn: number | null;
}

/** The durable verdict of a recovery, written at every secondary before it is carried out. */
export interface SessionVerdict {
  readonly term: number;
  /** What all secondaries are brought to. */
  readonly checkpoint: Checkpoint;
  readonly done: boolean;
}

/** A session's row at a system that holds secondaries. */
export interface SecondaryTable {
  /** Started here, or joined by a primary's message. */
  readonly enabled: boolean;
  readonly tableTerm: number;
  /** The copy-active table: the streams of all systems. */
  readonly table: readonly ActiveRow[];
  readonly streams: readonly ReceiveRow[];
  /** Released and not reset: the update is in progress, and hosts are refused. */
  readonly releasing: Checkpoint | null;
  /** The last one applied here as a whole. */
  readonly applied: Checkpoint | null;
  /** The number of the last one that was reset: every system of the table has applied it. */
  readonly resetTo: number;
  /** A recovery has begun: from then on nothing is released but what it decides. */
  readonly fenced?: boolean | undefined;
  /** The term under which the session came home last: checkpoints of a lower one were issued before the recovery. */
  readonly homeTerm?: number | undefined;
  /** Systems that were out of reach when this one brought the session home, and are told by it later. */
  readonly untold?: readonly SystemRef[] | undefined;
  /** The secondaries were made primaries. */
  readonly recovered: SessionVerdict | null;
}

/** All that one system keeps of one session; it may hold primaries and secondaries at once. */
export interface SessionSheet {
  readonly version: 1;
  readonly id: string;
  readonly name: string;
  /** Raised by a recovery; streams and orders of a lower one are refused. */
  readonly term: number;
  /** Rises with each start, recovery and failback. */
  readonly run: number;
  /** The system that holds the configuration table. */
  readonly home: SystemRef;
  readonly order: SessionOrder;
  readonly policy: SessionPolicy;
  readonly primary: PrimaryTable | null;
  readonly secondary: SecondaryTable | null;
}
