import type { Milliseconds } from '../../foundation/foundation.js';
import type { SplitAnswer, SplitStanding, SystemRef } from '../../group/group.js';
import type { PacingInput, PairActionAnswer, PairSelector } from '../control/requests.js';

/** What a split shall make of its pairs. */
export interface SplitWords extends PacingInput {
  readonly virtual?: boolean | undefined;
  readonly readOnly?: boolean | undefined;
}

/** One system's part of a split over several. */
export interface SplitPart {
  readonly system: SystemRef;
  readonly pairs: readonly PairSelector[];
}

/** The answers of all systems, each in its own words; the pause in each is the longest of all. */
export interface SplitOverAnswer {
  readonly parts: readonly { readonly system: SystemRef; readonly answer: PairActionAnswer }[];
}

/** An order for a member, as it leaves the coordinator. */
export type MemberOrder =
  /** Whatever can be done before the gate is done: refusals, most of the data and marks durable, copying at rest. */
  | { readonly kind: 'ready'; readonly pairs: readonly PairSelector[]; readonly words: SplitWords }
  | {
      readonly kind: 'prepare';
      readonly pairs: readonly PairSelector[];
      readonly words: SplitWords;
      /** How long the gate stays closed at most. */
      readonly limitMs: Milliseconds;
    }
  | { readonly kind: 'run' | 'commit' | 'undo' };

export type MemberAnswer = SplitAnswer & {
  /** With `prepare`: what the split comes to here once it counts. */
  readonly answer?: PairActionAnswer | undefined;
};

/** Splits over several systems at one instant. Repeating any of it does no harm. */
export interface SplitRequests {
  /** Asked of the coordinator. All or none; `split-void` where a gate opened by itself or a member failed (H2). */
  'split.over': {
    input: { readonly parts: readonly SplitPart[]; readonly words: SplitWords };
    output: SplitOverAnswer;
  };
  /** Splits all pairs of a group, over all its systems; all or none. Asked of the master. */
  'cg.split': {
    input: { readonly group: string; readonly plan?: boolean | undefined; readonly words?: SplitWords | undefined };
    output: SplitOverAnswer;
  };
  /** One step, from the coordinator to a member. */
  'split.order': {
    input: { readonly split: string; readonly by: SystemRef; readonly order: MemberOrder };
    output: { readonly answer: MemberAnswer };
  };
  /** What the coordinator decided; `open`: nothing yet. That it knows nothing of a split is a decision to undo. */
  'split.decision': {
    input: { readonly split: string };
    output: { readonly decision: 'commit' | 'undo' | 'open' };
  };
  /** The splits that pairs of this system are prepared for, and who coordinates each. */
  'split.list': {
    input: Record<string, never>;
    output: { readonly splits: readonly { readonly split: string; readonly coordinator: SystemRef }[] };
  };
  /** Another system coordinates this split from now on, durably: its former coordinator is obeyed no more. */
  'split.adopt': {
    input: { readonly split: string; readonly by: SystemRef };
    output: { readonly standing: SplitStanding };
  };
  /**
   * Settles the splits that these systems are prepared for and that the system with the id `former` coordinated, which is gone for
   * good. Asked of whoever coordinates from now on.
   */
  'split.settle': {
    input: { readonly systems: readonly SystemRef[]; readonly former: string };
    output: { readonly settled: readonly { readonly split: string; readonly decision: 'commit' | 'undo' }[] };
  };
}
