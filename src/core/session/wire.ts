import type { SystemRef } from '../group/group.js';
import type { Anchor, Checkpoint, ClockMark, TimeDigits } from '../sequence/sequence.js';
import type {
  ActiveRow,
  ConfigRow,
  PrimaryTable,
  SessionOrder,
  SessionPolicy,
  SessionSheet,
  SessionVerdict,
} from './record.js';
import type { Weighed } from './recovery.js';
import type { Returning } from './requests.js';
import type { WithdrawVerdict } from './rounds.js';

interface OfTerm {
  /** The session's id. */
  readonly session: string;
  /** The session's; a lower one is refused. */
  readonly term: number;
}

/** An order of the secondary master. A lower term of the table is refused, so that a replaced master orders nothing (H22). */
interface OfTable extends OfTerm {
  readonly tableTerm: number;
}

/** What a secondary says of one of its streams in a round. */
export interface HeldStream {
  /** The id of the primary. */
  readonly primary: string;
  /** In the order of their numbers. */
  readonly held: readonly Checkpoint[];
  readonly degraded: boolean;
  readonly returning: Returning;
}

/** What a secondary says in a round. */
export interface RoundReport {
  /** The id of the secondary. */
  readonly system: string;
  readonly tableTerm: number;
  readonly releasing: Checkpoint | null;
  readonly applied: Checkpoint | null;
  readonly resetTo: number;
  readonly streams: readonly HeldStream[];
}

/** What a checkpoint brought to a secondary, as it knows since its controller opened. */
export interface CheckpointWork {
  readonly number: number;
  readonly records: number;
  readonly bytes: number;
}

/** What became of a checkpoint at a primary. */
export type Placed =
  | { readonly kind: 'placed'; readonly whole: boolean }
  /** Something as high was seen here before: the master goes on above it. */
  | { readonly kind: 'passed'; readonly seen: number };

/** What controllers ask of one another about sessions. Repeating any of it does no harm; lower terms are refused. */
export interface SessionWireRequests {
  /** The session's parts as they are known at the asker: a system makes or changes its sheet by it. Parts that are absent stay. */
  'session.put': {
    input: OfTerm & {
      readonly name: string;
      readonly run: number;
      readonly home: SystemRef;
      readonly order: SessionOrder;
      readonly policy: SessionPolicy;
      /** Told by a system that may not have heard of the last policy: one that has one keeps it. */
      readonly keepsPolicy?: boolean | undefined;
      readonly config?: { readonly term: number; readonly rows: readonly ConfigRow[] } | undefined;
      readonly active?: { readonly term: number; readonly rows: readonly ActiveRow[] } | undefined;
    };
    output: { readonly sheet: SessionSheet };
  };
  'session.drop': { input: OfTerm; output: Record<string, never> };
  /** Copy active: a primary starts. Answers with its clock and all that a new master must go on above. */
  'session.active': {
    input: OfTerm & {
      readonly from: SystemRef;
      readonly anchor: Anchor | null;
      /** As the asker knows it: whoever knows less takes it over. */
      readonly config?: { readonly term: number; readonly rows: readonly ConfigRow[] } | undefined;
    };
    output: {
      readonly state: PrimaryTable['state'];
      readonly clock: ClockMark;
      /** The host's monotonic clock, decimal digits: never below what its last record was stamped with, so that a clock that was ahead is seen. */
      readonly readNs: string;
      readonly seen: number;
      readonly configTerm: number;
      readonly config: readonly ConfigRow[];
      /** Ids of the secondaries that lack what only comes as differences: pairs with them are suspended, send them, or are of a stopped session. */
      readonly away: readonly string[];
    };
  };
  /** From the primary master to each primary: place it in every stream. */
  'session.checkpoint': {
    input: OfTerm & {
      readonly configTerm: number;
      readonly checkpoint: Checkpoint;
      /** Of the order of arrival, one after the other: `confirm` once every gate was opened by run. */
      readonly gates?: 'close' | 'run' | 'confirm' | undefined;
    };
    output: { readonly placed: Placed; readonly boot: string; readonly readNs: string };
  };
  /** A round: the table of the asker is durable here when this is answered. `table` where it changed. */
  'session.collect': {
    input: OfTable & { readonly table: readonly ActiveRow[]; readonly instant?: boolean | undefined };
    output: {
      readonly report: RoundReport;
      readonly tableTerm: number;
      readonly table: readonly ActiveRow[];
      readonly work: CheckpointWork | null;
    };
  };
  /** The release is durable here when this is answered; it is applied behind. `instant`, here and above: shown before it is applied, where that can be. */
  'session.release': {
    input: OfTable & { readonly checkpoint: Checkpoint; readonly instant?: boolean | undefined };
    output: Record<string, never>;
  };
  /** All systems have applied it: hosts may read again. */
  'session.reset': { input: OfTable & { readonly checkpoint: Checkpoint }; output: Record<string, never> };
  /**
   * A secondary asks its master before the first direct copy of a pair (H20). From before it asks it reports nothing as held in that stream; the master
   * collects anew, between two rounds.
   */
  'session.withdraw': {
    input: OfTable & { readonly secondary: string; readonly primary: string };
    output: { readonly verdict: WithdrawVerdict };
  };
  /** From a secondary to its primaries, and from these to the others: whose streams have resigned, so that another master issues. */
  'session.resigned': {
    input: OfTerm & { readonly configTerm: number; readonly rows: readonly ConfigRow[] };
    output: { readonly configTerm: number };
  };
  /** Recovery: the term is durable here before anything is read. */
  'session.fence': {
    input: OfTerm;
    output: { readonly sheet: SessionSheet | null; readonly report: RoundReport | null };
  };
  /** Recovery: what would be applied and dropped here for a checkpoint; nothing is changed. */
  'session.weigh': { input: OfTerm & { readonly checkpoint: Checkpoint }; output: { readonly weighed: Weighed } };
  /** Recovery: the verdict is durable at every secondary before it is carried out at any. */
  'session.verdict': {
    input: OfTerm & {
      readonly verdict: SessionVerdict;
      /** The latest table that any of them knows, by which it was judged who counts. */
      readonly tableTerm: number;
      readonly table: readonly ActiveRow[];
    };
    output: Record<string, never>;
  };
  /** Recovery: what the verdict says is done here; the secondaries are primaries afterwards. */
  'session.carry': {
    input: OfTerm;
    output: { readonly restored: readonly string[]; readonly records: number; readonly bytes: number };
  };
  /**
   * The stream of a primary begins or goes on: from which record on the secondary wants it, and the time of the record before. Null where
   * that is no record of this journal: another has to be begun.
   */
  'stream.open': {
    input: OfTerm & {
      readonly primary: SystemRef;
      readonly firstSequence: number;
      readonly nextSequence: number;
      readonly generation: number;
    };
    output: { readonly wanted: number; readonly lastTime: TimeDigits } | { readonly wanted: null };
  };
  /**
   * A journal is begun at the primary: nothing of an earlier generation is taken from now on, durably, and the new one goes on where the
   * answer says. `known` is the generation that was known before.
   */
  'stream.renew': {
    input: OfTerm & { readonly primary: string; readonly generation: number };
    output: { readonly known: number; readonly nextSequence: number; readonly lastTime: TimeDigits };
  };
  /** Whole encoded records, in the message's payload, from `from` on. Answered once they are durable. */
  'stream.append': {
    input: OfTerm & { readonly primary: string; readonly from: number; readonly generation: number };
    output: { readonly durableUpTo: number; readonly appliedTime: string | null; readonly appliedSequence: number };
  };
  'stream.state': {
    input: OfTerm & { readonly primary: string };
    output: { readonly durableUpTo: number; readonly appliedTime: string | null; readonly appliedSequence: number };
  };
}
