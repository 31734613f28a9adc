import { custom } from '@oclif/core/flags';
import { PAIR_STATUSES, type PairStatus, parseStatuses } from '../core/pair/pair.js';
import { parseSize } from '../core/volume/volume.js';
import { pace, plan, progress, wait } from './flags.js';

/** Statuses in our words or in CCI's, comma-separated or repeated. */
export function statuses(about: { summary: string; required?: boolean }) {
  return custom<PairStatus>({
    helpValue: 'STATUS[,STATUS]',
    multiple: true,
    multipleNonGreedy: true,
    delimiter: ',',
    parse: async (input) => parseStatuses(input)[0] ?? 'simplex',
  })({ ...about, description: `Statuses: ${PAIR_STATUSES.join(', ')}; CCI's names (SMPL, COPY, PAIR, PSUS, …) too.` });
}

/** A cap of 0 is no cap. */
const rate = custom<number>({ helpValue: 'SIZE', parse: async (input) => parseSize(input) });

export const pacingFlags = {
  pace: pace(),
  rate: rate({ summary: 'At most this many bytes per second; 0 takes the cap away.' }),
};

export const waitFlags = { wait: wait(), progress };

export const actionFlags = { ...waitFlags, plan };
