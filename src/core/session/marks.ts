import { failure } from '../foundation/foundation.js';
import type { WaitVerdict } from './requests.js';

/** What `checkpoint mark` prints and `checkpoint wait` takes. */
export interface Mark {
  readonly run: number;
  readonly number: number;
}

export function formatMark({ run, number }: Mark): string {
  return `${run}.${number}`;
}

/** Throws `usage`. */
export function parseMark(text: string): Mark {
  const [, run, number] = /^(\d{1,9})\.([1-9]\d{0,14})$/.exec(text) ?? [];
  if (run === undefined || number === undefined)
    throw failure('usage', `"${text}" is no mark.`, 'A mark is what checkpoint mark prints, as 1.17.');
  return { run: Number(run), number: Number(number) };
}

export interface WaitQuestion {
  readonly mark: Mark;
  readonly run: number;
  /** The lowest that a system of the table has applied; 0 for none. */
  readonly applied: number;
  /** The greatest that is held or released by all. */
  readonly complete: number;
  /** A pair tracks, or a system has resigned. */
  readonly degraded: boolean;
}

/**
 * How a wait for a mark stands.
 *
 * @A other-run  what the mark stood for was dropped with its run, or came over as differences.
 * @B applied
 * @C degraded   it is not whole at all yet, and something tracks or has resigned: nobody knows when it will be.
 * @D            it goes on.
 */
export function judgeWait({ mark, run, applied, complete, degraded }: WaitQuestion): {
  readonly label: string;
  readonly verdict: Exclude<WaitVerdict, 'timed-out'> | null;
} {
  if (mark.run !== run) return { label: '@A', verdict: 'other-run' };
  if (applied >= mark.number) return { label: '@B', verdict: 'applied' };
  if (degraded && complete < mark.number) return { label: '@C', verdict: 'degraded' };
  return { label: '@D', verdict: null };
}
