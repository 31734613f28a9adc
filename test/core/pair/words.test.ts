import fc from 'fast-check';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import {
  cciName,
  PAIR_STATUSES,
  paceTracks,
  pairRecordSchema,
  parseStatuses,
  statusFromCci,
} from '../../../src/core/pair/pair.js';
import { ALL_STATES, active, pair } from './states.js';

describe('names in the CCI manner', () => {
  it('are those of the design', () => {
    expect(PAIR_STATUSES.map((status) => cciName(status, 'primary')).join(' ')).toBe(
      'SMPL COPY PAIR COPY(SP) PSUS COPY(RS) RCPY PSUE',
    );
    expect(cciName('split', 'secondary')).toBe('SSUS');
  });

  it('lead back to their status in any case of letters', () => {
    for (const status of PAIR_STATUSES) {
      for (const side of ['primary', 'secondary'] as const) {
        expect(statusFromCci(cciName(status, side).toLowerCase())).toBe(status);
      }
    }
    expect(statusFromCci('PAIRS')).toBeUndefined();
  });
});

describe('a list of statuses', () => {
  it('takes both vocabularies, mixed', () => {
    expect(parseStatuses('duplex, PSUS,ssus,Sp-Pending,copy(rs)')).toEqual(['duplex', 'split', 'sp-pending', 'resync']);
  });

  it('refuses any other word with usage', () => {
    for (const text of ['', 'duplex,', 'splitt', 'constructor', '__proto__']) {
      expect(() => parseStatuses(text), text).toThrow(expect.objectContaining({ code: 'usage' }));
    }
  });
});

describe('a pair record that was read', () => {
  const good = pair(active('split'));
  const reads = (value: unknown) => v.safeParse(pairRecordSchema, value).success;

  it('is taken in every state', () => {
    for (const state of ALL_STATES) expect(reads(JSON.parse(JSON.stringify(pair(state)))), state.status).toBe(true);
  });

  it('comes back as it was', () => {
    expect(v.parse(pairRecordSchema, JSON.parse(JSON.stringify(good)))).toEqual(good);
  });

  it('is refused with unknown or missing keys', () => {
    expect(reads({ ...good, more: 1 })).toBe(false);
    expect(reads({ ...good, state: { status: 'duplex', frozen: null } })).toBe(false);
    expect(reads({ ...good, state: { status: 'simplex' } })).toBe(false);
    expect(reads({ ...good, state: { status: 'split' } })).toBe(false);
    const { pace: _, ...without } = good;
    expect(reads(without)).toBe(false);
  });

  it('is refused with numbers that count nothing', () => {
    const wild = [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 1e300, '1', null, true];
    for (const key of ['number', 'primary', 'secondary', 'copyPointer', 'generation', 'createdAtMs']) {
      for (const value of wild) expect(reads({ ...good, [key]: value }), `${key}: ${value}`).toBe(false);
    }
    expect(reads({ ...good, primary: 65_536 })).toBe(false);
    expect(reads({ ...good, rateBytesPerSecond: 0 })).toBe(false);
    expect(reads({ ...good, secondary: good.primary })).toBe(false);
  });

  it('is refused, not choked on, whatever JSON stands there', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => !reads(value)));
  });

  it('is refused when a suspended pair came from a suspended one', () => {
    const state = { status: 'suspended', from: active('duplex'), reason: 'command', message: '', allowWrite: false };
    expect(reads({ ...good, state })).toBe(true);
    expect(reads({ ...good, state: { ...state, from: state } })).toBe(false);
  });
});

describe('a pace', () => {
  it('is a number of tracks per turn', () => {
    expect((['slow', 'medium', 'fast', 'hold'] as const).map(paceTracks)).toEqual([1, 3, 15, 0]);
  });
});
