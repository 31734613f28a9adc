import { failure } from '../foundation/foundation.js';
import { PAIR_STATUSES, type PairStatus, type Side } from './record.js';

const CCI_NAMES: Record<PairStatus, Readonly<Record<Side, string>>> = {
  simplex: { primary: 'SMPL', secondary: 'SMPL' },
  pending: { primary: 'COPY', secondary: 'COPY' },
  duplex: { primary: 'PAIR', secondary: 'PAIR' },
  'sp-pending': { primary: 'COPY(SP)', secondary: 'COPY(SP)' },
  split: { primary: 'PSUS', secondary: 'SSUS' },
  resync: { primary: 'COPY(RS)', secondary: 'COPY(RS)' },
  'resync-reverse': { primary: 'RCPY', secondary: 'RCPY' },
  suspended: { primary: 'PSUE', secondary: 'PSUE' },
};

/** A status in the CCI manner (DESIGN.md 3.1). */
export function cciName(status: PairStatus, side: Side): string {
  return CCI_NAMES[status][side];
}

/** The status of a CCI name, in any case of letters. */
export function statusFromCci(name: string): PairStatus | undefined {
  const wanted = name.toUpperCase();
  return PAIR_STATUSES.find((status) => CCI_NAMES[status].primary === wanted || CCI_NAMES[status].secondary === wanted);
}

/** The statuses of a `--status` list: our words or CCI's, in any case of letters, separated by commas. */
export function parseStatuses(text: string): PairStatus[] {
  const words = text.split(',').map((word) => word.trim());
  return [...new Set(words.map(parseStatus))];
}

function parseStatus(word: string): PairStatus {
  const wanted = word.toLowerCase();
  const status = PAIR_STATUSES.find((candidate) => candidate === wanted) ?? statusFromCci(word);
  if (status !== undefined) return status;
  const shown = JSON.stringify(word.slice(0, 40));
  throw failure('usage', `${shown} is not a pair status.`, `Statuses are ${PAIR_STATUSES.join(', ')}, or CCI's names.`);
}
