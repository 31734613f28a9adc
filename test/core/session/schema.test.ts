import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { type SessionSheet, sessionSheetSchema } from '../../../src/core/session/session.js';

const hex = (digit: string): string => digit.repeat(32);
const system = (digit: string) => ({ id: hex(digit), name: `s${digit}`, path: `/systems/s${digit}` });
const checkpoint = { number: 7, time: '1764000000000000000', issuer: hex('a') };

const SHEET: SessionSheet = {
  version: 1,
  id: hex('0'),
  name: 'j',
  term: 1,
  run: 1,
  home: system('a'),
  order: 'clock',
  policy: { intervalMs: 1000, resignAfterMs: null, enableAtSecondary: false },
  primary: {
    state: 'running',
    configTerm: 1,
    config: [{ system: system('a'), coupled: [system('b')], resignedAt: null }],
    anchor: { boot: 'a-boot', offsetNs: '-12', agreedAtMs: 5 },
    issued: checkpoint,
    seen: 7,
    streams: [{ secondary: system('b'), sentUpTo: 12, appliedTime: '17', generation: 2 }],
  },
  secondary: {
    enabled: true,
    tableTerm: 2,
    table: [{ secondary: system('b'), primary: system('a'), enteredAt: 3, resigned: null }],
    streams: [
      {
        primary: system('a'),
        voidBefore: { [hex('c')]: 4 },
        appliedSequence: 9,
        heldFrom: 5,
        generation: 1,
        remadeIn: null,
      },
    ],
    releasing: checkpoint,
    applied: null,
    resetTo: 0,
    recovered: { term: 1, checkpoint, done: false },
  },
};

const fits = (sheet: unknown): boolean => v.safeParse(sessionSheetSchema, sheet).success;

describe('a session sheet', () => {
  it('is the same after it was written and read', () => {
    expect(v.parse(sessionSheetSchema, JSON.parse(JSON.stringify(SHEET)))).toEqual(SHEET);
  });

  it.each([
    ['an unknown key', { ...SHEET, more: 1 }],
    ['a missing key', { ...SHEET, run: undefined }],
    ['another version', { ...SHEET, version: 2 }],
    ['a time that is a number', { ...SHEET, secondary: { ...SHEET.secondary, applied: { ...checkpoint, time: 7 } } }],
    [
      'a time with a leading zero',
      { ...SHEET, secondary: { ...SHEET.secondary, applied: { ...checkpoint, time: '07' } } },
    ],
    ['a checkpoint issued above what was seen', { ...SHEET, primary: { ...SHEET.primary, seen: 6 } }],
  ])('is refused with %s', (_, sheet) => {
    expect(fits(sheet)).toBe(false);
  });
});
