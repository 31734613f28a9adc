import { describe, expect, it } from 'vitest';
import type { SystemRef } from '../../../src/core/group/group.js';
import {
  locateSession,
  locateSessions,
  type PrimaryTable,
  SESSION_POLICY_DEFAULT,
  type SecondaryTable,
  type SessionSheet,
  type SessionView,
} from '../../../src/core/session/session.js';

const hex = (digit: string): string => digit.repeat(32);
const system = (digit: string): SystemRef => ({ id: hex(digit), name: `s${digit}`, path: `/systems/s${digit}` });
const [tokyo, osaka, kobe] = [system('a'), system('b'), system('c')];

const SHEET: SessionSheet = {
  version: 1,
  id: hex('0'),
  name: 'j',
  term: 1,
  run: 1,
  home: tokyo,
  order: 'clock',
  policy: SESSION_POLICY_DEFAULT,
  primary: null,
  secondary: null,
};

function primary(configTerm: number, ...coupled: SystemRef[]): PrimaryTable {
  const config = [{ system: tokyo, coupled, resignedAt: null }];
  return { state: 'running', configTerm, config, anchor: null, issued: null, seen: 0, streams: [] };
}

function secondary(tableTerm: number, enteredAt: number): SecondaryTable {
  const table = [{ secondary: osaka, primary: tokyo, enteredAt, resigned: null }];
  const nothing = { releasing: null, applied: null, resetTo: 0, recovered: null };
  return { enabled: true, tableTerm, table, streams: [], ...nothing };
}

function view(seen: SystemRef, ...sheets: SessionSheet[]): SessionView {
  return { system: seen, sheets, reports: [], asOfMs: 0 };
}

describe('where a session is', () => {
  it('is put together from the sheets of all its systems, whatever their order', () => {
    const views = [
      view(osaka, { ...SHEET, secondary: secondary(2, 4) }),
      view(tokyo, { ...SHEET, primary: primary(1) }),
    ];
    for (const seen of [views, [...views].reverse()]) {
      const [found, ...more] = locateSessions(seen);
      expect(more).toEqual([]);
      expect(found?.parts.map((part) => part.system.name)).toEqual(['sa', 'sb']);
      expect(found?.config).toHaveLength(1);
      expect(found?.table.map(({ enteredAt }) => enteredAt)).toEqual([4]);
    }
  });

  it('takes each table from whoever has its highest term', () => {
    const views = [
      view(tokyo, { ...SHEET, primary: primary(1, osaka) }),
      view(osaka, { ...SHEET, secondary: secondary(3, 9) }),
      view(kobe, { ...SHEET, primary: primary(2, osaka, kobe), secondary: secondary(2, 5) }),
    ];
    const found = locateSession(views, 'j');
    expect(found.config[0]?.coupled.map(({ name }) => name)).toEqual(['sb', 'sc']);
    expect(found.table[0]?.enteredAt).toBe(9);
  });

  it('believes a recovery of a higher term against its home, and names who was recovered', () => {
    const recovered = { term: 2, checkpoint: { number: 7, time: '17', issuer: tokyo.id }, done: true };
    const at = { ...SHEET, term: 2, run: 2, secondary: { ...secondary(1, 1), recovered } };
    const found = locateSession([view(tokyo, { ...SHEET, primary: primary(1) }), view(osaka, at)], 'j');
    expect(found).toMatchObject({ term: 2, run: 2, recovered: [{ name: 'sb' }], sheet: { term: 2 } });
  });

  it('takes policy and order from the home where others know no better', () => {
    const policy = { ...SESSION_POLICY_DEFAULT, intervalMs: 5 };
    const found = locateSession([view(osaka, SHEET), view(tokyo, { ...SHEET, policy })], 'j');
    expect(found.sheet.policy.intervalMs).toBe(5);
  });

  it('is refused where nobody knows it, or where two bear the name', () => {
    expect(() => locateSession([view(tokyo, SHEET)], 'k')).toThrow(
      expect.objectContaining({ code: 'session-not-found' }),
    );
    const twice = [view(tokyo, SHEET), view(osaka, { ...SHEET, id: hex('1'), home: osaka })];
    expect(() => locateSession(twice, 'j')).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining('sa and sb') }),
    );
  });
});
