import { describe, expect, it } from 'vitest';
import {
  type Anchor,
  type Checkpoint,
  type ClockMark,
  compareCheckpoints,
  digitsOf,
  greatestCheckpoint,
  isoOf,
  judgeAnchors,
  judgeClock,
  millisecondsOf,
  parseWanted,
  sameCheckpoint,
  timeAt,
  wantedOf,
} from '../../../src/core/sequence/sequence.js';

const at = (number: number, time: number, issuer = 'a'): Checkpoint => ({ number, time: String(time), issuer });

describe('checkpoints', () => {
  it('are the same only in number, time and issuer (H22)', () => {
    expect(sameCheckpoint(at(5, 10), at(5, 10))).toBe(true);
    expect(sameCheckpoint(at(5, 10), at(5, 11))).toBe(false);
    expect(sameCheckpoint(at(5, 10), at(5, 10, 'b'))).toBe(false);
  });

  it('come in the order of their numbers; time and issuer tell apart what has one number', () => {
    const sorted = [at(6, 1), at(5, 100), at(5, 9, 'b'), at(5, 9, 'a')].sort(compareCheckpoints);
    expect(sorted).toEqual([at(5, 9, 'a'), at(5, 9, 'b'), at(5, 100), at(6, 1)]);
    expect(compareCheckpoints(at(5, 9), at(5, 9))).toBe(0);
    expect(greatestCheckpoint([at(5, 9), null, at(6, 1), at(2, 4)])).toEqual(at(6, 1));
    expect(greatestCheckpoint([null])).toBeNull();
  });
});

describe('an anchor', () => {
  const anchor: Anchor = { boot: 'first', offsetNs: '1000', agreedAtMs: 1 };
  const mark = (system: string, more: Partial<ClockMark> = {}): ClockMark => ({
    system,
    boot: 'first',
    anchor: null,
    mark: '0',
    ...more,
  });

  it('@D is agreed near the wall clock where nobody has one in this boot', () => {
    const old = { boot: 'before', offsetNs: '5', agreedAtMs: 0 };
    const verdict = judgeAnchors([mark('a', { anchor: old }), mark('b')], 7n, 2);
    expect(verdict).toMatchObject({ kind: 'agree', label: '@D' });
    if (verdict.kind === 'agree') expect(timeAt(verdict.anchor, 7n)).toBe(2_000_000n);
  });

  it('@D lies above every mark, also where the wall clock was set back (H24)', () => {
    const verdict = judgeAnchors([mark('a', { mark: '90000000' }), mark('b', { mark: '5' })], 7n, 2);
    if (verdict.kind !== 'agree') throw new Error('none was agreed');
    expect(timeAt(verdict.anchor, 7n)).toBe(90_000_001n);
  });

  it('@B is kept, and taken by a system that has none yet', () => {
    expect(judgeAnchors([mark('a', { anchor, mark: '1500' }), mark('b')], 600n, 2)).toEqual({
      kind: 'keep',
      label: '@B',
      anchor,
    });
  });

  it('@C waits for the time of a mark that lies ahead, instead of setting a clock that is in use', () => {
    expect(judgeAnchors([mark('a', { anchor }), mark('b', { mark: '1600' })], 600n, 2)).toEqual({
      kind: 'ahead',
      label: '@C',
      systems: ['b'],
    });
  });

  it.each([
    ['of two boots', [mark('a', { anchor }), mark('b', { boot: 'second' })]],
    ['with two anchors in use', [mark('a', { anchor }), mark('b', { anchor: { ...anchor, offsetNs: '9' } })]],
  ])('@A is refused for systems %s', (_, marks) => {
    expect(judgeAnchors(marks, 600n, 2)).toEqual({ kind: 'differ', label: '@A', systems: ['b'] });
  });
});

describe('a clock that was read elsewhere', () => {
  const exchange = { ownBoot: 'x', theirBoot: 'x', askedNs: 10n, readNs: 15n, answeredNs: 20n };

  it.each([
    ['@A', { theirBoot: 'y' }],
    ['@B', { readNs: 9n }],
    ['@C', { readNs: 21n }],
    ['@D', {}],
    ['@D', { readNs: 10n }],
    ['@D', { readNs: 20n }],
  ])('%s %o', (label, change) => {
    expect(judgeClock({ ...exchange, ...change }).label).toBe(label);
  });
});

describe('what a person reads and writes', () => {
  it('is a time with nanoseconds', () => {
    expect(isoOf(1_764_000_000_123_456_789n)).toBe('2025-11-24T16:00:00.123456789Z');
    expect(millisecondsOf(1_764_000_000_123_456_789n)).toBe(1_764_000_000_123);
    expect(digitsOf(12n)).toBe('12');
  });

  it('names a checkpoint by its number, or the last one that is not later than a time', () => {
    const some = [at(1, 1_000), at(2, 2_000_000_000), at(4, 3_000_000_000)];
    expect(wantedOf(some, parseWanted('2'))?.number).toBe(2);
    expect(wantedOf(some, parseWanted('3'))).toBeUndefined();
    expect(wantedOf(some, parseWanted('1970-01-01T00:00:02.999999999Z'))?.number).toBe(2);
    expect(wantedOf(some, parseWanted('1970-01-01T01:00:03+01:00'))?.number).toBe(4);
    expect(wantedOf(some, parseWanted('1970-01-01T00:00:00Z'))).toBeUndefined();
  });

  it.each(['', '0', 'soon', '2026-13-01T00:00:00Z', '2026-01-01'])('is refused as %o', (text) => {
    expect(() => parseWanted(text)).toThrow(expect.objectContaining({ code: 'bad-time' }));
  });
});
