import { Rng } from './rng.js';
import type { SimProcess } from './sim-process.js';

/** Something that happens at a moment of virtual time. A dead process's events never happen. */
interface Happening {
  atMs: number;
  order: number;
  readonly process: SimProcess | undefined;
  run: (() => void) | undefined;
}

/** Nothing is left to happen, and the work is not done: it waits for something that never comes. */
export class SimStall extends Error {
  override readonly name = 'SimStall';
}

/** Once in so many steps the real event loop gets a turn, so that the test runner can speak to its worker. */
const STEPS_PER_REAL_TURN = 4_096;

/**
 * Decides, by its seed alone, in which order flushes, deliveries and sleeps end. Each gets a delay in virtual time: most are
 * short, some long, so that any order of what is pending together can come up. Between two happenings every promise
 * reaction has run, so that a step of the schedule is a step of the code.
 */
export class SimScheduler {
  readonly #rng: Rng;
  readonly #heap: Happening[] = [];
  #nowMs = 0;
  #steps = 0;
  #looks = 0;
  #halted: Error | undefined;
  /** More steps than this in one run is taken for a circle. */
  stepsMax = 5_000_000;

  constructor(seed: number | Rng) {
    this.#rng = typeof seed === 'number' ? new Rng(seed, 1) : seed;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** A look at the clock that all processes share: later than every look before it, even where no time has passed. */
  lookNs(): bigint {
    this.#looks += 1;
    return BigInt(Math.floor(this.#nowMs * 1e6) + this.#looks);
  }

  /** How many things have happened. */
  get steps(): number {
    return this.#steps;
  }

  /** After a random delay such as storage or a socket has. */
  later(process: SimProcess | undefined, run: () => void): void {
    const spanMs = this.#rng.unit() * (this.#rng.chance(0.125) ? 20 : 1);
    this.after(process, spanMs, run);
  }

  /** After a moment shorter than storage takes, but not in the order of the calls. */
  soon(process: SimProcess | undefined, run: () => void): void {
    this.after(process, this.#rng.unit() * 0.05, run);
  }

  /** After a span of virtual time. The answer cancels it. */
  after(process: SimProcess | undefined, spanMs: number, run: () => void): () => void {
    const happening: Happening = { atMs: this.#nowMs + Math.max(0, spanMs), order: this.#rng.next(), process, run };
    this.#push(happening);
    return () => {
      happening.run = undefined;
    };
  }

  /** Ends the present run with this error after the running step. */
  halt(error: Error): void {
    this.#halted ??= error;
  }

  /** Lets things happen until `main` settles; then whatever is left stays for the next run. */
  run<T>(main: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let ended = false;
      const end = (settle: () => void) => {
        ended = true;
        settle();
      };
      main.then(
        (value) => end(() => resolve(value)),
        (error: unknown) => end(() => reject(error as Error)),
      );
      const stopAt = this.#steps + this.stepsMax;
      const step = () => {
        if (ended) {
          this.#halted = undefined;
          return;
        }
        try {
          this.#step(stopAt);
        } catch (error) {
          ended = true;
          reject(error as Error);
          return;
        }
        if (this.#steps % STEPS_PER_REAL_TURN === 0) setImmediate(step);
        else afterReactions(step);
      };
      afterReactions(step);
    });
  }

  /** Lets a span of virtual time pass. */
  async advance(spanMs: number): Promise<void> {
    await this.run(
      new Promise<void>((resolve) => {
        this.after(undefined, spanMs, resolve);
      }),
    );
  }

  #step(stopAt: number): void {
    const halted = this.#halted;
    if (halted !== undefined) {
      this.#halted = undefined;
      throw halted;
    }
    let next = this.#pop();
    while (next !== undefined && (next.run === undefined || next.process?.alive === false || this.#waits(next)))
      next = this.#pop();
    if (next?.run === undefined) throw new SimStall('nothing is left to happen, and the work is not done');
    this.#steps += 1;
    if (this.#steps > stopAt) throw new SimStall(`no end after ${this.stepsMax} steps`);
    this.#nowMs = next.atMs;
    next.run();
  }

  /** What a process that is not scheduled has to do comes up later, in whatever order. */
  #waits(happening: Happening): boolean {
    const untilMs = happening.process?.hangsUntilMs ?? 0;
    if (untilMs <= happening.atMs) return false;
    happening.atMs = untilMs;
    happening.order = this.#rng.next();
    this.#push(happening);
    return true;
  }

  #push(happening: Happening): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(happening);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Happening;
      if (!before(happening, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = happening;
  }

  #pop(): Happening | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1] as Happening, heap[child] as Happening)) child += 1;
      if (!before(heap[child] as Happening, last)) break;
      heap[at] = heap[child] as Happening;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

/** Nobody adds to it: a reaction to it is a microtask without what queueMicrotask keeps for each. */
const SETTLED = Promise.resolve();

/**
 * Calls back when no promise reaction is left. Ticks run one after the other without reactions in between, but a tick that
 * a reaction asks for comes after all reactions.
 */
function afterReactions(step: () => void): void {
  void SETTLED.then(() => process.nextTick(step));
}

function before(left: Happening, right: Happening): boolean {
  return left.atMs < right.atMs || (left.atMs === right.atMs && left.order < right.order);
}
