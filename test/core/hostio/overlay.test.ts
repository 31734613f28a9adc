import { describe, expect, it } from 'vitest';
import { Overlay } from '../../../src/core/hostio/hostio.js';
import { Rng } from '../../simulation/world/rng.js';

const TRACK = 4_096;
const SIZE = 8 * TRACK;

describe('records above an image', () => {
  it('show of each byte the newest record, and the image where none lies, whatever is read', () => {
    for (let seed = 1; seed <= 30; seed++) {
      const rng = new Rng(seed);
      const image = new Uint8Array(SIZE).fill(255);
      const expected = image.slice();
      const records: Uint8Array[] = [];
      const overlay = new Overlay(TRACK, (record) => records[record] as Uint8Array);
      for (let record = 0; record < 60; record++) {
        const offset = rng.below(SIZE - 1);
        const data = new Uint8Array(1 + rng.below(Math.min(3 * TRACK, SIZE - offset))).fill(record);
        records.push(data);
        overlay.add(offset, data.length, record);
        expected.set(data, offset);
        const at = rng.below(SIZE - 1);
        const read = image.slice(at, at + 1 + rng.below(SIZE - at));
        overlay.patch(read, at);
        expect(Buffer.compare(read, expected.subarray(at, at + read.length))).toBe(0);
      }
    }
  });

  it('do not show what is written below where a record lies', () => {
    const image = new Uint8Array(SIZE);
    const overlay = new Overlay(TRACK, () => new Uint8Array(100).fill(7));
    overlay.add(TRACK - 50, 100, 1);
    image.fill(9);
    overlay.patch(image, 0);
    expect([image[TRACK - 51], image[TRACK - 50], image[TRACK + 49], image[TRACK + 50]]).toEqual([9, 7, 7, 9]);
    expect([overlay.has(0), overlay.has(1), overlay.has(2)]).toEqual([true, true, false]);
    expect([overlay.any({ first: 1, count: 7 }), overlay.any({ first: 2, count: 6 })]).toEqual([true, false]);
  });
});
