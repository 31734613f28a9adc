import { failure } from '../core/foundation/foundation.js';
import { EXIT } from './exit-codes.js';
import type { Toolkit } from './open-toolkit.js';
import type { SystemPairs } from './pair-selection.js';
import { isSelected, selectorOfPair } from './pair-selectors.js';
import { showParts } from './pair-show.js';
import { countOf, pairName } from './render/pair-action.js';
import type { Outcome } from './toolkit-command.js';
import { untilClock, untilTime } from './until.js';

/** The system is taken this long before the time, so that nothing but the split is left to do then. */
const OPEN_BEFORE_MS = 500;

interface SplitAtOptions {
  readonly signal: AbortSignal;
  readonly quiet: boolean;
  /** The pairs are a group's: whatever belongs to it then. */
  readonly group?: string | undefined;
  /** Opens the systems of the selection, waits for `ready`, and splits. */
  readonly split: (selection: readonly SystemPairs[], ready: () => Promise<void>) => Promise<Outcome>;
}

interface PairNames {
  readonly primary: string;
  readonly secondary: string;
}

/** The pairs of one system, each by its name. */
interface Chosen {
  readonly place: SystemPairs['place'];
  readonly pairs: readonly PairNames[];
}

/**
 * `pair split --at`: nothing is owned while it waits, and a pair that is not there is told now and not at night. What is split then are
 * the pairs that were meant when the command began to wait: one that came since is not, and one that went is told.
 */
export async function splitAt(
  toolkit: Toolkit,
  selection: readonly SystemPairs[],
  atMs: number,
  { signal, quiet, group, split }: SplitAtOptions,
): Promise<Outcome> {
  const shown = await showParts(toolkit, selection);
  const chosen = shown.map(({ part, rows }) => ({ place: part.place, pairs: rows.map(namesOf) }));
  const { length } = chosen.flatMap(({ pairs }) => pairs);
  await untilTime(atMs - OPEN_BEFORE_MS, atMs, `split ${countOf(length, 'pair')}`, { signal, quiet });
  const ready = () => untilClock(atMs, signal);
  if (group !== undefined) return split(selection, ready);
  const { there, gone } = await stillThere(toolkit, chosen);
  return withGone(await split(there, ready), gone);
}

async function stillThere(
  toolkit: Toolkit,
  chosen: readonly Chosen[],
): Promise<{ there: readonly SystemPairs[]; gone: readonly PairNames[] }> {
  const there: SystemPairs[] = [];
  const gone: PairNames[] = [];
  for (const { place, pairs } of chosen) {
    const listed = await toolkit.read(place, async (reader) => (await reader.request('pair.list')).output.pairs);
    const isThere = (pair: PairNames) => listed.some((row) => isSelected(row, [selectorOfPair(pair)]));
    gone.push(...pairs.filter((pair) => !isThere(pair)));
    const left = pairs.filter(isThere).map(selectorOfPair);
    if (left.length > 0) there.push({ place, pairs: left, mayBeEmpty: false });
  }
  if (there.length > 0) return { there, gone };
  throw failure(
    'pair-not-found',
    `${gone.map(pairName).join(', ')}: no pair any more; nothing was split.`,
    'copyset pair list shows the pairs there are.',
  );
}

/** The others are at the instant that was wanted, which does not come again; that some are missing is told by the exit code too. */
function withGone(outcome: Outcome, gone: readonly PairNames[]): Outcome {
  if (gone.length === 0) return outcome;
  const told = gone.map((pair) => `${pairName(pair)} is no pair any more and was not split.`);
  return {
    ...outcome,
    data: { ...outcome.data, gone },
    notes: [...told, ...(outcome.notes ?? [])],
    exitCode: outcome.exitCode || EXIT.notFound,
  };
}

function namesOf({ primary, secondary }: PairNames): PairNames {
  return { primary, secondary };
}
