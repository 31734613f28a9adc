import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  advanceSplit,
  beginSplit,
  judgeSplit,
  resumeSplit,
  SPLIT_CONSEQUENCES,
  type SplitAdvance,
  type SplitAnswer,
  type SplitEvent,
  type SplitOrder,
  type SplitPlan,
  type SplitState,
  type SplitStep,
  type SplitTrouble,
} from '../../../src/core/group/group.js';
import { system } from './stage.js';

const NAMES = ['tokyo', 'kyoto'];
const PLAN: SplitPlan = { id: '0'.repeat(32), limitMs: 50, systems: NAMES.map(system) };
const [TOKYO, KYOTO] = PLAN.systems.map(({ id }) => id) as [string, string];
const OK: SplitAnswer = { kind: 'ok' };
const COURSE = ['ready', 'prepare', 'run'] as const;

/** Plays events on a split and keeps all that was ordered. */
class Play {
  state: SplitState;
  orders: SplitOrder[];

  constructor(begun: SplitAdvance = beginSplit(PLAN)) {
    this.state = begun.state;
    this.orders = [...begun.orders];
  }

  tell(event: SplitEvent): this {
    const next = advanceSplit(this.state, event);
    this.state = next.state;
    this.orders.push(...next.orders);
    return this;
  }

  answer(step: SplitStep, from: string, answer: SplitAnswer = OK): this {
    return this.tell({ kind: 'answered', step, from, answer });
  }

  both(...steps: readonly SplitStep[]): this {
    for (const step of steps) this.answer(step, TOKYO).answer(step, KYOTO);
    return this;
  }

  /** Everything up to the step, of which nothing is answered yet. */
  upTo(step: SplitStep): this {
    if (step === 'undo') return this.both('ready').answer('prepare', TOKYO, { kind: 'link-lost' });
    for (const before of COURSE) {
      if (before === step) return this;
      this.both(before);
    }
    return this.tell({ kind: 'recorded' });
  }

  meet(step: SplitStep, trouble: SplitTrouble): this {
    if (trouble === 'limit') return this.tell({ kind: 'limit', step });
    if (trouble === 'cancelled') return this.tell({ kind: 'cancelled', reason: 'stop' });
    return this.answer(step, KYOTO, trouble === 'refused' ? { kind: 'refused', reason: 'no' } : { kind: trouble });
  }

  kinds(): string[] {
    return this.orders.map(({ kind }) => kind);
  }

  get end() {
    return this.state.phase === 'ended' ? this.state.end : undefined;
  }
}

describe('a split over several systems in which all goes well', () => {
  it('makes ready, prepares, runs, decides and commits, everybody at each step', () => {
    const play = new Play().both('ready', 'prepare');
    play.answer('run', TOKYO, { kind: 'ok', pauseMs: 3 }).answer('run', KYOTO, { kind: 'ok', pauseMs: 7 });
    expect(play.kinds()).toEqual(['ready', 'ready', 'prepare', 'prepare', 'run', 'run', 'record']);
    play.tell({ kind: 'recorded' }).both('commit');
    expect(play.kinds().slice(7)).toEqual(['commit', 'commit', 'forget']);
    expect(play.end).toEqual({ outcome: 'split', failure: null, pauseMs: 7 });
  });

  it('closes no gate before all are ready, and opens none before all are frozen', () => {
    const play = new Play().answer('ready', TOKYO);
    expect(play.kinds()).not.toContain('prepare');
    play.answer('ready', KYOTO).answer('prepare', KYOTO);
    expect(play.kinds()).not.toContain('run');
  });

  it('tells nobody of a decision that is not durable', () => {
    const play = new Play().upTo('run').both('run');
    expect(play.state.phase).toBe('deciding');
    expect(play.kinds()).not.toContain('commit');
  });

  it('asks again for what is decided, and for nothing else', () => {
    for (const step of COURSE) {
      const play = new Play().upTo(step);
      const before = play.orders.length;
      expect(play.tell({ kind: 'repeat' }).orders).toHaveLength(before);
    }
    for (const step of ['commit', 'undo'] as const) {
      const play = new Play().upTo(step).answer(step, TOKYO).tell({ kind: 'repeat' });
      expect(play.orders.at(-1)).toEqual({ kind: step, to: KYOTO });
    }
  });
});

describe('a step that fails', () => {
  const cells = Object.entries(SPLIT_CONSEQUENCES).flatMap(([step, row]) =>
    Object.entries(row).map(([trouble, consequence]) => ({ step, trouble, consequence })),
  ) as { step: SplitStep; trouble: SplitTrouble; consequence: string }[];

  it.each(cells)('$step that meets $trouble: $consequence', ({ step, trouble, consequence }) => {
    const play = new Play().upTo(step);
    const before = play.orders.length;
    play.meet(step, trouble);
    const after = play.kinds().slice(before);
    if (consequence === 'refuse') expect(play.end?.outcome).toBe('refused');
    else if (consequence === 'undo') {
      expect(after).toEqual(['undo', 'undo']);
      expect(play.both('undo').end?.outcome).toBe('void');
    } else if (consequence === 'wait') expect([play.state.phase, after]).toEqual([step, []]);
    else expect(play.end?.outcome).toBe(step === 'commit' ? 'undecided' : 'void');
  });

  it('is named in the end, with the system where it failed', () => {
    const play = new Play().upTo('run').answer('run', KYOTO, { kind: 'opened-by-itself' }).both('undo');
    expect(play.end?.failure).toMatchObject({ step: 'run', system: KYOTO });
  });

  it('leaves open what nobody can say: a decision of which it is not known whether it is durable', () => {
    const play = new Play().upTo('run').both('run').tell({ kind: 'unrecorded', reason: 'no space' });
    expect(play.end).toMatchObject({ outcome: 'undecided', failure: { step: 'decide' } });
    expect(play.kinds()).not.toContain('undo');
  });
});

describe('a split that is gone on with', () => {
  it.each(['commit', 'undo'] as const)(
    'after a durable %s asks nothing else, and forgets it when all have answered',
    (decision) => {
      const play = new Play(resumeSplit(PLAN, decision)).both(decision);
      expect(play.kinds()).toEqual([decision, decision, 'forget']);
    },
  );

  it('under a new coordinator counts where one member has committed it, and is void where none has', () => {
    expect(judgeSplit(['prepared', 'committed', 'prepared'])).toBe('commit');
    expect(judgeSplit(['prepared', 'prepared'])).toBe('undo');
    expect(judgeSplit(['prepared', 'unknown'])).toBe('undo');
  });
});

describe('whatever comes in whatever order', () => {
  const step = fc.constantFrom<SplitStep>('ready', 'prepare', 'run', 'commit', 'undo');
  const answer = fc.oneof(
    { weight: 30, arbitrary: fc.constant<SplitAnswer>(OK) },
    { weight: 1, arbitrary: fc.constant<SplitAnswer>({ kind: 'opened-by-itself' }) },
    { weight: 1, arbitrary: fc.constant<SplitAnswer>({ kind: 'link-lost' }) },
  );
  const from = fc.constantFrom(TOKYO, KYOTO);
  const event: fc.Arbitrary<SplitEvent> = fc.oneof(
    { weight: 20, arbitrary: fc.record({ kind: fc.constant('answered' as const), step, from, answer }) },
    { weight: 3, arbitrary: fc.constant<SplitEvent>({ kind: 'recorded' }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('limit' as const), step }) },
    { weight: 1, arbitrary: fc.constant<SplitEvent>({ kind: 'repeat' }) },
  );

  it('a commit is ordered only after every gate was opened by run and the decision is durable, and never beside an undo', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const play = new Play();
        const opened = new Set<string>();
        for (const one of events) {
          const waits = play.state.phase === 'run' && one.kind === 'answered' && one.step === 'run';
          if (waits && one.answer.kind === 'ok') opened.add(one.from);
          play.tell(one);
        }
        const kinds = play.kinds();
        if (kinds.includes('commit')) {
          expect([...opened].sort()).toEqual([TOKYO, KYOTO].sort());
          expect(kinds.indexOf('record')).toBeLessThan(kinds.indexOf('commit'));
          expect(kinds).not.toContain('undo');
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
