import type { SimContent } from './sim-content.js';
import type { SimScheduler } from './sim-scheduler.js';

/** Calls that change what is stored; each is a place where the world can stop. */
export type StoreCallKind =
  | 'create'
  | 'write'
  | 'writeBulk'
  | 'truncate'
  | 'flush'
  | 'makeFolder'
  | 'rename'
  | 'remove'
  | 'removeFolder'
  | 'flushFolder';

export interface StoreCall {
  /** Counted from 1 over the life of the process. */
  readonly number: number;
  readonly kind: StoreCallKind;
  readonly path: string;
  /** What is written, where a process that dies in the call leaves a part of it. */
  readonly write?: { readonly content: SimContent; readonly source: Uint8Array; readonly at: number } | undefined;
}

/** Thrown by every call of a process that is no more. It is no FileError: nobody may handle it. */
export class WorldStopped extends Error {
  override readonly name = 'WorldStopped';
}

/** One process of the simulated world: it dies at once, and what it had under way never settles. */
export class SimProcess {
  readonly name: string;
  readonly pid: number;
  readonly scheduler: SimScheduler | undefined;
  #hangsUntilMs = 0;
  #alive = true;
  #calls = 0;
  #beforeCall: ((call: StoreCall) => void) | undefined;
  readonly #onEnd: (() => void)[] = [];

  constructor(name = 'process', scheduler?: SimScheduler, pid = 1) {
    this.name = name;
    this.scheduler = scheduler;
    this.pid = pid;
  }

  /** Until then it is stopped, as by SIGSTOP or an overloaded machine: nothing of its own happens, and its clock goes on. */
  get hangsUntilMs(): number {
    return this.#hangsUntilMs;
  }

  /** One that hangs already is not let go earlier by a shorter hang. */
  hangUntil(atMs: number): void {
    this.#hangsUntilMs = Math.max(this.#hangsUntilMs, atMs);
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Store calls so far. */
  get calls(): number {
    return this.#calls;
  }

  /** Called before every store call takes effect. It may throw WorldStopped, which ends the process. */
  beforeCall(listener: ((call: StoreCall) => void) | undefined): void {
    this.#beforeCall = listener;
  }

  /** Ends the process, and the running `scheduler.run`, when it is about to make its n-th store call. */
  stopAtCall(number: number): void {
    this.beforeCall((call) => {
      if (call.number < number) return;
      const stopped = new WorldStopped(`stopped before store call ${call.number}: ${call.kind} ${call.path}`);
      this.scheduler?.halt(stopped);
      throw stopped;
    });
  }

  /** Every store call begins here. */
  enter(kind: StoreCallKind, path: string, write?: StoreCall['write']): void {
    this.assertAlive();
    this.#calls += 1;
    if (this.#beforeCall === undefined) return;
    try {
      this.#beforeCall({ number: this.#calls, kind, path, write });
    } catch (error) {
      if (error instanceof WorldStopped) this.end();
      throw error;
    }
  }

  assertAlive(): void {
    if (!this.#alive) throw new WorldStopped(`${this.name} is no more`);
  }

  /** Resolves after `effect` has happened, when the scheduler says so; never when the process dies before. */
  settle(effect: () => void): Promise<void> {
    const scheduler = this.scheduler;
    return new Promise<void>((resolve, reject) => {
      const happen = () => {
        if (!this.#alive) return;
        try {
          effect();
          resolve();
        } catch (error) {
          reject(error as Error);
        }
      };
      if (scheduler === undefined) queueMicrotask(happen);
      else scheduler.later(this, happen);
    });
  }

  onEnd(listener: () => void): void {
    this.#onEnd.push(listener);
  }

  /** kill -9. */
  end(): void {
    if (!this.#alive) return;
    this.#alive = false;
    for (const listener of this.#onEnd) listener();
  }
}
