import { type Anchor, timeAt } from '../../../src/core/sequence/sequence.js';
import { type ActiveTable, addStream, putPrimary } from '../../../src/core/session/session.js';
import {
  Chance,
  type Pair,
  type Primary,
  type Rec,
  RULES,
  type Rules,
  type Secondary,
  type Steps,
  type System,
  type Transmit,
} from './model-words.js';
import { system } from './stage.js';

/** How often the things came about that a schedule is there for. */
export const COUNTED = [
  'resets',
  'releases',
  'enters',
  'resigns',
  'joins',
  'withdraws',
  'degrades',
  'crashes',
  'reboots',
  'anchors',
  'voids',
  'masters',
  'restores',
] as const;
export type Counts = Record<(typeof COUNTED)[number], number>;

/** Everything there is, and chance. Time goes on with every look at it, so two stamps of one true clock are never equal. */
export class World {
  readonly chance: Chance;
  readonly rules: Rules;
  readonly primaries: Primary[];
  readonly secondaries: Secondary[];
  readonly pairs: Pair[] = [];
  readonly counts = Object.fromEntries(COUNTED.map((name) => [name, 0])) as Counts;
  /** The write that follows each on its block. */
  readonly nextWrite = new Map<number, number>();
  /** Messages that come once more, later. */
  readonly late: (() => void)[] = [];
  readonly running: { readonly owner: System; readonly name: string; readonly steps: Steps }[] = [];
  writes = 0;
  /** How rough this schedule is: in a calm one much is released, in a rough one little stays as it was. */
  readonly troubles: number;
  boot = 1;
  #trueNs = 1_000n;
  #bootedNs = 0n;

  constructor(seed: number, rules: Partial<Rules> = {}) {
    this.chance = new Chance(seed);
    this.rules = { ...RULES, ...rules };
    this.troubles = this.chance.below(4);
    const several = 2 + this.chance.below(2);
    this.primaries = ['a', 'b', 'c'].slice(0, several).map(newPrimary);
    this.secondaries = ['k', 'l', 'm'].slice(0, several).map(newSecondary);
    for (const [index, primary] of this.primaries.entries()) this.#couple(primary, this.secondaries[index]);
    if (this.chance.in(2)) this.#couple(this.primaries[0], this.secondaries[1]);
    this.#putTables();
  }

  #couple(primary: Primary | undefined, secondary: Secondary | undefined): void {
    if (!primary || !secondary) return;
    primary.streams.push({ to: secondary, records: [], durable: 0, sent: 0 });
    secondary.streams.push({
      from: primary,
      records: [],
      applied: 0,
      heldFrom: 0,
      voidBefore: new Map(),
      withdrawing: null,
    });
    const pairs = 1 + this.chance.below(2);
    for (let index = 0; index < pairs; index++) {
      const id = `${primary.ref.name}${secondary.ref.name}${index}`;
      // What was there before the first write has numbers of its own, below 0; the secondary lacks some of it.
      const blocks = [1, 2, 3].map((block) => -(this.pairs.length * 3 + block));
      const lacking = [0, 1, 2].filter(() => this.chance.in(3));
      const pair: Pair = {
        id,
        primary,
        secondary,
        blocks,
        map: new Set(lacking),
        mode: 'tracking',
        entered: false,
        wholeSince: null,
      };
      primary.pairs.push(pair);
      secondary.content.set(
        id,
        blocks.map((value, block) => (lacking.includes(block) ? 0 : value)),
      );
      this.pairs.push(pair);
    }
  }

  #putTables(): void {
    let active: ActiveTable = { term: 0, rows: [] };
    let config = { term: 0, rows: this.primaries[0]?.table.config ?? [] };
    for (const { ref, streams } of this.primaries) {
      config = {
        ...putPrimary(
          config,
          ref,
          streams.map(({ to }) => to.ref),
        ),
      } as typeof config;
      for (const { to } of streams) active = addStream(active, ref, to.ref);
    }
    for (const primary of this.primaries)
      primary.table = { ...primary.table, config: config.rows, configTerm: config.term };
    for (const secondary of this.secondaries) secondary.active = active;
  }

  tick(): void {
    this.#trueNs += BigInt(1 + this.chance.below(20));
  }

  /** The monotonic clock as this system reads it. */
  clockNs({ skew }: Primary): bigint {
    this.tick();
    return this.#trueNs - this.#bootedNs + skew;
  }

  get bootName(): string {
    return `boot-${this.boot}`;
  }

  /** Set back at times, so that only the marks keep an anchor above what was stamped before. */
  wallMs(): number {
    return this.chance.below(3);
  }

  anchorOf({ table }: Primary): Anchor | null {
    return table.anchor?.boot === this.bootName ? table.anchor : null;
  }

  /** The time that the next record of this primary would have; null while it has no anchor in this boot. */
  stamp(primary: Primary): bigint | null {
    const anchor = this.anchorOf(primary);
    if (anchor === null) return null;
    const read = timeAt(anchor, this.clockNs(primary));
    const last = lastTime(primary);
    return read > last ? read : last + 1n;
  }

  reboot(): void {
    this.boot++;
    this.#bootedNs = this.#trueNs;
  }

  start(owner: System, name: string, steps: Steps): void {
    if (!owner.up || this.running.some((one) => one.owner === owner && one.name === name)) return;
    this.running.push({ owner, name, steps });
  }

  stop(owner: System): void {
    for (let index = this.running.length - 1; index >= 0; index--)
      if (this.running[index]?.owner === owner) this.running.splice(index, 1);
  }

  get #lostOneIn(): number {
    return this.troubles === 0 ? 200 : 60 / this.troubles;
  }

  /** A request and its answer; either may be lost, and the request may come once more, much later. */
  *ask<Answer>(to: System, deed: () => Answer, again: 'again' | 'once' = 'again'): Steps<Answer | undefined> {
    yield;
    if (again === 'again' && this.chance.in(25)) this.late.push(() => void (to.up && deed()));
    if (!to.up || this.chance.in(this.#lostOneIn)) return undefined;
    const answer = deed();
    yield;
    return this.chance.in(this.#lostOneIn) ? undefined : answer;
  }
}

export function lastTime({ streams }: Primary): bigint {
  return streams.reduce((most, { records }) => {
    const time = records.at(-1)?.time ?? 0n;
    return time > most ? time : most;
  }, 0n);
}

/** A record as it is before its stream gives it a place. */
type Unplaced = Rec extends infer One ? (One extends Rec ? Omit<One, 'seq'> : never) : never;

export function append(stream: Transmit, record: Unplaced): void {
  stream.records.push({ ...record, seq: stream.records.length + 1 } as Rec);
}

export function streamOf({ primary, secondary }: Pair): Transmit {
  const stream = primary.streams.find(({ to }) => to === secondary);
  if (stream === undefined) throw new Error('a pair has its stream');
  return stream;
}

function newPrimary(name: string): Primary {
  const table = {
    state: 'running',
    configTerm: 0,
    config: [],
    anchor: null,
    issued: null,
    seen: 0,
    streams: [],
  } as const;
  return { kind: 'primary', ref: system(name), up: true, skew: 0n, table, streams: [], pairs: [] };
}

function newSecondary(name: string): Secondary {
  return {
    kind: 'secondary',
    ref: system(name),
    up: true,
    active: { term: 0, rows: [] },
    releasing: null,
    applied: null,
    resetTo: 0,
    streams: [],
    content: new Map(),
    entered: new Set(),
    backups: new Map(),
    busy: null,
  };
}
