import { describe, expect, it } from 'vitest';
import { isoOf } from '../../../src/core/sequence/sequence.js';
import {
  applyAnswer,
  isSessionWell,
  listSessions,
  type PrimaryTable,
  type SecondaryTable,
  type SessionListing,
  type SessionSheet,
  type SessionView,
  type StreamReport,
  sessionEvent,
  sessionHistory,
  sessionSentence,
} from '../../../src/core/session/session.js';
import { checkpoint, row, system } from './stage.js';

const ID = '0'.repeat(32);
const SECOND = 1_000_000_000n;
/** Checkpoint n was issued at second n. */
const at = (number: number) => checkpoint(number, { time: (BigInt(number) * SECOND).toString() });
const iso = (number: number): string => isoOf(BigInt(number) * SECOND);
const ROWS = [row('a', 'k'), row('b', 'l')];
const CONFIG = ['a', 'b'].map((name) => ({ system: system(name), coupled: [], resignedAt: null }));

const PRIMARY: PrimaryTable = {
  state: 'running',
  configTerm: 1,
  config: CONFIG,
  anchor: null,
  issued: null,
  seen: 9,
  streams: [],
};
const SECONDARY: SecondaryTable = {
  enabled: true,
  tableTerm: 1,
  table: ROWS,
  streams: [],
  releasing: null,
  applied: at(5),
  resetTo: 5,
  recovered: null,
};

function stream(role: 'primary' | 'secondary', peer: string, more: Partial<StreamReport> = {}): StreamReport {
  const nothing = {
    journal: { usedBytes: 7, limitBytes: 50 },
    bufferedBytes: 0,
    bufferedRecords: 0,
    held: [],
    degraded: false,
    outOfSyncTracks: 0,
  };
  return { role, peer: system(peer), lastCheckpoint: at(9), ...nothing, returning: 'no', reason: null, ...more };
}

function view(name: string, parts: Partial<SessionSheet>, streams: readonly StreamReport[]): SessionView {
  const policy = { intervalMs: 1000, resignAfterMs: null, enableAtSecondary: false };
  const common = { version: 1, id: ID, name: 'j', term: 1, run: 1, home: system('a'), order: 'clock', policy } as const;
  const sheet: SessionSheet = { ...common, primary: null, secondary: null, ...parts };
  return {
    system: system(name),
    sheets: [sheet],
    reports: [{ session: ID, journals: { usedBytes: 9, limitBytes: 100, leastBytes: 4 }, streams }],
    asOfMs: 20_000,
  };
}

interface Told {
  readonly k?: Partial<SecondaryTable>;
  readonly l?: Partial<SecondaryTable>;
  readonly toK?: Partial<StreamReport>;
  readonly toL?: Partial<StreamReport>;
  readonly b?: Partial<PrimaryTable>;
  readonly without?: readonly string[];
}

function listed({ k, l, toK, toL, b, without = [] }: Told = {}): SessionListing {
  const views = [
    view('a', { primary: { ...PRIMARY, issued: at(9) } }, [stream('primary', 'k', { bufferedBytes: 10 })]),
    view('b', { primary: { ...PRIMARY, ...b } }, [stream('primary', 'l')]),
    view('k', { secondary: { ...SECONDARY, ...k } }, [stream('secondary', 'a', toK)]),
    view('l', { secondary: { ...SECONDARY, ...l } }, [stream('secondary', 'b', toL)]),
  ];
  const [listing] = listSessions(
    views.filter(({ system: { name } }) => !without.includes(name)),
    20_000,
  );
  if (!listing) throw new Error('no session was listed');
  return listing;
}

const stateOf = (listing: SessionListing, name: string) =>
  listing.systems.find(({ system: found }) => found === name)?.state;

describe('a listed session', () => {
  it('tells what was issued, released and applied, and how old the data would be after a recovery', () => {
    expect(listed()).toMatchObject({ state: 'running', issued: 9, released: 5, applied: 5, appliedTime: iso(5) });
    expect(listed()).toMatchObject({ recoverableTime: iso(5), exposureSeconds: 15, late: [] });
    expect(isSessionWell(listed())).toBe(true);
  });

  it('counts what all hold as recoverable, applied or not', () => {
    const both = { toK: { held: [at(6), at(7)] }, toL: { held: [at(6)] } };
    expect(listed(both)).toMatchObject({ applied: 5, recoverableTime: iso(6), exposureSeconds: 14 });
  });

  it('says who is late', () => {
    const listing = listed({ toK: { held: [at(6)] } });
    expect(listing.late).toEqual(['b']);
    expect(listing.systems.filter(({ late }) => late).map((one) => one.system)).toEqual(['b']);
    expect(isSessionWell(listing)).toBe(true);
  });

  it('names the masters, what is buffered, the last checkpoint and an update in progress', () => {
    const { systems } = listed({ k: { releasing: at(6) }, toK: { held: [at(6)] }, toL: { held: [at(6)] } });
    expect(systems.map(({ system: name, role, master }) => `${name} ${role} ${master}`)).toEqual([
      'a primary true',
      'b primary false',
      'k secondary true',
      'l secondary false',
    ]);
    expect(systems.map(({ bufferedBytes }) => bufferedBytes)).toEqual([10, 0, 0, 0]);
    expect(systems.map(({ lastCheckpoint }) => lastCheckpoint)).toEqual([9, 9, 6, 6]);
    expect(systems.map(({ updateInProgress }) => updateInProgress)).toEqual([false, false, true, false]);
  });

  it('is degraded while a pair tracks, and while a system is not seen', () => {
    const tracking = listed({ toL: { degraded: true, reason: 'the journal is full' } });
    expect(tracking.state).toBe('degraded');
    expect(tracking.systems.find(({ system: name }) => name === 'l')).toMatchObject({
      state: 'degraded',
      reason: 'the journal is full',
    });
    const unseen = listed({ without: ['l'] });
    expect([unseen.state, stateOf(unseen, 'l'), unseen.late]).toEqual(['degraded', 'unreachable', ['l']]);
    expect(isSessionWell(unseen)).toBe(false);
  });

  it('is not taken for stopped where none of its primaries is seen: they are named by who receives from them', () => {
    const lost = listed({ without: ['a', 'b'] });
    expect(lost.state).toBe('degraded');
    expect([stateOf(lost, 'a'), stateOf(lost, 'b')]).toEqual(['unreachable', 'unreachable']);
    expect(lost).toMatchObject({ recoverable: true, recoverableTime: iso(5) });
    expect(isSessionWell(lost)).toBe(false);
  });

  it('is not recoverable while differences come back without a backup (H20)', () => {
    const bare = listed({ toL: { returning: 'bare' } });
    expect(bare).toMatchObject({ state: 'degraded', recoverable: false, recoverableTime: null, exposureSeconds: null });
    expect(stateOf(bare, 'l')).toBe('returning');
    expect(listed({ toL: { returning: 'backup' } })).toMatchObject({ recoverable: true, recoverableTime: iso(5) });
  });

  it('shows the lowest time, resigned systems included', () => {
    const table = [row('a', 'k'), row('b', 'l', { resigned: 3 })];
    const listing = listed({ k: { table, tableTerm: 2 }, l: { applied: at(3) } });
    expect(listing).toMatchObject({ state: 'resigned', applied: 5, recoverableTime: iso(3), exposureSeconds: 17 });
    expect([isSessionWell(listing), stateOf(listing, 'l')]).toEqual([false, 'resigned']);
  });

  it('starts until every stream counts', () => {
    const table = [row('a', 'k'), row('b', 'l', { enteredAt: null })];
    const listing = listed({ k: { table }, l: { table, applied: null, resetTo: 0 } });
    expect([listing.state, stateOf(listing, 'l'), listing.recoverable]).toEqual(['starting', 'waiting', false]);
  });

  it('is stopped, and recovered', () => {
    const stopped = listed({ b: { state: 'stopped' }, without: ['a'] });
    expect([stopped.state, stateOf(stopped, 'a'), stateOf(stopped, 'b')]).toEqual([
      'stopped',
      'unreachable',
      'stopped',
    ]);
    const recovered = { term: 2, checkpoint: at(5), done: true };
    expect(listed({ l: { recovered } }).state).toBe('recovered');
  });
});

describe('the history of a session', () => {
  const session = { name: 'j', id: ID };

  it.each([
    [
      sessionEvent(session, 'apply', { checkpoint: at(5), records: 1, bytes: 512 }),
      'checkpoint 5 was applied: 1 record',
    ],
    [
      sessionEvent(session, 'degrade', { about: 'b', reason: 'the journal is full' }),
      'b is degraded: its writes are tracked, no checkpoint is released: the journal is full',
    ],
    [
      sessionEvent(session, 'resign', { about: 'l', checkpoint: at(5) }),
      'l resigned at checkpoint 5; the others go on',
    ],
    [sessionEvent(session, 'recovery'), 'nothing was recovered'],
  ])('says it in a sentence', (event, words) => {
    expect(sessionSentence(event)).toBe(words);
  });

  it('has the rows of one session, by its id', () => {
    const past = (event: typeof session) => ({
      time: 't',
      system: 'a',
      actor: 'me',
      session: sessionEvent(event, 'start'),
    });
    const rows = sessionHistory([past(session), past({ name: 'j', id: 'f'.repeat(32) })], ID);
    expect(rows).toMatchObject([{ session: 'j', deed: 'start', ended: 't', system: 'a', actor: 'me' }]);
  });

  it('tells an apply from what was shown to what is shown', () => {
    expect(applyAnswer('j', null, at(5), { records: 2, bytes: 9 })).toEqual({
      session: 'j',
      from: null,
      to: 5,
      records: 2,
      bytes: 9,
    });
  });
});
