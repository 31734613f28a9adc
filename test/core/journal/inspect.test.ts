import { describe, expect, it } from 'vitest';
import { inspectJournal } from '../../../src/core/journal/journal.js';
import { crc32 } from '../../../src/core/storage/storage.js';
import type { SimFiles } from '../../simulation/world/world.js';
import { SimFiles as Files } from '../../simulation/world/world.js';
import { flipBit, putAll, readAll } from '../storage/files.js';
import { FOLDER, newJournal, open, putMany, segmentAt } from './stage.js';

const RECORDS_AT = 4_096;
const RECORD_BYTES = 1_064;
/** In a segment of 16 KiB. */
const RECORDS = 11;

/** Three segments in use and one that is ready, all durable, closed. */
async function filled(): Promise<SimFiles> {
  const files = new Files();
  const journal = await newJournal(files);
  for (let index = 0; index < 2 * RECORDS + 3; index++) {
    await putMany(journal, 1);
    await journal.durable();
  }
  await journal.prepare();
  await journal.close();
  return files;
}

const inspect = (files: SimFiles) => inspectJournal(files, FOLDER, () => Promise.resolve());

describe('a journal that is looked through', () => {
  it('has nothing wrong, and says what it holds', async () => {
    const files = await filled();
    expect(await inspect(files)).toEqual({ firstSequence: 1, nextSequence: 26, flaws: [] });
    const { journal } = open(files);
    await journal.trim(RECORDS);
    expect(await inspect(files)).toEqual({ firstSequence: RECORDS + 1, nextSequence: 26, flaws: [] });
  });

  it.each([1, 2, 3])('has a bad record inside its segment %i, by file, byte and number', async (number) => {
    const files = await filled();
    flipBit(files, segmentAt(number), RECORDS_AT + RECORD_BYTES + 300);
    const sequence = (number - 1) * RECORDS + 2;
    expect((await inspect(files)).flaws).toEqual([
      { kind: 'bad-record', path: segmentAt(number), atByte: RECORDS_AT + RECORD_BYTES, sequence },
    ]);
  });

  it('has a torn tail where the last record was never known to be durable', async () => {
    const files = await filled();
    flipBit(files, segmentAt(3), RECORDS_AT + 2 * RECORD_BYTES + 300);
    expect((await inspect(files)).flaws).toMatchObject([{ kind: 'torn-tail', path: segmentAt(3), sequence: 25 }]);
  });

  it('lacks a segment', async () => {
    const files = await filled();
    files.remove(segmentAt(2));
    expect((await inspect(files)).flaws).toEqual([{ kind: 'missing-segment', path: segmentAt(2) }]);
  });

  it('has a segment of a newer format, and one without a header that counts', async () => {
    const files = await filled();
    const bytes = readAll(files, segmentAt(2));
    const view = new DataView(bytes.buffer);
    view.setUint32(12, 2, true);
    view.setUint32(8, crc32(bytes.subarray(12, 512)), true);
    putAll(files, segmentAt(2), bytes);
    flipBit(files, segmentAt(3), 30);
    expect((await inspect(files)).flaws).toMatchObject([
      { kind: 'newer-format', path: segmentAt(2) },
      { kind: 'bad-segment', path: segmentAt(3) },
    ]);
  });

  it('has nothing wrong while another part of the process trims it', async () => {
    const files = await filled();
    const { journal } = open(files);
    const pause = async () => journal.trim(2 * RECORDS);
    expect((await inspectJournal(files, FOLDER, pause)).flaws).toEqual([]);
  });
});
