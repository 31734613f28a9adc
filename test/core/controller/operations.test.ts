import { describe, expect, it } from 'vitest';
import type { SimSystem } from '../../simulation/system/sim-system.js';
import { codeOf, db, deskIn, picture, STARTS, type Start, statusOf } from './desk.js';

const OPERATIONS = {
  create: (system: SimSystem) => system.ask('pair.create', { pairs: db, overwrite: true }),
  split: (system: SimSystem) => system.ask('pair.split', { pairs: db }),
  resync: (system: SimSystem) => system.ask('pair.resync', { pairs: db, discard: true }),
  'resync --reverse': (system: SimSystem) => system.ask('pair.resync', { pairs: db, reverse: true, discard: true }),
  suspend: (system: SimSystem) => system.ask('pair.suspend', { pairs: db }),
  delete: (system: SimSystem) => system.ask('pair.delete', { pairs: db, force: true }),
} as const;

type Operation = keyof typeof OPERATIONS;

/**
 * The table of DESIGN.md 3.2, with what comes out: a status where it does it, `=` where there is nothing to do, `x` where it is refused,
 * `-` where there is no pair to be found.
 */
const TABLE: Record<Start, Record<Operation, string>> = {
  simplex: cells('pending - - - - -'),
  pending: cells('= sp-pending = x suspended simplex'),
  duplex: cells('= split = x suspended simplex'),
  'sp-pending': cells('x = resync resync-reverse suspended simplex'),
  split: cells('x = resync resync-reverse suspended simplex'),
  resync: cells('= sp-pending = x suspended simplex'),
  'resync-reverse': cells('x x x = suspended simplex'),
  'suspended from pending': cells('x x pending x = simplex'),
  'suspended from duplex': cells('x x resync x = simplex'),
  'suspended from sp-pending': cells('x sp-pending resync x = simplex'),
  'suspended from split': cells('x x resync resync-reverse = simplex'),
  'suspended from resync': cells('x x resync x = simplex'),
  'suspended from resync-reverse': cells('x x x resync-reverse = simplex'),
};

function cells(line: string): Record<Operation, string> {
  const words = line.split(' ');
  return Object.fromEntries(Object.keys(OPERATIONS).map((name, at) => [name, words[at]])) as Record<Operation, string>;
}

/** Copying that has nothing left to copy is over at once. */
const ENDS: Record<string, readonly string[]> = {
  pending: ['duplex'],
  'sp-pending': ['split'],
  resync: ['duplex'],
  'resync-reverse': ['duplex', 'resync'],
};

async function walk(start: Start, operation: Operation): Promise<void> {
  const expected = TABLE[start][operation];
  const system = await deskIn(start);
  const before = await picture(system);
  const work = OPERATIONS[operation](system);
  if (expected === 'x' || expected === '-') {
    expect(await codeOf(work)).toBe(expected === 'x' ? 'status-refuses' : 'pair-not-found');
    expect(await picture(system)).toEqual(before);
  } else if (expected === '=') {
    expect((await work).pairs[0]).toMatchObject({
      outcome: 'nothing',
      before: statusOf(start),
      after: statusOf(start),
    });
    expect(await picture(system)).toEqual(before);
  } else {
    const [row] = (await work).pairs;
    expect(row).toMatchObject({ outcome: 'done', before: statusOf(start) });
    expect([expected, ...(ENDS[expected] ?? [])]).toContain(row?.after);
    expect((await system.status('db', 'copy'))?.status ?? 'simplex').toBe(row?.after);
  }
  await system.close();
}

describe.each(STARTS)('a pair that is %s', (start) => {
  it.each(Object.keys(OPERATIONS) as Operation[])('answers %s as the table says', async (operation) => {
    await walk(start, operation);
  });

  it('has every operation planned without a change, and refused in the plan where it is refused', async () => {
    const system = await deskIn(start);
    const before = await picture(system);
    for (const operation of Object.keys(OPERATIONS) as Operation[]) {
      const expected = TABLE[start][operation];
      const code = await codeOf(planned(system, operation));
      const refused = expected === 'x' ? 'status-refuses' : expected === '-' ? 'pair-not-found' : 'nothing';
      expect([operation, code]).toEqual([operation, refused]);
    }
    expect(await picture(system)).toEqual(before);
    await system.close();
  });
});

function planned(system: SimSystem, operation: Operation): Promise<unknown> {
  const plan = true;
  switch (operation) {
    case 'create':
      return system.ask('pair.create', { pairs: db, overwrite: true, plan });
    case 'split':
      return system.ask('pair.split', { pairs: db, plan });
    case 'resync':
      return system.ask('pair.resync', { pairs: db, plan });
    case 'resync --reverse':
      return system.ask('pair.resync', { pairs: db, reverse: true, plan });
    case 'suspend':
      return system.ask('pair.suspend', { pairs: db, plan });
    case 'delete':
      return system.ask('pair.delete', { pairs: db, force: true, plan });
  }
}
