import { describe, expect, it } from 'vitest';
import {
  access,
  drainHere,
  type PairRoles,
  type PairState,
  phaseOf,
  type RemoteHalf,
  rolesOf,
} from '../../../src/core/pair/pair.js';
import { ACTIVE_STATES, ALL_STATES, active, FROZEN, LOST, suspended, VIRTUAL } from './states.js';

const FROM_PRIMARY = { map: 'outOfSync', source: 'primary' } as const;
const FROM_SECONDARY = { map: 'secondary', source: 'secondary' } as const;

const VIRTUAL_SPLIT: PairState = { status: 'split', frozen: VIRTUAL };
const WITH_BACKUP: PairState = { status: 'resync-reverse', backup: VIRTUAL };
const LOST_COPYING: PairState = { status: 'sp-pending', frozen: LOST };

type Row = [
  PairState,
  PairRoles['primaryWrites'],
  PairRoles['secondaryLacks'],
  PairRoles['primaryLacks'],
  PairRoles['drain'],
];

const ROWS: Row[] = [
  [active('pending'), 'outOfSync', null, null, FROM_PRIMARY],
  [active('duplex'), 'outOfSync', null, null, FROM_PRIMARY],
  [active('resync'), 'outOfSync', null, null, FROM_PRIMARY],
  [active('sp-pending'), 'changed', 'outOfSync', null, FROM_PRIMARY],
  [LOST_COPYING, 'changed', null, null, null],
  [active('split'), 'changed', 'outOfSync', null, null],
  [VIRTUAL_SPLIT, 'changed', 'outOfSync', null, null],
  [active('resync-reverse'), 'outOfSync', null, 'secondary', FROM_SECONDARY],
  [WITH_BACKUP, 'changed', 'outOfSync', 'secondary', FROM_SECONDARY],
];

describe('the roles of a pair', () => {
  for (const [state, primaryWrites, secondaryLacks, primaryLacks, drain] of ROWS) {
    const roles = {
      primaryWrites,
      secondaryWrites: 'secondary',
      secondaryLacks,
      savesAside: null,
      primaryLacks,
      drain,
    };

    it(`that is ${state.status} (${phaseOf(state)}) say which maps count`, () => {
      expect(rolesOf(state)).toEqual(roles);
    });

    it(`suspended from ${state.status} (${phaseOf(state)}) are the same, but nothing is copied`, () => {
      if (state.status === 'suspended') throw new Error('an active state');
      expect(rolesOf(suspended(state))).toEqual({ ...roles, drain: null });
    });
  }

  it('never let a write at P mark what describes a point in time', () => {
    for (const state of ALL_STATES) {
      const roles = rolesOf(state);
      if (roles.secondaryLacks !== null) expect(roles.primaryWrites).not.toBe(roles.secondaryLacks);
    }
  });
});

describe('access of hosts', () => {
  const SECONDARY = {
    pending: 'none',
    duplex: 'none',
    'sp-pending': 'read-write',
    split: 'read-write',
    resync: 'none',
    'resync-reverse': 'none',
  } as const;

  for (const state of ACTIVE_STATES) {
    it(`while the pair is ${state.status}`, () => {
      expect(access(state, 'primary').host).toBe('read-write');
      expect(access(state, 'secondary').host).toBe(SECONDARY[state.status]);
    });

    it(`while the pair is suspended from ${state.status}: S without writes, until --allow-write opens it`, () => {
      const without = SECONDARY[state.status] === 'none' ? 'none' : 'read';
      expect(access(suspended(state), 'primary').host).toBe('read-write');
      expect(access(suspended(state), 'secondary').host).toBe(without);
      expect(access(suspended(state, true), 'secondary').host).toBe('read-write');
    });
  }

  it('is for reading where the split was --read-only', () => {
    for (const status of ['sp-pending', 'split'] as const) {
      const state: PairState = { status, frozen: { ...FROZEN, readOnly: true } };
      expect(access(state, 'secondary')).toMatchObject({ host: 'read', code: 'not-writable' });
    }
  });

  it('ends at S when its point in time is lost, and only --allow-write opens it again', () => {
    for (const status of ['sp-pending', 'split'] as const) {
      const state = { status, frozen: LOST } as const;
      for (const closed of [state, suspended(state)]) {
        expect(access(closed, 'secondary')).toMatchObject({ host: 'none', code: 'incomplete' });
        expect(access(closed, 'primary').host).toBe('read-write');
      }
      expect(access(suspended(state, true), 'secondary').host).toBe('read-write');
    }
  });

  it('carries a code wherever something is refused', () => {
    for (const state of ALL_STATES) {
      const { host, code, why } = access(state, 'secondary');
      expect(why).toMatch(/^is /);
      expect(code === null).toBe(host === 'read-write');
    }
  });
});

describe('a primary whose secondary was made a primary', () => {
  const displaced = { side: 'primary', displaced: true } as RemoteHalf;

  it.each([...ACTIVE_STATES])('H5: sends nothing of its own, whatever its status says: $status', (state) => {
    const drain = drainHere({ state, remote: displaced });
    expect(drain).toEqual(state.status === 'resync-reverse' ? FROM_SECONDARY : null);
  });
});
