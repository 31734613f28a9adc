import type { ActiveState, Frozen, PairRecord, PairState, PairStatus } from '../../../src/core/pair/pair.js';

export const FROZEN: Frozen = { pointInTimeMs: 1_000, virtual: false, readOnly: false, pointInTimeLost: false };
export const VIRTUAL: Frozen = { ...FROZEN, virtual: true };
export const LOST: Frozen = { ...FROZEN, pointInTimeLost: true };

/** One state of each active status, in the order of DESIGN.md 3.1. */
export const ACTIVE_STATES: readonly ActiveState[] = [
  { status: 'pending' },
  { status: 'duplex' },
  { status: 'sp-pending', frozen: FROZEN },
  { status: 'split', frozen: FROZEN },
  { status: 'resync' },
  { status: 'resync-reverse', backup: null },
];

export function active(status: ActiveState['status']): ActiveState {
  const state = ACTIVE_STATES.find((candidate) => candidate.status === status);
  if (state === undefined) throw new Error(`no such state: ${status}`);
  return state;
}

export function suspended(from: ActiveState, allowWrite = false): PairState {
  return { status: 'suspended', from, reason: 'command', message: '', allowWrite };
}

/** Each state that the rules tell apart: frozen and lost, virtual, with backup, each of them also suspended and opened. */
export const ALL_STATES: readonly PairState[] = [
  ...ACTIVE_STATES,
  { status: 'sp-pending', frozen: LOST } as const,
  { status: 'sp-pending', frozen: { ...FROZEN, readOnly: true } } as const,
  { status: 'split', frozen: LOST } as const,
  { status: 'split', frozen: VIRTUAL } as const,
  { status: 'split', frozen: { ...FROZEN, readOnly: true } } as const,
  { status: 'resync-reverse', backup: VIRTUAL } as const,
].flatMap((state) => [state, suspended(state), suspended(state, true)]);

/** One state for each column of the table but simplex; a suspended pair came from each status. */
export function statesOf(status: PairStatus): readonly (PairState | undefined)[] {
  if (status === 'simplex') return [undefined];
  if (status === 'suspended') return ACTIVE_STATES.map((from) => suspended(from));
  return [active(status)];
}

export function nameOf(state: PairState | undefined): string {
  if (state === undefined) return 'simplex';
  return state.status === 'suspended' ? `suspended from ${state.from.status}` : state.status;
}

export function pair(state: PairState, primary = 1, secondary = 2): PairRecord {
  return {
    number: 1,
    primary,
    secondary,
    mode: 'local',
    state,
    pace: 'medium',
    rateBytesPerSecond: null,
    copyPointer: 0,
    generation: 1,
    createdAtMs: 500,
    splitAtMs: null,
  };
}
