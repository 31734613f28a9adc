import { describe, expect, it } from 'vitest';
import {
  type ActiveState,
  decide,
  losePointInTime,
  type MapName,
  type MapStep,
  type PairChange,
  type PairOperation,
  type PairState,
} from '../../../src/core/pair/pair.js';
import { ACTIVE_STATES, active, FROZEN, LOST, suspended, VIRTUAL } from './states.js';

function split(flags: { virtual?: boolean; readOnly?: boolean } = {}): PairOperation {
  return { kind: 'split', atMs: 5_000, virtual: flags.virtual ?? false, readOnly: flags.readOnly };
}

function suspend(allowWrite = false): PairOperation {
  return { kind: 'suspend', reason: 'io-error', message: 'track 7 could not be read', allowWrite };
}

function done(state: PairState, operation: PairOperation): PairChange {
  const decision = decide(state, operation);
  if (decision.kind !== 'do') throw new Error(`expected a change, got ${JSON.stringify(decision)}`);
  return decision.change;
}

type Maps = Record<MapName, ReadonlySet<string>>;

/** Carries the steps out on small sets, as the controller does on maps. */
function stepped(maps: Record<MapName, string>, steps: readonly MapStep[]): Record<MapName, string> {
  const now: Maps = {
    outOfSync: new Set(maps.outOfSync),
    changed: new Set(maps.changed),
    secondary: new Set(maps.secondary),
  };
  for (const step of steps) {
    if (step.step === 'fold') {
      now[step.into] = new Set([...now[step.into], ...now[step.from]]);
      now[step.from] = new Set();
    } else if (step.step === 'subtract') {
      const tracks = now[step.tracks];
      now[step.from] = new Set([...now[step.from]].filter((track) => !tracks.has(track)));
    } else {
      now[step.map] = new Set();
    }
  }
  const text = (map: ReadonlySet<string>) => [...map].sort().join('');
  return { outOfSync: text(now.outOfSync), changed: text(now.changed), secondary: text(now.secondary) };
}

describe('a split', () => {
  for (const status of ['pending', 'duplex', 'resync'] as const) {
    it(`of a pair that is ${status} freezes it and leaves out-of-sync as it is`, () => {
      const change = done(active(status), split());
      expect(change.next).toEqual({ status: 'sp-pending', frozen: { ...FROZEN, pointInTimeMs: 5_000 } });
      expect(stepped({ outOfSync: 'ab', changed: '', secondary: '' }, change.steps)).toEqual({
        outOfSync: 'ab',
        changed: '',
        secondary: '',
      });
      expect(change.jumps).toEqual([{ side: 'secondary', map: 'outOfSync', when: 'after' }]);
    });
  }

  it('gathers differences left over from an earlier freeze instead of forgetting them (H1)', () => {
    const { steps } = done(active('duplex'), split());
    const left = { outOfSync: 't', changed: 'u', secondary: 'v' };
    expect(stepped(left, steps)).toEqual({ outOfSync: 'tuv', changed: '', secondary: '' });
  });

  it('with --virtual is split from its freeze', () => {
    const { next } = done(active('duplex'), split({ virtual: true, readOnly: true }));
    expect(next).toEqual({ status: 'split', frozen: { ...VIRTUAL, pointInTimeMs: 5_000, readOnly: true } });
  });

  it('without --virtual drains a virtual pair and keeps its point in time', () => {
    const change = done({ status: 'split', frozen: VIRTUAL }, split());
    expect(change).toEqual({ next: { status: 'sp-pending', frozen: FROZEN }, steps: [], jumps: [] });
  });

  it('with --virtual stops the background copy of a pair whose tracks still go to S', () => {
    const change = done(active('sp-pending'), split({ virtual: true }));
    expect(change).toEqual({ next: { status: 'split', frozen: VIRTUAL }, steps: [], jumps: [] });
  });

  it('with --virtual has nothing to do where every track is copied', () => {
    expect(decide(active('split'), split({ virtual: true }))).toEqual({ kind: 'nothing' });
  });

  it('applies a --read-only that differs, and leaves it alone where it was not given', () => {
    const readOnly: ActiveState = { status: 'split', frozen: { ...FROZEN, readOnly: true } };
    expect(done(active('split'), split({ readOnly: true }))).toEqual({ next: readOnly, steps: [], jumps: [] });
    expect(done(readOnly, split({ readOnly: false })).next).toEqual(active('split'));
    expect(decide(readOnly, split())).toEqual({ kind: 'nothing' });
  });

  it('goes on where a pair was suspended while its tracks went to S (H14)', () => {
    expect(done(suspended(active('sp-pending')), split())).toEqual({
      next: active('sp-pending'),
      steps: [],
      jumps: [],
    });
  });

  it('is refused where the point in time is lost, whatever the status', () => {
    const states: ActiveState[] = [
      { status: 'sp-pending', frozen: LOST },
      { status: 'split', frozen: LOST },
    ];
    for (const state of states.flatMap((from) => [from, suspended(from)])) {
      expect(decide(state, split())).toMatchObject({ kind: 'refuse', code: 'point-in-time-lost' });
    }
  });
});

describe('a resync', () => {
  for (const status of ['sp-pending', 'split'] as const) {
    it(`of a pair that is ${status} unites the three maps, and S's tracks that it lacked jump`, () => {
      const change = done(active(status), { kind: 'resync' });
      expect(change.next).toEqual({ status: 'resync' });
      expect(stepped({ outOfSync: 'ab', changed: 'bc', secondary: 'd' }, change.steps)).toEqual({
        outOfSync: 'abcd',
        changed: '',
        secondary: '',
      });
      expect(change.jumps).toEqual([{ side: 'secondary', map: 'outOfSync', when: 'before' }]);
    });
  }

  it('of a pair suspended in its initial copy goes on with the initial copy', () => {
    expect(done(suspended(active('pending')), { kind: 'resync' })).toMatchObject({
      next: { status: 'pending' },
      jumps: [],
    });
  });

  for (const status of ['duplex', 'resync'] as const) {
    it(`of a pair suspended from ${status} takes what S's host wrote with --allow-write back`, () => {
      const change = done(suspended(active(status), true), { kind: 'resync' });
      expect(change).toMatchObject({ next: { status: 'resync' }, jumps: [] });
      expect(stepped({ outOfSync: 'a', changed: '', secondary: 'b' }, change.steps).outOfSync).toBe('ab');
    });
  }

  it('is refused after a restore was suspended, for P holds stale tracks (H14)', () => {
    const decision = decide(suspended(active('resync-reverse')), { kind: 'resync' });
    expect(decision).toMatchObject({ kind: 'refuse', code: 'status-refuses' });
    expect(decision.kind === 'refuse' && decision.hint).toContain('`pair resync --reverse`');
  });

  it('is the way out where the point in time is lost, and S, which reads nothing through P, does not jump', () => {
    const change = done(suspended({ status: 'split', frozen: LOST }), { kind: 'resync' });
    expect(change).toMatchObject({ next: { status: 'resync' }, jumps: [] });
  });
});

describe('a restore', () => {
  for (const state of [active('split'), active('sp-pending'), suspended(active('split'))]) {
    it(`of a pair that is ${state.status} makes P lack what differs, but nothing that S lacks itself (H10)`, () => {
      const change = done(state, { kind: 'resync-reverse' });
      expect(change.next).toEqual({ status: 'resync-reverse', backup: null });
      expect(stepped({ outOfSync: 'ab', changed: 'bc', secondary: 'ad' }, change.steps)).toEqual({
        outOfSync: 'ab',
        changed: '',
        secondary: 'cd',
      });
      expect(change.jumps).toEqual([
        { side: 'secondary', map: 'outOfSync', when: 'before' },
        { side: 'primary', map: 'secondary', when: 'after' },
      ]);
    });
  }

  it('of a virtual copy keeps the backup, and only P jumps (H30)', () => {
    const change = done({ status: 'split', frozen: VIRTUAL }, { kind: 'resync-reverse' });
    expect(change.next).toEqual({ status: 'resync-reverse', backup: VIRTUAL });
    expect(change.jumps).toEqual([{ side: 'primary', map: 'secondary', when: 'after' }]);
  });

  it('that was suspended goes on without turning its maps again', () => {
    const restoring: ActiveState = { status: 'resync-reverse', backup: VIRTUAL };
    expect(done(suspended(restoring), { kind: 'resync-reverse' })).toEqual({ next: restoring, steps: [], jumps: [] });
  });

  it('is refused where the point in time is lost', () => {
    const decision = decide({ status: 'split', frozen: LOST }, { kind: 'resync-reverse' });
    expect(decision).toMatchObject({ kind: 'refuse', code: 'point-in-time-lost' });
  });
});

describe('a suspension', () => {
  for (const from of ACTIVE_STATES) {
    it(`keeps that the pair was ${from.status}, and touches no map`, () => {
      expect(done(from, suspend())).toEqual({
        next: {
          status: 'suspended',
          from,
          reason: 'io-error',
          message: 'track 7 could not be read',
          allowWrite: false,
        },
        steps: [],
        jumps: [],
      });
    });
  }

  it('of a suspended pair applies --allow-write and never takes it back', () => {
    const closed = suspended(active('duplex'));
    expect(done(closed, suspend(true)).next).toEqual(suspended(active('duplex'), true));
    expect(decide(suspended(active('duplex'), true), suspend(false))).toEqual({ kind: 'nothing' });
    expect(decide(suspended(active('duplex'), true), suspend(true))).toEqual({ kind: 'nothing' });
  });

  it('does not open S while P reads through it', () => {
    for (const state of [active('resync-reverse'), suspended(active('resync-reverse'))]) {
      expect(decide(state, suspend(true))).toMatchObject({ kind: 'refuse', code: 'status-refuses' });
    }
  });
});

describe('a delete', () => {
  it('lets the tracks jump that a side can no longer read through the other', () => {
    const lacked = { side: 'secondary', map: 'outOfSync', when: 'before' };
    const restored = { side: 'primary', map: 'secondary', when: 'before' };
    const jumps = (state: PairState) => done(state, { kind: 'delete' }).jumps;
    expect(jumps(active('duplex'))).toEqual([]);
    expect(jumps(active('sp-pending'))).toEqual([lacked]);
    expect(jumps({ status: 'split', frozen: LOST })).toEqual([]);
    expect(jumps(active('resync-reverse'))).toEqual([restored]);
    expect(jumps({ status: 'resync-reverse', backup: VIRTUAL })).toEqual([lacked, restored]);
  });
});

describe('a save that failed', () => {
  it('suspends the pair, marks the point in time lost, and S jumps', () => {
    for (const state of [active('sp-pending'), suspended(active('sp-pending'))]) {
      expect(losePointInTime(state, 'no space')).toEqual({
        next: {
          status: 'suspended',
          from: { status: 'sp-pending', frozen: LOST },
          reason: 'save-failed',
          message: 'no space',
          allowWrite: false,
        },
        steps: [],
        jumps: [{ side: 'secondary', map: 'outOfSync', when: 'before' }],
      });
    }
  });

  it('in the restore of a virtual copy gives up the backup, and what P wrote meanwhile goes to S', () => {
    const change = losePointInTime({ status: 'resync-reverse', backup: VIRTUAL }, 'no space');
    expect(change?.next).toMatchObject({ status: 'suspended', from: { status: 'resync-reverse', backup: null } });
    expect(stepped({ outOfSync: 'a', changed: 'b', secondary: 'c' }, change?.steps ?? [])).toEqual({
      outOfSync: 'ab',
      changed: '',
      secondary: 'c',
    });
    expect(decide(change?.next ?? active('duplex'), { kind: 'resync-reverse' }).kind).toBe('do');
  });

  it('means nothing to a pair that holds no point in time', () => {
    expect(losePointInTime(active('duplex'), 'no space')).toBeUndefined();
    expect(losePointInTime(active('resync-reverse'), 'no space')).toBeUndefined();
    expect(losePointInTime({ status: 'split', frozen: LOST }, 'no space')).toBeUndefined();
  });
});
