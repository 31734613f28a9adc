import { describe, expect, it } from 'vitest';
import {
  DOUBT_TABLE,
  doubtRow,
  jumpRefusal,
  type MapCounts,
  mapTakingDoubt,
  mapTakingJump,
  type PairState,
  phaseOf,
  rolesOf,
  rowMatches,
} from '../../../src/core/pair/pair.js';
import { ALL_STATES, active, LOST, nameOf, pair, suspended, VIRTUAL } from './states.js';

const PHASES = ['following', 'frozen', 'restore', 'restore-with-backup'] as const;
const SIDES = ['primary', 'secondary'] as const;
const WITH_BACKUP: PairState = { status: 'resync-reverse', backup: VIRTUAL };

describe("recovery's table", () => {
  const ROWS = [
    ['@A', active('duplex'), 'primary', 'outOfSync'],
    ['@B', active('resync'), 'secondary', 'outOfSync'],
    ['@C', suspended(active('duplex'), true), 'secondary', 'secondary'],
    ['@D', active('sp-pending'), 'primary', 'changed'],
    ['@E', active('split'), 'secondary', 'secondary'],
    ['@F', active('resync-reverse'), 'primary', 'outOfSync'],
    ['@G', active('resync-reverse'), 'secondary', 'outOfSync'],
    ['@H', WITH_BACKUP, 'primary', 'changed'],
    ['@I', WITH_BACKUP, 'secondary', 'changed'],
  ] as const;

  for (const [label, state, side, map] of ROWS) {
    it(`${label}: doubt at the ${side} of a pair that is ${nameOf(state)} goes to ${map}`, () => {
      expect(doubtRow(state, side).label).toBe(label);
      expect(mapTakingDoubt({ state }, side)).toBe(map);
    });
  }

  it('has each of its rows tested above', () => {
    expect(ROWS.map(([label]) => label)).toEqual(DOUBT_TABLE.map((row) => row.label));
  });

  it('has exactly one row for everything that can be', () => {
    for (const phase of PHASES) {
      for (const side of SIDES) {
        for (const opened of [true, false]) {
          const matching = DOUBT_TABLE.filter((row) => rowMatches(row, phase, side, opened));
          expect(
            matching.map((row) => row.label),
            `${phase}, ${side}, ${opened}`,
          ).toHaveLength(1);
        }
      }
    }
  });

  it('never touches the out-of-sync map of a frozen pair (H10)', () => {
    for (const state of ALL_STATES) {
      if (phaseOf(state) !== 'frozen' && phaseOf(state) !== 'restore-with-backup') continue;
      for (const side of SIDES) expect(mapTakingDoubt({ state }, side)).not.toBe('outOfSync');
    }
  });

  it('never gives up what P wrote in a restore: doubt goes to no map that P is filled from', () => {
    for (const state of ALL_STATES) {
      const { primaryLacks } = rolesOf(state);
      if (primaryLacks === null) continue;
      for (const side of SIDES) expect(mapTakingDoubt({ state }, side)).not.toBe(primaryLacks);
    }
  });

  it("takes P's doubt to the map that takes P's writes", () => {
    for (const state of ALL_STATES) expect(mapTakingDoubt({ state }, 'primary')).toBe(rolesOf(state).primaryWrites);
  });
});

describe('a jump into a volume', () => {
  const counts = (outOfSync: number): MapCounts => ({ outOfSync, changed: 3, secondary: 0 });

  it('is taken by another pair that follows, or that is frozen with every track copied', () => {
    for (const status of ['pending', 'duplex', 'resync'] as const) {
      expect(jumpRefusal(pair(active(status)), 'primary', counts(5))).toBeUndefined();
      expect(mapTakingJump(pair(active(status)), 'primary')).toBe('outOfSync');
    }
    expect(jumpRefusal(pair(active('split')), 'primary', counts(0))).toBeUndefined();
    expect(mapTakingJump(pair(active('split')), 'primary')).toBe('changed');
    expect(jumpRefusal(pair(active('split')), 'secondary', counts(0))).toBeUndefined();
    expect(mapTakingJump(pair(active('split')), 'secondary')).toBe('secondary');
  });

  it('is refused while another pair is frozen with tracks out of sync (H11)', () => {
    for (const state of [active('sp-pending'), { status: 'split', frozen: VIRTUAL } as const]) {
      for (const side of SIDES) expect(jumpRefusal(pair(state), side, counts(1)), side).toBeTypeOf('string');
      expect(jumpRefusal(pair(suspended(state)), 'primary', counts(1))).toContain('1 track not copied');
    }
  });

  it('is refused while another pair is in restore, whatever its maps hold', () => {
    for (const state of [active('resync-reverse'), WITH_BACKUP, suspended(active('resync-reverse'))]) {
      for (const side of SIDES) expect(jumpRefusal(pair(state), side, counts(0))).toContain('restored');
    }
  });

  it('is refused into the S of another pair in any status but split', () => {
    for (const state of ALL_STATES) {
      if (state.status === 'split') continue;
      expect(jumpRefusal(pair(state), 'secondary', counts(0)), nameOf(state)).toBeTypeOf('string');
    }
  });

  it('is taken by a frozen pair whose point in time is lost already', () => {
    expect(jumpRefusal(pair(suspended({ status: 'split', frozen: LOST })), 'primary', counts(4))).toBeUndefined();
  });
});
