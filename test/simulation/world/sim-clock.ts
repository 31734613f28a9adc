import type { StopSignal } from '../../../src/core/foundation/foundation.js';
import type { Clock } from '../../../src/core/ports/ports.js';
import type { SimProcess } from './sim-process.js';
import { SimScheduler } from './sim-scheduler.js';

/** 2026-01-01T00:00:00Z */
export const WORLD_START_MS = 1_767_225_600_000;

/** Virtual time: it stands still between two steps of the scheduler. */
export class SimClock implements Clock {
  readonly #scheduler: SimScheduler;
  readonly #process: SimProcess | undefined;
  readonly #bootId: string;
  #offsetMs: number;

  constructor(
    scheduler: SimScheduler = new SimScheduler(1),
    process?: SimProcess,
    startMs = WORLD_START_MS,
    bootId = 'boot-1',
  ) {
    this.#scheduler = scheduler;
    this.#process = process;
    this.#offsetMs = startMs;
    this.#bootId = bootId;
  }

  nowMs(): number {
    return Math.floor(this.#offsetMs + this.#scheduler.nowMs);
  }

  monotonicMs(): number {
    return this.#scheduler.nowMs;
  }

  toldMs(sinceMs: number): number {
    return this.#scheduler.nowMs - sinceMs;
  }

  sequenceNs(): bigint {
    return this.#scheduler.lookNs();
  }

  bootId(): string {
    return this.#bootId;
  }

  /** Someone sets the wall clock; spans are not touched. */
  jump(spanMs: number): void {
    this.#offsetMs += spanMs;
  }

  sleep(spanMs: number, signal?: StopSignal): Promise<'elapsed' | 'aborted'> {
    if (signal?.aborted) return Promise.resolve('aborted');
    return new Promise((resolve) => {
      const onAbort = () => {
        cancel();
        resolve('aborted');
      };
      const cancel = this.#scheduler.after(this.#process, spanMs, () => {
        signal?.removeEventListener('abort', onAbort);
        resolve('elapsed');
      });
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  yieldTurn(): Promise<void> {
    return new Promise((resolve) => this.#scheduler.soon(this.#process, resolve));
  }
}
