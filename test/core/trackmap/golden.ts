import * as v from 'valibot';
import { type DocumentFormat, Ledger, writeDocument } from '../../../src/core/storage/storage.js';
import { MapFile, PAGE_TRACKS } from '../../../src/core/trackmap/trackmap.js';
import { SimFiles, SimRandom } from '../../simulation/world/world.js';
import { readAll } from '../storage/files.js';

/** What the golden files of format 1 hold. They are never made anew: a release that cannot read them breaks its promise. */
export const GOLDEN_FOLDER = new URL('../../../fixtures/format-1/', import.meta.url);
export const GOLDEN_FILES = ['document.json', 'ledger.a', 'ledger.b', 'track-map'] as const;
export const GOLDEN_TRACKS = 2 * PAGE_TRACKS + 100;
export const GOLDEN_BODY = { name: 'Kōbe', sizes: [0, 1, 2 ** 46], note: null };
export const GOLDEN_PAYLOADS = ['second life', '', '{"do":"grant","epoch":3}'];
export const GOLDEN_RUNS = [
  { first: 3, count: 70 },
  { first: PAGE_TRACKS, count: PAGE_TRACKS + 100 },
];

export const goldenFormat: DocumentFormat<typeof GOLDEN_BODY> = {
  format: 'copyset-golden',
  version: 1,
  schema: v.strictObject({ name: v.string(), sizes: v.array(v.number()), note: v.null() }),
};

/** Makes the files with the code of today; the ledgers without the zeros at their ends. */
export async function makeGolden(): Promise<Map<string, Uint8Array>> {
  const files = new SimFiles();
  await writeDocument(files, '/document.json', goldenFormat, GOLDEN_BODY, new SimRandom(1));
  await Ledger.create(files, '/');
  const { ledger } = Ledger.open(files, '/');
  ledger.append(new TextEncoder().encode('first life'), 1);
  await ledger.restart();
  for (const [index, payload] of GOLDEN_PAYLOADS.entries()) {
    ledger.append(new TextEncoder().encode(payload), index + 1);
    if (index === 0) await ledger.durable();
  }
  const file = MapFile.create(files, '/track-map', GOLDEN_TRACKS);
  file.map.set(0, 9);
  await file.checkpoint(1);
  file.confirm();
  file.map.empty();
  for (const { first, count } of GOLDEN_RUNS) file.map.set(first, count);
  await file.checkpoint(4);
  file.confirm();
  const made = GOLDEN_FILES.map((name) => [name, readAll(files, `/${name}`)] as const);
  return new Map(made.map(([name, bytes]) => [name, name.startsWith('ledger') ? bytes.subarray(0, 4500) : bytes]));
}
