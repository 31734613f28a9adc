import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  advance,
  beginFormation,
  type FormationEvent,
  type FormationState,
  type Order,
  type Step,
  type StepAnswer,
} from '../../../src/core/group/group.js';
import { plan } from './stage.js';

const STEPS: readonly Step[] = ['coordinate', 'run', 'drain', 'prepare', 'commit', 'revert', 'thaw'];
const NAMES = ['tokyo', 'nagoya', 'kyoto'];
const PLAN = plan(NAMES);
const IDS = PLAN.parts.map(({ system }) => system.id);

const answer: fc.Arbitrary<StepAnswer> = fc.oneof(
  { weight: 120, arbitrary: fc.constant<StepAnswer>({ kind: 'ok' }) },
  { weight: 1, arbitrary: fc.constant<StepAnswer>({ kind: 'opened-by-itself' }) },
  { weight: 1, arbitrary: fc.constant<StepAnswer>({ kind: 'refused', reason: 'no' }) },
  { weight: 1, arbitrary: fc.constant<StepAnswer>({ kind: 'link-lost' }) },
  { weight: 1, arbitrary: fc.constant<StepAnswer>({ kind: 'timed-out' }) },
);

const about = fc.record({
  sequence: fc.oneof({ weight: 9, arbitrary: fc.constant(PLAN.sequence) }, fc.constant(PLAN.sequence - 1)),
  term: fc.oneof({ weight: 9, arbitrary: fc.constant(PLAN.term) }, fc.constant(PLAN.term + 1)),
});

const decision = fc.constantFrom('commit' as const, 'revert' as const);

/** `current`: an answer to whatever the machine has asked for now, so that long runs come about, beside wild ones. */
const event = fc.oneof(
  {
    weight: 14,
    arbitrary: fc.record({ kind: fc.constant('current' as const), from: fc.constantFrom(...IDS), answer }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('answered' as const),
      step: fc.constantFrom(...STEPS),
      from: fc.constantFrom(...IDS),
      answer,
      atMs: fc.nat(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('limit' as const), step: fc.constantFrom(...STEPS) }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('recorded' as const), decision }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('unrecorded' as const), decision, reason: fc.constant('no space') }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'repeat' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'cancelled' as const, reason: 'interrupted' }) },
);

interface Run {
  readonly state: FormationState;
  readonly orders: readonly Order[];
  /** Who was told `ok` of which step, in the events that counted. */
  readonly done: ReadonlySet<string>;
  readonly recorded: ReadonlySet<string>;
}

type Drawn = { readonly about: { sequence: number; term: number }; readonly event: { readonly kind: string } };

function play(drawn: readonly Drawn[]): Run {
  const begun = beginFormation(PLAN);
  let { state } = begun;
  const orders = [...begun.orders];
  const done = new Set<string>();
  const recorded = new Set<string>();
  for (const one of drawn) {
    const told = eventOf(one, orders);
    const next = advance(state, told);
    const counts = told.sequence === PLAN.sequence && told.term === PLAN.term;
    if (counts && told.kind === 'answered' && told.answer.kind === 'ok' && asked(orders, told.step, told.from))
      done.add(`${told.step} ${told.from}`);
    if (counts && told.kind === 'recorded') recorded.add(told.decision);
    state = next.state;
    orders.push(...next.orders);
  }
  return { state, orders, done, recorded };
}

function eventOf({ about: numbers, event: drawn }: Drawn, orders: readonly Order[]): FormationEvent {
  if (drawn.kind !== 'current') return { ...numbers, ...drawn } as FormationEvent;
  const last = [...orders].reverse().find((order) => 'to' in order);
  return { ...numbers, ...drawn, kind: 'answered', step: last?.kind, atMs: 1 } as FormationEvent;
}

function asked(orders: readonly Order[], step: Step, to: string): boolean {
  return orders.some((order) => order.kind === step && 'to' in order && order.to === to);
}

const runs = fc
  .array(fc.record({ about, event }), { maxLength: 80, size: 'max' })
  .map((drawn) => play(drawn as Drawn[]));

function holds(property: (run: Run) => void): void {
  fc.assert(fc.property(runs, property), { numRuns: 2_000 });
}

describe('whatever comes in whatever order, a formation', () => {
  it('orders no commit unless everybody has prepared and the decision is durable', () => {
    holds(({ orders, done, recorded }) => {
      if (!orders.some(({ kind }) => kind === 'commit')) return;
      expect(IDS.every((id) => done.has(`prepare ${id}`))).toBe(true);
      expect(recorded.has('commit')).toBe(true);
    });
  });

  it('orders no drain unless everybody said that run opened its gate', () => {
    holds(({ orders, done }) => {
      if (orders.some(({ kind }) => kind === 'drain')) expect(IDS.every((id) => done.has(`run ${id}`))).toBe(true);
    });
  });

  it('never decides twice', () => {
    holds(({ orders }) => {
      const decisions = orders.filter((order) => order.kind === 'record' && order.record.phase === 'open');
      expect(decisions.length).toBeLessThanOrEqual(1);
      const kinds = new Set(orders.map(({ kind }) => kind));
      expect(kinds.has('commit') && kinds.has('revert')).toBe(false);
    });
  });

  it('orders everybody to thaw before it ends, in every outcome', () => {
    holds(({ state, orders }) => {
      if (state.phase === 'thawing' || state.phase === 'ended')
        expect(IDS.every((id) => asked(orders, 'thaw', id))).toBe(true);
    });
  });

  it('is formed only if every commit was answered', () => {
    holds(({ state, done }) => {
      if ('end' in state && state.end.outcome === 'formed')
        expect(IDS.every((id) => done.has(`commit ${id}`))).toBe(true);
    });
  });

  it('is settled only if nobody can hold what was prepared: never asked to, or every commit or revert answered', () => {
    holds(({ state, orders, done }) => {
      if (!('end' in state) || !state.end.settled) return;
      const prepared = orders.some(({ kind }) => kind === 'prepare');
      const answered = (step: Step) => IDS.every((id) => done.has(`${step} ${id}`));
      expect(!prepared || answered('commit') || answered('revert')).toBe(true);
    });
  });

  it('says formed, void, failed and undecided in runs of some length', () => {
    const seen = new Set(fc.sample(runs, 5_000).flatMap(({ state }) => ('end' in state ? [state.end.outcome] : [])));
    expect([...seen].sort()).toEqual(['failed', 'formed', 'undecided', 'void']);
  });
});
