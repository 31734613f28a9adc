import { assert } from '../foundation/foundation.js';
import { operationAnswer } from './operations.js';
import { activeState, frozenOf, phaseOf, pointInTimeLost } from './phase.js';
import type { ActiveState, Frozen, Jump, MapStep, PairChange, PairState, SuspendReason } from './record.js';
import { type Refusal, refusalOf } from './refusal.js';

export interface SplitOperation {
  readonly kind: 'split';
  /** The wall time of the instant. */
  readonly atMs: number;
  readonly virtual: boolean;
  /** Absent = not given: a pair that is split already keeps what it has, a new split lets S be written. */
  readonly readOnly?: boolean | undefined;
}

export interface SuspendOperation {
  readonly kind: 'suspend';
  readonly reason: SuspendReason;
  readonly message: string;
  readonly allowWrite: boolean;
}

export type PairOperation =
  | SplitOperation
  | { readonly kind: 'resync' }
  | { readonly kind: 'resync-reverse' }
  | SuspendOperation
  | { readonly kind: 'delete' };

/** `do` for a delete leaves `next` as it was: the caller removes the record once the steps and jumps are taken. */
export type Decision =
  | { readonly kind: 'do'; readonly change: PairChange }
  | { readonly kind: 'nothing' }
  | ({ readonly kind: 'refuse' } & Refusal);

/**
 * out-of-sync := out-of-sync ∪ change-recording ∪ secondary; the other two are empty afterwards (DESIGN.md 2, "thaw"). A freeze
 * starts with it too: were a difference left over from an earlier freeze, emptying the maps would forget it (H1).
 */
const GATHER: readonly MapStep[] = [
  { step: 'fold', from: 'changed', into: 'outOfSync' },
  { step: 'fold', from: 'secondary', into: 'outOfSync' },
];

/** secondary := (change-recording ∪ secondary) minus out-of-sync = what P lacks; change-recording := ∅ (DESIGN.md 3.2, H10). */
const TURN_ROUND: readonly MapStep[] = [
  { step: 'fold', from: 'changed', into: 'secondary' },
  { step: 'subtract', tracks: 'outOfSync', from: 'secondary' },
];

const SECONDARY_LACKED: Jump = { side: 'secondary', map: 'outOfSync', when: 'before' };

/**
 * A displaced primary takes what its secondary holds: whatever differs, it lacks (DESIGN.md 5.2). Nothing is read through a link, so
 * no track changes at once.
 */
export function decideReturn(): PairChange {
  return {
    next: { status: 'resync-reverse', backup: null },
    steps: [
      { step: 'fold', from: 'changed', into: 'secondary' },
      { step: 'fold', from: 'outOfSync', into: 'secondary' },
    ],
    jumps: [],
  };
}

/** What an operation does to a pair in this state (DESIGN.md 3.2). Pure: the caller logs the change and carries it out. */
export function decide(state: PairState, operation: PairOperation): Decision {
  if (wantsPointInTime(operation) && pointInTimeLost(state)) return lost();
  const answer = operationAnswer(state, operation.kind);
  if (answer === 'refuses') return { kind: 'refuse', ...refusalOf(state, operation.kind) };
  switch (operation.kind) {
    case 'split':
      return decideSplit(state, operation);
    case 'resync':
      return answer === 'nothing' ? { kind: 'nothing' } : decideResync(state);
    case 'resync-reverse':
      return answer === 'nothing' ? { kind: 'nothing' } : decideRestore(state);
    case 'suspend':
      return decideSuspend(state, operation);
    case 'delete':
      return { kind: 'do', change: { next: state, steps: [], jumps: jumpsOfDelete(state) } };
  }
}

/**
 * An old track could not be saved: the instant is gone, durably before the overwrite (DESIGN.md 3.1). S stops reading through P, so the
 * tracks that it lacks change at once. Undefined where the pair holds no instant that could be lost.
 */
export function losePointInTime(state: PairState, message: string): PairChange | undefined {
  const frozen = frozenOf(state);
  if (frozen === undefined || frozen.pointInTimeLost) return undefined;
  const active = activeState(state);
  const restoring = active.status === 'resync-reverse';
  // A restore that loses its backup goes on as one without: what P wrote meanwhile is what S misses.
  const from: ActiveState = restoring
    ? { status: 'resync-reverse', backup: null }
    : { status: active.status === 'split' ? 'split' : 'sp-pending', frozen: { ...frozen, pointInTimeLost: true } };
  const allowWrite = state.status === 'suspended' && state.allowWrite;
  return {
    next: { status: 'suspended', from, reason: 'save-failed', message, allowWrite },
    steps: restoring ? [{ step: 'fold', from: 'changed', into: 'outOfSync' }] : [],
    jumps: [SECONDARY_LACKED],
  };
}

function wantsPointInTime(operation: PairOperation): boolean {
  return operation.kind === 'split' || operation.kind === 'resync-reverse';
}

function lost(): Decision {
  return {
    kind: 'refuse',
    code: 'point-in-time-lost',
    why: 'An old track could not be saved, so the secondary no longer holds the point in time of its split.',
    hint: 'Make it follow the primary again with `pair resync`, then split it anew.',
  };
}

function decideSplit(state: PairState, operation: SplitOperation): Decision {
  const active = activeState(state);
  switch (active.status) {
    case 'sp-pending':
    case 'split':
      return changeSplit(state, active.status, active.frozen, operation);
    default:
      return freeze(operation);
  }
}

function freeze({ atMs, virtual, readOnly = false }: SplitOperation): Decision {
  const frozen: Frozen = { pointInTimeMs: atMs, virtual, readOnly, pointInTimeLost: false };
  return {
    kind: 'do',
    change: {
      next: { status: virtual ? 'split' : 'sp-pending', frozen },
      steps: GATHER,
      // Read after the steps: a track left over from an earlier freeze is one that S lacks now.
      jumps: [{ side: 'secondary', map: 'outOfSync', when: 'after' }],
    },
  };
}

/**
 * A virtual copy moves on to a later instant: what it differs in is lacking anew, and nothing is copied or scanned. Freezing a frozen
 * pair thaws it first (H1).
 */
export function moveVirtualCopy(atMs: number): PairChange {
  const decision = freeze({ kind: 'split', atMs, virtual: true, readOnly: true });
  assert(decision.kind === 'do', 'a freeze is never refused');
  return decision.change;
}

/** A pair that is frozen already: going on after a suspension, or a flag that differs. The point in time stays. */
function changeSplit(
  state: PairState,
  status: 'sp-pending' | 'split',
  frozen: Frozen,
  operation: SplitOperation,
): Decision {
  const copied = status === 'split' && !frozen.virtual;
  const virtual = copied ? false : operation.virtual;
  const readOnly = operation.readOnly ?? frozen.readOnly;
  const same = virtual === frozen.virtual && readOnly === frozen.readOnly;
  if (same && state.status !== 'suspended') return { kind: 'nothing' };
  const next = {
    status: copied || virtual ? 'split' : 'sp-pending',
    frozen: { ...frozen, virtual, readOnly },
  } as const;
  return { kind: 'do', change: { next, steps: [], jumps: [] } };
}

/** Thaw. A pair suspended in its initial copy goes on with it; a pair that was not frozen has nothing to gather but doubt. */
function decideResync(state: PairState): Decision {
  const next: PairState = { status: activeState(state).status === 'pending' ? 'pending' : 'resync' };
  return { kind: 'do', change: { next, steps: GATHER, jumps: jumpsWhereSecondaryReadThrough(state) } };
}

/** Restore: P's differences are given up and come back from S, at once readable through it. */
function decideRestore(state: PairState): Decision {
  const active = activeState(state);
  // Suspended in a restore: the maps are turned already, and turning them twice would give up what P wrote since.
  if (active.status === 'resync-reverse') return { kind: 'do', change: { next: active, steps: [], jumps: [] } };
  const frozen = frozenOf(state);
  const backup = frozen?.virtual === true ? frozen : null;
  const jumpOfSecondary = backup === null ? [SECONDARY_LACKED] : [];
  return {
    kind: 'do',
    change: {
      next: { status: 'resync-reverse', backup },
      steps: TURN_ROUND,
      jumps: [...jumpOfSecondary, { side: 'primary', map: 'secondary', when: 'after' }],
    },
  };
}

function decideSuspend(state: PairState, { reason, message, allowWrite }: SuspendOperation): Decision {
  const active = activeState(state);
  if (allowWrite && active.status === 'resync-reverse') {
    return {
      kind: 'refuse',
      code: 'status-refuses',
      why: 'The primary reads the tracks that it lacks from the secondary, which may not be written in a restore.',
      hint: 'Finish the restore with `pair resync --reverse --wait`, or give it up with `pair delete --force`.',
    };
  }
  if (state.status !== 'suspended') {
    const next: PairState = { status: 'suspended', from: state, reason, message, allowWrite };
    return { kind: 'do', change: { next, steps: [], jumps: [] } };
  }
  if (!allowWrite || state.allowWrite) return { kind: 'nothing' };
  return { kind: 'do', change: { next: { ...state, allowWrite }, steps: [], jumps: [] } };
}

/** A side that reads tracks through the other loses them with the pair. */
function jumpsOfDelete(state: PairState): Jump[] {
  const phase = phaseOf(state);
  const restoring = phase === 'restore' || phase === 'restore-with-backup';
  const jumps = jumpsWhereSecondaryReadThrough(state);
  return restoring ? [...jumps, { side: 'primary', map: 'secondary', when: 'before' }] : jumps;
}

function jumpsWhereSecondaryReadThrough(state: PairState): Jump[] {
  const frozen = frozenOf(state);
  return frozen === undefined || frozen.pointInTimeLost ? [] : [SECONDARY_LACKED];
}
