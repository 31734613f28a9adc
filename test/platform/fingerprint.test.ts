import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { fingerprint } from '../../src/platform/fingerprint.js';

test('the fingerprint is SHA-256, whatever the length of the text', () => {
  for (let length = 0; length < 200; length += 1) {
    const text = Array.from({ length }, (_, at) => String.fromCharCode(32 + ((at * 7 + length) % 90))).join('');
    expect(fingerprint(text)).toBe(createHash('sha256').update(text).digest('hex'));
  }
  expect(fingerprint('Übergröße')).toBe(createHash('sha256').update('Übergröße').digest('hex'));
});
