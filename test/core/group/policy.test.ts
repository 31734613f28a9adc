import { describe, expect, it } from 'vitest';
import {
  changePolicy,
  decideState,
  formatWindow,
  type GroupState,
  type GroupVerb,
  type GroupWindow,
  nextFormationAt,
  POLICY_DEFAULT,
  parseWindow,
  rateShares,
  STOP_LEASE_MS,
  samePolicy,
  standingNow,
  stateCell,
  windowAt,
} from '../../../src/core/group/group.js';
import { master } from './stage.js';

const at = (text: string): number => new Date(text).getTime();
const NOW = at('2026-03-01T12:00:00');

describe('a policy', () => {
  it('keeps every value that a change does not name', () => {
    const policy = { ...POLICY_DEFAULT, intervalMs: 5_000, rateBytesPerSecond: 1_000 };
    expect(changePolicy(policy, { drainLimitMs: 60_000 })).toEqual({ ...policy, drainLimitMs: 60_000 });
    expect(samePolicy(policy, changePolicy(policy, {}))).toBe(true);
  });

  it('loses its cap by a rate of 0 and its window by none', () => {
    const policy = { ...POLICY_DEFAULT, rateBytesPerSecond: 1_000, window: parseWindow('run=1h,pause=1h', NOW) };
    expect(changePolicy(policy, { rateBytesPerSecond: 0, window: null })).toEqual(POLICY_DEFAULT);
  });

  it('refuses spans that cannot be', () => {
    for (const change of [{ coordinationLimitMs: 0 }, { coordinationLimitMs: 60_001 }, { drainLimitMs: 0 }]) {
      expect(() => changePolicy(POLICY_DEFAULT, change)).toThrowError(expect.objectContaining({ code: 'usage' }));
    }
  });

  it('divides its rate among the subordinates without losing a byte', () => {
    expect(rateShares(100, 3)).toEqual([33, 33, 34]);
    expect(rateShares(null, 2)).toEqual([null, null]);
    expect(rateShares(1, 2)).toEqual([1, 1]);
  });
});

describe('a window', () => {
  it('of run and pause repeats from when it was set', () => {
    const window = parseWindow('run=45m,pause=15m', NOW);
    expect(windowAt(window, NOW)).toEqual({ kind: 'open', untilMs: at('2026-03-01T12:45:00') });
    expect(windowAt(window, at('2026-03-01T12:45:00'))).toEqual({
      kind: 'stopped',
      what: 'sending',
      untilMs: at('2026-03-01T13:00:00'),
    });
    expect(windowAt(window, at('2026-03-01T23:50:00')).kind).toBe('stopped');
    expect(windowAt(window, NOW - 60_000)).toEqual({ kind: 'stopped', what: 'sending', untilMs: NOW });
  });

  it('of two times of day stops daily between them, also over midnight', () => {
    const night = parseWindow('from=22:00,to=05:30,stop=writes', NOW);
    expect(windowAt(night, NOW)).toEqual({ kind: 'open', untilMs: at('2026-03-01T22:00:00') });
    for (const time of ['2026-03-01T22:00:00', '2026-03-02T05:29:59', '2026-03-15T00:00:00']) {
      expect(windowAt(night, at(time))).toMatchObject({ kind: 'stopped', what: 'writes' });
    }
    expect(windowAt(night, at('2026-03-02T05:30:00')).kind).toBe('open');
  });

  it('of two instants stops once and ends by itself (H31)', () => {
    const window = parseWindow(
      'from=2026-03-01T13:00:00Z,to=2026-03-01T14:00:00Z,stop=writes',
      at('2026-03-01T12:00:00Z'),
    );
    const noonUtc = Date.parse('2026-03-01T12:00:00Z');
    expect(windowAt(window, noonUtc)).toEqual({ kind: 'open', untilMs: noonUtc + 3_600_000 });
    expect(windowAt(window, noonUtc + 3_600_000)).toMatchObject({ kind: 'stopped', untilMs: noonUtc + 7_200_000 });
    expect(windowAt(window, noonUtc + 7_200_000)).toEqual({ kind: 'open', untilMs: null });
  });

  it('is read as it is written', () => {
    for (const text of [
      'run=45m,pause=15m',
      'from=22:00,to=05:30,stop=writes',
      'from=2026-03-01T13:00:00Z,to=2026-03-02T14:00:00Z',
    ]) {
      const window = parseWindow(text, NOW) as GroupWindow;
      expect(parseWindow(formatWindow(window), NOW)).toEqual(window);
    }
    expect(parseWindow('none', NOW)).toBeNull();
  });

  it('that is none is refused with what is wrong', () => {
    const wrong = [
      'run=45m',
      'run=45m,pause=0',
      'run=45m,pause=15m,from=10:00',
      'run=1m,run=2m,pause=1m',
      'from=10:00,to=10:00',
      'from=10:00,to=2026-03-01T13:00:00Z',
      'from=2026-03-02T13:00:00Z,to=2026-03-01T13:00:00Z',
      'from=2020-03-01T13:00:00Z,to=2020-03-02T13:00:00Z',
      'run=45m,pause=15m,stop=all',
      'run=soon,pause=15m',
      '',
    ];
    for (const text of wrong) {
      expect(() => parseWindow(text, NOW), text).toThrowError(expect.objectContaining({ code: 'bad-time' }));
    }
  });
});

describe('the next formation', () => {
  const policy = { ...POLICY_DEFAULT, intervalMs: 30_000 };

  it('begins at once where there was none, and its interval after the end of the last', () => {
    expect(nextFormationAt(policy, null, NOW)).toBe(NOW);
    expect(nextFormationAt(policy, { endedMs: NOW, formed: true, tracks: 1 }, NOW)).toBe(NOW + 30_000);
    expect(nextFormationAt(policy, { endedMs: NOW - 60_000, formed: true, tracks: 1 }, NOW)).toBe(NOW);
  });

  it('rests after a failure, so that a lost peer is not asked without end', () => {
    const continuous = POLICY_DEFAULT;
    expect(nextFormationAt(continuous, { endedMs: NOW, formed: true, tracks: 1 }, NOW)).toBe(NOW);
    expect(nextFormationAt(continuous, { endedMs: NOW, formed: false, tracks: 0 }, NOW)).toBe(NOW + 1_000);
  });

  it('rests a little where nothing had been written, so that an idle group does not take a core', () => {
    expect(nextFormationAt(POLICY_DEFAULT, { endedMs: NOW, formed: true, tracks: 0 }, NOW)).toBe(NOW + 100);
    expect(nextFormationAt(policy, { endedMs: NOW, formed: true, tracks: 0 }, NOW)).toBe(NOW + 30_000);
  });

  it('waits until a window has ended', () => {
    const window = parseWindow('from=11:00,to=13:00', NOW);
    expect(nextFormationAt({ ...policy, window }, null, NOW)).toBe(at('2026-03-01T13:00:00'));
  });
});

describe('how a group runs', () => {
  const STATES: Record<string, GroupState> = {
    stopped: { status: 'stopped' },
    running: { status: 'running' },
    paused: { status: 'paused', from: 'running', stop: null, leftOn: null },
  };
  const VERBS: readonly GroupVerb[] = [
    { kind: 'run' },
    { kind: 'pause', stop: 'writes', leftOn: null },
    { kind: 'resume' },
    { kind: 'stop' },
  ];
  const NEXT: Record<string, string> = {
    'run stopped': 'running',
    'pause stopped': 'paused',
    'pause running': 'paused',
    'pause paused': 'paused',
    'resume paused': 'running',
    'stop running': 'stopped',
    'stop paused': 'stopped',
  };

  for (const verb of VERBS) {
    for (const [name, state] of Object.entries(STATES)) {
      const cell = stateCell(state.status, verb.kind);
      it(`${verb.kind} of a ${name} group ${cell === 'does' ? `leaves it ${NEXT[`${verb.kind} ${name}`]}` : cell}`, () => {
        const answer = decideState(state, verb);
        if (cell === 'does')
          expect(answer).toMatchObject({ kind: 'do', next: { status: NEXT[`${verb.kind} ${name}`] } });
        else expect(answer.kind).toBe(cell === 'nothing' ? 'nothing' : 'refuse');
      });
    }
  }

  it('comes back from a pause to what it was before, also after two pauses', () => {
    const pause: GroupVerb = { kind: 'pause', stop: null, leftOn: null };
    const paused = decideState({ status: 'stopped' }, pause);
    if (paused.kind !== 'do') throw new Error('not paused');
    const again = decideState(paused.next, { ...pause, stop: 'sending' });
    if (again.kind !== 'do') throw new Error('not paused again');
    expect(decideState(again.next, { kind: 'resume' })).toEqual({ kind: 'do', next: { status: 'stopped' } });
    expect(decideState(paused.next, pause)).toEqual({ kind: 'nothing' });
  });

  it('holds back nothing while it is stopped, whatever its window says', () => {
    const policy = { ...POLICY_DEFAULT, window: parseWindow('from=11:00,to=13:00', NOW) };
    expect(standingNow(master({ policy }), NOW)).toEqual({ forms: true, stop: null, why: null });
    expect(standingNow(master({ policy, state: { status: 'running' } }), NOW)).toMatchObject({
      forms: false,
      stop: { what: 'sending', untilMs: at('2026-03-01T13:00:00') },
      why: 'window',
    });
  });

  it('keeps a manual stop as a lease, and sending stopped where the remotes were left on a group', () => {
    const paused = (more: object) =>
      master({ state: { status: 'paused', from: 'running', stop: null, leftOn: null, ...more } });
    expect(standingNow(paused({}), NOW)).toEqual({ forms: false, stop: null, why: 'paused' });
    const lease = { untilMs: NOW + STOP_LEASE_MS };
    expect(standingNow(paused({ stop: 'writes' }), NOW).stop).toEqual({ what: 'writes', ...lease });
    expect(standingNow(paused({ leftOn: 8 }), NOW).stop).toEqual({ what: 'sending', ...lease });
  });
});
