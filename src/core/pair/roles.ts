import { isJournalled, showsCheckpoint } from './journalled.js';
import { activeState, type Phase, phaseOf, pointInTimeLost } from './phase.js';
import type { MapName, PairRecord, PairRoles, PairState, RemoteHalf, Side } from './record.js';

/** The map that a write at P marks: what S misses while it follows, what differs from the instant while S holds one. */
const PRIMARY_WRITES: Record<Phase, MapName> = {
  following: 'outOfSync',
  frozen: 'changed',
  restore: 'outOfSync',
  'restore-with-backup': 'changed',
};

/** How a pair inside one system takes part in the write path, the read path and copying (DESIGN.md 2). */
export function rolesOf(state: PairState): PairRoles {
  const phase = phaseOf(state);
  const kept = (phase === 'frozen' || phase === 'restore-with-backup') && !pointInTimeLost(state);
  const restoring = phase === 'restore' || phase === 'restore-with-backup';
  return {
    primaryWrites: PRIMARY_WRITES[phase],
    secondaryWrites: 'secondary',
    secondaryLacks: kept ? 'outOfSync' : null,
    savesAside: null,
    primaryLacks: restoring ? 'secondary' : null,
    drain: drainOf(state),
  };
}

/**
 * The same for one half of a remote pair. No side reads through the other: old tracks of a frozen primary go to the save area, and
 * only the primary's half copies, in both directions. `forming` is a formation's freeze, which is no status (DESIGN.md 3.1).
 */
export function halfRoles(state: PairState, half: RemoteHalf, forming: boolean): PairRoles {
  const whole = rolesOf(state);
  if (half.side === 'secondary') return { ...whole, secondaryLacks: null, primaryLacks: null, drain: null };
  const kept = whole.secondaryLacks !== null;
  return {
    primaryWrites: forming ? 'changed' : whole.primaryWrites,
    secondaryWrites: 'secondary',
    secondaryLacks: null,
    primaryLacks: null,
    savesAside: kept || forming ? 'outOfSync' : null,
    drain: drainHere({ state, remote: half }),
  };
}

/**
 * What the copier here has to empty of a pair now. Of a remote pair the secondary's half copies nothing, and a displaced primary only
 * takes: its orders count again as soon as it leads its way back, and what it still had to send is older than what hosts wrote there (H5).
 * What a journalled pair's map still holds goes as records of its stream, behind those that are there.
 */
export function drainHere({ state, remote }: Pick<PairRecord, 'state' | 'remote'>): PairRoles['drain'] {
  if (remote?.side === 'secondary' || isJournalled({ state, remote })) return null;
  const drain = drainOf(state);
  return remote?.displaced && drain?.source === 'primary' ? null : drain;
}

function drainOf(state: PairState): PairRoles['drain'] {
  switch (state.status) {
    case 'pending':
    case 'duplex':
    case 'resync':
      return { map: 'outOfSync', source: 'primary' };
    case 'sp-pending':
      // With the instant gone, what P holds now would make S a mix of two times.
      return state.frozen.pointInTimeLost ? null : { map: 'outOfSync', source: 'primary' };
    case 'resync-reverse':
      return { map: 'secondary', source: 'secondary' };
    case 'split':
    case 'suspended':
      return null;
  }
}

export interface Access {
  readonly host: 'read-write' | 'read' | 'none';
  /** Half a sentence after the volume's name: why the host may do this and no more. */
  readonly why: string;
  /** The code of a refused write (`host` is `read`) or of any refused request (`host` is `none`), else null. */
  readonly code: 'not-writable' | 'not-readable' | 'incomplete' | 'displaced' | null;
}

/** What a host may do at one side of a local pair (DESIGN.md 3.1). */
export function access(state: PairState, side: Side): Access {
  return side === 'primary' ? primaryAccess(state) : secondaryAccess(state);
}

/** What a host may do at the side of a remote pair that lies here (DESIGN.md 3.1): nobody reads through a link. */
export function halfAccess(state: PairState, half: RemoteHalf): Access {
  const active = activeState(state);
  if (half.side === 'primary') {
    if (half.displaced)
      return {
        host: 'none',
        why: `is the former primary of a pair whose secondary in ${half.peer.system.name} was made a primary`,
        code: 'displaced',
      };
    if (active.status === 'resync-reverse')
      return { host: 'none', why: 'is being restored from another storage system', code: 'not-readable' };
    return { host: 'read-write', why: 'is the primary of a pair', code: null };
  }
  const opened = state.status === 'suspended' && state.allowWrite;
  if (!opened && showsCheckpoint({ state, remote: half }))
    return {
      host: 'read',
      why: 'is the secondary of a journal pair and shows its last checkpoint',
      code: 'not-writable',
    };
  if (active.status !== 'sp-pending' || opened) return secondaryAccess(state);
  return {
    host: 'none',
    why: 'is the secondary of a remote pair whose point in time is not copied whole yet',
    code: 'not-readable',
  };
}

function primaryAccess(state: PairState): Access {
  const restoring = activeState(state).status === 'resync-reverse';
  const why = restoring
    ? 'is being restored, and reads the tracks that it lacks from its secondary'
    : 'is the primary of a pair';
  return { host: 'read-write', why, code: null };
}

function secondaryAccess(state: PairState): Access {
  if (state.status === 'suspended' && state.allowWrite) {
    return { host: 'read-write', why: 'is the secondary of a suspended pair, opened with --allow-write', code: null };
  }
  if (pointInTimeLost(state)) {
    const why = 'is the secondary of a pair whose point in time is lost: tracks are missing';
    return { host: 'none', why, code: 'incomplete' };
  }
  const active = activeState(state);
  switch (active.status) {
    case 'sp-pending':
    case 'split':
      return frozenSecondaryAccess(state.status === 'suspended', active.frozen.readOnly);
    default:
      return { host: 'none', why: `is the secondary of a pair that is ${named(state)}`, code: 'not-readable' };
  }
}

function frozenSecondaryAccess(suspended: boolean, readOnly: boolean): Access {
  if (suspended) return { host: 'read', why: 'is the secondary of a suspended pair', code: 'not-writable' };
  if (readOnly) return { host: 'read', why: 'is the secondary of a pair split with --read-only', code: 'not-writable' };
  return { host: 'read-write', why: 'is the secondary of a split pair', code: null };
}

function named(state: PairState): string {
  return state.status === 'suspended' ? `suspended from ${state.from.status}` : state.status;
}
