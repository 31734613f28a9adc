import { describe, expect, it } from 'vitest';
import {
  changedRecord,
  completed,
  decide,
  imageComplete,
  incompleteAfterDelete,
  type MapCounts,
  PAIR_STATUSES,
  type PairState,
  percentIdentical,
  secondaryComplete,
  waitVerdict,
} from '../../../src/core/pair/pair.js';
import { ACTIVE_STATES, ALL_STATES, active, LOST, pair, suspended, VIRTUAL } from './states.js';

const BOTH = { outOfSyncEmpty: true, secondaryEmpty: true };
const NONE = { outOfSyncEmpty: false, secondaryEmpty: false };
const WITH_BACKUP: PairState = { status: 'resync-reverse', backup: VIRTUAL };

function counts(outOfSync: number, changed = 0, secondary = 0): MapCounts {
  return { outOfSync, changed, secondary };
}

describe('copying that has finished', () => {
  it('leads to the statuses of the design', () => {
    expect(completed(active('pending'), BOTH)).toEqual({ status: 'duplex' });
    expect(completed(active('resync'), BOTH)).toEqual({ status: 'duplex' });
    expect(completed(active('sp-pending'), BOTH)).toEqual(active('split'));
    expect(completed(active('resync-reverse'), BOTH)).toEqual({ status: 'duplex' });
  });

  it('of a restore leads to resync where P wrote meanwhile', () => {
    const maps = { outOfSyncEmpty: false, secondaryEmpty: true };
    expect(completed(active('resync-reverse'), maps)).toEqual({ status: 'resync' });
  });

  it('of a restored virtual copy leads to split, the point in time kept (H30)', () => {
    const split = { status: 'split', frozen: VIRTUAL };
    expect(completed(WITH_BACKUP, BOTH)).toEqual(split);
    expect(completed(WITH_BACKUP, { outOfSyncEmpty: false, secondaryEmpty: true })).toEqual(split);
  });

  it('leads to duplex once all that was lacking was copied, whatever hosts wrote since; an instant needs its last track', () => {
    const passed = { outOfSyncEmpty: false, secondaryEmpty: false, outOfSyncPassed: true };
    for (const status of ['pending', 'resync'] as const)
      expect(completed(active(status), passed)).toEqual({ status: 'duplex' });
    for (const status of ['sp-pending', 'resync-reverse'] as const) {
      const state = active(status);
      expect(completed(state, passed)).toBe(state);
    }
  });

  it('changes nothing while tracks are left, nor ever for duplex, split and suspended', () => {
    for (const state of ALL_STATES) expect(completed(state, NONE)).toBe(state);
    for (const state of [active('duplex'), active('split'), suspended(active('pending'))]) {
      expect(completed(state, BOTH)).toBe(state);
    }
    const lost: PairState = { status: 'sp-pending', frozen: LOST };
    expect(completed(lost, BOTH)).toBe(lost);
  });
});

describe('waiting for a status', () => {
  it('ends when it is there', () => {
    for (const state of ACTIVE_STATES) expect(waitVerdict(pair(state), [state.status])).toBe('reached');
    expect(waitVerdict(undefined, ['simplex'])).toBe('reached');
    expect(waitVerdict(pair(suspended(active('duplex'))), ['suspended'])).toBe('reached');
  });

  it('goes on only towards what copying alone can reach', () => {
    const ahead: Record<string, readonly string[]> = {
      pending: ['duplex'],
      duplex: [],
      'sp-pending': ['split'],
      split: [],
      resync: ['duplex'],
      'resync-reverse': ['resync', 'duplex'],
    };
    for (const state of ACTIVE_STATES) {
      for (const wanted of PAIR_STATUSES.filter((status) => status !== state.status)) {
        const verdict = ahead[state.status]?.includes(wanted) === true ? 'waiting' : 'unreachable';
        expect(waitVerdict(pair(state), [wanted]), `${state.status} to ${wanted}`).toBe(verdict);
      }
    }
    expect(waitVerdict(pair(WITH_BACKUP), ['split'])).toBe('waiting');
    expect(waitVerdict(pair(WITH_BACKUP), ['duplex'])).toBe('unreachable');
  });

  it('reports what completion does, for every state and every outcome', () => {
    for (const state of ALL_STATES) {
      for (const outOfSyncEmpty of [true, false]) {
        const next = completed(state, { outOfSyncEmpty, secondaryEmpty: true });
        if (next !== state) expect(waitVerdict(pair(state), [next.status])).toBe('waiting');
      }
    }
  });

  it('goes on while nobody knows what becomes of a split: it may be void', () => {
    const wishes = { atMs: 1_000, virtual: false, readOnly: null, pace: null, rateBytesPerSecond: null };
    const coordinator = { id: 'c', name: 'tokyo', path: '/tokyo' };
    const prepared = (from: 'pending' | 'duplex' | 'resync') => ({
      ...pair(active('sp-pending')),
      prepared: { split: 's', coordinator, wishes, from },
    });
    for (const from of ['pending', 'duplex', 'resync'] as const)
      for (const wanted of ['split', 'duplex'] as const)
        expect(waitVerdict(prepared(from), [wanted]), `${from} to ${wanted}`).toBe('waiting');
    expect(waitVerdict(prepared('pending'), ['pending'])).toBe('waiting');
    expect(waitVerdict(prepared('duplex'), ['resync'])).toBe('waiting');
    expect(waitVerdict(prepared('duplex'), ['simplex'])).toBe('unreachable');
  });

  it('ends with a suspension, and where the pair is gone', () => {
    expect(waitVerdict(pair(suspended(active('pending'))), ['duplex'])).toBe('suspended');
    expect(waitVerdict(undefined, ['duplex'])).toBe('unreachable');
  });
});

describe('what an image lacks', () => {
  it('is what is out of sync at S, and what has not come back at P', () => {
    expect(secondaryComplete(active('split'), 0)).toBe(true);
    expect(secondaryComplete(active('sp-pending'), 1)).toBe(false);
    expect(secondaryComplete({ status: 'split', frozen: LOST }, 0)).toBe(false);
    expect(imageComplete(active('sp-pending'), 'primary', counts(5, 5, 5))).toBe(true);
    expect(imageComplete(active('resync-reverse'), 'primary', counts(0, 0, 1))).toBe(false);
    expect(imageComplete(suspended(active('resync-reverse')), 'primary', counts(0, 0, 1))).toBe(false);
  });

  it('stays missing after a delete', () => {
    expect(incompleteAfterDelete(active('duplex'), counts(0, 0, 0))).toEqual([]);
    expect(incompleteAfterDelete(active('split'), counts(0, 7, 7))).toEqual([]);
    expect(incompleteAfterDelete(active('pending'), counts(4))).toEqual([{ side: 'secondary', missingTracks: 4 }]);
    expect(incompleteAfterDelete({ status: 'split', frozen: VIRTUAL }, counts(9))).toEqual([
      { side: 'secondary', missingTracks: 9 },
    ]);
    expect(incompleteAfterDelete(active('resync-reverse'), counts(2, 0, 3))).toEqual([
      { side: 'primary', missingTracks: 3 },
      { side: 'secondary', missingTracks: 2 },
    ]);
  });
});

describe('the percentage', () => {
  it('is that of identical tracks, rounded down', () => {
    expect(percentIdentical(3, 1)).toBe(66.66);
    expect(percentIdentical(10, counts(1, 1, 1))).toBe(70);
  });

  it('is 100 only where no track differs, and never leaves 0 to 100', () => {
    expect(percentIdentical(2 ** 34, 1)).toBe(99.99);
    expect(percentIdentical(8, 0)).toBe(100);
    expect(percentIdentical(8, counts(8, 8, 8))).toBe(0);
    expect(percentIdentical(8, -1)).toBe(100);
  });
});

describe('a record after a change', () => {
  it('has a new generation and copies from the first track where the maps changed', () => {
    const before = { ...pair(active('duplex')), copyPointer: 40 };
    const decision = decide(before.state, { kind: 'split', atMs: 7_000, virtual: false });
    if (decision.kind !== 'do') throw new Error('it splits');
    const after = changedRecord(before, decision.change);
    expect(after).toMatchObject({ generation: 2, copyPointer: 0, splitAtMs: 7_000, state: { status: 'sp-pending' } });
  });

  it('keeps generation and copy pointer where only the status changed', () => {
    const before = { ...pair(active('pending')), copyPointer: 40 };
    const next = suspended(active('pending'));
    expect(changedRecord(before, { next, steps: [], jumps: [] })).toEqual({ ...before, state: next });
  });
});
