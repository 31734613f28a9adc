import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import {
  afterEnd,
  beginNext,
  exposureSeconds,
  type FormationEnd,
  formationAnswer,
  type GroupSheet,
  groupSheetSchema,
  judgeRecovery,
  listGroups,
  locateGroup,
  locateGroups,
  type MemberReport,
  noFormation,
  planOfSettling,
  recoveryAnswer,
  type SystemView,
} from '../../../src/core/group/group.js';
import { MEMBERS, master, numbered, remote, system } from './stage.js';

const ID = 'a'.repeat(32);
const NOW = 1_000_000;
const FORMED = { sequence: 8, timeMs: 940_000, pauseMs: 2.5, drainMs: 120, tracks: 4 };

function sheet(parts: Partial<GroupSheet>, id = ID): GroupSheet {
  return { version: 1, id, name: 'sales', master: null, subordinate: null, remote: null, ...parts };
}

function view(name: string, sheets: readonly GroupSheet[], members: readonly MemberReport[] = []): SystemView {
  return { system: system(name), sheets, members, asOfMs: NOW };
}

const REPORT: MemberReport = {
  group: 'sales',
  relationshipId: 1,
  state: 'idle',
  outOfSyncTracks: 3,
  pauseMs: 2.5,
  drainMs: 100,
  lastFailure: null,
};

const MASTER = master({ lastFormed: FORMED, formedCount: 8, state: { status: 'running' } });
const REMOTE = remote(
  [
    { relationshipId: 1, committed: 8, revertible: 9, practice: null },
    { relationshipId: 2, committed: 8, revertible: null, practice: null },
  ],
  [numbered(8, [1, 2, 3])],
);
const VIEWS = [view('tokyo', [sheet({ master: MASTER })], [REPORT]), view('osaka', [sheet({ remote: REMOTE })])];

describe('a listed group', () => {
  const [group] = listGroups(VIEWS, NOW);

  it('tells its last group and how old that is', () => {
    expect(group).toMatchObject({ name: 'sales', master: 'tokyo', state: 'running', sequence: 8, exposureSeconds: 60 });
    expect(group?.time).toBe(new Date(940_000).toISOString());
    expect(exposureSeconds(NOW + 5_000, NOW)).toBe(0);
  });

  it('tells of each member what its own systems say, and unreachable where they are not seen', () => {
    expect(group?.members.map(({ primary, state, role }) => `${primary} ${state} ${role}`)).toEqual([
      'tokyo:db idle master',
      'tokyo:log unreachable master',
      'nagoya:web unreachable subordinate',
    ]);
    expect(group?.members[0]).toMatchObject({ revertible: true, sequence: 9, outOfSyncTracks: 3, drainMs: 100 });
    expect(group?.members[1]).toMatchObject({ revertible: false, sequence: 8, outOfSyncTracks: null });
    expect(group?.members[2]).toMatchObject({ revertible: null, sequence: null, asOf: null });
  });

  it('is failed while its last formation is undecided, once it was recovered, and where its master is not seen', () => {
    const state = (views: readonly SystemView[]) => listGroups(views, NOW)[0]?.state;
    const open = { ...numbered(9, [1]), decision: 'commit', phase: 'open' } as const;
    expect(state([view('tokyo', [sheet({ master: { ...MASTER, last: open } })])])).toBe('failed');
    expect(state([view('tokyo', [sheet({ master: { ...MASTER, last: { ...open, phase: 'settled' } } })])])).toBe(
      'running',
    );
    expect(state([VIEWS[0]!, view('osaka', [sheet({ remote: { ...REMOTE, recovered: true } })])])).toBe('failed');
    expect(state([VIEWS[1]!])).toBe('failed');
  });
});

describe('finding a group by its name', () => {
  it('takes the master of the highest term, and none that handed over', () => {
    const old = master({ term: 1, handedOver: true });
    const young = master({ term: 2 });
    const found = locateGroup(
      [view('tokyo', [sheet({ master: old })]), view('nagoya', [sheet({ master: young })])],
      'sales',
    );
    expect(found).toMatchObject({ term: 2, master: { name: 'nagoya' }, table: young });
  });

  it('knows from a remote who the master is where the master is lost', () => {
    const found = locateGroup([VIEWS[1]!], 'sales');
    expect(found).toMatchObject({ master: { name: 'tokyo' }, table: null });
    expect(found.members).toHaveLength(3);
  });

  it('does not believe a master whose remotes were told of a higher term', () => {
    const told = { ...REMOTE, term: 3, master: system('nagoya') };
    expect(locateGroup([VIEWS[0]!, view('osaka', [sheet({ remote: told })])], 'sales').table).toBeNull();
  });

  it('says that there is none, or that there are two', () => {
    expect(() => locateGroup(VIEWS, 'other')).toThrowError(expect.objectContaining({ code: 'group-not-found' }));
    const twin = view('kyoto', [sheet({ master: master() }, 'b'.repeat(32))]);
    expect(() => locateGroup([...VIEWS, twin], 'sales')).toThrowError(expect.objectContaining({ code: 'usage' }));
    expect(locateGroups([...VIEWS, twin])).toHaveLength(2);
  });
});

describe('a master', () => {
  const END: FormationEnd = {
    sequence: 8,
    outcome: 'formed',
    settled: true,
    failure: null,
    timeMs: 5_000,
    pauseMs: 2,
    drainMs: 30,
    tracks: 4,
  };

  it('gives the next formation a number above all that were tried, and puts it in its record first', () => {
    const { table, plan } = beginNext(master(), { name: 'sales', single: true });
    expect(table).toMatchObject({ sequence: 8, last: { sequence: 8, decision: 'none', phase: 'open' } });
    expect(
      plan.parts.map(({ system: { name }, relationshipIds }) => `${name} ${relationshipIds.join()}`).sort(),
    ).toEqual(['nagoya 3', 'tokyo 1,2']);
  });

  it('begins none before the last is settled', () => {
    const last = { ...numbered(7, [1]), decision: 'commit', phase: 'open' } as const;
    expect(() => beginNext(master({ last }), { name: 'sales', single: true })).toThrowError(
      expect.objectContaining({ code: 'undecided' }),
    );
    expect(planOfSettling(last, MEMBERS, master().policy, 3)).toMatchObject({ sequence: 7, term: 3 });
    expect(planOfSettling(last, MEMBERS, master().policy, 3).parts).toHaveLength(1);
  });

  it('begins none that it no longer is master of', () => {
    expect(() => beginNext(master({ handedOver: true }), { name: 'sales', single: true })).toThrowError(
      expect.objectContaining({ code: 'not-master' }),
    );
  });

  it('refuses a single formation while a member waits for its first duplex; a running group goes on with the others', () => {
    const members = MEMBERS.map((one, index) => (index === 2 ? { ...one, joined: 'waiting' as const } : one));
    const begin = (single: boolean, all = members) => beginNext(master({ members: all }), { name: 'sales', single });
    expect(() => begin(true)).toThrowError(
      expect.objectContaining({ code: 'member-not-ready', message: expect.stringContaining('nagoya:web') }),
    );
    expect(begin(false).plan.memberList.map(({ relationshipId }) => relationshipId)).toEqual([1, 2]);
    expect(() => begin(false, members.slice(2))).toThrowError(expect.objectContaining({ code: 'member-not-ready' }));
    expect(() => begin(true, [])).toThrowError(expect.objectContaining({ code: 'member-not-ready' }));
  });

  it('counts what was formed and keeps the last failure', () => {
    const formed = afterEnd(master(), END, NOW);
    expect(formed).toMatchObject({ formedCount: 1, failedCount: 0, lastFormed: { sequence: 8, timeMs: 5_000 } });
    const failure = { activity: 'drain', controller: 'nagoya', reason: 'no answer' } as const;
    expect(afterEnd(formed, { ...END, outcome: 'void', failure }, NOW)).toMatchObject({
      formedCount: 1,
      failedCount: 1,
      lastFailure: { ...failure, timeMs: NOW },
      lastFormed: { sequence: 8 },
    });
  });

  it('answers with the members of the formation', () => {
    const { plan } = beginNext(master(), { name: 'sales', single: true });
    const answer = formationAnswer('sales', plan, MEMBERS, END);
    expect(answer).toMatchObject({ group: 'sales', sequence: 8, outcome: 'formed', tracks: 4, reason: null });
    expect(answer.members.map(({ controller }) => controller)).toEqual(['tokyo', 'tokyo', 'nagoya']);
    expect(noFormation('sales', 'paused', 'Group sales is paused')).toMatchObject({
      outcome: 'paused',
      sequence: null,
    });
  });
});

it('a recovery answers with addresses', () => {
  const judged = judgeRecovery({
    found: [{ system: system('osaka'), table: remote([], []) }],
    master: null,
    without: [],
  });
  expect(recoveryAnswer('sales', 4, judged)).toMatchObject({ group: 'sales', term: 4, case: 'none', members: [] });
});

describe('a sheet', () => {
  it('is read back as it was written, and refused with a key that nobody knows', () => {
    const full = sheet({ master: MASTER, remote: REMOTE });
    expect(v.parse(groupSheetSchema, JSON.parse(JSON.stringify(full)))).toEqual(full);
    expect(v.safeParse(groupSheetSchema, { ...full, extra: 1 }).success).toBe(false);
    expect(v.safeParse(groupSheetSchema, { ...full, version: 2 }).success).toBe(false);
  });

  it('is refused where a backup does not lie beside its secondary, or a number counts nothing', () => {
    const [first] = MEMBERS;
    const elsewhere = { ...first, backup: { ...first!.backup, system: system('kyoto') } };
    const bad = (more: object) => v.safeParse(groupSheetSchema, sheet({ master: { ...MASTER, ...more } })).success;
    expect(bad({ members: [elsewhere] })).toBe(false);
    expect(bad({ sequence: -1 })).toBe(false);
    expect(bad({ relationshipIdNext: 0 })).toBe(false);
  });
});
