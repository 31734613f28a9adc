import type { Change } from '../../catalog/catalog.js';
import { mapCounts } from '../../hostio/hostio.js';
import {
  changeByWishes,
  committedSplit,
  heldClosed,
  type PairChange,
  type PairRecord,
  type PreparedSplit,
  type SplitOperation,
  undoneSplit,
} from '../../pair/pair.js';
import { demandRemoteAble, demandUnopened } from '../halves/operations.js';
import type { Controller } from '../open-controller.js';
import { planStep, type Step, settled, withPacing } from '../pairs/steps.js';
import type { SplitWords } from './wire.js';

/** Who prepares what: the part of a mark that is the same for all pairs. */
export type Mark = Omit<PreparedSplit, 'from'>;

/** What a split at this instant, the same for all its pairs, does to one of them. Throws what refuses it. */
export function splitStep(controller: Controller, record: PairRecord, words: SplitWords, atMs: number): Step {
  if (words.virtual) demandRemoteAble(record, 'A virtual split');
  demandUnopened(controller, record);
  const operation: SplitOperation = {
    kind: 'split',
    atMs,
    virtual: words.virtual ?? false,
    readOnly: words.readOnly,
  };
  return planStep(controller, record, operation, words);
}

/**
 * The same step, as far as it is made before anybody knows whether the split counts: the freeze, with a mark. All that can wait does:
 * settings, and opening what is copied whole.
 */
export function preparedStep(step: Step, mark: Mark): Step {
  const { record, change, pacing } = step;
  const { status } = record.state;
  if (change && change.steps.length > 0) {
    const from = status === 'pending' || status === 'resync' ? status : 'duplex';
    return { record: { ...record, prepared: { ...mark, from } }, change: heldClosed(change), pacing: {} };
  }
  if (!change && withPacing(record, pacing) === record) return { record, change: undefined, pacing: {} };
  return changed({ ...record, prepared: { ...mark, from: null } }, undefined);
}

/** The split counts. */
export function commitStep(controller: Controller, record: PairRecord): Step {
  const committed = committedSplit(record, mapCounts(controller.catalog, record).outOfSync === 0);
  return changed(committed, changeByWishes(record));
}

/** The split is void. */
export function undoStep(controller: Controller, record: PairRecord): Step {
  const change = undoneSplit(record);
  return changed({ ...record, prepared: undefined }, change && settled(controller, record, change));
}

/** A row that changes even where its state does not. */
function changed(record: PairRecord, change: PairChange | undefined): Step {
  const more: Change[] = change ? [] : [{ do: 'put-pair', record }];
  return { record, change, pacing: {}, more };
}
