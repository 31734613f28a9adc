import type { ErrorCode } from '../foundation/foundation.js';
import type { GroupState, MasterTable, Stopped } from './record.js';
import { windowAt } from './window.js';

export type GroupVerb =
  | { readonly kind: 'run' }
  | { readonly kind: 'pause'; readonly stop: Stopped | null; readonly leftOn: number | null }
  | { readonly kind: 'resume' }
  | { readonly kind: 'stop' };

export type StateAnswer =
  | { readonly kind: 'do'; readonly next: GroupState }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'refuse'; readonly code: ErrorCode; readonly why: string; readonly hint: string };

type Cell = 'does' | 'nothing' | 'refuses';

/** The one table of the verbs that change how a group runs. */
const TABLE = {
  run: { stopped: 'does', running: 'nothing', paused: 'refuses' },
  pause: { stopped: 'does', running: 'does', paused: 'does' },
  resume: { stopped: 'nothing', running: 'nothing', paused: 'does' },
  stop: { stopped: 'nothing', running: 'does', paused: 'does' },
} as const satisfies Record<GroupVerb['kind'], Record<GroupState['status'], Cell>>;

export function stateCell(status: GroupState['status'], verb: GroupVerb['kind']): Cell {
  return TABLE[verb][status];
}

/** What a verb makes of a group's state. A group that is paused again takes the new pause's stop. */
export function decideState(state: GroupState, verb: GroupVerb): StateAnswer {
  const cell = stateCell(state.status, verb.kind);
  if (cell === 'nothing') return { kind: 'nothing' };
  if (cell === 'refuses') {
    const hint = 'copyset cg resume lets it go on as before; copyset cg stop ends the pause.';
    return { kind: 'refuse', code: 'group-paused', why: 'It is paused.', hint };
  }
  const next = nextState(state, verb);
  return JSON.stringify(next) === JSON.stringify(state) ? { kind: 'nothing' } : { kind: 'do', next };
}

function nextState(state: GroupState, verb: GroupVerb): GroupState {
  const before = state.status === 'paused' ? state.from : state.status;
  switch (verb.kind) {
    case 'run':
      return { status: 'running' };
    case 'pause':
      return { status: 'paused', from: before, stop: verb.stop, leftOn: verb.leftOn };
    case 'resume':
      return { status: before };
    case 'stop':
      return { status: 'stopped' };
  }
}

export interface GroupStanding {
  /** Whether a formation may begin now. */
  readonly forms: boolean;
  /** What the members hold back now, and until when; a manual stop is a lease that the master renews (H31). */
  readonly stop: { readonly what: Stopped; readonly untilMs: number } | null;
  /** Why it forms nothing. */
  readonly why: 'paused' | 'window' | 'handed-over' | null;
}

/** How long a manual stop holds at a member that hears nothing more from its master. */
export const STOP_LEASE_MS = 30_000;

/** What a group does now, out of its state and its policy. Windows hold while it runs, not while it is stopped. */
export function standingNow(table: MasterTable, nowMs: number): GroupStanding {
  if (table.handedOver) return { forms: false, stop: null, why: 'handed-over' };
  const window = table.state.status === 'stopped' ? null : table.policy.window;
  const standing = windowAt(window, nowMs);
  const windowStop = standing.kind === 'stopped' ? { what: standing.what, untilMs: standing.untilMs } : null;
  if (table.state.status !== 'paused') {
    return { forms: windowStop === null, stop: windowStop, why: windowStop === null ? null : 'window' };
  }
  const manual = manualStop(table.state, nowMs);
  return { forms: false, stop: stronger(manual, windowStop), why: 'paused' };
}

function manualStop(state: Extract<GroupState, { status: 'paused' }>, nowMs: number): GroupStanding['stop'] {
  // Remotes that were left on a group stay on it only as long as nothing is sent to them.
  const what = state.stop ?? (state.leftOn === null ? null : 'sending');
  return what === null ? null : { what, untilMs: nowMs + STOP_LEASE_MS };
}

/** Stopping writes stops sending, too, as soon as what was written before has been sent. */
function stronger(a: GroupStanding['stop'], b: GroupStanding['stop']): GroupStanding['stop'] {
  if (a === null || b === null) return a ?? b;
  if (a.what !== b.what) return a.what === 'writes' ? a : b;
  return a.untilMs >= b.untilMs ? a : b;
}
