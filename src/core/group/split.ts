import { assert } from '../foundation/foundation.js';
import type {
  SplitAdvance,
  SplitEnd,
  SplitEvent,
  SplitFailure,
  SplitOrder,
  SplitPlan,
  SplitState,
  SplitStep,
  SplitTrouble,
} from './split-words.js';

/**
 * What follows when a step of a split does not come off. `refuse`: nothing was begun. `undo`: somebody may be prepared, all thaw.
 * `wait`: decided already, ask again. `give-up`: the decision stands, and who has not heard it asks for it.
 */
export type SplitConsequence = 'refuse' | 'undo' | 'wait' | 'give-up';

/** The one table of failing steps. */
export const SPLIT_CONSEQUENCES: Readonly<Record<SplitStep, Readonly<Record<SplitTrouble, SplitConsequence>>>> = {
  ready: {
    refused: 'refuse',
    'link-lost': 'refuse',
    'opened-by-itself': 'refuse',
    limit: 'refuse',
    cancelled: 'refuse',
  },
  prepare: { refused: 'undo', 'link-lost': 'undo', 'opened-by-itself': 'undo', limit: 'undo', cancelled: 'undo' },
  run: { refused: 'undo', 'link-lost': 'undo', 'opened-by-itself': 'undo', limit: 'undo', cancelled: 'undo' },
  commit: { refused: 'wait', 'link-lost': 'wait', 'opened-by-itself': 'wait', limit: 'give-up', cancelled: 'wait' },
  undo: { refused: 'wait', 'link-lost': 'wait', 'opened-by-itself': 'wait', limit: 'give-up', cancelled: 'wait' },
};

const WORDS: Readonly<Record<Exclude<SplitTrouble, 'refused' | 'cancelled'>, string>> = {
  'opened-by-itself': 'its gate opened by itself at the limit, before the order to run',
  'link-lost': 'the link was lost',
  limit: 'no answer came within the limit',
};

export function beginSplit(plan: SplitPlan): SplitAdvance {
  assert(plan.systems.length > 0, 'a split has members');
  return ask({ plan, failure: null, pauseMs: null }, 'ready');
}

/** Goes on with a split whose decision is durable: after a restart of its coordinator, or when a member can be reached again. */
export function resumeSplit(plan: SplitPlan, decision: 'commit' | 'undo'): SplitAdvance {
  return ask({ plan, failure: null, pauseMs: null }, decision);
}

/** The next state and what is to be ordered (DESIGN.md 2, 8). Events that nobody waits for change nothing. */
export function advanceSplit(state: SplitState, event: SplitEvent): SplitAdvance {
  switch (event.kind) {
    case 'answered':
      return answered(state, event);
    case 'limit':
      return state.phase === event.step ? troubled(state, 'limit', WORDS.limit, firstSilent(state)) : unchanged(state);
    case 'recorded':
      return state.phase === 'deciding' ? ask(state, 'commit') : unchanged(state);
    case 'unrecorded':
      // Nobody can say whether it is durable: neither commit nor undo may be ordered before the coordinator's next start reads it.
      if (state.phase !== 'deciding') return unchanged(state);
      return ended(state, 'undecided', { step: 'decide', system: null, reason: event.reason });
    case 'repeat':
      return state.phase === 'commit' || state.phase === 'undo' ? { state, orders: ordersOf(state) } : unchanged(state);
    case 'cancelled':
      return troubled(state, 'cancelled', event.reason, null);
  }
}

function answered(state: SplitState, { step, from, answer }: Extract<SplitEvent, { kind: 'answered' }>): SplitAdvance {
  if (state.phase !== step || !state.waitingFor.includes(from)) return unchanged(state);
  const pauseMs =
    'pauseMs' in answer && answer.pauseMs !== undefined ? Math.max(state.pauseMs ?? 0, answer.pauseMs) : state.pauseMs;
  const told = { ...state, pauseMs };
  if (answer.kind !== 'ok')
    return troubled(told, answer.kind, answer.kind === 'refused' ? answer.reason : WORDS[answer.kind], from);
  const waitingFor = state.waitingFor.filter((id) => id !== from);
  return waitingFor.length > 0 ? unchanged({ ...told, waitingFor }) : allAnswered(told, step);
}

function allAnswered(state: SplitState, step: SplitStep): SplitAdvance {
  switch (step) {
    case 'ready':
      return ask(state, 'prepare');
    case 'prepare':
      return ask(state, 'run');
    case 'run':
      // Every gate was closed from before the last freeze to after it: the freezes are one instant (H2).
      return { state: { ...commonOf(state), phase: 'deciding' }, orders: [{ kind: 'record' }] };
    case 'commit':
      return ended(state, 'split', null, [{ kind: 'forget' }]);
    case 'undo':
      return ended(state, 'void', state.failure, [{ kind: 'forget' }]);
  }
}

function troubled(state: SplitState, trouble: SplitTrouble, reason: string, system: string | null): SplitAdvance {
  if (!('waitingFor' in state)) return unchanged(state);
  const failure: SplitFailure = { step: state.phase, system, reason };
  switch (SPLIT_CONSEQUENCES[state.phase][trouble]) {
    case 'refuse':
      return ended(state, 'refused', failure);
    case 'undo':
      return ask({ ...state, failure }, 'undo');
    case 'wait':
      return unchanged(state);
    case 'give-up':
      return state.phase === 'commit'
        ? ended(state, 'undecided', failure)
        : ended(state, 'void', state.failure ?? failure);
  }
}

function firstSilent(state: SplitState): string | null {
  return 'waitingFor' in state ? (state.waitingFor[0] ?? null) : null;
}

function ask(state: Pick<SplitState, 'plan' | 'failure' | 'pauseMs'>, step: SplitStep): SplitAdvance {
  const waitingFor = state.plan.systems.map(({ id }) => id);
  const next: SplitState = { ...commonOf(state), phase: step, waitingFor };
  return { state: next, orders: ordersOf(next) };
}

function ordersOf(state: Extract<SplitState, { waitingFor: readonly string[] }>): SplitOrder[] {
  return state.waitingFor.map((to) => ({ kind: state.phase, to }));
}

function ended(
  state: SplitState,
  outcome: SplitEnd['outcome'],
  failure: SplitFailure | null,
  orders: readonly SplitOrder[] = [],
): SplitAdvance {
  const end: SplitEnd = { outcome, failure, pauseMs: state.pauseMs };
  return { state: { ...commonOf(state), phase: 'ended', end }, orders };
}

function commonOf({ plan, failure, pauseMs }: Pick<SplitState, 'plan' | 'failure' | 'pauseMs'>) {
  return { plan, failure, pauseMs };
}

function unchanged(state: SplitState): SplitAdvance {
  return { state, orders: [] };
}
