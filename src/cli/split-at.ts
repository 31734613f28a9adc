import type { Toolkit } from './open-toolkit.js';
import type { SystemPairs } from './pair-selection.js';
import { showPairs } from './pair-show.js';
import { countOf } from './render/pair-action.js';
import type { Outcome } from './toolkit-command.js';
import { untilClock, untilTime } from './until.js';

/** The system is taken this long before the time, so that nothing but the split is left to do then. */
const OPEN_BEFORE_MS = 500;

interface SplitAtOptions {
  readonly signal: AbortSignal;
  readonly quiet: boolean;
  /** Opens the system, waits for `ready`, and splits. */
  readonly split: (ready: () => Promise<void>) => Promise<Outcome>;
}

/** `pair split --at`: nothing is owned while it waits, and a pair that is not there is told now and not at night. */
export async function splitAt(
  toolkit: Toolkit,
  selection: readonly SystemPairs[],
  atMs: number,
  { signal, quiet, split }: SplitAtOptions,
): Promise<Outcome> {
  const { length } = await showPairs(toolkit, selection);
  await untilTime(atMs - OPEN_BEFORE_MS, atMs, `split ${countOf(length, 'pair')}`, { signal, quiet });
  return split(() => untilClock(atMs, signal));
}
