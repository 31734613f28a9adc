import { describe, expect, it } from 'vitest';
import { formatRate } from '../../src/cli/render/bytes.js';
import { formatDuration } from '../../src/cli/render/durations.js';
import { parseTime } from '../../src/cli/render/times.js';
import { nearest } from '../../src/cli/suggestion.js';

describe('for people', () => {
  it('rates are in binary units', () => {
    expect(formatRate(65_536)).toBe('64KiB/s');
  });

  it('spans have their two largest units', () => {
    expect([340, 12_000, 200_000, 3_900_000].map(formatDuration)).toEqual(['340ms', '12s', '3m 20s', '1h 5m']);
  });
});

describe('times', () => {
  const noon = new Date(2026, 2, 1, 12, 0).getTime();

  it('HH:MM already past is tomorrow for --at and today for --since', () => {
    expect(parseTime('11:00', noon, 'next')).toBe(new Date(2026, 2, 2, 11, 0).getTime());
    expect(parseTime('11:00', noon, 'last')).toBe(new Date(2026, 2, 1, 11, 0).getTime());
  });

  it('ISO 8601 is what it says', () => {
    expect(parseTime('2026-03-01T12:00:00Z', noon, 'next')).toBe(Date.UTC(2026, 2, 1, 12));
  });

  it.each(['24:00', '9:00', '12:60', 'tomorrow', '2026-13-01', '1'])('«%s» is not a time', (text) => {
    expect(parseTime(text, noon, 'next')).toBeUndefined();
  });
});

describe('suggestions', () => {
  it('name what was probably meant, or nothing', () => {
    expect(nearest('pair lst', ['pair list', 'pair split'])).toBe('pair list');
    expect(nearest('xyzzy', ['pair list'])).toBeUndefined();
  });
});
