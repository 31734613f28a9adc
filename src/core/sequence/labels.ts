import { failure, type SequenceTime } from '../foundation/foundation.js';
import { type Checkpoint, timeOf } from './checkpoint.js';

/** A sequence time as a person reads it: ISO, with nanoseconds. It is near the wall clock, and orders nothing. */
export function isoOf(time: SequenceTime): string {
  const seconds = time / 1_000_000_000n;
  const text = new Date(Number(seconds) * 1000).toISOString();
  return `${text.slice(0, -'.000Z'.length)}.${(time % 1_000_000_000n).toString().padStart(9, '0')}Z`;
}

/** Milliseconds since 1970 of a sequence time, for spans that are shown. */
export function millisecondsOf(time: SequenceTime): number {
  return Number(time / 1_000_000n);
}

/** What `--to` names: a checkpoint by its number, or the last one that is not later than a time. */
export type Wanted =
  | { readonly by: 'number'; readonly number: number }
  | { readonly by: 'time'; readonly time: string };

/** Reads `--to NUMBER|TIME`. Throws `bad-time`. */
export function parseWanted(text: string): Wanted {
  if (/^[1-9]\d{0,14}$/.test(text)) return { by: 'number', number: Number(text) };
  const [, toSecond, fraction = '', zone] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text) ?? [];
  const ms = toSecond === undefined ? Number.NaN : Date.parse(`${toSecond}${zone}`);
  if (Number.isNaN(ms))
    throw failure(
      'bad-time',
      `"${text}" is neither a checkpoint's number nor a time.`,
      'A time is written as status shows it: 2026-01-31T12:00:00.000000000Z.',
    );
  return { by: 'time', time: (BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, '0'))).toString() };
}

/** The greatest of these that is meant; undefined where none is. */
export function wantedOf(some: readonly Checkpoint[], wanted: Wanted): Checkpoint | undefined {
  const meant = some.filter((one) =>
    wanted.by === 'number' ? one.number === wanted.number : timeOf(one) <= BigInt(wanted.time),
  );
  return meant.reduce<Checkpoint | undefined>(
    (best, one) => (best && best.number > one.number ? best : one),
    undefined,
  );
}
