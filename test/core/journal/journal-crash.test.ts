import { describe, expect, it } from 'vitest';
import { type CrashKind, type Keep, SimFiles, withSeed } from '../../simulation/world/world.js';
import { crashEverywhere } from '../storage/crash-walk.js';
import { crashRun, type Met } from './crash-run.js';
import { create, newJournal, open, putMany, sequencesOf, upTo, write } from './stage.js';

const SEEDS = Number(process.env.JOURNAL_SEEDS ?? 25);

describe('a journal that crashes again and again', () => {
  it('has everything that was durable, nothing that was not appended, and goes on with the next number', async () => {
    const met: Met = { crashes: 0, torn: 0, lost: 0, trimmed: 0 };
    for (let seed = 1; seed <= SEEDS; seed++) await withSeed(seed, 'crashRun(SEED)', () => crashRun(seed, 12, met));
    expect(met.crashes).toBe(SEEDS * 12);
    for (const count of [met.torn, met.lost, met.trimmed]) expect(count).toBeGreaterThan(SEEDS / 10);
  });
});

describe('a crash at any store call', () => {
  it('leaves no journal or an empty one while it is made', async () => {
    const crashes = await crashEverywhere({
      prepare: () => undefined,
      act: async (files) => create(files),
      check: async (files, _nothing, finished) => {
        if (!finished)
          await create(files).catch((error: unknown) => expect(error).toMatchObject({ code: 'already-exists' }));
        expect(open(files).journal.nextSequence).toBe(1);
      },
    });
    expect(crashes).toBeGreaterThan(50);
  });

  it('keeps what was durable while segments are filled, made and used again', async () => {
    const crashes = await crashEverywhere({
      seeds: 4,
      prepare: async (files) => {
        const journal = await newJournal(files);
        await putMany(journal, 30);
        await journal.durable();
        return { journal, durable: 30 };
      },
      act: async (_files, state) => {
        await putMany(state.journal, 20);
        await state.journal.trim(25);
        await state.journal.durable();
        state.durable = 50;
        await putMany(state.journal, 20);
        await state.journal.trim(60);
      },
      check: (files, { durable }) => {
        const { journal } = open(files);
        expect(journal.nextSequence - 1).toBeGreaterThanOrEqual(durable);
        expect(journal.firstSequence).toBeLessThan(62);
        expect(sequencesOf(journal)).toEqual(upTo(journal.nextSequence - 1).slice(journal.firstSequence - 1));
      },
    });
    expect(crashes).toBeGreaterThan(300);
  });

  it('loses only the end when several segments were filled and none was flushed', async () => {
    const ends: readonly (readonly [CrashKind, Keep])[] = [
      ['kill', 'all'],
      ['power', 'none'],
      ['power', 'all'],
      ['power', 'random'],
    ];
    const counts = new Set<number>();
    for (const [kind, keep] of ends) {
      for (let seed = 1; seed <= (keep === 'random' ? 60 : 1); seed++) {
        const files = new SimFiles();
        const journal = await newJournal(files);
        await putMany(journal, 5);
        await journal.durable();
        await putMany(journal, 45);
        const { journal: found } = open(files.crash(seed, kind, keep));
        counts.add(found.nextSequence - 1);
        expect(sequencesOf(found)).toEqual(upTo(found.nextSequence - 1));
        expect(found.nextSequence).toBeGreaterThan(5);
        if (keep === 'all') expect(found.nextSequence).toBe(51);
        await found.close();
      }
    }
    expect(counts.size).toBeGreaterThan(5);
  });

  it('is told of as torn once: what was cut is gone at the next open', async () => {
    for (let seed = 1; seed < 40; seed++) {
      const files = new SimFiles();
      const journal = await newJournal(files);
      await putMany(journal, 2);
      await journal.durable();
      await putMany(journal, 6);
      const after = files.crash(seed, 'power');
      const first = open(after);
      await first.journal.close();
      const second = open(after);
      expect(second.tail).toBe('whole');
      expect(sequencesOf(second.journal)).toEqual(sequencesOf(first.journal));
      if (second.journal.hasRoomFor(1_100)) second.journal.append(write(second.journal.nextSequence));
    }
  });
});
