import { describe, expect, it } from 'vitest';
import { MIB } from '../../../src/core/foundation/foundation.js';
import { createJournal, hasJournal, type NewRecord, recordBytes } from '../../../src/core/journal/journal.js';
import { FaultFiles, SimDisk, SimFiles } from '../../simulation/world/world.js';
import { codeOf } from '../storage/files.js';
import {
  all,
  create,
  dataOf,
  FOLDER,
  ISSUER,
  newJournal,
  open,
  PAIR,
  putMany,
  SEGMENT_BYTES,
  segmentAt,
  sequencesOf,
  upTo,
  write,
} from './stage.js';

const EACH_KIND: readonly NewRecord[] = [
  { kind: 'enter', time: 5n, pair: PAIR },
  { kind: 'write', time: 6n, pair: PAIR, offset: 2 ** 45 + 512, data: dataOf(2, 4_096) },
  { kind: 'write', time: 7n, pair: ISSUER, offset: 0, data: new Uint8Array(0) },
  {
    kind: 'checkpoint',
    time: 2n ** 63n,
    upTo: 2n ** 62n,
    number: 2 ** 40,
    issuer: ISSUER,
    term: 2 ** 32 - 1,
    whole: true,
  },
  { kind: 'checkpoint', time: 2n ** 63n + 1n, upTo: 0n, number: 7, issuer: ISSUER, term: 1, whole: false },
  { kind: 'confirm', time: 2n ** 63n + 2n, number: 2 ** 40 },
  { kind: 'leave', time: 2n ** 64n - 1n, pair: PAIR },
];
const NUMBERED = EACH_KIND.map((record, index) => ({ ...record, sequence: index + 1 }));

describe('a journal', () => {
  it('gives back every kind of record as it was appended, before and after it is opened again', async () => {
    const files = new SimFiles();
    const journal = await newJournal(files);
    expect(EACH_KIND.map((record) => journal.append(record))).toEqual(upTo(EACH_KIND.length));
    expect(all(journal)).toEqual(NUMBERED);
    expect(journal.last()).toEqual(NUMBERED.at(-1));
    await journal.close();
    const opened = open(files);
    expect([opened.tail, opened.sameBoot]).toEqual(['whole', true]);
    expect(all(opened.journal)).toEqual(NUMBERED);
    expect([opened.journal.nextSequence, opened.journal.lastTime]).toEqual([8, 2n ** 64n - 1n]);
  });

  it('goes on over segments, and finds any record in them', async () => {
    const files = new SimFiles();
    const journal = await newJournal(files);
    await putMany(journal, 60);
    expect(files.list(FOLDER).length).toBeGreaterThan(4);
    expect(sequencesOf(journal)).toEqual(upTo(60));
    await journal.close();
    const again = open(files).journal;
    for (const from of [60, 1, 33, 12, 59, 2])
      expect([...again.records(from)].map(({ sequence }) => sequence)).toEqual(upTo(60).slice(from - 1));
    expect(all(again)).toEqual(upTo(60).map((sequence) => ({ ...write(sequence), sequence })));
    expect(again.last()?.sequence).toBe(60);
  });

  it('has no last record while it is empty, and one from the segment before when the open one is', async () => {
    const files = new SimFiles();
    const journal = await newJournal(files);
    expect(journal.last()).toBe(undefined);
    await putMany(journal, 3);
    const rebooted = open(files, 'boot-2').journal;
    expect(rebooted.last()?.sequence).toBe(3);
  });

  it('reads whole records within the bytes asked for, and one at least', async () => {
    const journal = await newJournal(new SimFiles());
    await putMany(journal, 9);
    const size = recordBytes(1_000);
    expect(journal.read(1, 3 * size)).toMatchObject({ next: 4 });
    expect(journal.read(1, 3 * size + 100).bytes.length).toBe(3 * size);
    expect(journal.read(4, 10)).toMatchObject({ next: 5 });
    expect(journal.read(10, 1_000)).toEqual({ bytes: new Uint8Array(0), next: 10 });
  });

  it('takes what another journal reads, and nothing else', async () => {
    const near = await newJournal(new SimFiles());
    const farFiles = new SimFiles();
    await create(farFiles, 'other', 3 * SEGMENT_BYTES);
    const far = open(farFiles, 'other').journal;
    await putMany(near, 40);
    while (far.nextSequence < near.nextSequence) {
      const { bytes } = near.read(far.nextSequence, 5_000);
      if (!far.hasRoomFor(bytes.length)) await far.prepare();
      far.appendEncoded(bytes);
    }
    expect(all(far)).toEqual(all(near));
    await far.durable();
    expect(all(open(farFiles.crash(1, 'power', 'none'), 'other').journal)).toEqual(all(near));
  });

  it('refuses encoded records that are damaged, in the wrong place or not after the last time, and keeps none of them', async () => {
    const near = await newJournal(new SimFiles());
    await putMany(near, 4);
    const { bytes } = near.read(1, 100_000);
    for (const at of [8, 20, 30, 70, 1_100, bytes.length - 1]) {
      const far = await newJournal(new SimFiles());
      const bad = bytes.slice();
      bad[at] = (bad[at] as number) ^ 4;
      expect(await codeOf(() => far.appendEncoded(bad))).toBe('check-code');
      expect(far.nextSequence).toBe(1);
    }
    const far = await newJournal(new SimFiles());
    expect(await codeOf(() => far.appendEncoded(bytes.subarray(recordBytes(1_000))))).toBe('check-code');
    expect(await codeOf(() => far.appendEncoded(bytes.subarray(0, 1_090)))).toBe('check-code');
    far.append({ kind: 'confirm', time: 20n, number: 1 });
    expect(await codeOf(() => far.appendEncoded(near.read(2, 100).bytes))).toBe('check-code');
    expect(far.nextSequence).toBe(2);
  });

  it('takes no room of the file system for what is appended to a segment', async () => {
    const files = new SimFiles();
    const journal = await newJournal(files);
    const before = files.disk.allocatedBytes;
    while (journal.nextSequence < 20) journal.append(write(journal.nextSequence));
    expect(files.disk.allocatedBytes).toBe(before);
  });

  it('begins another segment after a loss of power, so that every segment is of one boot', async () => {
    const files = new SimFiles();
    await putMany(await newJournal(files), 2);
    const opened = open(files, 'boot-2');
    expect(opened.sameBoot).toBe(false);
    expect(opened.journal.roomFor(100)).toBe('unprepared');
    await opened.journal.close();
    // Nobody appended: whoever opens it next must learn of it too.
    expect(open(files, 'boot-2').sameBoot).toBe(false);
    const { journal } = open(files, 'boot-2');
    await putMany(journal, 1);
    expect(open(files, 'boot-2').sameBoot).toBe(true);
    expect(sequencesOf(open(files, 'boot-2').journal)).toEqual([1, 2, 3]);
  });

  it('shares a flush among those who ask together, and asks for none when nothing is new', async () => {
    const files = new FaultFiles(new SimFiles());
    const journal = await newJournal(files);
    await putMany(journal, 1);
    await journal.durable();
    const before = files.count('flush');
    await putMany(journal, 1);
    const first = journal.durable();
    await putMany(journal, 1);
    await Promise.all([first, journal.durable(), journal.durable()]);
    expect(files.count('flush') - before).toBe(2);
    await journal.durable();
    expect(files.count('flush') - before).toBe(2);
    expect(journal.durableSequence).toBe(3);
  });
});

describe('a journal that is trimmed', () => {
  it('takes nothing from whoever opens it next, where it is closed while the trim is under way', async () => {
    const files = new SimFiles();
    const journal = await newJournal(files);
    await putMany(journal, 60);
    await journal.durable();
    const trimming = journal.trim(55);
    while (journal.firstSequence === 1) await Promise.resolve();
    await journal.close();
    const after = open(files).journal;
    expect(after.firstSequence).toBeLessThanOrEqual(56);
    const names = files.list(FOLDER);
    await after.prepare();
    await putMany(after, 1);
    await trimming;
    expect(names.filter((name) => !files.list(FOLDER).includes(name))).toEqual([]);
    expect(sequencesOf(after)).toEqual(upTo(61).slice(after.firstSequence - 1));
  });

  it('uses segments again that hold nothing needed, and keeps every other record', async () => {
    const files = new SimFiles();
    const journal = await newJournal(files);
    await putMany(journal, 60);
    const before = files.list(FOLDER).length;
    await journal.trim(30);
    expect(files.list(FOLDER).length).toBe(before);
    expect(files.list(FOLDER)).not.toContain('0000000001.segment');
    expect(journal.firstSequence).toBeGreaterThan(20);
    expect(journal.firstSequence).toBeLessThanOrEqual(31);
    expect(sequencesOf(journal)).toEqual(upTo(60).slice(journal.firstSequence - 1));
    const kept = sequencesOf(journal);
    await putMany(journal, 40);
    expect(sequencesOf(open(files.crash(1, 'kill')).journal)).toEqual([...kept, ...upTo(100).slice(60)]);
  });

  it('holds as many files as are needed, however long it lives', async () => {
    const files = new SimFiles();
    const journal = await newJournal(files);
    for (let round = 0; round < 60; round++) {
      await putMany(journal, 11);
      await journal.trim(journal.nextSequence - 1);
      expect(files.list(FOLDER).length).toBeLessThan(6);
    }
    expect(sequencesOf(open(files).journal).at(-1)).toBe(660);
  });

  it('is empty by its count when nothing in it is needed, although the open segment stays', async () => {
    const files = new SimFiles();
    await create(files);
    const { journal } = open(files, 'boot-1', 40_000);
    while (journal.roomFor(recordBytes(1_000)) !== 'full') await putMany(journal, 1);
    expect([journal.isFull, journal.hasRoomFor(10)]).toEqual([true, false]);
    await journal.prepare();
    expect(journal.isFull).toBe(true);
    await journal.trim(journal.nextSequence - 1);
    expect([journal.isFull, journal.usedBytes]).toEqual([false, 0]);
    await putMany(journal, 5);
    expect(journal.usedBytes).toBeGreaterThan(0);
  });

  it('has room for what it says, up to the last byte of what is ready', async () => {
    const files = new SimFiles();
    const journal = await newJournal(files);
    for (let round = 0; round < 40; round++) {
      const encoded = recordBytes(journal.dataMaxBytes - round * 17);
      if (journal.roomFor(encoded) === 'unprepared') await journal.prepare();
      expect(journal.roomFor(encoded)).toBe('there');
      journal.append(write(journal.nextSequence, journal.dataMaxBytes - round * 17));
    }
    expect(sequencesOf(journal)).toEqual(upTo(40));
  });
});

describe('a journal without room', () => {
  it('says no-space when no segment can be made, leaves nothing behind, and goes on when there is room', async () => {
    const disk = new SimDisk();
    const files = new SimFiles(disk);
    const journal = await newJournal(files);
    while (journal.isPrepared) journal.append(write(journal.nextSequence));
    const names = files.list(FOLDER);
    disk.capacityBytes = disk.allocatedBytes + 8_192;
    expect(await codeOf(() => journal.prepare())).toBe('no-space');
    expect(files.list(FOLDER)).toEqual(names);
    expect(journal.failure).toBe(undefined);
    disk.capacityBytes *= 2;
    await putMany(journal, 30);
    expect(sequencesOf(journal).length).toBe(journal.nextSequence - 1);
  });

  it('changes nothing when a write into a segment fails, and no crash brings the failed record up', async () => {
    for (const fault of ['short', 'no-space', 'io'] as const) {
      const sim = new SimFiles();
      const files = new FaultFiles(sim);
      const journal = await newJournal(files);
      await putMany(journal, 2);
      files.plan({ call: 'write', nth: 1, fault });
      expect(await codeOf(() => journal.append(write(3)))).toBe(fault === 'io' ? 'io-error' : 'no-space');
      expect(journal.nextSequence).toBe(3);
      expect(sequencesOf(open(sim.crash(1, 'kill')).journal)).toEqual([1, 2]);
    }
  });

  it('takes nothing more when a flush failed, and says the same each time', async () => {
    const files = new FaultFiles(new SimFiles());
    const journal = await newJournal(files);
    await putMany(journal, 2);
    files.plan({ call: 'flush', nth: 1, fault: 'io' });
    expect(await codeOf(() => journal.durable())).toBe('io-error');
    expect(await codeOf(() => journal.durable())).toBe('io-error');
    expect(await codeOf(() => journal.append(write(3)))).toBe('io-error');
    expect(await codeOf(() => journal.trim(1))).toBe('io-error');
    expect(journal.failure).toMatchObject({ code: 'io-error' });
  });
});

describe('making a journal', () => {
  it('that was cut short at any call of the store is made again, and one that was made is known', async () => {
    const whole = new FaultFiles(new SimFiles());
    expect(hasJournal(whole, FOLDER)).toBe(false);
    whole.makeFolder(FOLDER);
    expect(hasJournal(whole, FOLDER)).toBe(false);
    whole.open(segmentAt(1), 'create').truncate(5_000);
    expect(hasJournal(whole, FOLDER)).toBe(false);
    await create(whole);
    expect(hasJournal(whole, FOLDER)).toBe(true);
    expect(open(whole).tail).toBe('whole');
  });

  it('does not replace one that is there, and goes on with one that was begun', async () => {
    const files = new SimFiles();
    await putMany(await newJournal(files), 1);
    expect(await codeOf(() => create(files))).toBe('already-exists');
    const begun = new SimFiles();
    begun.makeFolder(FOLDER);
    begun.open(segmentAt(1), 'create').truncate(5_000);
    expect(await codeOf(() => open(begun))).toBe('file-not-found');
    await create(begun);
    expect(open(begun).journal.nextSequence).toBe(1);
  });

  it('says so when there is none', async () => {
    expect(await codeOf(() => open(new SimFiles()))).toBe('file-not-found');
  });

  it('leaves nothing that looks like a journal when there is no room', async () => {
    const disk = new SimDisk();
    disk.capacityBytes = 8_192;
    const files = new SimFiles(disk);
    expect(await codeOf(() => create(files))).toBe('no-space');
    expect(await codeOf(() => open(files))).toBe('file-not-found');
  });
});

describe('a journal with a limit of less than some usual segments', () => {
  it('has room again when a part of it was trimmed, and goes on like that', async () => {
    const limitBytes = 12 * MIB;
    const files = new SimFiles();
    files.makeFolder('/systems/lab');
    await files.flushFolder('/systems');
    await createJournal(files, { folder: FOLDER, what: 'a small journal', limitBytes, bootId: 'boot-1' });
    const { journal } = open(files, 'boot-1', limitBytes);
    for (let round = 0; round < 3; round += 1) {
      for (let least = 0; !journal.isFull; least += 1) {
        expect(least).toBeLessThan(100);
        if (!journal.hasRoomFor(recordBytes(MIB / 2))) await journal.prepare();
        journal.append(write(journal.nextSequence, MIB / 2));
      }
      const count = journal.nextSequence - journal.firstSequence;
      expect(count).toBeGreaterThan(8);
      await journal.durable();
      await journal.trim(journal.nextSequence - Math.ceil(count / 2));
      expect(journal.isFull).toBe(false);
    }
  });
});
