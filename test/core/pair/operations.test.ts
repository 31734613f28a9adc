import { describe, expect, it } from 'vitest';
import {
  type Answer,
  decide,
  OPERATIONS,
  operationAnswer,
  operationCell,
  PAIR_STATUSES,
  type PairOperation,
} from '../../../src/core/pair/pair.js';
import { nameOf, statesOf } from './states.js';

/** The table of DESIGN.md 3.2, typed in again from there; a suspended pair's cell lists the origins from which it does it. */
const DESIGN = `
                 simplex pending duplex sp-pending split resync resync-reverse suspended
create           +       =       =      x          x     =      x              x
split            x       +       +      =          =     +      x              sp-pending
resync           x       =       =      +          +     =      x              pending,duplex,sp-pending,split,resync
resync-reverse   x       x       x      +          +     x      =              split,resync-reverse
suspend          x       +       +      +          +     +      +              =
delete           =       +       +      +          +     +      +              +
`;

const SIGNS: Record<string, Answer> = { '+': 'does', '=': 'nothing', x: 'refuses' };
const [header = [], ...rows] = DESIGN.trim()
  .split('\n')
  .map((line) => line.trim().split(/ +/));

const OPERATION: Record<string, PairOperation> = {
  split: { kind: 'split', atMs: 5_000, virtual: false, readOnly: false },
  resync: { kind: 'resync' },
  'resync-reverse': { kind: 'resync-reverse' },
  suspend: { kind: 'suspend', reason: 'command', message: '', allowWrite: false },
  delete: { kind: 'delete' },
};

describe('the table of operations', () => {
  it('has the rows and columns of the design', () => {
    expect(header).toEqual([...PAIR_STATUSES]);
    expect(rows.map(([operation]) => operation)).toEqual([...OPERATIONS]);
  });

  for (const operation of OPERATIONS) {
    const cells = rows.find(([name]) => name === operation)?.slice(1) ?? [];
    for (const [column, status] of PAIR_STATUSES.entries()) {
      const expected = cells[column] ?? '';
      for (const state of statesOf(status)) {
        const answer = SIGNS[expected] ?? (expected.split(',').includes(nameOf(state).slice(15)) ? 'does' : 'refuses');

        it(`${operation} of a pair that is ${nameOf(state)}: ${answer}`, () => {
          expect(operationAnswer(state, operation)).toBe(answer);
          const cell = operationCell(status, operation);
          if (typeof cell === 'string') expect(cell).toBe(answer);
          const asked = OPERATION[operation];
          if (state === undefined || asked === undefined) return;
          const kinds = { does: 'do', nothing: 'nothing', refuses: 'refuse' } as const;
          expect(decide(state, asked).kind).toBe(kinds[answer]);
        });
      }
    }
  }

  it('says in each refusal what was in the way and what leads on', () => {
    for (const status of PAIR_STATUSES) {
      for (const state of statesOf(status)) {
        for (const asked of Object.values(OPERATION)) {
          const decision = state === undefined ? undefined : decide(state, asked);
          if (decision?.kind !== 'refuse') continue;
          expect(decision.code).toBe('status-refuses');
          expect(decision.why).toContain(state?.status);
          expect(decision.hint).toMatch(/`pair (split|resync|wait|delete)/);
        }
      }
    }
  });
});
