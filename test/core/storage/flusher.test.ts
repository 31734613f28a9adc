import * as zlib from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { FileError, type OpenFile } from '../../../src/core/ports/ports.js';
import { native } from '../../../src/core/storage/crc32.js';
import { crc32, Flusher, toToolkitError } from '../../../src/core/storage/storage.js';

/** A file whose flushes end when the test says so. */
function slowFile(): { file: OpenFile; flushes: { end(): void; fail(): void }[] } {
  const flushes: { end(): void; fail(): void }[] = [];
  const flush = (): Promise<void> =>
    new Promise((resolve, reject) => {
      flushes.push({ end: resolve, fail: () => reject(new FileError('io', 'flush', 'x')) });
    });
  return { file: { path: 'x', flush } as unknown as OpenFile, flushes };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('a flusher', () => {
  it('never counts a flush that had begun before the write', async () => {
    const { file, flushes } = slowFile();
    const flusher = new Flusher(file);
    const done: string[] = [];
    const first = flusher.durable().then(() => done.push('first'));
    const second = flusher.durable().then(() => done.push('second'));
    const third = flusher.durable().then(() => done.push('third'));
    flushes[0]?.end();
    await first;
    await settled();
    expect(done).toEqual(['first']);
    expect(flushes.length).toBe(2);
    flushes[1]?.end();
    await Promise.all([second, third]);
    const idle = flusher.durable();
    flushes[2]?.end();
    await idle;
    expect(flushes.length).toBe(3);
  });

  it('fails everyone with the same error after one failed flush, and flushes no more', async () => {
    const { file, flushes } = slowFile();
    const told: unknown[] = [];
    const flusher = new Flusher(file, (error) => told.push(error));
    const both = Promise.allSettled([flusher.durable(), flusher.durable()]);
    flushes[0]?.fail();
    const [first, second] = await both;
    const later = await flusher.durable().catch((error: unknown) => error);
    expect(later).toMatchObject({ code: 'io-error' });
    expect(first).toEqual({ status: 'rejected', reason: later });
    expect(second).toEqual({ status: 'rejected', reason: later });
    expect(told).toEqual([later]);
    expect(flusher.failed).toBe(true);
    expect(flushes.length).toBe(1);
  });
});

describe('crc32', () => {
  it('is that of zlib, whichever code computes it, in one piece or in two', () => {
    const bytes = Uint8Array.from({ length: 3000 }, (_, at) => (at * 7919) & 255);
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
    const quick = native();
    expect(quick).toBeDefined();
    for (let round = 0; round < 400; round++) expect(crc32(bytes, round)).toBe(zlib.crc32(bytes, round));
    expect(quick?.(bytes, 5)).toBe(zlib.crc32(bytes, 5));
    expect(crc32(bytes.subarray(1000), crc32(bytes.subarray(0, 1000)))).toBe(crc32(bytes));
  });
});

describe('a file error', () => {
  it('becomes one that a person understands, with its cause', () => {
    const cause = new FileError('no-space', 'write', '/t/pairs.json');
    const error = toToolkitError(cause, 'the pair table of system tokyo');
    expect(error).toMatchObject({ code: 'no-space', cause, details: { path: '/t/pairs.json' } });
    expect(String(error)).toContain('The pair table of system tokyo found no space left');
  });

  it('of another kind comes back unchanged', () => {
    const other = new Error('other');
    expect(toToolkitError(other, 'x')).toBe(other);
  });
});
