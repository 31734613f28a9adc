import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  factsOf,
  judgeRecovery,
  type NumberedGroup,
  RECOVERY_ROWS,
  type RecoveryQuestion,
} from '../../../src/core/group/group.js';
import { numbered, remote, system } from './stage.js';

const NUMBERS = [null, 1, 2, 3] as const;
const DECISIONS = ['none', 'commit', 'revert'] as const;

/** Two members, every pair of committed and prepared numbers, every membership of the groups 1 to 3, every word of the master. */
function* smallStates(): Generator<RecoveryQuestion> {
  const lists = [[1, 2], [1], [2]];
  const rows = NUMBERS.flatMap((committed) => NUMBERS.map((revertible) => ({ committed, revertible })));
  for (const first of rows)
    for (const second of rows)
      for (const two of lists)
        for (const three of lists)
          for (const decision of [null, ...DECISIONS])
            yield question([first, second], [numbered(1, [1, 2]), numbered(2, two), numbered(3, three)], decision);
}

function question(
  rows: readonly { committed: number | null; revertible: number | null }[],
  groups: readonly NumberedGroup[],
  decision: (typeof DECISIONS)[number] | null,
): RecoveryQuestion {
  const volumes = rows.map((row, index) => ({ relationshipId: index + 1, practice: null, ...row }));
  const n = Math.max(0, ...rows.flatMap(({ committed, revertible }) => [committed ?? 0, revertible ?? 0]));
  const group = groups.find(({ sequence }) => sequence === n);
  return {
    found: [{ system: system('osaka'), table: remote(volumes, groups) }],
    master: decision === null || !group ? null : { ...group, decision, phase: 'open' },
    without: [],
  };
}

describe('the recovery table', () => {
  it('has at most one row for every small state, and reaches every row', () => {
    const reached = new Map<string, number>();
    for (const state of smallStates()) {
      const facts = factsOf(state);
      const held = RECOVERY_ROWS.filter(({ holds }) => holds(facts)).map(({ label }) => label);
      if (held.length > 1) throw new Error(`${held.join()} hold for ${JSON.stringify(state.found[0]?.table.volumes)}`);
      const label = held[0] ?? '@H';
      reached.set(label, (reached.get(label) ?? 0) + 1);
      if (judgeRecovery(state).label !== label) throw new Error(`judged otherwise than ${label}`);
    }
    expect([...reached.keys()].sort()).toEqual([...RECOVERY_ROWS.map(({ label }) => label), '@H'].sort());
  });

  const number = fc.constantFrom(...NUMBERS);
  const list = fc.subarray([1, 2, 3], { minLength: 1 });
  const threeMembers = fc
    .record({
      rows: fc.array(fc.record({ committed: number, revertible: number }), { minLength: 3, maxLength: 3 }),
      lists: fc.tuple(list, list, list),
      decision: fc.constantFrom(null, ...DECISIONS),
    })
    .map(({ rows, lists: [one, two, three], decision }) => {
      const groups = [numbered(1, one), numbered(2, two), numbered(3, three)];
      const { found, ...rest } = question(rows, groups, decision);
      const [first] = found;
      if (!first) throw new Error('no system');
      const at = (name: string, ids: number[]) => ({
        system: system(name),
        table: { ...first.table, volumes: first.table.volumes.filter((row) => ids.includes(row.relationshipId)) },
      });
      return { ...rest, found: [at('osaka', [1, 2]), at('kobe', [3])] };
    });

  it('has at most one row with three members at two systems, too', () => {
    fc.assert(
      fc.property(threeMembers, (state) => {
        const facts = factsOf(state);
        expect(RECOVERY_ROWS.filter(({ holds }) => holds(facts)).length).toBeLessThanOrEqual(1);
      }),
      { numRuns: 3_000 },
    );
  });

  it('never commits where a member of the list is not prepared, and never reverts what one has committed', () => {
    fc.assert(
      fc.property(threeMembers, (state) => {
        const { settle, members, settled } = judgeRecovery(state);
        const rows = state.found.flatMap(({ table }) => table.volumes);
        const ofList = members.filter(({ action }) => action === 'commit' || action === 'keep');
        if (settle === 'commit') {
          for (const { relationshipId } of ofList) {
            const row = rows.find((one) => one.relationshipId === relationshipId);
            expect([row?.committed, row?.revertible]).toContain(settled);
          }
        }
        if (settle === 'revert') expect(rows.some(({ committed }) => committed === settled)).toBe(false);
      }),
      { numRuns: 3_000 },
    );
  });
});
