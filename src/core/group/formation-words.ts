import type { Milliseconds, TrackCount } from '../foundation/foundation.js';
import type { Activity, FormationRecord, ListedMember, NumberedGroup, SystemRef } from './record.js';

/** What a subordinate is ordered to do; it passes the last four but thaw on to its remotes and gathers their answers. */
export type Step = 'coordinate' | 'run' | 'drain' | 'prepare' | 'commit' | 'revert' | 'thaw';

export interface FormationPart {
  readonly system: SystemRef;
  /** The members whose primary lies there. */
  readonly relationshipIds: readonly number[];
}

/** One formation. Its number is durable at the master before the first order leaves. */
export interface FormationPlan {
  readonly sequence: number;
  readonly term: number;
  readonly coordinationLimitMs: Milliseconds;
  readonly drainLimitMs: Milliseconds;
  readonly parts: readonly FormationPart[];
  readonly memberList: readonly ListedMember[];
  /** `cg pause --consistent`: once formed, the members send nothing more when they thaw. */
  readonly thenStopSending: boolean;
  /** Drill copies are made with it. */
  readonly practice?: true | undefined;
}

/**
 * What leaves the machine. Orders to systems are sent at once and may be repeated: each means the same however late or often it
 * arrives. `revert` and `thaw` also tell that nothing of this number may begin any more, so a late `coordinate` or `prepare` is refused.
 */
export type Order =
  | {
      readonly kind: 'coordinate';
      readonly to: string;
      readonly sequence: number;
      readonly term: number;
      readonly coordinationLimitMs: Milliseconds;
      /** From the freeze on; a member that hears nothing thaws by itself then. */
      readonly drainLimitMs: Milliseconds;
      readonly relationshipIds: readonly number[];
    }
  | {
      readonly kind: 'run' | 'drain';
      readonly to: string;
      readonly sequence: number;
      readonly term: number;
    }
  | {
      readonly kind: 'commit' | 'revert';
      readonly to: string;
      readonly sequence: number;
      readonly term: number;
      /** Those of the list: a remote that has none of them knows nothing of this number. */
      readonly relationshipIds: readonly number[];
    }
  | { readonly kind: 'prepare'; readonly to: string; readonly group: NumberedGroup }
  | {
      readonly kind: 'thaw';
      readonly to: string;
      readonly sequence: number;
      readonly term: number;
      readonly stopSending: boolean;
    }
  /** For the master itself: make this durable. Of a decision `recorded` or `unrecorded` is told; of the rest nothing. */
  | { readonly kind: 'record'; readonly record: FormationRecord };

export interface StepReport {
  /** How long the gate held the hosts' writes. */
  readonly pauseMs?: Milliseconds | undefined;
  readonly drainMs?: Milliseconds | undefined;
  readonly tracks?: TrackCount | undefined;
}

export type StepAnswer =
  | ({ readonly kind: 'ok' } & StepReport)
  /** The gate's lease ended before `run` was looked at (H2). */
  | ({ readonly kind: 'opened-by-itself' } & StepReport)
  /** `controller`: where it failed, if not at the system asked. */
  | {
      readonly kind: 'refused';
      readonly reason: string;
      readonly controller?: string | undefined;
      /** A higher term is known there: the group has another master. */
      readonly superseded?: true | undefined;
    }
  | { readonly kind: 'link-lost' }
  | { readonly kind: 'timed-out' };

/** What the machine is told. Events of another number or term, or that nobody waits for, change nothing. */
export type FormationEvent = { readonly sequence: number; readonly term: number } & (
  | {
      readonly kind: 'answered';
      readonly step: Step;
      readonly from: string;
      readonly answer: StepAnswer;
      /** Wall time at the master. */
      readonly atMs: number;
    }
  /** The master's own limit for a step has passed. */
  | { readonly kind: 'limit'; readonly step: Step }
  | { readonly kind: 'recorded'; readonly decision: 'commit' | 'revert' }
  | { readonly kind: 'unrecorded'; readonly decision: 'commit' | 'revert'; readonly reason: string }
  /** Time to send again what was not answered. */
  | { readonly kind: 'repeat' }
  | { readonly kind: 'cancelled'; readonly reason: string }
);

export interface StepFailure {
  readonly activity: Activity;
  readonly controller: string;
  readonly reason: string;
}

export interface FormationEnd {
  readonly sequence: number;
  /** `void`: nothing was prepared. `failed`: prepared in part and reverted. Of both the last group stands. */
  readonly outcome: 'formed' | 'void' | 'failed' | 'undecided';
  /** False while a remote may still hold what was prepared; then the next formation settles this one first. */
  readonly settled: boolean;
  readonly failure: StepFailure | null;
  readonly timeMs: number | null;
  /** The longest pause and drain of all systems, and the tracks of all. */
  readonly pauseMs: Milliseconds | null;
  readonly drainMs: Milliseconds | null;
  readonly tracks: TrackCount | null;
}

interface Common {
  readonly plan: FormationPlan;
  /** The instant of the group: all gates are closed. */
  readonly timeMs: number | null;
  /** By system. */
  readonly reports: Readonly<Record<string, StepReport>>;
}

interface Waiting {
  /** The systems that have not answered this step. */
  readonly waitingFor: readonly string[];
}

/** Where a formation stands. */
export type FormationState = Common &
  (
    | ({ readonly phase: 'coordinating' } & Waiting)
    | ({ readonly phase: 'running' } & Waiting)
    | ({ readonly phase: 'draining' } & Waiting)
    | ({ readonly phase: 'preparing' } & Waiting)
    | {
        readonly phase: 'deciding';
        readonly decision: 'commit' | 'revert';
        readonly failure: StepFailure | null;
      }
    | ({
        readonly phase: 'settling';
        readonly decision: 'commit' | 'revert';
        /** Why it is reverted, or the last that went wrong on the way to a commit. */
        readonly failure: StepFailure | null;
      } & Waiting)
    | ({ readonly phase: 'thawing'; readonly end: FormationEnd } & Waiting)
    | { readonly phase: 'ended'; readonly end: FormationEnd }
  );

export interface Advance {
  readonly state: FormationState;
  readonly orders: readonly Order[];
}
