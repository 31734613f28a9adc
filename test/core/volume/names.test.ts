import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isToolkitError } from '../../../src/core/foundation/foundation.js';
import {
  formatNumber,
  isGlob,
  isName,
  matchesGlob,
  matchesVolume,
  nextFreeNumbers,
  parseAddress,
  parseAddressPattern,
  parseName,
  parseNumber,
} from '../../../src/core/volume/volume.js';

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (isToolkitError(error)) return error.code;
    throw error;
  }
  return 'none';
}

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (isToolkitError(error)) return error.message;
    throw error;
  }
  return '';
}

const STRANGE = [
  '',
  '.',
  '..',
  '.hidden',
  '-flag',
  '_x',
  'a..b',
  'a/b',
  'a\\b',
  'a:b',
  'a b',
  'a\nb',
  'a\u0000b',
  'a\u001b[31mb',
  'ä',
  'a\u202eb',
  'x'.repeat(65),
  'x'.repeat(300),
  '*',
  'db?',
  'name\n',
];

describe('a name', () => {
  it('is letters, digits, dots, underscores and dashes', () => {
    for (const name of ['a', '0', 'db', 'DB.1', 'a-b_c.d', 'LUN', 'LUN1a', 'lun1', 'x'.repeat(64)]) {
      expect(parseName(name)).toBe(name);
    }
  });

  it('is nothing else', () => {
    for (const name of STRANGE)
      expect(
        codeOf(() => parseName(name)),
        JSON.stringify(name),
      ).toBe('bad-name');
  });

  it('of a volume is not that of a LUN', () => {
    expect(codeOf(() => parseName('LUN0'))).toBe('bad-name');
    expect(codeOf(() => parseName('LUN123', 'volume'))).toBe('bad-name');
    expect(parseName('LUN0', 'system')).toBe('LUN0');
  });

  it('that is refused never brings control characters into the message, nor all of its length', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
        if (isName(text, 'volume')) return;
        const message = messageOf(() => parseName(text));
        expect(message).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        expect(message.length).toBeLessThan(800);
      }),
    );
    expect(messageOf(() => parseName('a\u0000\u001b[2Jb'))).toContain('"a\\u{0}\\u{1b}[2Jb"');
  });

  it('never leads out of a folder', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('.', '/', 'a', '-', '\0'), maxLength: 6 }), (text) => {
        if (isName(text, 'system')) expect(text).not.toMatch(/^\.|\/|\0|\.\./);
      }),
    );
  });
});

describe('a volume number', () => {
  it('is CU:LDEV in hex', () => {
    expect(formatNumber(0x1a)).toBe('00:1A');
    expect(formatNumber(0)).toBe('00:00');
    expect(formatNumber(0xffff)).toBe('FF:FF');
    expect(parseNumber('00:1a')).toBe(0x1a);
  });

  it('comes back from its text', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 65_535 }), (n) => parseNumber(formatNumber(n)) === n));
  });

  it('is nothing shorter, longer or looser', () => {
    for (const text of ['', '1A', '0:1A', '00:1', '000:1A', '00:1AB', '0x:1A', '00:1G', ' 00:1A', '00:1A\n', '00-1A']) {
      expect(
        codeOf(() => parseNumber(text)),
        text,
      ).toBe('usage');
    }
  });

  it('that is next is the lowest free one', () => {
    expect(nextFreeNumbers([])).toEqual([0]);
    expect(nextFreeNumbers([0, 1, 3], 3)).toEqual([2, 4, 5]);
    const all = Array.from({ length: 65_536 }, (_, index) => index);
    expect(nextFreeNumbers(all.slice(0, -1))).toEqual([65_535]);
    expect(codeOf(() => nextFreeNumbers(all))).toBe('limit-reached');
    expect(codeOf(() => nextFreeNumbers(all.slice(0, -1), 2))).toBe('limit-reached');
  });
});

describe('an address', () => {
  it('is a system and a volume', () => {
    expect(parseAddress('tokyo:db')).toEqual({ system: 'tokyo', systemIsPath: false, volume: 'db', number: undefined });
    expect(parseAddress('tokyo:00:1A')).toEqual({
      system: 'tokyo',
      systemIsPath: false,
      volume: '00:1A',
      number: 0x1a,
    });
  });

  it('may name the system by its path', () => {
    const systems = ['./sys', '/a/b', '../x', '.', '..', './a:b/sys', 'a/b', '/with space/sys'];
    for (const system of systems) {
      expect(parseAddress(`${system}:db`), system).toMatchObject({ system, systemIsPath: true, volume: 'db' });
      expect(parseAddress(`${system}:00:02`), system).toMatchObject({ system, systemIsPath: true, number: 2 });
    }
  });

  it('is refused without one of its parts', () => {
    for (const text of ['', ':', 'tokyo', 'tokyo:', ':db', './sys', '/a:b/sys']) {
      expect(
        codeOf(() => parseAddress(text)),
        text,
      ).toBe('usage');
    }
  });

  it('is refused with a part that cannot be a name', () => {
    for (const text of [
      'to kyo:db',
      'tokyo:d b',
      'tokyo:0:1A',
      'tokyo:00:1A:x',
      'tokyo:LUN1',
      'tokyo:..',
      './s\u0000:db',
    ]) {
      expect(
        codeOf(() => parseAddress(text)),
        text,
      ).toBe('bad-name');
    }
  });

  it('of one volume is no glob', () => {
    expect(codeOf(() => parseAddress('tokyo:db*'))).toBe('usage');
    expect(parseAddressPattern('tokyo:db*')).toMatchObject({ system: 'tokyo', volume: 'db*', isGlob: true });
    expect(parseAddressPattern('*:00:0?')).toMatchObject({ system: '*', volume: '00:0?', isGlob: true });
    expect(parseAddressPattern('tokyo:db').isGlob).toBe(false);
  });
});

describe('a glob', () => {
  const MATCHES: [string, string][] = [
    ['*', ''],
    ['*', 'anything'],
    ['db*', 'db'],
    ['db*', 'db-1'],
    ['*1', 'db-1'],
    ['*b*', 'abc'],
    ['d?', 'db'],
    ['d[ab]', 'db'],
    ['d[a-c]', 'db'],
    ['d[!x]', 'db'],
    ['d[^x]', 'db'],
    ['[a-c]*[0-9]', 'b-x9'],
    ['a[', 'a['],
    ['[]]', ']'],
    ['a*b*c', 'aXbXbYc'],
  ];
  const DIFFERS: [string, string][] = [
    ['', 'a'],
    ['db*', 'xdb'],
    ['d?', 'd'],
    ['d[ab]', 'dc'],
    ['d[!b]', 'db'],
    ['DB', 'db'],
    ['a*b', 'abc'],
    ['?', ''],
  ];

  it('matches what a shell would match', () => {
    for (const [pattern, name] of MATCHES) expect(matchesGlob(pattern, name), `${pattern} ~ ${name}`).toBe(true);
    for (const [pattern, name] of DIFFERS) expect(matchesGlob(pattern, name), `${pattern} ~ ${name}`).toBe(false);
  });

  it('is told from a name', () => {
    expect(['db*', 'd?', 'd[a]'].every(isGlob)).toBe(true);
    expect(isGlob('db-1.2_x')).toBe(false);
  });

  it('with many stars takes no time on a name that does not fit', () => {
    expect(matchesGlob(`${'a*'.repeat(5_000)}b`, 'a'.repeat(10_000))).toBe(false);
  });

  it('made of a name by putting stars into it matches the name', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9.-]{0,20}$/), fc.nat(20), fc.nat(20), (name, from, count) => {
        expect(matchesGlob(`${name.slice(0, from)}*${name.slice(from + count)}`, name)).toBe(true);
      }),
    );
  });

  it('finds a volume by its name and by its number', () => {
    const volume = { name: 'db-1', number: 0x1a };
    for (const pattern of ['db-1', 'db*', '00:1A', '00:1a', '00:*', '*:?a', '*']) {
      expect(matchesVolume(pattern, volume), pattern).toBe(true);
    }
    for (const pattern of ['db', '00:1B', '01:*', 'DB*']) expect(matchesVolume(pattern, volume), pattern).toBe(false);
  });
});
