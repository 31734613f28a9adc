import { boolean, custom, option, string } from '@oclif/core/flags';
import { failure } from '../core/foundation/foundation.js';
import { parseDuration, parseRate, parseSize, quoted } from '../core/volume/volume.js';
import { nowMs } from './now.js';
import { parseTime, type Side } from './render/times.js';

/** oclif's own kinds, so that commands need not know where they come from. */
export * as Args from '@oclif/core/args';
export { boolean, integer, option, string } from '@oclif/core/flags';

/** A size in bytes. */
export const size = custom<number>({
  helpValue: 'SIZE',
  parse: async (input) => parseSize(input),
});

/** Bytes per second. */
export const rate = custom<number>({
  helpValue: 'SIZE',
  summary: 'At most this many bytes per second.',
  parse: async (input) => parseRate(input),
});

/** A span in milliseconds. */
export const duration = custom<number>({
  helpValue: 'DURATION',
  parse: async (input) => parseDuration(input),
});

/** A span in milliseconds, to one side or the other: `20ms`, `-20ms`. */
export const offset = custom<number>({
  helpValue: 'DURATION',
  parse: async (input) => (input.startsWith('-') ? -parseDuration(input.slice(1)) : parseDuration(input)),
});

/** Milliseconds since 1970. `HH:MM` is the next one (`--at`) or the last one (`--since`). */
export function time(side: Side, words: { summary: string; required?: false }) {
  return custom<number>({
    helpValue: 'TIME',
    parse: async (input) => parseTime(input, nowMs(), side) ?? badTime(input),
  })(words);
}

/** `--wait[=DURATION]`: the limit in milliseconds, Infinity without a value, undefined when not given. */
export const wait = custom<number>({
  helpValue: '[DURATION]',
  summary: 'Wait until done, or at most this long (--wait=30s); without it the command returns at once.',
  parse: async (input) => (input === 'forever' ? Number.POSITIVE_INFINITY : parseDuration(input)),
});

export const plan = boolean({ summary: 'Print what would be done; change nothing.' });

/** Progress for programs; a terminal gets a bar without asking. */
export const progress = boolean({
  summary: 'With --json: print progress as one JSON object per line before the result.',
});

/** For commands that show a state which changes; see ToolkitCommand.watch. */
export const watch = boolean({
  summary: 'Look again every second until interrupted; with --json one object per line.',
});

export const pace = option({
  summary: 'Tracks copied per turn: slow 1, medium 3, fast 15; hold copies nothing.',
  options: ['slow', 'medium', 'fast', 'hold'] as const,
});

/** Commands of PAIR select a group's pairs with this instead of naming one. */
export const group = string({ summary: 'The pairs of this consistency group.', helpValue: 'NAME' });

/** A list of words out of a closed set: comma-separated or repeated, never space-separated. */
export function list<const Word extends string>(
  words: readonly Word[],
  about: { summary: string; helpValue?: string },
) {
  return custom<Word>({
    helpValue: about.helpValue ?? 'NAME[,NAME]',
    multiple: true,
    multipleNonGreedy: true,
    delimiter: ',',
    parse: async (input) => words.find((word) => word.toLowerCase() === input.toLowerCase()) ?? badWord(input, words),
  })({ summary: about.summary });
}

function badTime(input: string): never {
  throw failure('bad-time', `${quoted(input)} is not a time.`, 'A time is ISO 8601 (2026-03-01T12:00:00Z) or HH:MM.');
}

function badWord(input: string, words: readonly string[]): never {
  throw failure('usage', `${quoted(input)} is not one of: ${words.join(', ')}.`);
}
