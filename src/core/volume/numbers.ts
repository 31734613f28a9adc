import { failure, VOLUMES_MAX, type VolumeNumber } from '../foundation/foundation.js';
import { quoted } from './text.js';

const NUMBER_PATTERN = /^[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}$/;

/** `CU:LDEV`: 0x1a is `00:1A`. */
export function formatNumber(number: VolumeNumber): string {
  const digits = number.toString(16).toUpperCase().padStart(4, '0');
  return `${digits.slice(0, -2)}:${digits.slice(-2)}`;
}

/** The number of `CU:LDEV`, or undefined where the text is not one. */
export function numberOf(text: string): VolumeNumber | undefined {
  return NUMBER_PATTERN.test(text) ? Number.parseInt(text.replace(':', ''), 16) : undefined;
}

export function parseNumber(text: string): VolumeNumber {
  const number = numberOf(text);
  if (number !== undefined) return number;
  throw failure('usage', `${quoted(text)} is not a volume number.`, 'Numbers are CU:LDEV, two hex digits each: 00:1A.');
}

/** The lowest free numbers, ascending. */
export function nextFreeNumbers(used: Iterable<VolumeNumber>, count = 1): VolumeNumber[] {
  const taken = new Set(used);
  const free: VolumeNumber[] = [];
  for (let number = 0; number < VOLUMES_MAX && free.length < count; number++) {
    if (!taken.has(number)) free.push(number);
  }
  if (free.length === count) return free;
  throw failure(
    'limit-reached',
    `The system has room for ${free.length} more volumes, not for ${count}.`,
    `A system has at most ${VOLUMES_MAX} volumes.`,
  );
}
