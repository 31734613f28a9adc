import { describe, expect, it } from 'vitest';
import {
  type ActiveRow,
  decideRound,
  judgeWithdraw,
  type RoundDecision,
  type RoundReport,
} from '../../../src/core/session/session.js';
import { at, checkpoint, held, id, report, row } from './stage.js';

const ROWS = [row('a', 'k'), row('b', 'l')];

function decide(reports: readonly RoundReport[], rows: readonly ActiveRow[] = ROWS, upTo?: number): RoundDecision {
  return decideRound({ active: { term: 1, rows }, reports, upTo });
}

const released = (number: number): Partial<RoundReport> => ({ ...at(number - 1), releasing: checkpoint(number) });
const applied = (number: number): Partial<RoundReport> => ({ ...released(number), applied: checkpoint(number) });

describe('a round', () => {
  it('@A stops where somebody knows a newer table', () => {
    const decision = decide([report('k', [held('a', [5])]), report('l', [held('b', [5])], { tableTerm: 2 })]);
    expect(decision).toEqual({ label: '@A', kind: 'wait', why: 'superseded', who: [id('l')] });
  });

  it('@B stops where two systems released different checkpoints of one number', () => {
    const other = checkpoint(5, { issuer: id('b') });
    const decision = decide([report('k', [], released(5)), report('l', [], { ...at(4), releasing: other })]);
    expect(decision).toMatchObject({ label: '@B', why: 'disagree' });
  });

  it('@C brings what somebody has released to all that were heard', () => {
    const decision = decide([report('k', [held('a', [5, 6])], released(5)), report('l', [held('b', [5, 6])], at(4))]);
    expect(decision).toEqual({ label: '@C', kind: 'finish', checkpoint: checkpoint(5), to: [id('l')] });
  });

  it('@C brings it also where the one that released it has long applied it', () => {
    const decision = decide([report('k', [], applied(5)), report('l', [held('b', [5])], at(4))]);
    expect(decision).toMatchObject({ label: '@C', kind: 'finish', to: [id('l')] });
  });

  it('@D waits for a system that was not heard before it resets', () => {
    expect(decide([report('k', [], applied(5))])).toEqual({
      label: '@D',
      kind: 'wait',
      why: 'unheard',
      who: [id('l')],
    });
  });

  it('@E waits for those that are still applying', () => {
    const decision = decide([report('k', [], applied(5)), report('l', [], released(5))]);
    expect(decision).toEqual({ label: '@E', kind: 'wait', why: 'applying', who: [id('l')] });
  });

  it('@F resets once all have applied it', () => {
    const decision = decide([report('k', [], applied(5)), report('l', [], applied(5))]);
    expect(decision).toEqual({ label: '@F', kind: 'reset', checkpoint: checkpoint(5), to: [id('k'), id('l')] });
  });

  it('@F resets the one that the last reset did not reach', () => {
    const decision = decide([report('k', [], at(5)), report('l', [], applied(5))]);
    expect(decision).toMatchObject({ label: '@F', kind: 'reset', to: [id('l')] });
  });

  it('@G releases nothing while a system that counts is not heard, reachable or not (H22)', () => {
    const decision = decide([report('k', [held('a', [6])], at(5))]);
    expect(decision).toEqual({ label: '@G', kind: 'wait', why: 'unheard', who: [id('l')] });
  });

  it('@H lets a stream count from the first whole checkpoint above everything released (H21)', () => {
    const rows = [row('a', 'k'), row('b', 'l', { enteredAt: null })];
    const decision = decide([report('k', [held('a', [6, 7])], at(5)), report('l', [held('b', [4, 5, 6, 7])])], rows);
    const entering = { primary: id('b'), secondary: id('l'), number: 6 };
    expect(decision).toEqual({ label: '@H', kind: 'enter', streams: [entering] });
  });

  it('@H lets it count above what it released itself before it resigned', () => {
    const rows = [row('a', 'k'), row('b', 'l', { enteredAt: null })];
    const decision = decide([report('k', [], at(5)), report('l', [held('b', [6, 7, 8])], at(7))], rows);
    expect(decision).toMatchObject({ label: '@H', streams: [{ number: 8 }] });
  });

  it('@I releases the greatest checkpoint that every stream holds', () => {
    const decision = decide([report('k', [held('a', [6, 7, 8])], at(5)), report('l', [held('b', [6, 7])], at(5))]);
    expect(decision).toEqual({ label: '@I', kind: 'release', checkpoint: checkpoint(7), to: [id('k'), id('l')] });
  });

  it('@I passes over one that a stream holds of another issuer or time (H22)', () => {
    const other = checkpoint(7, { issuer: id('b'), time: '71' });
    const theirs = { held: [checkpoint(6), other] };
    const decision = decide([report('k', [held('a', [6, 7])], at(5)), report('l', [held('b', [], theirs)], at(5))]);
    expect(decision).toMatchObject({ label: '@I', kind: 'release', checkpoint: checkpoint(6) });
  });

  it('@I holds the rendezvous without a stream that has resigned, and without one that enters later', () => {
    const rows = [row('a', 'k'), row('b', 'l', { resigned: 3 }), row('c', 'm', { enteredAt: 9 })];
    const decision = decide([report('k', [held('a', [6])], at(5)), report('m', [], {})], rows);
    expect(decision).toMatchObject({ label: '@I', checkpoint: checkpoint(6), to: [id('k')] });
  });

  it('@I needs every stream of a system that has several', () => {
    const rows = [row('a', 'k'), row('b', 'k')];
    const decision = decide([report('k', [held('a', [6, 7]), held('b', [6])], at(5))], rows);
    expect(decision).toMatchObject({ label: '@I', checkpoint: checkpoint(6) });
  });

  it('@I releases nothing above the one that a person named', () => {
    const reports = [report('k', [held('a', [6, 7, 8])], at(5)), report('l', [held('b', [6, 7, 8])], at(5))];
    expect(decide(reports, ROWS, 7)).toMatchObject({ label: '@I', checkpoint: checkpoint(7) });
    expect(decide(reports, ROWS, 5)).toEqual({ label: '@L', kind: 'nothing' });
  });

  it('@J says whose pairs track', () => {
    const decision = decide([
      report('k', [held('a', [6])], at(5)),
      report('l', [held('b', [], { degraded: true })], at(5)),
    ]);
    expect(decision).toEqual({ label: '@J', kind: 'wait', why: 'degraded', who: [id('b')] });
  });

  it('@K says who is late', () => {
    const decision = decide([report('k', [held('a', [6])], at(5)), report('l', [held('b', [])], at(5))]);
    expect(decision).toEqual({ label: '@K', kind: 'wait', why: 'late', who: [id('b')] });
  });

  it('@L does nothing where nothing is held', () => {
    expect(decide([report('k', [held('a', [])], at(5)), report('l', [held('b', [])], at(5))])).toEqual({
      label: '@L',
      kind: 'nothing',
    });
    expect(decide([])).toMatchObject({ label: '@G' });
    expect(decide([], [])).toEqual({ label: '@L', kind: 'nothing' });
  });
});

describe('a secondary that gives up what it holds, for differences to come back', () => {
  const ask = (reports: readonly RoundReport[], asker = 'l') =>
    judgeWithdraw({ active: { term: 1, rows: ROWS }, reports }, id(asker));

  it('@A is told to wait where somebody knows a newer table', () => {
    expect(ask([report('k', [], { tableTerm: 2 })])).toMatchObject({ label: '@A', why: 'superseded' });
  });

  it('@B waits until every system that counts was heard (H20)', () => {
    expect(ask([report('l', [], at(5))])).toEqual({ label: '@B', kind: 'wait', why: 'unheard', who: [id('k')] });
  });

  it('@C first applies what was released', () => {
    const reports = [report('k', [], released(5)), report('l', [], at(4))];
    expect(ask(reports)).toEqual({ label: '@C', kind: 'first', checkpoint: checkpoint(5) });
  });

  it('@D goes on where it has applied it, or does not count yet', () => {
    expect(ask([report('k', [], applied(5)), report('l', [], at(5))])).toEqual({ label: '@D', kind: 'go' });
    const rows = [row('a', 'k'), row('b', 'l', { enteredAt: null })];
    const reports = [report('k', [], released(5)), report('l', [])];
    expect(judgeWithdraw({ active: { term: 1, rows }, reports }, id('l'))).toEqual({ label: '@D', kind: 'go' });
  });
});
