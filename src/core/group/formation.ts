import { assert } from '../foundation/foundation.js';
import { CONSEQUENCES, type Trouble } from './consequences.js';
import { endOf, everyone, ordersOf, recordOf } from './formation-orders.js';
import type {
  Advance,
  FormationEnd,
  FormationEvent,
  FormationPlan,
  FormationState,
  Step,
  StepAnswer,
  StepFailure,
  StepReport,
} from './formation-words.js';
import type { Activity, FormationRecord } from './record.js';

type AfterRun = 'draining' | 'preparing';
type Asking = Extract<FormationState, { waitingFor: readonly string[] }>;

export function beginFormation(plan: FormationPlan): Advance {
  assert(plan.parts.length > 0, 'a formation has members');
  const state: FormationState = {
    phase: 'coordinating',
    plan,
    timeMs: null,
    reports: {},
    waitingFor: plan.parts.map(({ system }) => system.id),
  };
  return { state, orders: ordersOf(state, 'coordinate', state.waitingFor) };
}

/** Goes on with a decided formation: after a restart of its master, or when a remote can be reached again. */
export function resumeFormation(
  plan: FormationPlan,
  timeMs: number,
  decision: 'commit' | 'revert',
  failure: StepFailure | null = null,
): Advance {
  return settle({ plan, timeMs, reports: {}, phase: 'deciding', decision, failure });
}

/** The next state and what is to be ordered (DESIGN.md 5.1). */
export function advance(state: FormationState, event: FormationEvent): Advance {
  const { plan } = state;
  if (event.sequence !== plan.sequence || event.term !== plan.term) return unchanged(state);
  switch (event.kind) {
    case 'answered':
      return answered(state, event);
    case 'limit':
      return stepOf(state) === event.step ? troubled(state, 'limit', { reason: NO_ANSWER }) : unchanged(state);
    case 'recorded':
      return state.phase === 'deciding' && state.decision === event.decision ? settle(state) : unchanged(state);
    case 'unrecorded':
      return state.phase === 'deciding' && state.decision === event.decision
        ? unrecorded(state, event.reason)
        : unchanged(state);
    case 'repeat':
      return repeated(state);
    case 'cancelled':
      return troubled(state, 'cancelled', { reason: event.reason });
  }
}

/** The step that the state waits for; undefined where it waits for the master's own disk, or for nothing. */
export function stepOf(state: FormationState): Step | undefined {
  switch (state.phase) {
    case 'coordinating':
      return 'coordinate';
    case 'running':
      return 'run';
    case 'draining':
      return 'drain';
    case 'preparing':
      return 'prepare';
    case 'settling':
      return state.decision;
    case 'thawing':
      return 'thaw';
    case 'deciding':
    case 'ended':
      return undefined;
  }
}

const NO_ANSWER = 'no answer within the limit';

const TROUBLE_WORDS: Readonly<Record<Exclude<Trouble, 'refused' | 'cancelled'>, string>> = {
  'opened-by-itself': 'the gate opened by itself at the coordination limit, before the order to run',
  'link-lost': 'the link was lost',
  'timed-out': NO_ANSWER,
  limit: NO_ANSWER,
};

/** Why a step did not come off, for a person. */
export function reasonOf(answer: Exclude<StepAnswer, { kind: 'ok' }>): string {
  return answer.kind === 'refused' ? answer.reason : TROUBLE_WORDS[answer.kind];
}

function answered(state: FormationState, event: Extract<FormationEvent, { kind: 'answered' }>): Advance {
  if (stepOf(state) !== event.step || !('waitingFor' in state) || !state.waitingFor.includes(event.from)) {
    return unchanged(state);
  }
  const { answer, from } = event;
  if (answer.kind === 'ok') return counted(reported(state, from, answer), from, event.atMs);
  const reason = reasonOf(answer);
  const told = answer.kind === 'opened-by-itself' ? reported(state, from, answer) : state;
  const where = answer.kind === 'refused' ? answer.controller : undefined;
  return troubled(told, answer.kind, { reason, from, where });
}

function reported(state: Asking, from: string, { pauseMs, drainMs, tracks }: StepReport): Asking {
  const before = state.reports[from] ?? {};
  const report = {
    pauseMs: pauseMs ?? before.pauseMs,
    drainMs: drainMs ?? before.drainMs,
    tracks: tracks ?? before.tracks,
  };
  return { ...state, reports: { ...state.reports, [from]: report } };
}

/** One more system has done the step; the last one leads on. */
function counted(state: Asking, from: string, atMs: number): Advance {
  const waitingFor = state.waitingFor.filter((id) => id !== from);
  if (waitingFor.length > 0) return unchanged({ ...state, waitingFor });
  switch (state.phase) {
    case 'coordinating':
      return ask({ ...commonOf(state), timeMs: atMs, phase: 'running', waitingFor: everyone(state) });
    case 'running':
      return askAll(state, 'draining');
    case 'draining':
      return askAll(state, 'preparing');
    case 'preparing':
      return decide(state, 'commit', null);
    case 'settling':
      return thaw(state, endOf(state, state.decision === 'commit' ? 'formed' : 'failed', state.failure));
    case 'thawing':
      return unchanged({ ...commonOf(state), phase: 'ended', end: state.end });
  }
}

interface Where {
  readonly reason: string;
  /** The system that answered so, or none where the master itself gives up. */
  readonly from?: string | undefined;
  /** The name of the system where it failed, if another than the one asked. */
  readonly where?: string | undefined;
}

function troubled(state: FormationState, trouble: Trouble, where: Where): Advance {
  const step = stepOf(state);
  if (step === undefined || !('waitingFor' in state)) return unchanged(state);
  const failure = failureOf(state, step, trouble, where);
  switch (CONSEQUENCES[step][trouble]) {
    case 'void':
      return thaw(state, endOf(state, 'void', failure));
    case 'revert':
      return decide(state, 'revert', failure);
    case 'wait':
      return unchanged(state.phase === 'settling' && trouble !== 'cancelled' ? { ...state, failure } : state);
    case 'give-up':
      return giveUp(state, failure);
    case 'pass':
      return counted(state, where.from ?? '', 0);
  }
}

function failureOf(state: Asking, activity: Activity, trouble: Trouble, { reason, from, where }: Where): StepFailure {
  // At a limit the first of those that are silent stands for all; the reason names how many.
  const silent = from ?? (trouble === 'limit' ? state.waitingFor[0] : undefined);
  const others = trouble === 'limit' ? state.waitingFor.length - 1 : 0;
  const more = others > 0 ? `, nor from ${others} more` : '';
  return { activity, controller: where ?? nameOf(state, silent), reason: `${reason}${more}` };
}

function nameOf({ plan }: FormationState, id: string | undefined): string {
  return plan.parts.find(({ system }) => system.id === id)?.system.name ?? 'master';
}

/** The decision is durable before anybody is told of it. */
function decide(state: Asking, decision: 'commit' | 'revert', failure: StepFailure | null): Advance {
  const next = { ...commonOf(state), phase: 'deciding', decision, failure } as const;
  return { state: next, orders: [{ kind: 'record', record: recordOf(next, decision, 'open') }] };
}

type Deciding = Extract<FormationState, { phase: 'deciding' }>;

function settle(state: Deciding): Advance {
  const { decision, failure } = state;
  return ask({ ...commonOf(state), phase: 'settling', decision, failure, waitingFor: everyone(state) });
}

/**
 * Nobody can say whether a commit that could not be recorded is durable: neither commit nor revert may be ordered, and the master's
 * next start reads what it is. A revert needs no record: none is a decision to revert.
 */
function unrecorded(state: Deciding, reason: string): Advance {
  if (state.decision === 'revert') return settle(state);
  const failure: StepFailure = { activity: 'decide', controller: 'master', reason };
  return thaw(state, { ...endOf(state, 'undecided', failure), settled: false });
}

function giveUp(state: Asking, failure: StepFailure): Advance {
  if (state.phase !== 'settling') return 'end' in state ? ended(state) : unchanged(state);
  const outcome = state.decision === 'commit' ? 'undecided' : 'failed';
  const cause = state.decision === 'commit' ? failure : (state.failure ?? failure);
  return thaw(state, { ...endOf(state, outcome, cause), settled: false });
}

function ended(state: Extract<FormationState, { phase: 'thawing' }>): Advance {
  return unchanged({ ...commonOf(state), phase: 'ended', end: state.end });
}

/** Comes last in every outcome, and goes to everybody who was ever told to coordinate, whether or not it answered. */
function thaw(state: FormationState, end: FormationEnd): Advance {
  const next: FormationState = { ...commonOf(state), phase: 'thawing', end, waitingFor: everyone(state) };
  const record = end.settled ? [{ kind: 'record' as const, record: recordOf(state, decisionIn(end), 'settled') }] : [];
  return { state: next, orders: [...ordersOf(next, 'thaw', next.waitingFor), ...record] };
}

function decisionIn(end: FormationEnd): FormationRecord['decision'] {
  if (end.outcome === 'formed') return 'commit';
  return end.outcome === 'failed' ? 'revert' : 'none';
}

/** Only what is decided is asked for again; before that a lost order makes the formation void. */
function repeated(state: FormationState): Advance {
  if (state.phase !== 'settling' && state.phase !== 'thawing') return unchanged(state);
  const step = stepOf(state);
  return { state, orders: step ? ordersOf(state, step, state.waitingFor) : [] };
}

function askAll(state: Asking, phase: AfterRun): Advance {
  return ask({ ...commonOf(state), phase, waitingFor: everyone(state) });
}

function ask(state: Asking): Advance {
  const step = stepOf(state);
  return { state, orders: step ? ordersOf(state, step, state.waitingFor) : [] };
}

function unchanged(state: FormationState): Advance {
  return { state, orders: [] };
}

function commonOf({ plan, timeMs, reports }: FormationState): Pick<FormationState, 'plan' | 'timeMs' | 'reports'> {
  return { plan, timeMs, reports };
}
