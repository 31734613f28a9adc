import { assert } from '../foundation/foundation.js';

/** Holds a volume's writes while a point in time is made. Landing is one step, so only what awaits counts as in flight. */
export class Gate {
  #closed = 0;
  #inFlight = 0;
  #openWaiters: (() => void)[] = [];
  #quietWaiters: (() => void)[] = [];

  get isClosed(): boolean {
    return this.#closed > 0;
  }

  /** From now on writes wait. */
  close(): void {
    this.#closed += 1;
  }

  open(): void {
    assert(this.#closed > 0, 'only a closed gate is opened');
    this.#closed -= 1;
    if (this.#closed === 0) this.#openWaiters = wakeAll(this.#openWaiters);
  }

  opened(): Promise<void> {
    return new Promise((resolve) => {
      this.#openWaiters.push(resolve);
    });
  }

  /** A write that lands over several steps begins. */
  enter(): void {
    this.#inFlight += 1;
  }

  leave(): void {
    this.#inFlight -= 1;
    if (this.#inFlight === 0) this.#quietWaiters = wakeAll(this.#quietWaiters);
  }

  /** Resolves when nothing is in flight. */
  async quiet(): Promise<void> {
    while (this.#inFlight > 0) {
      await new Promise<void>((resolve) => {
        this.#quietWaiters.push(resolve);
      });
    }
  }
}

function wakeAll(waiters: (() => void)[]): (() => void)[] {
  for (const wake of waiters) wake();
  return [];
}

/** Lets one holder in at a time, in the order of asking. */
export class Mutex {
  #tail: Promise<void> = Promise.resolve();
  #depth = 0;

  /** Somebody waits for the present holder. */
  get isWanted(): boolean {
    return this.#depth > 1;
  }

  /** Resolves with the function that lets go. */
  async acquire(): Promise<() => void> {
    const before = this.#tail;
    const release = this.#queue();
    await before;
    return release;
  }

  /** The function that lets go, or undefined where somebody has it: for a copier, which must not wait for one pair with another's batch open. */
  tryAcquire(): (() => void) | undefined {
    return this.#depth === 0 ? this.#queue() : undefined;
  }

  #queue(): () => void {
    let settle: () => void = () => undefined;
    this.#tail = new Promise((resolve) => {
      settle = resolve;
    });
    this.#depth += 1;
    return () => {
      this.#depth -= 1;
      settle();
    };
  }
}
