import bytes from 'bytes-iec';
import ms from 'ms';
import {
  type ByteCount,
  failure,
  type Milliseconds,
  SECTOR_BYTES,
  TRACK_SIZE_MAX_BYTES,
  TRACK_SIZE_MIN_BYTES,
  VOLUME_SIZE_MAX_BYTES,
} from '../foundation/foundation.js';
import { quoted } from './text.js';

const SIZE_PATTERN = /^\d{1,16}(?:[kmgt]?i?b)?$/i;
const DURATION_PATTERN = /^(?:0|\d{1,12}(?:ms|s|m|h|d))$/;

/** `512`, `64KiB`, `1GiB`, `1GB`: whole numbers; KiB counts 1,024 and kB 1,000. */
export function parseSize(text: string): ByteCount {
  const size = SIZE_PATTERN.test(text) && !/^\d+ib$/i.test(text) ? bytes.parse(text) : null;
  if (size !== null && Number.isSafeInteger(size)) return size;
  throw failure('bad-size', `${quoted(text)} is not a size.`, 'Sizes are whole numbers: 512, 64KiB, 1GiB or 1GB.');
}

/** Bytes per second, at least one. */
export function parseRate(text: string): ByteCount {
  const rate = parseSize(text);
  if (rate > 0) return rate;
  throw failure('bad-size', 'A rate of 0 bytes per second copies nothing.', 'To copy nothing, set --pace hold.');
}

/** For people: at most two decimals, in the largest unit of 1,024. */
export function formatBytes(size: ByteCount): string {
  return bytes.format(size, { mode: 'binary' }) ?? `${size}B`;
}

/** `500ms`, `30s`, `5m`, `2h`; 0 needs no unit. */
export function parseDuration(text: string): Milliseconds {
  const span = DURATION_PATTERN.test(text) ? ms(text as ms.StringValue) : Number.NaN;
  if (Number.isSafeInteger(span)) return span;
  throw failure(
    'bad-time',
    `${quoted(text)} is not a duration.`,
    'Durations are whole numbers with a unit: 500ms, 30s, 5m, 2h.',
  );
}

/** Whole sectors, at least one, at most 64 TiB. */
export function isVolumeSize(size: ByteCount): boolean {
  return Number.isSafeInteger(size) && size > 0 && size % SECTOR_BYTES === 0 && size <= VOLUME_SIZE_MAX_BYTES;
}

export function checkVolumeSize(size: ByteCount): void {
  if (isVolumeSize(size)) return;
  throw failure(
    'bad-size',
    `A volume cannot have ${size} bytes.`,
    `A size is a multiple of ${SECTOR_BYTES}, at least ${SECTOR_BYTES} and at most ${formatBytes(VOLUME_SIZE_MAX_BYTES)}.`,
  );
}

/** A power of two from 4 KiB to 16 MiB. */
export function isTrackSize(size: ByteCount): boolean {
  return size >= TRACK_SIZE_MIN_BYTES && size <= TRACK_SIZE_MAX_BYTES && Number.isInteger(Math.log2(size));
}

export function checkTrackSize(size: ByteCount): void {
  if (isTrackSize(size)) return;
  throw failure(
    'bad-size',
    `A track cannot have ${size} bytes.`,
    `A track size is a power of two from ${formatBytes(TRACK_SIZE_MIN_BYTES)} to ${formatBytes(TRACK_SIZE_MAX_BYTES)}.`,
  );
}
