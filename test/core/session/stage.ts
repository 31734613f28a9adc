import type { SystemRef } from '../../../src/core/group/group.js';
import type { Checkpoint } from '../../../src/core/sequence/sequence.js';
import type { ActiveRow, HeldStream, RoundReport } from '../../../src/core/session/session.js';

export function system(name: string): SystemRef {
  const digits = [...name].map((letter) => (letter.charCodeAt(0) % 16).toString(16)).join('');
  return { id: digits.padEnd(32, '0'), name, path: `/systems/${name}` };
}

export const id = (name: string): string => system(name).id;

/** Checkpoint `number` at time `number` * 10, unless told otherwise. */
export function checkpoint(number: number, more: Partial<Checkpoint> = {}): Checkpoint {
  return { number, time: String(number * 10), issuer: id('a'), ...more };
}

export function row(primary: string, secondary: string, more: Partial<ActiveRow> = {}): ActiveRow {
  return { primary: system(primary), secondary: system(secondary), enteredAt: 1, resigned: null, ...more };
}

export function held(primary: string, numbers: readonly number[], more: Partial<HeldStream> = {}): HeldStream {
  const some = numbers.map((number) => checkpoint(number));
  return { primary: id(primary), held: some, degraded: false, returning: 'no', ...more };
}

export function report(
  secondary: string,
  streams: readonly HeldStream[],
  more: Partial<RoundReport> = {},
): RoundReport {
  return { system: id(secondary), tableTerm: 1, releasing: null, applied: null, resetTo: 0, streams, ...more };
}

/** As a system stands that shows a checkpoint and is open to its hosts. */
export function at(number: number): Partial<RoundReport> {
  return { applied: checkpoint(number), resetTo: number };
}
