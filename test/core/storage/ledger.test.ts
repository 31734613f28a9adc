import { describe, expect, it } from 'vitest';
import { LEDGER_SIZE_BYTES, Ledger } from '../../../src/core/storage/storage.js';
import { FaultFiles, SimDisk, SimFiles } from '../../simulation/world/world.js';
import { crashEverywhere } from './crash-walk.js';
import { codeOf, flipBit, putAll, readAll } from './files.js';

const FOLDER = '/log';
const FRAMES_AT = 4096;
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const said = (frames: readonly { payload: Uint8Array }[]): string[] =>
  frames.map((frame) => new TextDecoder().decode(frame.payload));

const textOf = (change: number): string => `${change} `.repeat(50 * change);

async function newLedger(files: SimFiles): Promise<Ledger> {
  files.makeFolder(FOLDER);
  await Ledger.create(files, FOLDER);
  await files.flushFolder('/');
  return Ledger.open(files, FOLDER).ledger;
}

describe('a ledger', () => {
  it('gives back every frame with its number, epoch and payload', async () => {
    const files = new SimFiles();
    const ledger = await newLedger(files);
    expect(ledger.append(text('one'), 1)).toBe(1);
    expect(ledger.append(new Uint8Array(0), 1)).toBe(2);
    expect(ledger.append(text('x'.repeat(70_000)), 7)).toBe(3);
    await ledger.durable();
    ledger.close();
    const opened = Ledger.open(files, FOLDER);
    expect(opened.tail).toBe('clean');
    expect(opened.frames.map(({ change, epoch }) => [change, epoch])).toEqual([
      [1, 1],
      [2, 1],
      [3, 7],
    ]);
    expect(said(opened.frames)).toEqual(['one', '', 'x'.repeat(70_000)]);
    expect([opened.ledger.lastChange, opened.ledger.lastEpoch]).toEqual([3, 7]);
  });

  it('takes no room of the file system until its own is used up', async () => {
    const files = new SimFiles();
    const ledger = await newLedger(files);
    const before = files.disk.allocatedBytes;
    while (ledger.usedBytes < LEDGER_SIZE_BYTES - 2000) ledger.append(new Uint8Array(1000), 1);
    expect(files.disk.allocatedBytes).toBe(before);
  });

  it('grows for a frame that its room does not hold, and shrinks when the file is used anew', async () => {
    const files = new SimFiles();
    const ledger = await newLedger(files);
    ledger.append(new Uint8Array(3 * LEDGER_SIZE_BYTES), 1);
    await ledger.durable();
    expect(Ledger.open(files, FOLDER, { readOnly: true }).frames[0]?.payload.length).toBe(3 * LEDGER_SIZE_BYTES);
    await ledger.restart();
    await ledger.restart();
    expect(files.status(`${FOLDER}/ledger.a`)?.sizeBytes).toBe(LEDGER_SIZE_BYTES);
  });

  it('does not replace a log that is there', async () => {
    const files = new SimFiles();
    (await newLedger(files)).append(text('kept'), 1);
    expect(await codeOf(() => Ledger.create(files, FOLDER))).toBe('already-exists');
    expect(said(Ledger.open(files, FOLDER).frames)).toEqual(['kept']);
  });

  it('shares one flush among those who ask together, and asks for none when nothing is new', async () => {
    const files = new FaultFiles(new SimFiles());
    files.makeFolder(FOLDER);
    await Ledger.create(files, FOLDER);
    const { ledger } = Ledger.open(files, FOLDER);
    const before = files.count('flush');
    ledger.append(text('one'), 1);
    const first = ledger.durable();
    ledger.append(text('two'), 1);
    await Promise.all([first, ledger.durable(), ledger.durable(), ledger.durable()]);
    expect(files.count('flush') - before).toBe(2);
    await ledger.durable();
    expect(files.count('flush') - before).toBe(2);
  });

  it('loses nothing that was durable and keeps an unbroken beginning of the rest, wherever it crashes', async () => {
    const crashes = await crashEverywhere({
      prepare: async (files) => ({ ledger: await newLedger(files), durable: 0, appended: 0 }),
      act: async (_files, state) => {
        for (let round = 0; round < 3; round++) {
          for (let frame = 0; frame < 3; frame++) {
            state.appended += 1;
            state.ledger.append(text(textOf(state.appended)), 1);
          }
          await state.ledger.durable();
          state.durable = state.appended;
        }
      },
      check: async (files, { durable, appended }) => {
        const opened = Ledger.open(files, FOLDER);
        expect(opened.frames.length).toBeGreaterThanOrEqual(durable);
        expect(opened.frames.length).toBeLessThanOrEqual(appended);
        for (const [at, payload] of said(opened.frames).entries()) expect(payload).toBe(textOf(at + 1));
        // Life goes on behind the cut, with a new owner.
        opened.ledger.append(text('after'), 2);
        await opened.ledger.durable();
        const again = Ledger.open(files.crash(1, 'power', 'none'), FOLDER);
        expect(said(again.frames)).toEqual([...said(opened.frames), 'after']);
        expect(again.tail).toBe('clean');
      },
    });
    expect(crashes).toBeGreaterThan(100);
  });

  it('is the old file or the new one when it crashes while it starts anew', async () => {
    const seen = new Set<number>();
    const crashes = await crashEverywhere({
      prepare: async (files) => {
        const ledger = await newLedger(files);
        ledger.append(text('first life'), 1);
        await ledger.restart();
        ledger.append(text('second life'), 1);
        await ledger.durable();
        return ledger;
      },
      act: async (_files, ledger) => ledger.restart(),
      check: (files, _ledger, finished) => {
        const { ledger, frames } = Ledger.open(files, FOLDER);
        seen.add(frames.length);
        expect(ledger.lastChange).toBe(2);
        expect(said(frames)).toEqual(ledger.sequence === 3 ? [] : ['second life']);
        if (finished) expect(ledger.sequence).toBe(3);
      },
    });
    expect(crashes).toBeGreaterThan(20);
    expect([...seen].sort()).toEqual([0, 1]);
  });

  it('never takes frames of the former use of its file for its own', async () => {
    const files = new SimFiles();
    const ledger = await newLedger(files);
    for (let change = 0; change < 50; change++) ledger.append(text('stale'), 1);
    await ledger.restart();
    await ledger.restart();
    expect(Ledger.open(files, FOLDER).frames).toEqual([]);
    ledger.append(text('fresh'), 1);
    const opened = Ledger.open(files, FOLDER);
    expect(said(opened.frames)).toEqual(['fresh']);
    expect(opened.tail).toBe('clean');
    expect(opened.ledger.lastChange).toBe(51);
  });
});

describe('a ledger whose last frame was cut short', () => {
  it('cuts it at whichever byte it ends, and goes on there', async () => {
    const files = new SimFiles();
    const ledger = await newLedger(files);
    ledger.append(text('whole'), 1);
    await ledger.durable();
    const start = ledger.usedBytes;
    ledger.append(text('the last frame, longer than a few words'), 1);
    const end = ledger.usedBytes;
    const image = readAll(files, `${FOLDER}/ledger.a`);
    for (let cut = start; cut < end; cut++) {
      const torn = image.slice();
      torn.fill(0, cut);
      putAll(files, `${FOLDER}/ledger.a`, torn);
      const opened = Ledger.open(files, FOLDER);
      const wholeWithoutPadding = torn.every((byte, at) => byte === image[at]);
      expect(opened.frames.length).toBe(wholeWithoutPadding ? 2 : 1);
      if (!wholeWithoutPadding) expect(opened.tail).toBe(cut > start + 8 ? 'torn' : 'clean');
      opened.ledger.append(text('next'), 2);
      expect(said(Ledger.open(files, FOLDER).frames).at(-1)).toBe('next');
    }
  });

  it('drops a later frame of the same flush with it, because neither was acknowledged', async () => {
    const files = new SimFiles();
    const ledger = await newLedger(files);
    ledger.append(text('durable'), 1);
    await ledger.durable();
    const lost = ledger.usedBytes;
    ledger.append(text('lost'), 1);
    const behind = ledger.usedBytes;
    ledger.append(text('behind'), 1);
    const image = readAll(files, `${FOLDER}/ledger.a`);
    image.fill(0, lost, behind);
    putAll(files, `${FOLDER}/ledger.a`, image);
    const opened = Ledger.open(files, FOLDER);
    expect(said(opened.frames)).toEqual(['durable']);
    expect(opened.tail).toBe('torn');
  });

  it('is read without being changed by a reader', async () => {
    const files = new SimFiles();
    const ledger = await newLedger(files);
    ledger.append(text('half'), 1);
    flipBit(files, `${FOLDER}/ledger.a`, FRAMES_AT + 41);
    const before = readAll(files, `${FOLDER}/ledger.a`);
    const opened = Ledger.open(files, FOLDER, { readOnly: true });
    expect(opened.tail).toBe('torn');
    expect(Buffer.compare(readAll(files, `${FOLDER}/ledger.a`), before)).toBe(0);
    expect(() => opened.ledger.append(text('no'), 1)).toThrow(/owner/);
  });
});

describe('a damaged ledger', () => {
  it('is refused with file and byte when a bit of any durable frame flips', async () => {
    const files = new SimFiles();
    const ledger = await newLedger(files);
    const starts: number[] = [];
    for (let frame = 0; frame < 5; frame++) {
      starts.push(ledger.usedBytes);
      ledger.append(text(`frame ${frame}`), 1);
      await ledger.durable();
    }
    const last = starts.at(-1) as number;
    for (let at = FRAMES_AT; at < last; at++) {
      flipBit(files, `${FOLDER}/ledger.a`, at, at % 8);
      const start = starts.filter((place) => place <= at).at(-1);
      try {
        Ledger.open(files, FOLDER);
        expect.fail(`a flipped bit at ${at} was not seen`);
      } catch (error) {
        expect(error).toMatchObject({ code: 'metadata-damaged', details: { atByte: start } });
      }
      flipBit(files, `${FOLDER}/ledger.a`, at, at % 8);
    }
    expect(Ledger.open(files, FOLDER).frames.length).toBe(5);
  });

  it('never gives a frame other than it was written, whichever bit flips', async () => {
    const files = new SimFiles();
    const ledger = await newLedger(files);
    for (let frame = 0; frame < 3; frame++) ledger.append(text(`frame ${frame}`), 1);
    for (let at = FRAMES_AT; at < ledger.usedBytes; at++) {
      flipBit(files, `${FOLDER}/ledger.a`, at, 3);
      const { frames } = Ledger.open(files, FOLDER, { readOnly: true });
      expect(frames.length).toBeLessThan(3);
      expect(said(frames)).toEqual(['frame 0', 'frame 1', 'frame 2'].slice(0, frames.length));
      flipBit(files, `${FOLDER}/ledger.a`, at, 3);
    }
  });

  it('never joins a frame to one that it was not written behind', async () => {
    const images: Uint8Array[] = [];
    let between = 0;
    for (const word of ['north', 'south']) {
      const files = new SimFiles();
      const ledger = await newLedger(files);
      ledger.append(text(word), 1);
      between = ledger.usedBytes;
      ledger.append(text(word), 1);
      images.push(readAll(files, `${FOLDER}/ledger.a`));
    }
    const [north, south] = images as [Uint8Array, Uint8Array];
    const files = new SimFiles();
    await newLedger(files);
    north.set(south.subarray(between), between);
    putAll(files, `${FOLDER}/ledger.a`, north);
    expect(said(Ledger.open(files, FOLDER).frames)).toEqual(['north']);
  });

  it('lives on with one copy of its header, and writes the other again', async () => {
    for (const [broken, other] of [
      [0, 2048],
      [2048, 0],
    ] as const) {
      const files = new SimFiles();
      (await newLedger(files)).append(text('kept'), 1);
      flipBit(files, `${FOLDER}/ledger.a`, broken + 17);
      expect(said(Ledger.open(files, FOLDER).frames)).toEqual(['kept']);
      flipBit(files, `${FOLDER}/ledger.a`, other + 17);
      expect(said(Ledger.open(files, FOLDER).frames)).toEqual(['kept']);
    }
  });

  it('is refused when both copies of a header are gone, rather than taken for the older file', async () => {
    for (const name of ['ledger.a', 'ledger.b']) {
      const files = new SimFiles();
      const ledger = await newLedger(files);
      ledger.append(text('old'), 1);
      await ledger.restart();
      ledger.append(text('new'), 1);
      for (const at of [0, 2048]) flipBit(files, `${FOLDER}/${name}`, at + 20);
      expect(await codeOf(() => Ledger.open(files, FOLDER))).toBe('metadata-damaged');
    }
  });

  it('is refused when one of its files is missing, a link, or from another time', async () => {
    const missing = new SimFiles();
    await newLedger(missing);
    missing.remove(`${FOLDER}/ledger.b`);
    expect(await codeOf(() => Ledger.open(missing, FOLDER))).toBe('file-not-found');
    missing.plant(`${FOLDER}/ledger.b`, 'link');
    expect(await codeOf(() => Ledger.open(missing, FOLDER))).toBe('not-regular');

    const files = new SimFiles();
    const ledger = await newLedger(files);
    const old = readAll(files, `${FOLDER}/ledger.a`);
    for (let life = 0; life < 4; life++) await ledger.restart();
    putAll(files, `${FOLDER}/ledger.a`, old);
    expect(await codeOf(() => Ledger.open(files, FOLDER))).toBe('metadata-damaged');
  });
});

describe('a ledger without room', () => {
  it('changes nothing when an append fails, and puts the next frame in the same place', async () => {
    const disk = new SimDisk();
    const files = new SimFiles(disk);
    const ledger = await newLedger(files);
    ledger.append(text('before'), 1);
    const used = ledger.usedBytes;
    disk.capacityBytes = disk.allocatedBytes + 64 * 1024;
    expect(await codeOf(() => ledger.append(new Uint8Array(2 * LEDGER_SIZE_BYTES).fill(1), 1))).toBe('no-space');
    expect([ledger.lastChange, ledger.usedBytes]).toEqual([1, used]);
    expect(said(Ledger.open(files, FOLDER, { readOnly: true }).frames)).toEqual(['before']);
    expect(ledger.append(text('after'), 1)).toBe(2);
    await ledger.durable();
    ledger.append(text('more'), 1);
    expect(said(Ledger.open(files, FOLDER).frames)).toEqual(['before', 'after', 'more']);
  });

  it('does not let a frame whose append failed appear after a crash', async () => {
    const files = new FaultFiles(new SimFiles());
    files.makeFolder(FOLDER);
    await Ledger.create(files, FOLDER);
    const { ledger } = Ledger.open(files, FOLDER);
    files.plan({ call: 'write', nth: 1, fault: 'short' });
    const zeroTail = new Uint8Array(400).map((_, at) => (at < 100 ? 9 : 0));
    expect(await codeOf(() => ledger.append(zeroTail, 1))).toBe('no-space');
    expect(Ledger.open(files, FOLDER).frames).toEqual([]);
  });

  it('takes nothing more when a flush failed, and says the same each time', async () => {
    const files = new FaultFiles(new SimFiles());
    files.makeFolder(FOLDER);
    await Ledger.create(files, FOLDER);
    const { ledger } = Ledger.open(files, FOLDER);
    ledger.append(text('in doubt'), 1);
    files.plan({ call: 'flush', nth: 1, fault: 'io' });
    expect(await codeOf(() => ledger.durable())).toBe('io-error');
    expect(await codeOf(() => ledger.durable())).toBe('io-error');
    expect(await codeOf(() => ledger.append(text('more'), 1))).toBe('io-error');
    expect(await codeOf(() => ledger.restart())).toBe('io-error');
    expect(files.injected).toBe(1);
  });

  it('takes nothing more when starting anew failed, because either file may be found next', async () => {
    const files = new FaultFiles(new SimFiles());
    files.makeFolder(FOLDER);
    await Ledger.create(files, FOLDER);
    const { ledger } = Ledger.open(files, FOLDER);
    ledger.append(text('one'), 1);
    await ledger.durable();
    files.plan({ call: 'flush', nth: 1, fault: 'io', path: 'ledger.b' });
    expect(await codeOf(() => ledger.restart())).toBe('io-error');
    expect(await codeOf(() => ledger.append(text('two'), 1))).toBe('io-error');
  });
});
