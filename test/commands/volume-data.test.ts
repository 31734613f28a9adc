import { describe, expect, it } from 'vitest';
import { pieces } from '../../src/cli/volume-data.js';

async function* chunks(...sizes: number[]): AsyncGenerator<Uint8Array> {
  let next = 0;
  for (const size of sizes) yield Uint8Array.from({ length: size }, () => next++ % 256);
}

async function cut(source: AsyncIterable<Uint8Array>, pieceBytes: number, signal = new AbortController().signal) {
  const found: number[][] = [];
  for await (const piece of pieces(source, signal, pieceBytes)) found.push([...piece]);
  return found;
}

describe('input', () => {
  it('comes in pieces of one size, whatever its chunks', async () => {
    expect(await cut(chunks(1, 5, 0, 2), 3)).toEqual([
      [0, 1, 2],
      [3, 4, 5],
      [6, 7],
    ]);
    expect(await cut(chunks(6), 3)).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ]);
    expect(await cut(chunks(), 3)).toEqual([]);
    expect(await cut(chunks(0, 0), 3)).toEqual([]);
  });

  it('that never ends is left at ^C', async () => {
    const stop = new AbortController();
    async function* endless(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(3);
      await new Promise(() => {});
    }
    const cutting = cut(endless(), 3, stop.signal);
    setTimeout(() => stop.abort(), 20);
    expect(await cutting).toEqual([[0, 0, 0]]);
  });
});
