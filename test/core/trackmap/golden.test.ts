import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { demandDocument, Ledger } from '../../../src/core/storage/storage.js';
import { MapFile } from '../../../src/core/trackmap/trackmap.js';
import { SimFiles } from '../../simulation/world/world.js';
import { putAll } from '../storage/files.js';
import {
  GOLDEN_BODY,
  GOLDEN_FILES,
  GOLDEN_FOLDER,
  GOLDEN_PAYLOADS,
  GOLDEN_RUNS,
  GOLDEN_TRACKS,
  goldenFormat,
  makeGolden,
} from './golden.js';

const golden = (name: string): Uint8Array => readFileSync(new URL(name, GOLDEN_FOLDER));

describe('files of format 1', () => {
  it('are read as they were meant', () => {
    const files = new SimFiles();
    for (const name of GOLDEN_FILES) putAll(files, `/${name}`, golden(name));
    expect(demandDocument(files, '/document.json', goldenFormat, 'the golden document')).toEqual(GOLDEN_BODY);
    const { ledger, frames, tail } = Ledger.open(files, '/');
    expect(frames.map(({ payload }) => new TextDecoder().decode(payload))).toEqual(GOLDEN_PAYLOADS);
    expect(frames.map(({ change, epoch }) => [change, epoch])).toEqual([
      [2, 1],
      [3, 2],
      [4, 3],
    ]);
    expect([tail, ledger.sequence, ledger.baseChange]).toEqual(['clean', 2, 1]);
    const map = MapFile.open(files, '/track-map', GOLDEN_TRACKS);
    expect([map.change, [...map.map.runs()]]).toEqual([4, GOLDEN_RUNS]);
    expect(map.check()).toEqual({ pages: 1, damaged: [] });
  });

  it('are written today as they were then, byte for byte', async () => {
    for (const [name, bytes] of await makeGolden()) {
      expect(Buffer.compare(bytes, golden(name)), name).toBe(0);
    }
  });
});
