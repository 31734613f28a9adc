import { describe, expect, it } from 'vitest';
import { createJournal, Journal, JournalBudget } from '../../../src/core/journal/journal.js';
import { crc32 } from '../../../src/core/storage/storage.js';
import { SimFiles } from '../../simulation/world/world.js';
import { codeOf, flipBit, putAll, readAll } from '../storage/files.js';
import {
  all,
  create,
  dataOf,
  FOLDER,
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

const RECORDS_AT = 4_096;

/** A journal of several segments, all durable, closed. */
async function filled(count = 40): Promise<SimFiles> {
  const files = new SimFiles();
  const journal = await newJournal(files);
  for (let index = 0; index < count; index++) {
    await putMany(journal, 1);
    await journal.durable();
  }
  await journal.close();
  return files;
}

async function refusal(call: () => unknown): Promise<{ code: unknown; path: unknown; atByte: unknown }> {
  try {
    await call();
  } catch (error) {
    const { code, details } = error as { code: unknown; details: { path?: unknown; atByte?: unknown } };
    return { code, path: details.path, atByte: details.atByte };
  }
  return { code: 'nothing', path: undefined, atByte: undefined };
}

function rewriteHeader(files: SimFiles, path: string, change: (view: DataView) => void): void {
  const bytes = readAll(files, path);
  const view = new DataView(bytes.buffer);
  change(view);
  view.setUint32(8, crc32(bytes.subarray(12, 512)), true);
  putAll(files, path, bytes);
}

describe('a damaged journal', () => {
  it('is refused with file and byte when a record of the last segment is not whole and later ones say that it was durable', async () => {
    const files = await filled(10);
    const used = open(files).journal;
    const starts = [RECORDS_AT, RECORDS_AT + 1_064, RECORDS_AT + 2 * 1_064];
    await used.close();
    for (const [index, start] of starts.entries()) {
      for (const at of [0, 5, 9, 13, 16, 20, 25, 40, 63, 64, 1_000]) {
        flipBit(files, segmentAt(1), start + at, index);
        expect(await refusal(() => open(files))).toEqual({
          code: 'metadata-damaged',
          path: segmentAt(1),
          atByte: start,
        });
        flipBit(files, segmentAt(1), start + at, index);
      }
    }
    expect(sequencesOf(open(files).journal)).toEqual(upTo(10));
  });

  it('is found out when it is read, where a record of an earlier segment is not whole', async () => {
    const files = await filled();
    flipBit(files, segmentAt(1), RECORDS_AT + 1_064 + 300);
    const { journal } = open(files);
    expect(await refusal(() => all(journal))).toEqual({
      code: 'metadata-damaged',
      path: segmentAt(1),
      atByte: RECORDS_AT + 1_064,
    });
    expect([...journal.records(20)].length).toBe(21);
  });

  it('is refused when a segment is missing, cut, of another number or of another journal', async () => {
    const missing = await filled();
    missing.remove(segmentAt(2));
    expect(await refusal(() => open(missing))).toEqual({ code: 'metadata-damaged', path: segmentAt(2), atByte: 0 });

    const short = await filled();
    short.open(segmentAt(2), 'write').truncate(SEGMENT_BYTES - 512);
    expect(await codeOf(() => open(short))).toBe('metadata-damaged');

    const swapped = await filled();
    putAll(swapped, segmentAt(1), readAll(swapped, segmentAt(2)));
    expect(await codeOf(() => open(swapped))).toBe('metadata-damaged');

    const foreign = await filled();
    rewriteHeader(foreign, segmentAt(2), (view) => view.setUint32(124, 7, true));
    expect(await codeOf(() => open(foreign))).toBe('metadata-damaged');
  });

  it('says so when a segment that was there is gone when it is read', async () => {
    const files = await filled();
    const { journal } = open(files);
    files.remove(segmentAt(2));
    expect(await refusal(() => all(journal))).toMatchObject({ code: 'file-not-found', path: segmentAt(2) });
  });

  it('is refused when a segment was put in whose beginning does not follow, once that place is read', async () => {
    const files = await filled();
    const other = new SimFiles();
    await create(other, 'boot-9');
    const journal = open(other, 'boot-9').journal;
    await journal.prepare();
    await putMany(journal, 40);
    putAll(files, segmentAt(2), readAll(other, segmentAt(2)));
    expect(await codeOf(() => all(open(files).journal))).toBe('metadata-damaged');
  });

  it('is refused when a header is not whole or holds numbers that cannot be', async () => {
    const files = await filled();
    flipBit(files, segmentAt(3), 30);
    expect(await refusal(() => open(files))).toEqual({ code: 'metadata-damaged', path: segmentAt(3), atByte: 0 });
    flipBit(files, segmentAt(3), 30);
    for (const at of [16, 24, 32]) {
      const wild = await filled();
      rewriteHeader(wild, segmentAt(2), (view) => view.setUint32(at + 4, 0xffff_ffff, true));
      expect(await codeOf(() => open(wild))).toBe('metadata-damaged');
    }
  });

  it('says so when a newer copyset wrote it', async () => {
    const files = await filled();
    rewriteHeader(files, segmentAt(2), (view) => view.setUint32(12, 2, true));
    expect(await refusal(() => open(files))).toMatchObject({ code: 'format-too-new', path: segmentAt(2) });
  });

  it('follows no link and opens no FIFO in the place of a segment', async () => {
    for (const kind of ['link', 'other'] as const) {
      for (const number of [1, 2, 4]) {
        const files = await filled();
        files.remove(segmentAt(number));
        files.plant(segmentAt(number), kind);
        expect(await codeOf(() => open(files))).toBe('not-regular');
      }
      const empty = new SimFiles();
      empty.makeFolder(FOLDER);
      empty.plant(segmentAt(1), kind);
      expect(await codeOf(() => create(empty))).toBe('not-regular');
    }
  });

  it('takes no record for the next one that followed another, which a loss of power took away', async () => {
    const [files, before] = [new SimFiles(), new SimFiles()];
    const [journal, lost] = [await newJournal(files), await newJournal(before)];
    journal.append(write(1));
    lost.append({ kind: 'write', time: 10n, pair: PAIR, offset: 4_096, data: dataOf(9, 1_000) });
    lost.append(write(2));
    // Where the second goes the medium has what stood there behind the first one's predecessor.
    const behind = readAll(before, segmentAt(1)).slice(RECORDS_AT + 1_064, RECORDS_AT + 2 * 1_064);
    const whole = readAll(files, segmentAt(1));
    whole.set(behind, RECORDS_AT + 1_064);
    putAll(files, segmentAt(1), whole);
    const found = open(files);
    expect([found.tail, found.journal.nextSequence]).toEqual(['torn', 2]);
  });

  it('never takes records inside the data of a write for its own', async () => {
    const files = new SimFiles();
    const journal = await newJournal(files);
    const otherFiles = new SimFiles();
    const place = { folder: '/systems/other/journals/s-2/transmit', what: 'another journal', bootId: 'boot-1' };
    await createJournal(otherFiles, { ...place, segmentBytes: SEGMENT_BYTES });
    const other = Journal.open(otherFiles, {
      ...place,
      budget: new JournalBudget(otherFiles, '/systems/other/journals', 1e6),
    }).journal;
    for (let count = 0; count < 8; count++) {
      await putMany(other, 1);
      await other.durable();
    }
    const inner = other.read(4, 3_200).bytes;
    // A host keeps the journal of another system on its volume; the write that does is cut short by a loss of power.
    await putMany(journal, 1);
    await journal.durable();
    const at = RECORDS_AT + 1_064;
    journal.append({ kind: 'write', time: 999n, pair: 'ab'.repeat(16), offset: 0, data: inner });
    flipBit(files, segmentAt(1), at + 9);
    const found = open(files);
    expect([found.tail, found.journal.nextSequence]).toEqual(['torn', 2]);
  });
});
