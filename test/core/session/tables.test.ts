import { describe, expect, it } from 'vitest';
import type { Anchor } from '../../../src/core/sequence/sequence.js';
import {
  type ActiveTable,
  addStream,
  changeSessionPolicy,
  countingSystems,
  enterStream,
  formatMark,
  type IssueQuestion,
  issuedIn,
  joinPrimary,
  joinSystem,
  judgeIssue,
  judgePlace,
  judgeTable,
  judgeWait,
  mustRecord,
  type PlaceQuestion,
  parseMark,
  primaryMaster,
  putPrimary,
  resignPrimary,
  resignSystem,
  SESSION_POLICY_DEFAULT,
  secondaryMaster,
} from '../../../src/core/session/session.js';
import { checkpoint, id, row, system } from './stage.js';

const TABLE: ActiveTable = { term: 3, rows: [row('a', 'k'), row('b', 'l', { enteredAt: null })] };

describe('the copy-active table', () => {
  it('takes a new stream that does not count, and lets it count from a number on (H21)', () => {
    const added = addStream({ term: 0, rows: [] }, system('a'), system('k'));
    expect(added).toEqual({ term: 1, rows: [row('a', 'k', { enteredAt: null })] });
    expect(addStream(added, system('a'), system('k'))).toBe(added);
    const entered = enterStream(TABLE, { primary: id('b'), secondary: id('l') }, 7);
    expect(entered.term).toBe(4);
    expect([countingSystems(entered.rows, 6), countingSystems(entered.rows, 7)]).toEqual([
      [id('k')],
      [id('k'), id('l')],
    ]);
    expect(() => enterStream(entered, { primary: id('b'), secondary: id('l') }, 9)).toThrow();
  });

  it('takes every stream of a resigned system out, of a primary and of a secondary, under a raised term', () => {
    expect(resignSystem(TABLE, id('a'), 5)).toMatchObject({ term: 4, rows: [{ resigned: 5 }, { resigned: null }] });
    expect(resignSystem(TABLE, id('l'), 0)).toMatchObject({ term: 4, rows: [{ resigned: null }, { resigned: 0 }] });
    expect(resignSystem(TABLE, id('z'), 0)).toBe(TABLE);
    const back = joinSystem(resignSystem(TABLE, id('a'), 5), id('a'));
    expect(back).toMatchObject({ term: 5, rows: [{ enteredAt: null, resigned: null }, {}] });
  });

  it('has the lowest id as its master, of those that have entered, until that resigns', () => {
    expect(secondaryMaster([row('a', 'k'), row('b', 'l')])?.name).toBe('k');
    expect(secondaryMaster([row('a', 'k', { resigned: 2 }), row('b', 'l')])?.name).toBe('l');
    expect(secondaryMaster([row('a', 'k', { enteredAt: null }), row('b', 'l')])?.name).toBe('l');
    expect(secondaryMaster([row('a', 'k', { enteredAt: null }), row('b', 'l', { enteredAt: null })])?.name).toBe('k');
    expect(secondaryMaster([])).toBeUndefined();
  });

  it('is recorded at every other system but the one that goes', () => {
    expect(mustRecord(TABLE.rows, id('k'))).toEqual([id('l')]);
    expect(mustRecord(TABLE.rows, id('k'), id('l'))).toEqual([]);
  });

  it.each([
    ['@A', 'adopt', 4, TABLE.rows],
    ['@B', 'superseded', 2, TABLE.rows],
    ['@C', 'same', 3, TABLE.rows],
    ['@D', 'conflict', 3, []],
  ])('%s %s', (label, kind, term, rows) => {
    expect(judgeTable(TABLE, { term, rows })).toEqual({ label, kind });
  });
});

describe('the configuration table', () => {
  it('has the lowest id as its master, until that resigns', () => {
    const one = putPrimary({ term: 0, rows: [] }, system('b'), [system('l')]);
    const two = putPrimary(one, system('a'), [system('k')]);
    expect(two.rows.map(({ system: { name } }) => name)).toEqual(['a', 'b']);
    expect(primaryMaster(two.rows)?.name).toBe('a');
    const gone = resignPrimary(two, id('a'), 9);
    expect([gone.term, primaryMaster(gone.rows)?.name]).toEqual([3, 'b']);
    expect(putPrimary(gone, system('a'), [system('k')])).toBe(gone);
    expect(primaryMaster(joinPrimary(gone, id('a')).rows)?.name).toBe('a');
  });
});

describe('issuing a checkpoint', () => {
  const anchor: Anchor = { boot: 'x', offsetNs: '5', agreedAtMs: 0 };
  const config = putPrimary(putPrimary({ term: 0, rows: [] }, system('a'), []), system('b'), []).rows;
  const issued = checkpoint(4);
  const table = { state: 'running', configTerm: 2, config, anchor, issued, seen: 4, streams: [] } as const;
  const clock = { trusted: true, label: '@D' } as const;
  const other = { system: id('b'), seen: 6, anchor, clock };
  const question: IssueQuestion = { self: id('a'), order: 'clock', table, time: 99n, others: [other] };
  const askew = { trusted: false, label: '@C', why: 'ahead' } as const;

  it.each<[string, string, Partial<IssueQuestion>]>([
    ['@A', 'stopped', { table: { ...table, state: 'stopped' } }],
    ['@B', 'not-master', { self: id('b') }],
    ['@C', 'unanchored', { time: null }],
    ['@D', 'untrusted', { others: [{ ...other, clock: askew }] }],
    ['@D', 'untrusted', { others: [{ ...other, anchor: { ...anchor, offsetNs: '6' } }] }],
    ['@D', 'untrusted', { time: 40n }],
    ['@E', 'issue', { others: [{ ...other, anchor: null }] }],
    ['@E', 'issue', { order: 'arrival', others: [{ ...other, clock: askew }] }],
  ])('%s %s', (label, kind, change) => {
    expect(judgeIssue({ ...question, ...change })).toMatchObject({ label, kind });
  });

  it('goes on above everything that anybody has seen (H22)', () => {
    const verdict = judgeIssue(question);
    expect(verdict).toMatchObject({ checkpoint: { number: 7, time: '99', issuer: id('a') }, to: [id('a'), id('b')] });
    if (verdict.kind === 'issue') expect(issuedIn(table, verdict.checkpoint)).toMatchObject({ seen: 7 });
  });
});

describe('placing a checkpoint in a stream', () => {
  const told = { configTerm: 2, checkpoint: checkpoint(5) };
  const question: PlaceQuestion = { configTerm: 2, seen: 4, last: null, now: 51n, wholeSince: 50n, told };

  it.each<[string, Partial<PlaceQuestion>, unknown]>([
    ['@A', { configTerm: 3 }, { kind: 'superseded' }],
    ['@B', { seen: 5, last: { checkpoint: checkpoint(5), whole: true } }, { placed: { kind: 'placed', whole: true } }],
    ['@C', { seen: 5 }, { placed: { kind: 'passed', seen: 5 } }],
    ['@D', { now: 50n }, { placed: { kind: 'placed', whole: false } }],
    ['@D', { now: null }, { placed: { kind: 'placed', whole: false } }],
    ['@E', { wholeSince: null }, { placed: { kind: 'placed', whole: false } }],
    ['@F', { wholeSince: 51n }, { placed: { kind: 'placed', whole: false } }],
    ['@G', {}, { placed: { kind: 'placed', whole: true } }],
  ])('%s %o', (label, change, expected) => {
    const verdict = judgePlace({ ...question, ...change });
    expect(verdict.label).toBe(label);
    expect(verdict).toMatchObject(expected as object);
  });

  it('takes the same number of another master for another checkpoint (H22)', () => {
    const last = { checkpoint: checkpoint(5, { issuer: id('b') }), whole: true };
    expect(judgePlace({ ...question, seen: 5, last })).toMatchObject({ label: '@C', kind: 'passed' });
  });
});

describe('a mark', () => {
  it('names its run and its number', () => {
    expect(parseMark(formatMark({ run: 2, number: 17 }))).toEqual({ run: 2, number: 17 });
    for (const text of ['17', '2.0', 'two.1', ''])
      expect(() => parseMark(text)).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  it.each([
    ['@A', 'other-run', { run: 3 }],
    ['@B', 'applied', { applied: 17 }],
    ['@C', 'degraded', { degraded: true }],
    ['@D', null, { degraded: true, complete: 17 }],
    ['@D', null, {}],
  ])('%s %s', (label, verdict, change) => {
    const question = { mark: { run: 2, number: 17 }, run: 2, applied: 16, complete: 16, degraded: false };
    expect(judgeWait({ ...question, ...change })).toEqual({ label, verdict });
  });
});

describe('a policy', () => {
  it('changes what is named, and takes the limit away with 0', () => {
    const changed = changeSessionPolicy(SESSION_POLICY_DEFAULT, { resignAfterMs: 500 });
    expect(changed).toEqual({ ...SESSION_POLICY_DEFAULT, resignAfterMs: 500 });
    expect(changeSessionPolicy(changed, { intervalMs: 0 })).toMatchObject({ intervalMs: 0, resignAfterMs: 500 });
    expect(changeSessionPolicy(changed, { resignAfterMs: 0 }).resignAfterMs).toBeNull();
    expect(() => changeSessionPolicy(changed, { intervalMs: -1 })).toThrow('--interval');
  });
});
