import type { SessionPolicyChange } from '../core/session/session.js';
import { Args, duration } from './flags.js';

export const sessionArg = Args.string({ required: true, description: 'Name of the session.' });

export const sessionPolicyFlags = {
  interval: duration({
    summary: 'From one checkpoint to the next (1s unless set); 0 issues none but by checkpoint mark.',
  }),
  'resign-after': duration({
    summary: 'How long a secondary waits for a lost primary before it resigns by itself; 0, as unless set, is never.',
  }),
};

export interface SessionPolicyFlags {
  readonly interval?: number | undefined;
  readonly 'resign-after'?: number | undefined;
}

/** What of a policy the flags change. */
export function sessionPolicyChange(flags: SessionPolicyFlags): SessionPolicyChange {
  return { intervalMs: flags.interval, resignAfterMs: flags['resign-after'] };
}
