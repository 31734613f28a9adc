import type { ErrorCode } from '../foundation/foundation.js';
import type { OperationName } from './operations.js';
import { activeState } from './phase.js';
import type { PairState } from './record.js';

export interface Refusal {
  readonly code: ErrorCode;
  /** A whole sentence that does not name the pair; the caller names it in front. */
  readonly why: string;
  readonly hint: string;
}

const WANTED: Record<OperationName, string> = {
  create: 'created again',
  split: 'split',
  resync: 'resynced',
  'resync-reverse': 'restored from its secondary',
  suspend: 'suspended',
  delete: 'deleted',
};

/** Where an `x` of DESIGN.md 3.2 stands: which state was in the way, and what leads on from there. */
export function refusalOf(state: PairState, operation: OperationName): Refusal {
  return {
    code: 'status-refuses',
    why: `A pair that is ${described(state)} cannot be ${WANTED[operation]}.`,
    hint: hintOf(state, operation),
  };
}

function described(state: PairState): string {
  return state.status === 'suspended' ? `suspended (it was ${state.from.status})` : state.status;
}

function hintOf(state: PairState, operation: OperationName): string {
  const active = activeState(state);
  if (operation === 'create') return 'Make it follow its primary again with `pair resync`, or delete it first.';
  if (active.status === 'resync-reverse') return hintInRestore(state);
  if (state.status === 'suspended') return hintWhenSuspended(active.status);
  return 'Split it first: `pair split`.';
}

function hintInRestore(state: PairState): string {
  if (state.status === 'suspended')
    return 'Go on with `pair resync --reverse`, or give it up with `pair delete --force`.';
  const end = state.status === 'resync-reverse' && state.backup !== null ? 'split' : 'duplex';
  return `Wait until the restore is done: \`pair wait --status ${end}\`.`;
}

function hintWhenSuspended(from: PairState['status']): string {
  if (from === 'sp-pending') return 'Go on with `pair split` first.';
  if (from === 'split') return 'Its point in time is kept; `pair resync` makes it follow the primary again.';
  return 'Make it follow its primary again with `pair resync`.';
}
