import { describe, expect, it } from 'vitest';
import {
  type FormationRecord,
  type FoundSystem,
  judgeRecovery,
  membersGivenUp,
  type NumberedGroup,
  owedByOwnRecord,
  owedByRemotes,
  type RecoveryJudgement,
  type RemoteMember,
  verdictToKeep,
} from '../../../src/core/group/group.js';
import { numbered, remote, system } from './stage.js';

const ALL = [1, 2, 3];

/** `8`: committed; `9*`: prepared beside nothing; `8 9*`: prepared beside the committed one; `-`: nothing. */
function row(relationshipId: number, text: string): RemoteMember {
  const words = text.split(' ');
  const revertible = words.find((word) => word.endsWith('*'));
  const committed = words.find((word) => /^\d+$/.test(word));
  return {
    relationshipId,
    committed: committed === undefined ? null : Number(committed),
    revertible: revertible === undefined ? null : Number.parseInt(revertible, 10),
    practice: null,
  };
}

/** The three members of the stage, two at osaka and one at kobe, with the lists of the numbers that they name. */
function found(
  texts: readonly [string, string, string],
  groups: readonly NumberedGroup[] = [numbered(8, ALL), numbered(9, ALL)],
  more: Parameters<typeof remote>[2] = {},
): FoundSystem[] {
  const rows = texts.map((text, index) => row(index + 1, text));
  return [
    { system: system('osaka'), table: remote(rows.slice(0, 2), groups, more) },
    { system: system('kobe'), table: remote(rows.slice(2), groups, more) },
  ];
}

function record(decision: FormationRecord['decision'], sequence = 9): FormationRecord {
  return { ...numbered(sequence, ALL), decision, phase: 'open' };
}

function judge(systems: readonly FoundSystem[], master: FormationRecord | null = null, without: number[] = []) {
  return judgeRecovery({ found: systems, master, without });
}

function actions(judged: RecoveryJudgement): string {
  return judged.members.map(({ action, restored }) => (restored ? action : `(${action})`)).join(' ');
}

describe('a recovery keeps', () => {
  it('the last group where all members of its list stand at it', () => {
    const judged = judge(found(['9', '9', '9']));
    expect(judged).toMatchObject({
      label: '@A',
      case: 'keep',
      sequence: 9,
      settle: 'nothing',
      partial: false,
      timeMs: 9_000,
    });
    expect(actions(judged)).toBe('keep keep keep');
    expect(judged.verdict).toBe('Group 9 is whole: all 3 members stand at it.');
  });

  it('it also where a member was added after it, which is named and left out (H6)', () => {
    const judged = judge(found(['9', '9', '-'], [numbered(9, [1, 2])]));
    expect(judged).toMatchObject({ case: 'keep', sequence: 9 });
    expect(actions(judged)).toBe('keep keep (left-out)');
    expect(judged.verdict).toContain('Left out, not of this group: kobe:web.');
  });
});

describe('a member that was removed', () => {
  it('is left out although a remote that was not told of it still lists it', () => {
    const [osaka, kobe] = found(['9', '9', '9']);
    const told = { ...osaka!, table: { ...osaka!.table, groups: [numbered(9, [1, 2])] } };
    const judged = judge([told, kobe!]);
    expect(judged).toMatchObject({ case: 'keep', sequence: 9 });
    expect(actions(judged)).toBe('keep keep (left-out)');
  });

  it('is not waited for where its system is gone', () => {
    const [osaka] = found(['8 9*', '8', '9'], [numbered(8, [1, 2]), numbered(9, [1, 2])]);
    expect(judge([osaka!])).toMatchObject({ case: 'revert', sequence: 8, partial: false });
  });
});

describe('a recovery commits', () => {
  it('the rest where some member has committed the number', () => {
    const judged = judge(found(['9', '8 9*', '9*']));
    expect(judged).toMatchObject({ label: '@B', case: 'commit', sequence: 9, settle: 'commit', settled: 9 });
    expect(actions(judged)).toBe('keep commit commit');
  });

  it('all where all are prepared and the master decided so: a crash just behind the decision (H6)', () => {
    const judged = judge(found(['8 9*', '8 9*', '8 9*']), record('commit'));
    expect(judged).toMatchObject({ label: '@C', case: 'decided', sequence: 9, settle: 'commit' });
    expect(actions(judged)).toBe('commit commit commit');
  });

  it('all where the first group of all is prepared everywhere', () => {
    expect(judge(found(['9*', '9*', '9*']))).toMatchObject({
      label: '@D',
      case: 'decided',
      sequence: 9,
      settle: 'commit',
    });
  });
});

describe('a recovery reverts', () => {
  it('what is prepared at some, and goes back to the group before', () => {
    const judged = judge(found(['8 9*', '8', '8']));
    expect(judged).toMatchObject({
      label: '@E',
      case: 'revert',
      sequence: 8,
      settle: 'revert',
      settled: 9,
      timeMs: 8_000,
    });
    expect(actions(judged)).toBe('revert keep keep');
  });

  it('what is prepared at all where nobody decided, or where it was decided so', () => {
    const prepared = found(['8 9*', '8 9*', '8 9*']);
    for (const master of [null, record('none'), record('revert')]) {
      expect(judge(prepared, master)).toMatchObject({ label: '@E', case: 'revert', sequence: 8 });
    }
  });

  it('and leaves out a member that was added for the reverted number (n, n, 0 is no damage, H6)', () => {
    const judged = judge(found(['8 9*', '8 9*', '9*'], [numbered(8, [1, 2]), numbered(9, ALL)]));
    expect(judged).toMatchObject({ case: 'revert', sequence: 8 });
    expect(actions(judged)).toBe('revert revert (left-out)');
  });

  it('does not take a record of another number or term for a decision', () => {
    const prepared = found(['8 9*', '8 9*', '8 9*']);
    expect(judge(prepared, record('commit', 8)).case).toBe('revert');
    expect(judge(prepared, { ...record('commit'), term: 2 }).case).toBe('revert');
  });
});

describe('a recovery stops', () => {
  it('where no group was ever formed: 0, 0 is not whole (H6)', () => {
    const judged = judge(found(['-', '-', '-'], []));
    expect(judged).toMatchObject({ label: '@F', case: 'none', sequence: null, settle: 'nothing' });
    expect(actions(judged)).toBe('(none) (none) (none)');
  });

  it('where the first group was prepared at some only', () => {
    expect(judge(found(['9*', '-', '9*']))).toMatchObject({ label: '@G', case: 'none', sequence: null });
  });

  it('where 8 is revertible beside a committed 9 (H6)', () => {
    const judged = judge(found(['9', '7 8*', '9']));
    expect(judged).toMatchObject({ label: '@H', case: 'disagree', sequence: null, settle: 'nothing' });
    expect(judged.verdict).toContain('osaka:log holds committed 7 and prepared 8');
  });

  it('where one has committed and another never prepared', () => {
    expect(judge(found(['9', '8', '9'])).case).toBe('disagree');
  });

  it('where the decision says commit and a member is not prepared', () => {
    expect(judge(found(['8 9*', '8', '8 9*']), record('commit')).case).toBe('disagree');
  });

  it('where after a revert the members would not stand at one group', () => {
    expect(judge(found(['8 9*', '7 9*', '8 9*'])).case).toBe('disagree');
  });

  it('where the lists of one number differ: they are of two formations', () => {
    const [osaka, kobe] = found(['9', '9', '9']);
    const other = { ...kobe!, table: { ...kobe!.table, groups: [numbered(9, ALL, 2)] } };
    expect(judge([osaka!, other]).case).toBe('disagree');
  });

  it('where a listed member has no row at a system that is there', () => {
    const [osaka, kobe] = found(['9', '9', '9']);
    expect(judge([osaka!, { ...kobe!, table: { ...kobe!.table, volumes: [] } }]).case).toBe('disagree');
  });
});

describe('a system of the list that is not reached', () => {
  const [osaka] = found(['8 9*', '8 9*', '9']);

  it('stops it: that one may have committed, where reverting seems right here (H6)', () => {
    expect(() => judge([osaka!])).toThrowError(
      expect.objectContaining({ code: 'peer-missing', message: expect.stringContaining('kobe:web') }),
    );
  });

  it('may be given up; the verdict then is partial and names it', () => {
    const judged = judge([osaka!], null, [3]);
    expect(judged).toMatchObject({ case: 'revert', partial: true });
    expect(judged.verdict).toContain('given up kobe:web');
    expect(actions(judged)).toBe('revert revert (missing)');
  });

  it('is named by the address of its secondary, also with a glob', () => {
    expect(membersGivenUp([osaka!], ['kobe:*'])).toEqual([3]);
    expect(membersGivenUp([osaka!], ['osaka:db', 'osaka:*'])).toEqual([1, 2]);
    expect(() => membersGivenUp([osaka!], ['kyoto:db'])).toThrowError(
      expect.objectContaining({ code: 'nothing-matches' }),
    );
  });
});

describe('a verdict', () => {
  it('is kept with its term and the members that it restores', () => {
    const kept = verdictToKeep(judge(found(['8 9*', '8', '8'])), 5);
    expect(kept).toMatchObject({ term: 5, case: 'revert', sequence: 8, settle: 'revert', settled: 9, done: false });
    expect(kept?.relationshipIds).toEqual(ALL);
  });

  it('is not kept where the recovery stops', () => {
    expect(verdictToKeep(judge(found(['-', '-', '-'], [])), 5)).toBeUndefined();
  });

  it('holds for the next run, although the master cannot be read any more, or says otherwise', () => {
    const prepared = ['8 9*', '8 9*', '8 9*'] as const;
    const committing = verdictToKeep(judge(found(prepared), record('commit')), 5);
    expect(judge(found(prepared, undefined, { verdict: committing! })).case).toBe('decided');
    const reverting = verdictToKeep(judge(found(prepared)), 5);
    expect(judge(found(prepared, undefined, { verdict: reverting! }), record('commit')).case).toBe('revert');
  });

  it('comes to the same group whenever it is interrupted and judged again', () => {
    for (const [half, sequence] of [
      [['9', '8 9*', '8 9*'], 9],
      [['9', '9', '9'], 9],
      [['8', '8 9*', '8 9*'], 8],
      [['8', '8', '8'], 8],
    ] as const) {
      expect(judge(found(half)).sequence).toBe(sequence);
    }
  });
});

describe('what a master owes before its next formation', () => {
  it('is nothing when the last one is settled, or there was none', () => {
    expect(owedByOwnRecord(null)).toEqual({ kind: 'nothing' });
    expect(owedByOwnRecord({ ...record('commit'), phase: 'settled' })).toEqual({ kind: 'nothing' });
  });

  it('is a revert when its own record has no decision, and a commit when it says so', () => {
    expect(owedByOwnRecord(record('none'))).toMatchObject({ decision: 'revert' });
    expect(owedByOwnRecord(record('revert'))).toMatchObject({ decision: 'revert' });
    expect(owedByOwnRecord(record('commit'))).toMatchObject({ decision: 'commit', failure: null });
  });

  it('is what the remotes show to a new master, which reads nothing out of a record that is not there', () => {
    expect(owedByRemotes(judge(found(['9', '8 9*', '8 9*'])))).toMatchObject({ decision: 'commit' });
    expect(owedByRemotes(judge(found(['8 9*', '8', '8'])))).toMatchObject({ decision: 'revert' });
    expect(owedByRemotes(judge(found(['9*', '-', '-'])))).toMatchObject({ decision: 'revert' });
    expect(owedByRemotes(judge(found(['9', '9', '9'])))).toEqual({ kind: 'nothing' });
    expect(() => owedByRemotes(judge(found(['9', '8', '9'])))).toThrowError(
      expect.objectContaining({ code: 'groups-disagree' }),
    );
  });
});
