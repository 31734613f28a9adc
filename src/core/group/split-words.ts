import type { Milliseconds } from '../foundation/foundation.js';
import type { SystemRef } from './record.js';

/** What the coordinator of a split over several systems orders its members, in their course; `undo` in place of `commit`. */
export type SplitStep = 'ready' | 'prepare' | 'run' | 'commit' | 'undo';

export interface SplitPlan {
  /** Of this one try: orders of any other mean nothing to it. */
  readonly id: string;
  /** How long a gate stays closed at most, at each member by its own clock. */
  readonly limitMs: Milliseconds;
  /** In the order of their ids. */
  readonly systems: readonly SystemRef[];
}

/** What leaves the machine. An order means the same however late or often it arrives. */
export type SplitOrder =
  | { readonly kind: SplitStep; readonly to: string }
  /** For the coordinator itself: make the decision to commit durable, then say `recorded` or `unrecorded`. */
  | { readonly kind: 'record' }
  /** All have answered: the record is needed no more. */
  | { readonly kind: 'forget' };

export type SplitAnswer =
  | { readonly kind: 'ok'; readonly pauseMs?: Milliseconds | undefined }
  /** The gate's lease ended before `run` was looked at (H2). */
  | { readonly kind: 'opened-by-itself'; readonly pauseMs?: Milliseconds | undefined }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'link-lost' };

/** How a step fails to come off; `limit` is the coordinator's own. */
export type SplitTrouble = Exclude<SplitAnswer['kind'], 'ok'> | 'limit' | 'cancelled';

export type SplitEvent =
  | { readonly kind: 'answered'; readonly step: SplitStep; readonly from: string; readonly answer: SplitAnswer }
  | { readonly kind: 'limit'; readonly step: SplitStep }
  | { readonly kind: 'recorded' }
  | { readonly kind: 'unrecorded'; readonly reason: string }
  /** Time to send again what was not answered. */
  | { readonly kind: 'repeat' }
  | { readonly kind: 'cancelled'; readonly reason: string };

export interface SplitFailure {
  readonly step: SplitStep | 'decide';
  /** The id of the system where it failed; null: the coordinator. */
  readonly system: string | null;
  readonly reason: string;
}

export interface SplitEnd {
  /** `refused`: nothing was begun. `void`: every member thaws. `undecided`: it counts, or may, and not all members know. */
  readonly outcome: 'split' | 'refused' | 'void' | 'undecided';
  readonly failure: SplitFailure | null;
  /** The longest that a gate held the hosts' writes. */
  readonly pauseMs: Milliseconds | null;
}

interface Common {
  readonly plan: SplitPlan;
  readonly failure: SplitFailure | null;
  readonly pauseMs: Milliseconds | null;
}

export type SplitState = Common &
  (
    | { readonly phase: SplitStep /** Who has not answered. */; readonly waitingFor: readonly string[] }
    | { readonly phase: 'deciding' }
    | { readonly phase: 'ended'; readonly end: SplitEnd }
  );

export interface SplitAdvance {
  readonly state: SplitState;
  readonly orders: readonly SplitOrder[];
}
