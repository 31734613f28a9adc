import type { PolicyChange } from '../core/group/group.js';
import { parseWindow } from '../core/group/group.js';
import { Args, duration, size, string } from './flags.js';
import { nowMs } from './now.js';

export const groupArg = Args.string({ required: true, description: 'Name of the group.' });

export const limitFlags = {
  interval: duration({ summary: 'From the end of one formation to the start of the next; 0 forms continuously.' }),
  'coordination-limit': duration({ summary: 'How long host writes may be held for a formation (50ms unless set).' }),
  'drain-limit': duration({ summary: 'How long a formation may send before it is void (30s unless set).' }),
};

export const policyFlags = {
  ...limitFlags,
  rate: size({ summary: 'Bytes per second that all systems of the group send together; 0 takes the cap away.' }),
  'hold-limit': duration({ summary: 'How long a stopped host write waits before it is refused (30s unless set).' }),
  window: string({
    summary:
      'When sending, or host writes, stop: run=DUR,pause=DUR or from=TIME,to=TIME, with ,stop=sending|writes; none takes it away.',
    helpValue: 'WINDOW',
  }),
};

export interface PolicyFlags {
  readonly interval?: number | undefined;
  readonly 'coordination-limit'?: number | undefined;
  readonly 'drain-limit'?: number | undefined;
  readonly rate?: number | undefined;
  readonly 'hold-limit'?: number | undefined;
  readonly window?: string | undefined;
}

/** What of a policy the flags change. */
export function policyChange(flags: PolicyFlags): PolicyChange {
  return {
    intervalMs: flags.interval,
    coordinationLimitMs: flags['coordination-limit'],
    drainLimitMs: flags['drain-limit'],
    rateBytesPerSecond: flags.rate,
    holdLimitMs: flags['hold-limit'],
    window: flags.window === undefined ? undefined : parseWindow(flags.window, nowMs()),
  };
}

export function changesNothing(change: PolicyChange): boolean {
  return Object.values(change).every((value) => value === undefined);
}
