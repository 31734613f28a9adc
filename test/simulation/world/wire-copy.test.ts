import { describe, expect, it } from 'vitest';
import { WireCopy } from './wire-copy.js';

describe('What a message becomes on a wire', () => {
  it.each([
    { text: 'a "word"\n', count: 3, minus: -0, lost: Number.NaN, flag: true, nothing: null },
    { absent: undefined, list: [1, undefined, null, { deep: [[]] }] },
    'alone',
    [],
  ])('is what JSON makes of it, and no longer than it is said to be: %j', (value) => {
    const copy = new WireCopy(value);
    const json = JSON.stringify(value);
    expect(copy.value).toStrictEqual(JSON.parse(json));
    expect(copy.mostBytes).toBeGreaterThanOrEqual(Buffer.byteLength(json));
  });

  it('is a copy of its own', () => {
    const list = [1];
    const copy = new WireCopy({ list }).value;
    list.push(2);
    expect(copy).toStrictEqual({ list: [1] });
  });

  it.each([{ time: new Date(0) }, { big: 1n }, { run: () => undefined }])(
    'is refused where JSON would change it',
    (value) => {
      expect(() => new WireCopy(value)).toThrow(TypeError);
    },
  );
});
