import type { Step, StepAnswer } from './formation-words.js';

/** How a step fails to come off; `limit` is the master's own. */
export type Trouble = Exclude<StepAnswer['kind'], 'ok'> | 'limit' | 'cancelled';

/**
 * What follows when a step does not come off. `void`: nothing was prepared, all thaw. `revert`: somebody may have prepared. `wait`:
 * decided already, ask again. `give-up`: the decision stands, its remotes are settled later. `pass`: it counts as answered.
 */
export type Consequence = 'void' | 'revert' | 'wait' | 'give-up' | 'pass';

const BEFORE_PREPARE: Record<Trouble, Consequence> = {
  refused: 'void',
  'link-lost': 'void',
  'timed-out': 'void',
  'opened-by-itself': 'void',
  limit: 'void',
  cancelled: 'void',
};

const DECIDED: Record<Trouble, Consequence> = {
  refused: 'wait',
  'link-lost': 'wait',
  'timed-out': 'wait',
  'opened-by-itself': 'wait',
  limit: 'give-up',
  cancelled: 'wait',
};

/** The one table of failing steps. */
export const CONSEQUENCES: Readonly<Record<Step, Readonly<Record<Trouble, Consequence>>>> = {
  coordinate: BEFORE_PREPARE,
  run: BEFORE_PREPARE,
  drain: BEFORE_PREPARE,
  prepare: {
    refused: 'revert',
    'link-lost': 'revert',
    'timed-out': 'revert',
    'opened-by-itself': 'revert',
    limit: 'revert',
    cancelled: 'revert',
  },
  commit: DECIDED,
  revert: DECIDED,
  // A member that hears no thaw thaws by itself at the limit that `coordinate` carried.
  thaw: {
    refused: 'pass',
    'link-lost': 'pass',
    'timed-out': 'pass',
    'opened-by-itself': 'pass',
    limit: 'give-up',
    cancelled: 'wait',
  },
};
