import { describe, expect, it } from 'vitest';
import {
  type Advance,
  advance,
  beginFormation,
  CONSEQUENCES,
  type FormationEnd,
  type FormationEvent,
  type FormationState,
  type Order,
  resumeFormation,
  type Step,
  type StepAnswer,
  stepOf,
} from '../../../src/core/group/group.js';
import { plan, system } from './stage.js';

const TOKYO = system('tokyo').id;
const NAGOYA = system('nagoya').id;
const PLAN = plan(['tokyo', 'nagoya']);
const ABOUT = { sequence: PLAN.sequence, term: PLAN.term };
const OK: StepAnswer = { kind: 'ok' };

type Told = FormationEvent extends infer Event
  ? Event extends unknown
    ? Omit<Event, 'sequence' | 'term'>
    : never
  : never;

/** Plays events on a formation and keeps all that was ordered. */
class Play {
  state: FormationState;
  orders: Order[];

  constructor(begun: Advance = beginFormation(PLAN)) {
    this.state = begun.state;
    this.orders = [...begun.orders];
  }

  tell(event: Told): this {
    const next = advance(this.state, { ...ABOUT, ...event } as FormationEvent);
    this.state = next.state;
    this.orders.push(...next.orders);
    return this;
  }

  answer(step: Step, from: string, answer: StepAnswer = OK): this {
    return this.tell({ kind: 'answered', step, from, answer, atMs: 5_000 });
  }

  both(...steps: Step[]): this {
    for (const step of steps) this.answer(step, TOKYO).answer(step, NAGOYA);
    return this;
  }

  recorded(decision: 'commit' | 'revert'): this {
    return this.tell({ kind: 'recorded', decision });
  }

  /** Everything up to the step, of which nothing is answered yet. */
  upTo(step: Step): this {
    if (step === 'revert')
      return this.upTo('prepare').answer('prepare', TOKYO, { kind: 'link-lost' }).recorded('revert');
    for (const before of ['coordinate', 'run', 'drain', 'prepare'] as const) {
      if (before === step) return this;
      this.both(before);
    }
    this.recorded('commit');
    return step === 'commit' ? this : this.both('commit');
  }

  sent(kind: Order['kind']): string[] {
    return this.orders.flatMap((order) => (order.kind === kind && 'to' in order ? [order.to] : []));
  }

  get records(): string[] {
    return this.orders.flatMap((order) =>
      order.kind === 'record' ? [`${order.record.decision} ${order.record.phase}`] : [],
    );
  }

  end(): FormationEnd {
    const { state } = this.both('thaw');
    if (state.phase !== 'ended') throw new Error(`still ${state.phase}`);
    return state.end;
  }
}

describe('a formation in which all goes well', () => {
  it('coordinates, runs, drains, prepares, decides, commits and thaws, everybody at each step', () => {
    const play = new Play().upTo('thaw');
    expect(play.end()).toMatchObject({ outcome: 'formed', sequence: 8, settled: true, failure: null, timeMs: 5_000 });
    expect(play.orders.map(({ kind }) => kind)).toEqual(
      ['coordinate', 'run', 'drain', 'prepare', 'record', 'commit', 'thaw', 'record'].flatMap((kind) =>
        kind === 'record' ? [kind] : [kind, kind],
      ),
    );
    expect(play.records).toEqual(['commit open', 'commit settled']);
  });

  it('begins no step before the last subordinate has answered the one before', () => {
    const play = new Play().answer('coordinate', TOKYO);
    expect(play.sent('run')).toEqual([]);
    expect(play.answer('coordinate', NAGOYA).sent('run')).toEqual([TOKYO, NAGOYA]);
  });

  it('commits nothing before the decision is durable at the master', () => {
    const play = new Play().upTo('prepare').both('prepare');
    expect(play.records).toEqual(['commit open']);
    expect(play.sent('commit')).toEqual([]);
    expect(play.recorded('commit').sent('commit')).toEqual([TOKYO, NAGOYA]);
  });

  it('is formed only when every commit is answered', () => {
    const play = new Play().upTo('commit').answer('commit', TOKYO);
    expect(play.state.phase).toBe('settling');
    expect(play.sent('thaw')).toEqual([]);
    expect(play.answer('commit', NAGOYA).end().outcome).toBe('formed');
  });

  it('tells the longest pause and drain and the tracks of all', () => {
    const play = new Play().both('coordinate');
    play.answer('run', TOKYO, { kind: 'ok', pauseMs: 3.5 }).answer('run', NAGOYA, { kind: 'ok', pauseMs: 2 });
    play.answer('drain', TOKYO, { kind: 'ok', drainMs: 10, tracks: 4 });
    play.answer('drain', NAGOYA, { kind: 'ok', drainMs: 70, tracks: 5 });
    play.both('prepare').recorded('commit').both('commit');
    expect(play.end()).toMatchObject({ pauseMs: 3.5, drainMs: 70, tracks: 9 });
  });

  it('carries the instant at which all gates were closed, and the member list, with every prepare', () => {
    const prepare = new Play().upTo('prepare').orders.find(({ kind }) => kind === 'prepare');
    expect(prepare).toMatchObject({ group: { sequence: 8, term: 1, timeMs: 5_000, memberList: PLAN.memberList } });
  });

  it('leaves the remotes on it where it was asked to, and only where it is formed', () => {
    const asked = { ...PLAN, thenStopSending: true };
    const thaws = (play: Play) => play.orders.flatMap((order) => (order.kind === 'thaw' ? [order.stopSending] : []));
    expect(thaws(new Play(beginFormation(asked)).upTo('thaw'))).toEqual([true, true]);
    expect(thaws(new Play(beginFormation(asked)).answer('coordinate', TOKYO, { kind: 'link-lost' }))).toEqual([
      false,
      false,
    ]);
  });
});

describe('a formation whose subordinate does not do its step', () => {
  const FAILING = [
    { how: 'refuses', answer: { kind: 'refused', reason: 'it was restarted' } },
    { how: 'dies', answer: { kind: 'link-lost' } },
    { how: 'is silent on the link', answer: { kind: 'timed-out' } },
  ] as const;

  for (const step of ['coordinate', 'run', 'drain'] as const) {
    for (const { how, answer } of FAILING) {
      it(`is void, and thaws everybody, where one ${how} at ${step}`, () => {
        const play = new Play().upTo(step).answer(step, NAGOYA, answer);
        expect(play.sent('thaw')).toEqual([TOKYO, NAGOYA]);
        expect(play.sent('prepare')).toEqual([]);
        expect(play.records).toEqual(['none settled']);
        expect(play.end()).toMatchObject({
          outcome: 'void',
          settled: true,
          failure: { activity: step, controller: 'nagoya' },
        });
      });
    }

    it(`is void where one hangs at ${step} until the master's limit, and its late answer changes nothing`, () => {
      const play = new Play().upTo(step).answer(step, TOKYO).tell({ kind: 'limit', step });
      expect(play.state.phase).toBe('thawing');
      const { state } = play;
      expect(play.answer(step, NAGOYA).state).toBe(state);
      expect(play.end()).toMatchObject({ outcome: 'void', failure: { activity: step, controller: 'nagoya' } });
    });
  }

  it('is void where one gate opened by itself, although all had answered coordinate (H2)', () => {
    const play = new Play()
      .upTo('run')
      .answer('run', TOKYO)
      .answer('run', NAGOYA, { kind: 'opened-by-itself', pauseMs: 50 });
    expect(play.sent('drain')).toEqual([]);
    expect(play.end()).toMatchObject({
      outcome: 'void',
      pauseMs: 50,
      failure: { activity: 'run', controller: 'nagoya' },
    });
  });

  for (const { how, answer } of FAILING) {
    it(`is decided to be reverted where one ${how} at prepare, and fails when all have reverted`, () => {
      const play = new Play().upTo('prepare').answer('prepare', TOKYO).answer('prepare', NAGOYA, answer);
      expect(play.records).toEqual(['revert open']);
      play.recorded('revert');
      expect(play.sent('revert')).toEqual([TOKYO, NAGOYA]);
      expect(play.both('revert').end()).toMatchObject({
        outcome: 'failed',
        settled: true,
        failure: { activity: 'prepare' },
      });
      expect(play.sent('commit')).toEqual([]);
    });

    it(`asks again where one ${how} at commit, and is formed when it answers at last`, () => {
      const play = new Play().upTo('commit').answer('commit', TOKYO).answer('commit', NAGOYA, answer);
      expect(play.tell({ kind: 'repeat' }).sent('commit')).toEqual([TOKYO, NAGOYA, NAGOYA]);
      expect(play.answer('commit', NAGOYA).end()).toMatchObject({ outcome: 'formed', failure: null });
    });
  }

  it('is undecided, not formed and not settled, where a commit is not answered within the limit', () => {
    const play = new Play().upTo('commit').answer('commit', TOKYO).tell({ kind: 'limit', step: 'commit' });
    expect(play.end()).toMatchObject({
      outcome: 'undecided',
      settled: false,
      failure: { activity: 'commit', controller: 'nagoya' },
    });
    expect(play.records).toEqual(['commit open']);
  });

  it('fails, not settled, where a revert is not answered, and tells why it was reverted', () => {
    const play = new Play().upTo('revert').tell({ kind: 'limit', step: 'revert' });
    expect(play.end()).toMatchObject({ outcome: 'failed', settled: false, failure: { activity: 'prepare' } });
    expect(play.records).toEqual(['revert open']);
  });

  it('names the remote where a subordinate says that it failed there', () => {
    const refused: StepAnswer = { kind: 'refused', reason: 'the volume is not complete 8', controller: 'osaka' };
    const play = new Play().upTo('prepare').answer('prepare', TOKYO, refused).recorded('revert').both('revert');
    expect(play.end().failure).toEqual({
      activity: 'prepare',
      controller: 'osaka',
      reason: 'the volume is not complete 8',
    });
  });

  it('ends although a thaw is not answered: that member thaws by itself', () => {
    const play = new Play()
      .upTo('thaw')
      .answer('thaw', TOKYO, { kind: 'link-lost' })
      .tell({ kind: 'limit', step: 'thaw' });
    expect(play.state).toMatchObject({ phase: 'ended', end: { outcome: 'formed' } });
  });
});

describe('the decision', () => {
  it('orders neither commit nor revert where nobody can say whether it is durable', () => {
    const play = new Play().upTo('prepare').both('prepare');
    play.tell({ kind: 'unrecorded', decision: 'commit', reason: 'no space' });
    expect([...play.sent('commit'), ...play.sent('revert')]).toEqual([]);
    expect(play.end()).toMatchObject({ outcome: 'undecided', settled: false, failure: { activity: 'decide' } });
  });

  it('to revert holds without a record', () => {
    const play = new Play().upTo('prepare').answer('prepare', TOKYO, { kind: 'link-lost' });
    play.tell({ kind: 'unrecorded', decision: 'revert', reason: 'no space' });
    expect(play.both('revert').end().outcome).toBe('failed');
  });

  it('is not changed by a cancel that comes behind it', () => {
    const play = new Play().upTo('commit').tell({ kind: 'cancelled', reason: 'interrupted' });
    expect(play.both('commit').end().outcome).toBe('formed');
  });

  it('is resumed after a restart: committed or reverted until answered, then thawed', () => {
    const committed = new Play(resumeFormation(PLAN, 5_000, 'commit'));
    expect(committed.both('commit').end()).toMatchObject({ outcome: 'formed', timeMs: 5_000 });
    const reverted = new Play(resumeFormation(PLAN, 5_000, 'revert'));
    expect(reverted.both('revert').end().outcome).toBe('failed');
  });
});

describe('a cancelled formation', () => {
  for (const step of ['coordinate', 'run', 'drain'] as const) {
    it(`is void at ${step}`, () => {
      const play = new Play().upTo(step).tell({ kind: 'cancelled', reason: 'interrupted' });
      expect(play.end()).toMatchObject({ outcome: 'void', failure: { activity: step, reason: 'interrupted' } });
    });
  }

  it('is reverted at prepare', () => {
    const play = new Play().upTo('prepare').tell({ kind: 'cancelled', reason: 'interrupted' });
    expect(play.records).toEqual(['revert open']);
  });
});

describe('a stale event', () => {
  const now = new Play().answer('coordinate', TOKYO).state;
  const event: FormationEvent = { ...ABOUT, kind: 'answered', step: 'coordinate', from: NAGOYA, answer: OK, atMs: 0 };

  it('of another number or term changes nothing', () => {
    expect(advance(now, { ...event, sequence: 7 })).toEqual({ state: now, orders: [] });
    expect(advance(now, { ...event, term: 2 })).toEqual({ state: now, orders: [] });
  });

  it('of another step, of a system that answered already, or of a stranger changes nothing', () => {
    expect(advance(now, { ...event, step: 'run' }).state).toBe(now);
    expect(advance(now, { ...event, from: TOKYO }).state).toBe(now);
    expect(advance(now, { ...event, from: system('kobe').id }).state).toBe(now);
    expect(advance(now, { ...ABOUT, kind: 'limit', step: 'drain' }).state).toBe(now);
    expect(advance(now, { ...ABOUT, kind: 'recorded', decision: 'commit' }).state).toBe(now);
  });
});

describe('the table of failing steps', () => {
  it('makes void what is not prepared, reverts what may be, and asks again for what is decided', () => {
    const refused = Object.fromEntries(Object.entries(CONSEQUENCES).map(([step, row]) => [step, row.refused]));
    expect(refused).toEqual({
      coordinate: 'void',
      run: 'void',
      drain: 'void',
      prepare: 'revert',
      commit: 'wait',
      revert: 'wait',
      thaw: 'pass',
    });
  });

  it('is asked about the step that the state waits for', () => {
    expect(stepOf(new Play().upTo('drain').state)).toBe('drain');
    expect(stepOf(new Play().upTo('revert').state)).toBe('revert');
  });
});
