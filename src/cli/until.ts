import { failure } from '../core/foundation/foundation.js';
import { nowMs } from './now.js';
import { printError } from './output.js';
import { formatDuration } from './render/durations.js';
import { formatTime } from './render/times.js';

/** The clock of the day may be set while we wait, so it is looked at again and again. */
const LOOK_MS = 500;

/** A time that has passed cannot be waited for. */
export function demandFuture(atMs: number): void {
  const lateMs = nowMs() - atMs;
  if (lateMs <= 0) return;
  const hint = 'Leave --at out to do it now; a time HH:MM is always the next one.';
  throw failure('bad-time', `${formatTime(atMs)} has passed ${formatDuration(lateMs)} ago.`, hint);
}

/** Says what is waited for, and waits until the time itself or until shortly before it. */
export async function untilTime(
  endMs: number,
  atMs: number,
  deed: string,
  options: { signal: AbortSignal; quiet: boolean },
): Promise<void> {
  const leftMs = Math.max(0, atMs - nowMs());
  if (!options.quiet)
    printError(`Waiting until ${formatTime(atMs)} (${formatDuration(leftMs)}) to ${deed}; ^C cancels.`);
  await untilClock(endMs, options.signal);
}

/**
 * Resolves when the clock shows the time; a clock that stands still (COPYSET_NOW) is helped on by the age of the process. ^C cancels
 * with `interrupted`: nothing was changed then.
 */
export async function untilClock(atMs: number, signal: AbortSignal): Promise<void> {
  const stands = process.env.COPYSET_NOW !== undefined;
  for (;;) {
    if (signal.aborted) throw failure('interrupted', 'Cancelled before its time came; nothing was changed.');
    const leftMs = atMs - nowMs() - (stands ? performance.now() : 0);
    if (leftMs <= 0) return;
    await rest(Math.min(leftMs, LOOK_MS), signal);
  }
}

export function rest(spanMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, spanMs);
    signal.addEventListener('abort', done);
  });
}
