import type { SystemRef } from '../../../src/core/group/group.js';
import { type Checkpoint, judgeAnchors, judgeClock } from '../../../src/core/sequence/sequence.js';
import {
  type ActiveTable,
  decideRound,
  judgeIssue,
  judgePlace,
  judgeTable,
  judgeWithdraw,
  type PrimaryTable,
  secondaryMaster,
} from '../../../src/core/session/session.js';

/** What the model goes by. A planted bug is one of these, replaced. */
export const RULES = {
  decideRound,
  judgeAnchors,
  judgeClock,
  judgeIssue,
  judgePlace,
  judgeTable,
  judgeWithdraw,
  secondaryMaster,
  /** A withdraw makes what was held before it void. */
  withdrawVoids: true,
};

export type Rules = typeof RULES;

/** A promise that does not hold. The message says which; the world adds the seed. */
export class Broken extends Error {}

export function hold(condition: boolean, promise: string): asserts condition {
  if (!condition) throw new Broken(promise);
}

export type Rec = { readonly seq: number; readonly time: bigint } & (
  | { readonly kind: 'write'; readonly pair: string; readonly block: number; readonly value: number }
  | { readonly kind: 'enter'; readonly pair: string }
  | { readonly kind: 'checkpoint'; readonly checkpoint: Checkpoint; readonly whole: boolean }
);

/** A pair as its primary has it. Blocks hold the numbers of the writes that they show. */
export interface Pair {
  readonly id: string;
  readonly primary: Primary;
  readonly secondary: Secondary;
  readonly blocks: number[];
  readonly map: Set<number>;
  mode: 'tracking' | 'journalled';
  entered: boolean;
  /** When it was entered last; null while it tracks. */
  wholeSince: bigint | null;
}

export interface Transmit {
  readonly to: Secondary;
  records: Rec[];
  durable: number;
  sent: number;
}

export interface Primary {
  readonly kind: 'primary';
  readonly ref: SystemRef;
  up: boolean;
  skew: bigint;
  table: PrimaryTable;
  readonly streams: Transmit[];
  readonly pairs: Pair[];
}

/** What a secondary keeps of one of its streams; all of it durable. */
export interface Receive {
  readonly from: Primary;
  readonly records: Rec[];
  applied: number;
  heldFrom: number;
  readonly voidBefore: Map<string, number>;
  /** Not durable: nothing is reported as held while a withdraw is under way. */
  withdrawing: object | null;
}

export interface Secondary {
  readonly kind: 'secondary';
  readonly ref: SystemRef;
  up: boolean;
  active: ActiveTable;
  releasing: Checkpoint | null;
  applied: Checkpoint | null;
  resetTo: number;
  readonly streams: Receive[];
  readonly content: Map<string, number[]>;
  readonly entered: Set<string>;
  readonly backups: Map<string, number[]>;
  /** Not durable: one round, one change of the table or one withdraw at a time. */
  busy: object | null;
}

export type System = Primary | Secondary;

/** A process: each step ends at a yield, and a crash of its owner ends it anywhere. */
export type Steps<Result = void> = Generator<undefined, Result, undefined>;

/** Seeded chance, the same on every machine. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed * 2654435761) >>> 0;
  }

  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  one<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error('there is nothing to choose from');
    return item;
  }

  in(chances: number): boolean {
    return this.below(chances) === 0;
  }
}
