import { describe, expect, it } from 'vitest';
import { Faults, faultyFiles, skewedClock } from '../../../src/core/controller/faults.js';
import { SimClock, SimFiles, SimRandom } from '../../simulation/world/world.js';
import { newJournal, putMany, sequencesOf, upTo, write } from '../journal/stage.js';
import { codeOf } from '../storage/files.js';

function faultsIn(files: SimFiles): Faults {
  files.makeFolder('/systems/lab');
  return new Faults(files, '/systems/lab', new SimRandom(1), () => {
    throw new Error('no crash is set');
  });
}

describe('the fault clock-skew', () => {
  it('shifts the order of events to either side until it is cleared, and no other time', async () => {
    const faults = faultsIn(new SimFiles());
    const clock = new SimClock();
    const skewed = skewedClock(clock, faults);
    for (const byMs of [20, -20, 0.5]) {
      await faults.set({ kind: 'clock-skew', byMs });
      const before = clock.sequenceNs();
      expect(skewed.sequenceNs() - before).toBe(BigInt(byMs * 1e6) + 1n);
      expect([skewed.nowMs(), skewed.monotonicMs()]).toEqual([clock.nowMs(), clock.monotonicMs()]);
    }
    expect(faults.rows.length).toBe(1);
    await faults.clear('clock-skew');
    const before = clock.sequenceNs();
    expect(skewed.sequenceNs() - before).toBe(1n);
  });

  it('holds for the next command too', async () => {
    const files = new SimFiles();
    await faultsIn(files).set({ kind: 'clock-skew', byMs: -3 });
    expect(faultsIn(files).skewNs).toBe(-3_000_000n);
  });
});

describe('the fault no-space', () => {
  it('strikes a journal when it needs another segment; it stands as it was, and goes on when the fault is cleared', async () => {
    const files = new SimFiles();
    const faults = faultsIn(files);
    const journal = await newJournal(faultyFiles(files, faults, () => ({ volume: undefined, trackSizeBytes: 1 })));
    await faults.set({ kind: 'io-error', volume: 'db' });
    await faults.set({ kind: 'no-space' });
    while (journal.hasRoomFor(1_064)) journal.append(write(journal.nextSequence));
    expect(journal.roomFor(1_064)).toBe('unprepared');
    expect(await codeOf(() => journal.prepare())).toBe('no-space');
    await faults.clear('no-space');
    const before = journal.nextSequence;
    await putMany(journal, 5);
    expect(sequencesOf(journal)).toEqual(upTo(before + 4));
  });
});
