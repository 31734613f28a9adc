import { describe, expect, it } from 'vitest';
import {
  createJournal,
  Journal,
  JournalBudget,
  recordBytes,
  removeJournal,
} from '../../../src/core/journal/journal.js';
import type { Files } from '../../../src/core/ports/ports.js';
import { SimFiles } from '../../simulation/world/world.js';
import { put, SEGMENT_BYTES, segmentAt, write } from './stage.js';

const ROOT = '/systems/lab/journals';
const DATA_BYTES = 4_000;
const LIMIT_BYTES = 16 * SEGMENT_BYTES;

const LEAST_BYTES = 4 * SEGMENT_BYTES;

const folderOf = (stream: string) => `${ROOT}/${stream}/transmit`;

async function made(files: Files, stream: string, budget: JournalBudget): Promise<Journal> {
  const place = { folder: folderOf(stream), what: `what goes to ${stream}`, bootId: 'boot-1' };
  await createJournal(files, { ...place, segmentBytes: SEGMENT_BYTES });
  return opened(files, stream, budget);
}

function opened(files: Files, stream: string, budget: JournalBudget): Journal {
  const place = { folder: folderOf(stream), what: `what goes to ${stream}`, bootId: 'boot-1' };
  return Journal.open(files, { ...place, budget }).journal;
}

/** Records until the limit is met. */
async function fill(journal: Journal): Promise<void> {
  while (!journal.isFull) await put(journal, write(journal.nextSequence, DATA_BYTES));
}

async function two(limitBytes = LIMIT_BYTES) {
  const files = new SimFiles();
  const budget = new JournalBudget(files, ROOT, limitBytes, SEGMENT_BYTES);
  return { files, budget, busy: await made(files, 'busy', budget), quiet: await made(files, 'quiet', budget) };
}

describe('the limit of all journals of a system', () => {
  it('is met by the busy one, which leaves the quiet one its share', async () => {
    const { budget, busy, quiet } = await two();
    await fill(busy);
    expect(busy.usedBytes).toBeGreaterThan(LIMIT_BYTES / 2);
    expect(busy.usedBytes).toBeLessThanOrEqual((LIMIT_BYTES * 3) / 4);
    expect([quiet.isFull, budget.shareBytes]).toEqual([false, LIMIT_BYTES / 4]);
    expect(quiet.limitBytes).toBeGreaterThanOrEqual(LIMIT_BYTES / 4);
    await fill(quiet);
    expect(budget.usedBytes).toBe(busy.usedBytes + quiet.usedBytes);
    expect(budget.usedBytes).toBeLessThanOrEqual(LIMIT_BYTES);
  });

  it('has room for the others again once the busy one is trimmed', async () => {
    const { busy, quiet } = await two();
    await fill(busy);
    const before = quiet.limitBytes;
    await busy.trim(busy.nextSequence - 1);
    expect(busy.usedBytes).toBe(0);
    expect(before).toBeLessThan(LIMIT_BYTES / 2);
    expect(quiet.limitBytes).toBe((LIMIT_BYTES * 3) / 4);
  });

  it('is one journal’s alone where there is no other; another that comes has the least until there is more', async () => {
    const files = new SimFiles();
    const budget = new JournalBudget(files, ROOT, LIMIT_BYTES, SEGMENT_BYTES);
    const busy = await made(files, 'busy', budget);
    await fill(busy);
    expect(busy.usedBytes).toBeGreaterThan((LIMIT_BYTES * 3) / 4);
    const late = await made(files, 'late', budget);
    expect(late.limitBytes).toBe(LEAST_BYTES);
    await fill(late);
    expect(budget.usedBytes).toBeLessThanOrEqual(LIMIT_BYTES + LEAST_BYTES);
    await busy.trim(busy.nextSequence - 1);
    expect(late.isFull).toBe(false);
    expect(late.limitBytes).toBe((LIMIT_BYTES * 3) / 4);
  });

  it('is exceeded by the least of each of many, and by no more than that', async () => {
    const files = new SimFiles();
    const budget = new JournalBudget(files, ROOT, LEAST_BYTES, SEGMENT_BYTES);
    const names = ['a', 'b', 'c', 'd', 'e'];
    const journals: Journal[] = [];
    for (const name of names) journals.push(await made(files, name, budget));
    for (const journal of journals) await fill(journal);
    for (const { usedBytes, limitBytes } of journals) {
      expect(limitBytes).toBe(LEAST_BYTES);
      expect(usedBytes).toBeGreaterThan(LEAST_BYTES - SEGMENT_BYTES);
    }
    const { usedBytes, limitBytes, leastBytes } = budget.usage;
    expect([limitBytes, leastBytes]).toEqual([LEAST_BYTES, names.length * LEAST_BYTES]);
    expect(usedBytes).toBeLessThanOrEqual(leastBytes);
  });

  it('counts what lies in journals that nobody has opened', async () => {
    const { files, busy, quiet } = await two();
    await fill(busy);
    const { usedBytes } = busy;
    for (const journal of [busy, quiet]) {
      await journal.durable();
      await journal.close();
    }
    const budget = new JournalBudget(files, ROOT, LIMIT_BYTES, SEGMENT_BYTES);
    expect(budget.usedBytes).toBeGreaterThanOrEqual(usedBytes);
    expect(budget.usedBytes).toBeLessThanOrEqual(usedBytes + 2 * SEGMENT_BYTES);
    expect(opened(files, 'quiet', budget).limitBytes).toBe(LIMIT_BYTES / 4);
  });

  it('counts a closed journal as it was, and none whose files are gone', async () => {
    const { files, budget, busy, quiet } = await two();
    await fill(busy);
    const { usedBytes } = busy;
    await busy.close();
    expect(budget.usedBytes).toBe(usedBytes);
    await removeJournal(files, folderOf('busy'));
    budget.forget(folderOf('busy'));
    expect([budget.usedBytes, quiet.limitBytes]).toEqual([0, LIMIT_BYTES]);
  });

  it('that is lower than what is there takes nothing more and loses nothing; a higher one goes on', async () => {
    const { files, busy, quiet } = await two();
    await fill(busy);
    await put(quiet, write(1, DATA_BYTES));
    const { nextSequence, usedBytes } = busy;
    for (const journal of [busy, quiet]) {
      await journal.durable();
      await journal.close();
    }
    const low = new JournalBudget(files, ROOT, LIMIT_BYTES / 2, SEGMENT_BYTES);
    const less = opened(files, 'busy', low);
    const quietToo = opened(files, 'quiet', low);
    expect([less.isFull, low.usedBytes > low.limitBytes]).toEqual([true, true]);
    expect([quietToo.isFull, quietToo.limitBytes]).toEqual([false, LEAST_BYTES]);
    expect([less.nextSequence, [...less.records(1)].length]).toEqual([nextSequence, nextSequence - 1]);
    await less.trim(nextSequence - 1);
    expect(less.isFull).toBe(false);
    await less.close();
    await quietToo.close();
    const high = new JournalBudget(files, ROOT, 2 * usedBytes + LIMIT_BYTES, SEGMENT_BYTES);
    expect(opened(files, 'busy', high).roomFor(recordBytes(DATA_BYTES))).not.toBe('full');
  });

  it('stops no journal because another cannot be looked at', async () => {
    const { files, busy, quiet } = await two();
    await put(busy, write(1, DATA_BYTES));
    for (const journal of [busy, quiet]) await journal.close();
    const damaged = segmentAt(1).replace('/s-1/', '/busy/');
    const file = files.open(damaged, 'write');
    file.write(new Uint8Array(64).fill(7), 0);
    file.close();
    const budget = new JournalBudget(files, ROOT, LIMIT_BYTES, SEGMENT_BYTES);
    expect(opened(files, 'quiet', budget).isFull).toBe(false);
  });
});
