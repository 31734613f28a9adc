import type { ActiveState, PairState, PairStatus } from './record.js';

export const OPERATIONS = ['create', 'split', 'resync', 'resync-reverse', 'suspend', 'delete'] as const;
export type OperationName = (typeof OPERATIONS)[number];

export type ActiveStatus = ActiveState['status'];

/** `does` it; `nothing` to do, which succeeds; `refuses`, and nothing has changed. */
export type Answer = 'does' | 'nothing' | 'refuses';

/** The answer of a suspended pair depends on the status that it came from: it does it from these, and refuses from others. */
export interface DependsOnOrigin {
  readonly doesFrom: readonly ActiveStatus[];
}

export type Cell = Answer | DependsOnOrigin;

/** The one table of operations (DESIGN.md 3.2). */
const TABLE = {
  create: {
    simplex: 'does',
    pending: 'nothing',
    duplex: 'nothing',
    'sp-pending': 'refuses',
    split: 'refuses',
    resync: 'nothing',
    'resync-reverse': 'refuses',
    suspended: 'refuses',
  },
  split: {
    simplex: 'refuses',
    pending: 'does',
    duplex: 'does',
    'sp-pending': 'nothing',
    split: 'nothing',
    resync: 'does',
    'resync-reverse': 'refuses',
    suspended: { doesFrom: ['sp-pending'] },
  },
  resync: {
    simplex: 'refuses',
    pending: 'nothing',
    duplex: 'nothing',
    'sp-pending': 'does',
    split: 'does',
    resync: 'nothing',
    'resync-reverse': 'refuses',
    suspended: { doesFrom: ['pending', 'duplex', 'sp-pending', 'split', 'resync'] },
  },
  'resync-reverse': {
    simplex: 'refuses',
    pending: 'refuses',
    duplex: 'refuses',
    'sp-pending': 'does',
    split: 'does',
    resync: 'refuses',
    'resync-reverse': 'nothing',
    suspended: { doesFrom: ['split', 'resync-reverse'] },
  },
  suspend: {
    simplex: 'refuses',
    pending: 'does',
    duplex: 'does',
    'sp-pending': 'does',
    split: 'does',
    resync: 'does',
    'resync-reverse': 'does',
    suspended: 'nothing',
  },
  delete: {
    simplex: 'nothing',
    pending: 'does',
    duplex: 'does',
    'sp-pending': 'does',
    split: 'does',
    resync: 'does',
    'resync-reverse': 'does',
    suspended: 'does',
  },
} as const satisfies Record<OperationName, Record<PairStatus, Cell>>;

/** The table's cell as it stands; only the column `suspended` has cells that depend on the origin. */
export function operationCell(status: PairStatus, operation: OperationName): Cell {
  return TABLE[operation][status];
}

/** The answer for a pair in this state; `undefined` is simplex, the absence of a pair. */
export function operationAnswer(state: PairState | undefined, operation: OperationName): Answer {
  const cell = operationCell(state?.status ?? 'simplex', operation);
  if (typeof cell === 'string') return cell;
  return state?.status === 'suspended' && cell.doesFrom.includes(state.from.status) ? 'does' : 'refuses';
}
