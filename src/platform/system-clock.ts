import { readFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { StopSignal } from '../core/foundation/foundation.js';
import type { Clock } from '../core/ports/ports.js';

/** Longer timers end at once in Node. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/** Since the process began. `performance` would do as well, but loading it takes a millisecond of every command. */
export function monotonicMs(): number {
  return process.uptime() * 1000;
}

function sleep(spanMs: number, signal?: StopSignal): Promise<'elapsed' | 'aborted'> {
  if (signal?.aborted) return Promise.resolve('aborted');
  return new Promise((resolve) => {
    const endMs = monotonicMs() + spanMs;
    let timer: NodeJS.Timeout;
    const onAbort = () => {
      clearTimeout(timer);
      resolve('aborted');
    };
    const wait = () => {
      const leftMs = endMs - monotonicMs();
      if (leftMs > 0) {
        timer = setTimeout(wait, Math.min(leftMs, TIMER_MAX_MS));
        return;
      }
      signal?.removeEventListener('abort', onAbort);
      resolve('elapsed');
    };
    timer = setTimeout(wait, Math.min(Math.max(0, spanMs), TIMER_MAX_MS));
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

let knownBoot: string | undefined;

function bootId(): string {
  knownBoot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return knownBoot;
}

/** This machine's clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs,
  toldMs: (sinceMs) => monotonicMs() - sinceMs,
  sequenceNs: () => process.hrtime.bigint(),
  bootId,
  sleep,
  yieldTurn: () => nextTurn(),
};

/**
 * A clock for fixtures: wall time stands still, and spans are told as 0, so that what is written down is the same on every
 * machine. Limits pass and events are ordered as ever.
 */
export function clockAt(nowMs: number): Clock {
  return { ...systemClock, nowMs: () => nowMs, toldMs: () => 0 };
}
