import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import {
  type DocumentFormat,
  demandDocument,
  readDocument,
  removeUnfinishedDocuments,
  writeDocument,
} from '../../../src/core/storage/storage.js';
import { FaultFiles, SimFiles, SimRandom } from '../../simulation/world/world.js';
import { crashEverywhere } from './crash-walk.js';
import { codeOf, flipBit, putAll, readAll } from './files.js';

interface Shelf {
  readonly name: string;
  readonly places: number;
}

const shelf: DocumentFormat<Shelf> = {
  format: 'copyset-shelf',
  version: 2,
  schema: v.strictObject({ name: v.string(), places: v.pipe(v.number(), v.safeInteger(), v.minValue(0)) }),
};
const PATH = '/tables/shelf.json';
const small: Shelf = { name: 'Tōkyō', places: 3 };
const large: Shelf = { name: 'x'.repeat(9000), places: 4 };

async function shelved(body: Shelf = small): Promise<SimFiles> {
  const files = new SimFiles();
  files.makeFolder('/tables');
  await files.flushFolder('/');
  await writeDocument(files, PATH, shelf, body, new SimRandom(1));
  return files;
}

function rewrite(files: SimFiles, change: (text: string) => string): void {
  putAll(files, PATH, new TextEncoder().encode(change(new TextDecoder().decode(readAll(files, PATH)))));
}

describe('a document', () => {
  it('comes back as it was written', async () => {
    const files = await shelved();
    expect(readDocument(files, PATH, shelf)).toEqual({ kind: 'present', body: small });
    expect(demandDocument(files, PATH, shelf, 'the shelf')).toEqual(small);
    expect(files.list('/tables')).toEqual(['shelf.json']);
  });

  it('is ordinary JSON for other tools', async () => {
    const parsed: unknown = JSON.parse(new TextDecoder().decode(readAll(await shelved(), PATH)));
    expect(parsed).toMatchObject({ format: 'copyset-shelf', version: 2, body: small });
  });

  it('is old or new wherever a crash stops its writing, and new once that was done', async () => {
    const crashes = await crashEverywhere({
      prepare: async (files) => {
        files.makeFolder('/tables');
        await files.flushFolder('/');
        await writeDocument(files, PATH, shelf, small, new SimRandom(1));
      },
      act: (files) => writeDocument(files, PATH, shelf, large, new SimRandom(2)),
      check: (files, _, finished) => {
        const reading = readDocument(files, PATH, shelf);
        expect([small, large]).toContainEqual(reading.kind === 'present' ? reading.body : reading);
        if (finished) expect(reading).toEqual({ kind: 'present', body: large });
        removeUnfinishedDocuments(files, '/tables');
        expect(files.list('/tables')).toEqual(['shelf.json']);
      },
    });
    expect(crashes).toBeGreaterThan(30);
  });

  it('stays the old one when there is no room, a flush fails or the rename fails, and leaves nothing beside it', async () => {
    for (const call of ['write', 'flush', 'rename', 'open'] as const) {
      const files = new FaultFiles(await shelved());
      files.plan({ call, nth: 1, fault: call === 'write' ? 'short' : 'io' });
      const code = await codeOf(() => writeDocument(files, PATH, shelf, large, new SimRandom(2)));
      expect(code).toBe(call === 'write' ? 'no-space' : 'io-error');
      expect(readDocument(files, PATH, shelf)).toEqual({ kind: 'present', body: small });
      expect(files.list('/tables')).toEqual(['shelf.json']);
    }
  });

  it('is not written when it could not be read again', async () => {
    const files = await shelved();
    await expect(writeDocument(files, PATH, shelf, { name: 'x', places: -1 }, new SimRandom(2))).rejects.toThrow(
      /schema/,
    );
    await expect(
      writeDocument(files, PATH, shelf, { name: 'x', places: Number.POSITIVE_INFINITY }, new SimRandom(2)),
    ).rejects.toThrow(/schema/);
    expect(demandDocument(files, PATH, shelf, 'the shelf')).toEqual(small);
  });
});

describe('a document that is not there as it should be', () => {
  it('is absent', () => {
    const files = new SimFiles();
    expect(readDocument(files, '/nothing.json', shelf)).toEqual({ kind: 'absent' });
    expect(() => demandDocument(files, '/nothing.json', shelf, 'the shelf')).toThrow(/\/nothing\.json.*the shelf/);
  });

  it('is damaged when any bit of it flips, or says that it is newer where the bit lies in its version', async () => {
    const files = await shelved();
    const sizeBytes = readAll(files, PATH).length;
    const versionAt = new TextDecoder().decode(readAll(files, PATH)).indexOf('"version":2') + '"version":'.length;
    for (let at = 0; at < sizeBytes; at++) {
      for (let bit = 0; bit < 8; bit++) {
        flipBit(files, PATH, at, bit);
        const { kind } = readDocument(files, PATH, shelf);
        expect(['damaged', at === versionAt ? 'too-new' : 'damaged'], `byte ${at} bit ${bit}`).toContain(kind);
        flipBit(files, PATH, at, bit);
      }
    }
    expect(readDocument(files, PATH, shelf).kind).toBe('present');
  });

  it('is damaged when it is cut at any byte', async () => {
    const files = await shelved();
    const bytes = readAll(files, PATH);
    for (let cut = 0; cut < bytes.length; cut++) {
      putAll(files, PATH, bytes.subarray(0, cut));
      expect(readDocument(files, PATH, shelf).kind).toBe('damaged');
    }
  });

  it('is damaged when something stands behind it', async () => {
    const files = await shelved();
    rewrite(files, (text) => `${text}{}`);
    expect(readDocument(files, PATH, shelf).kind).toBe('damaged');
  });

  it('is too new when a newer copyset wrote it, which the error says', async () => {
    const files = await shelved();
    rewrite(files, (text) => text.replace('"version":2', '"version":3'));
    expect(readDocument(files, PATH, shelf)).toEqual({ kind: 'too-new', version: 3 });
    expect(await codeOf(() => demandDocument(files, PATH, shelf, 'the shelf'))).toBe('format-too-new');
  });

  it('is damaged with the place named when its contents are of another shape or hold wild numbers', async () => {
    const other = { ...shelf, schema: v.any() as unknown as DocumentFormat<unknown>['schema'] };
    for (const places of [-1, 1.5, 2 ** 60, '3', null]) {
      const files = await shelved();
      await writeDocument(files, PATH, other, { name: 'x', places }, new SimRandom(3));
      const reading = readDocument(files, PATH, shelf);
      expect(reading).toMatchObject({ kind: 'damaged', why: expect.stringContaining('places') });
    }
  });

  it('is damaged when it is a document of another kind', async () => {
    const files = await shelved();
    const reading = readDocument(files, PATH, { ...shelf, format: 'copyset-other' });
    expect(reading).toMatchObject({ kind: 'damaged', why: expect.stringContaining('copyset-shelf') });
    expect(await codeOf(() => demandDocument(files, PATH, { ...shelf, format: 'copyset-other' }, 'it'))).toBe(
      'metadata-damaged',
    );
  });

  it('is not followed or waited for when it is a link, a FIFO or a folder', async () => {
    const files = new SimFiles();
    files.plant('/link.json', 'link');
    files.plant('/fifo.json', 'other');
    files.makeFolder('/folder.json');
    for (const path of ['/link.json', '/fifo.json', '/folder.json']) {
      expect(readDocument(files, path, shelf)).toEqual({ kind: 'not-regular' });
      expect(await codeOf(() => demandDocument(files, path, shelf, 'the shelf'))).toBe('not-regular');
    }
  });

  it('is an I/O error, and not damage, when the storage fails', async () => {
    const files = new FaultFiles(await shelved(), { call: 'read', nth: 1, fault: 'io' });
    expect(await codeOf(() => readDocument(files, PATH, shelf))).toBe('io-error');
  });
});
