import { describe, expect, it } from 'vitest';
import { Ledger } from '../../../src/core/storage/storage.js';
import { FaultFiles, SimFiles } from '../../simulation/world/world.js';
import { codeOf, flipBit } from './files.js';

const FOLDER = '/log';
const FILE = `${FOLDER}/ledger.a`;
const HEAD_BYTES = 40;
const PIECE_BYTES = 64 * 1024;

async function newLedger(files: SimFiles | FaultFiles): Promise<Ledger> {
  files.makeFolder(FOLDER);
  await Ledger.create(files, FOLDER);
  await files.flushFolder('/');
  return Ledger.open(files, FOLDER).ledger;
}

/** Appends a frame that ends at this byte. */
function fillUpTo(ledger: Ledger, end: number): void {
  ledger.append(new Uint8Array(end - ledger.usedBytes - HEAD_BYTES).fill(7), 1);
}

describe('a log that is read in pieces', () => {
  it('is whole wherever a frame crosses from one piece into the next, also behind a longer former life', async () => {
    for (const formerBytes of [0, 3 * PIECE_BYTES]) {
      for (let begins = PIECE_BYTES - 64; begins <= PIECE_BYTES + 8; begins += 8) {
        const files = new SimFiles();
        const ledger = await newLedger(files);
        while (ledger.usedBytes < formerBytes) ledger.append(new Uint8Array(5000).fill(0x46), 1);
        if (formerBytes > 0) for (const _ of [1, 2]) await ledger.restart();
        fillUpTo(ledger, begins);
        await ledger.durable();
        const first = Ledger.open(files, FOLDER, { readOnly: true });
        expect([first.frames.length, first.tail]).toEqual([1, 'clean']);
        ledger.append(new Uint8Array(200).fill(8), 1);
        const { frames, tail } = Ledger.open(files, FOLDER, { readOnly: true });
        expect([frames.length, tail, frames[1]?.payload.length]).toEqual([2, 'clean', 200]);
      }
    }
  });

  it('is refused for a damaged durable frame when the frame that proves it lies in another piece', async () => {
    for (let begins = PIECE_BYTES - 64; begins <= PIECE_BYTES + 8; begins += 8) {
      const files = new SimFiles();
      const ledger = await newLedger(files);
      fillUpTo(ledger, begins);
      await ledger.durable();
      ledger.append(new Uint8Array(200).fill(8), 1);
      flipBit(files, FILE, 5000);
      expect(await codeOf(() => Ledger.open(files, FOLDER))).toBe('metadata-damaged');
    }
  });

  it('cuts a torn frame that begins behind the first piece', async () => {
    const files = new SimFiles();
    const ledger = await newLedger(files);
    fillUpTo(ledger, PIECE_BYTES + 512);
    await ledger.durable();
    const start = ledger.usedBytes;
    ledger.append(new Uint8Array(2 * PIECE_BYTES).fill(8), 1);
    flipBit(files, FILE, start + PIECE_BYTES);
    const opened = Ledger.open(files, FOLDER);
    expect([opened.frames.length, opened.tail, opened.ledger.usedBytes]).toEqual([1, 'torn', start]);
    expect(Ledger.open(files, FOLDER).tail).toBe('clean');
  });
});

describe('what is found when a log is opened', () => {
  async function leftByKilledOwner(): Promise<SimFiles> {
    const files = new SimFiles();
    (await newLedger(files)).append(new Uint8Array(20).fill(1), 1);
    return files;
  }

  it('is durable once durable() resolves, by the flush that was begun', async () => {
    const files = new FaultFiles(await leftByKilledOwner());
    const { ledger } = Ledger.open(files, FOLDER);
    ledger.beginDurable();
    await ledger.durable();
    await ledger.durable();
    expect(files.count('flush')).toBe(1);
  });

  it('is flushed again with what came meanwhile', async () => {
    const sim = await leftByKilledOwner();
    const { ledger } = Ledger.open(sim, FOLDER);
    ledger.beginDurable();
    ledger.append(new Uint8Array(20).fill(2), 1);
    await ledger.durable();
    expect(Ledger.open(sim.crash(1, 'power', 'none'), FOLDER).frames).toHaveLength(2);
  });

  it('is not shown as durable when the flush that was begun fails, which nobody need be waiting for', async () => {
    const files = new FaultFiles(await leftByKilledOwner(), { call: 'flush', nth: 1, fault: 'io' });
    const { ledger } = Ledger.open(files, FOLDER);
    ledger.beginDurable();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await codeOf(() => ledger.durable())).toBe('io-error');
    expect(await codeOf(() => ledger.append(new Uint8Array(1), 1))).toBe('io-error');
  });
});
