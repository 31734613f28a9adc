import { describe, expect, it } from 'vitest';
import { changesNothing, policyChange } from '../../src/cli/group-flags.js';
import {
  FORMATION_EXIT,
  failbackOutcome,
  formationOutcome,
  groupOutcome,
  pauseOutcome,
  recoveryOutcome,
  statusOutcome,
} from '../../src/cli/group-outcomes.js';
import { restoredPairs } from '../../src/cli/group-restored.js';
import { splitOutcome } from '../../src/cli/group-split.js';
import { textOf } from '../../src/cli/render/pair-action.js';
import { practiceText } from '../../src/cli/render/recovery.js';
import type { Outcome } from '../../src/cli/toolkit-command.js';
import type { SystemPlace } from '../../src/core/controller/controller.js';
import {
  type FormationAnswer,
  type GroupListing,
  type MemberListing,
  POLICY_DEFAULT,
  type RecoveryAnswer,
} from '../../src/core/group/group.js';

const NOW = new Date('2026-03-01T12:00:00').getTime();
const iso = (ms: number): string => new Date(ms).toISOString();

const MEMBER: MemberListing = {
  relationshipId: 1,
  primary: 'tokyo:db',
  secondary: 'osaka:db',
  backup: 'osaka:db-backup',
  controller: 'tokyo',
  role: 'master',
  state: 'idle',
  joined: true,
  asOf: iso(NOW),
  outOfSyncTracks: 3,
  revertible: false,
  sequence: 8,
  pauseMs: 2.5,
  drainMs: 120,
  lastFailure: null,
};

const GROUP: GroupListing = {
  name: 'sales',
  id: '0'.repeat(32),
  term: 1,
  master: 'tokyo',
  state: 'running',
  sequence: 8,
  time: iso(NOW - 90_000),
  exposureSeconds: 90,
  pauseMs: 2.5,
  drainMs: 120,
  formed: 8,
  failed: 1,
  policy: POLICY_DEFAULT,
  stop: null,
  held: null,
  lastFailure: {
    activity: 'drain',
    controller: 'nagoya',
    reason: 'no answer within the limit',
    time: iso(NOW - 200_000),
  },
  members: [MEMBER],
};

const FORMED: FormationAnswer = {
  group: 'sales',
  sequence: 9,
  time: iso(NOW),
  outcome: 'formed',
  reason: null,
  failure: null,
  pauseMs: 2.53,
  drainMs: 1_200,
  tracks: 12,
  members: [MEMBER],
};

const failed = (outcome: FormationAnswer['outcome']): FormationAnswer => ({
  ...FORMED,
  outcome,
  reason: 'the link was lost',
  failure: { activity: 'prepare', controller: 'osaka' },
});

const words = (outcome: Outcome): Promise<string> => textOf(outcome);

describe('the flags of a policy', () => {
  it('name what is changed and nothing else', () => {
    const change = policyChange({ interval: 30_000, rate: 0 });
    expect(change).toMatchObject({ intervalMs: 30_000, rateBytesPerSecond: 0 });
    expect(Object.values(change).filter((value) => value !== undefined)).toHaveLength(2);
    expect(changesNothing(policyChange({}))).toBe(true);
    expect(changesNothing(policyChange({ rate: 0 }))).toBe(false);
  });

  it('take a window away by none, which is a change', () => {
    const change = policyChange({ window: 'none' });
    expect(change.window).toBeNull();
    expect(changesNothing(change)).toBe(false);
    expect(policyChange({ window: 'run=1h,pause=5m,stop=writes' }).window).toMatchObject({
      kind: 'run-pause',
      stop: 'writes',
    });
  });
});

describe('a formation', () => {
  it('has the exit code of its outcome', () => {
    expect(FORMATION_EXIT).toEqual({ formed: 0, skipped: 0, paused: 3, void: 10, failed: 10, undecided: 8 });
  });

  it('that is formed tells its number, its instant and what it cost', async () => {
    const outcome = formationOutcome(FORMED);
    expect(outcome).toMatchObject({ exitCode: 0, data: { outcome: 'formed', sequence: 9 } });
    expect(await words(outcome)).toBe(
      'Group sales: formed 9, as of 2026-03-01 12:00:00. 1 member, writes paused 2.5ms, drained in 1s, 12 tracks.',
    );
  });

  it('that is void or failed says that the last group stands, and where it failed', async () => {
    for (const outcome of ['void', 'failed'] as const) {
      const said = await words(formationOutcome(failed(outcome)));
      expect(said).toContain('last group');
      expect(said).toContain('stands');
      expect(said).toContain('It failed at osaka, at prepare: the link was lost.');
    }
  });

  it('that is undecided says what comes next', async () => {
    expect(await words(formationOutcome(failed('undecided')))).toContain('settled when they answer');
  });

  it('that was not begun says so', async () => {
    const nothing = { ...FORMED, sequence: null, time: null, members: [] };
    expect(await words(formationOutcome({ ...nothing, outcome: 'skipped' }))).toContain('skipped');
    const paused = formationOutcome({ ...nothing, outcome: 'paused', reason: 'Group sales is paused' });
    expect(await words(paused)).toBe('Group sales is paused. Nothing was formed; the last group stands.');
  });
});

describe('a consistent pause', () => {
  it('has the exit code of its formation, and pauses nothing where none was formed', async () => {
    const answer = { group: GROUP, outcome: 'nothing', formation: failed('void') } as const;
    const outcome = pauseOutcome(answer, 'is paused');
    expect(outcome.exitCode).toBe(10);
    expect(await words(outcome)).toContain('Nothing was paused.');
  });

  it('says both where it was formed', async () => {
    const outcome = pauseOutcome(
      { group: { ...GROUP, state: 'paused' }, outcome: 'done', formation: FORMED },
      'is paused',
    );
    expect(outcome.exitCode).toBe(0);
    expect(await words(outcome)).toMatch(
      /formed 9[\s\S]*Group sales is paused; it is paused, 1 member, master tokyo\./,
    );
  });
});

describe('the status of groups', () => {
  it('tells a person the last group, its age, and where and why one failed', async () => {
    const page = await words(statusOutcome([GROUP], [], NOW));
    expect(page).toContain('8, as of 2026-03-01 11:58:30');
    expect(page).toContain('1m 30s: what was written since then is not in the last group');
    expect(page).toContain('at nagoya, at drain: no answer within the limit');
    expect(page).toContain('writes paused 2.5ms, drained in 120ms');
    expect(page).toContain('tokyo:db');
  });

  it('exits 21 where a group is stuck or a system is not reached, else 0', () => {
    const exit = (group: Partial<GroupListing>) => statusOutcome([{ ...GROUP, ...group }], [], NOW).exitCode;
    expect(exit({})).toBe(0);
    expect(exit({ state: 'paused' })).toBe(0);
    expect(exit({ state: 'failed' })).toBe(21);
    expect(exit({ members: [{ ...MEMBER, state: 'unreachable' }] })).toBe(21);
  });

  it('says how to make one where there is none, and to add a member where it has none', async () => {
    expect(await words(statusOutcome([], [], NOW))).toContain('copyset cg create');
    expect(await words(statusOutcome([{ ...GROUP, members: [], sequence: null }], [], NOW))).toMatch(
      /none formed yet[\s\S]*copyset cg add/,
    );
  });

  it('says when a verb found nothing to do', async () => {
    expect(await words(groupOutcome({ group: GROUP, outcome: 'nothing' }, 'runs'))).toContain('nothing to do');
    expect(groupOutcome({ group: GROUP, outcome: 'nothing' }, 'runs').data).toMatchObject({ outcome: 'nothing' });
  });
});

describe('a recovery', () => {
  const ANSWER: RecoveryAnswer = {
    group: 'sales',
    term: 4,
    case: 'revert',
    verdict: 'Group 9 is reverted.',
    sequence: 8,
    time: iso(NOW),
    partial: false,
    members: [
      {
        relationshipId: 1,
        secondary: 'osaka:db',
        backup: 'osaka:db-backup',
        revertible: true,
        sequence: 9,
        action: 'revert',
      },
      { relationshipId: 2, secondary: 'kobe:log', backup: null, revertible: null, sequence: null, action: 'missing' },
    ],
  };

  it('shows each member, the case and the verdict, and the way back', async () => {
    const said = await words(recoveryOutcome(ANSWER, false));
    expect(said).toContain('osaka:db');
    expect(said).toContain('Case revert. Group 9 is reverted.');
    expect(said).toContain('show group 8, as of 2026-03-01 12:00:00');
    expect(said).toContain('copyset cg failback sales');
  });

  it('that is only planned says that nothing was changed', async () => {
    expect(await words(recoveryOutcome(ANSWER, true))).toContain('would be brought to group 8');
  });

  it('exits 7 where no group was formed or the members disagree, and prints what it found', async () => {
    for (const found of ['none', 'disagree'] as const) {
      const outcome = recoveryOutcome({ ...ANSWER, case: found, sequence: null }, false);
      expect(outcome.exitCode).toBe(7);
      expect(await words(outcome)).toContain('Nothing was changed at the volumes.');
    }
    expect(recoveryOutcome(ANSWER, false).exitCode).toBe(0);
  });

  it('waits for the restores of the members that it brought back, at their systems', () => {
    const place = (name: string) => ({ name, path: `/${name}`, info: {} }) as SystemPlace;
    expect(restoredPairs(ANSWER, [place('kobe'), place('osaka')])).toEqual([
      { place: place('osaka'), pairs: [{ primary: 'db', secondary: 'db-backup' }], mayBeEmpty: false },
    ]);
  });
});

describe('a failback', () => {
  const pairs = [
    {
      primary: 'tokyo:db',
      secondary: 'osaka:db',
      direction: 'secondary -> primary',
      tracks: 2,
      bytes: 131_072,
      by: 'differences',
    },
  ] as const;

  it('that only began says how it is finished, and exits 20 where the time was over', async () => {
    const begun = failbackOutcome({ group: 'sales', term: 4, outcome: 'begun', pairs });
    expect(begun.exitCode).toBe(0);
    expect(await words(begun)).toContain('copyset cg failback sales --wait');
    expect(failbackOutcome({ group: 'sales', term: 4, outcome: 'timed-out', pairs }).exitCode).toBe(20);
  });
});

describe('other words', () => {
  it('of a drill say which group each copy shows', () => {
    const row = { relationshipId: 1, secondary: 'osaka:db', backup: 'osaka:db-backup', practice: 'osaka:drill' };
    const said = practiceText({
      group: 'sales',
      outcome: 'ordered',
      practice: [
        { ...row, sequence: null, lost: false },
        { ...row, sequence: 8, lost: false },
      ],
    });
    expect(said).toContain('osaka:drill, not made yet');
    expect(said).toContain('osaka:drill shows group 8');
  });

  it('of a split group tell the pause and how its copying goes on', async () => {
    const row = {
      primary: 'tokyo:db',
      secondary: 'osaka:db',
      before: 'duplex',
      after: 'sp-pending',
      outcome: 'done',
    } as const;
    const answer = {
      pairs: [{ ...row, tracks: 2, bytes: 131_072, bytesLost: 0, number: 1 }],
      copying: [1],
      pauseMs: 3,
    };
    const split = { parts: [{ system: { id: 'a', name: 'tokyo', path: '/s/tokyo' }, answer }] };
    const outcome = splitOutcome(split, undefined, undefined);
    expect(outcome.data).toMatchObject({ pauseMs: 3 });
    expect(outcome.notes?.[0]).toContain('pair wait tokyo:db osaka:db --status split');
    const waited = splitOutcome(split, { verdict: 'timed-out', pairs: [] }, undefined);
    expect(waited.exitCode).toBe(20);
  });
});
