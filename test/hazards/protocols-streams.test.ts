import { describe, expect, it } from 'vitest';
import type { Journal, JournalRecord } from '../../src/core/journal/journal.js';
import { SESSION, SimSession, TRACKS } from '../simulation/system/sim-session.js';
import { overSeeds } from './stage.js';

function sentJournal(session: SimSession, id: string): Journal {
  const journal = session.controller('p1').streams.of(id, session.ref('s1')).journal;
  if (!journal) throw new Error('p1 has no journal of the stream');
  return journal;
}

function bySequence(journal: Journal): Map<number, JournalRecord> {
  return new Map([...journal.records(journal.firstSequence)].map((record) => [record.sequence, record]));
}

/** A host that writes and flushes nothing, and checkpoints beside it, until the primary's machine loses its power. */
async function powerLost(session: SimSession): Promise<void> {
  const { rng, clock } = session.world;
  const host = async () => {
    for (let value = 1; ; value = (value % 250) + 1) {
      await session.writeNow('p1', value, rng.below(TRACKS), false);
      await clock.sleep(rng.unit() * 4);
    }
  };
  const crash = clock.sleep(20 + rng.unit() * 200);
  await session.world.run(Promise.race([host(), crash]));
  session.losePower('p1');
}

describe('a primary of a session that loses its power under writes that nobody flushed', () => {
  it('P7: has every record that its secondary has, and gives its number to no other', async () => {
    const met = { received: 0, lost: 0 };
    await overSeeds(8, async (seed) => {
      const session = await SimSession.ready(seed, { subsystems: 1 });
      const id = session.controller('p1').sessions.sheets.demand(SESSION).id;
      const before = sentJournal(session, id).nextSequence;
      const appended = sentJournal(session, id);
      await powerLost(session);
      const { journal: taken } = await session.world.run(
        session.controller('s1').sessions.stream(id, session.ref('p1').id),
      );
      const received = bySequence(taken);
      const end = taken.nextSequence;
      await session.start('p1', session.world.nextBootId());
      const kept = sentJournal(session, id);
      met.received += end - before;
      met.lost += appended.nextSequence - kept.nextSequence;
      expect(kept.nextSequence).toBeGreaterThanOrEqual(end);
      for (const [sequence, record] of bySequence(kept))
        if (received.has(sequence)) expect(received.get(sequence)).toEqual(record);
    });
    // Otherwise there was nothing to notice.
    expect(met.received).toBeGreaterThan(20);
    expect(met.lost).toBeGreaterThan(0);
  });
});
