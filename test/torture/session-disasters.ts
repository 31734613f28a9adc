import type { Rng } from '../simulation/world/rng.js';
import type { Lane } from './group-disasters.js';

/** What strikes a session while hosts write. */
export type SessionDisaster =
  | { readonly kind: 'kill'; readonly systems: readonly string[] }
  /** One process ends at a named step. */
  | { readonly kind: 'crash'; readonly system: string; readonly step: string; readonly nth: number }
  /** The link of a primary is cut for longer than it is waited for: its pairs degrade, and come back by differences. */
  | { readonly kind: 'link'; readonly system: string; readonly killed: SessionStep | undefined }
  /** All primaries are lost for good: their secondaries take over. */
  | { readonly kind: 'disaster'; readonly recovery: SessionStep | undefined }
  /** The link of a primary is cut until its journal is full, where that is small. */
  | { readonly kind: 'full'; readonly system: string }
  /** The secondaries hold more than they apply; then they, or all, are gone, and an earlier one of what is held is wanted. */
  | { readonly kind: 'behind'; readonly wanted: 'apply' | 'recover' }
  /** The same; it is shown at once, and applied behind by whoever opens the secondaries next. One of these ends at a step of that. */
  | { readonly kind: 'behind'; readonly wanted: 'instant'; readonly killed: SessionStep }
  /** The others go on without one, which comes back later. */
  | { readonly kind: 'resign'; readonly system: string };

export interface SessionStep {
  readonly system: string;
  readonly step: string;
}

const PRIMARY_STEPS = [
  'session.issued',
  'checkpoint.placed',
  'journal.appended',
  'stream.sent',
  'journal.redone',
  'stream.open',
];
const SECONDARY_STEPS = [
  'stream.opened',
  'stream.received',
  'stream.appended',
  'session.released',
  'session.applied',
  'session.flushed',
  'session.reset',
];
/** Reached where a pair degrades or comes back. */
const PRIMARY_RETURN_STEPS = ['journal.degraded', 'journal.withdrawn', 'journal.begun', 'journal.entered'];
const SECONDARY_RETURN_STEPS = ['session.kept', 'session.withdrawing', 'session.withdrawn', 'session.entered'];
/** Of the recovery itself. */
const RECOVERY_STEPS = [
  'recovery.fenced',
  'recovery.judged',
  'session.fenced',
  'session.judged',
  'session.settled',
  'session.carried',
];

/** Of a checkpoint that is shown before it is applied. */
const FOLDING_STEPS = ['session.folding', 'session.folded'];
/** One of so many is a deed for which the systems have to be made ready: it would seldom come by chance. */
const DEED_EVERY = 3;

/** Steps that a process reaches when it starts, and then no more. */
export const SELDOM = ['journal.redone', 'stream.open', 'stream.opened'];

/** Which disaster comes next: kills by chance, and every named step once before any comes again, in one of the lanes. */
export class SessionDisasters {
  readonly #rng: Rng;
  readonly #primaries: readonly string[];
  readonly #remotes: readonly string[];
  readonly #lane: Lane;
  readonly #fills: boolean;
  #deck: SessionDisaster[] = [];
  #dealt = 0;
  #deeds: SessionDisaster[] = [];
  #count = 0;

  constructor(rng: Rng, primaries: readonly string[], remotes: readonly string[], lane: Lane, fills: boolean) {
    this.#fills = fills;
    this.#lane = lane;
    this.#rng = rng;
    this.#primaries = primaries;
    this.#remotes = remotes;
  }

  next(): SessionDisaster {
    const rng = this.#rng;
    this.#count += 1;
    if (this.#count % DEED_EVERY === 0) return this.#deed() ?? this.#fromDeck();
    const luck = rng.unit();
    if (luck < 0.55) return this.#fromDeck();
    if (luck < 0.69) return { kind: 'disaster', recovery: undefined };
    if (luck < 0.78) return { kind: 'resign', system: rng.pick([...this.#primaries, ...this.#others]) };
    const all = [...this.#primaries, ...this.#remotes];
    if (luck < 0.86) return { kind: 'kill', systems: all };
    return { kind: 'kill', systems: [rng.pick(all)] };
  }

  /** The only secondary cannot go, nor be apart from another. */
  get #others(): readonly string[] {
    return this.#remotes.length < 2 ? [] : this.#remotes;
  }

  /** Each that these systems are fit for, in turns. */
  #deed(): SessionDisaster | undefined {
    const rng = this.#rng;
    if (this.#deeds.length === 0) {
      if (this.#fills) this.#deeds.push({ kind: 'full', system: rng.pick(this.#primaries) });
      if (this.#others.length > 0)
        this.#deeds.push(
          { kind: 'behind', wanted: 'apply' },
          { kind: 'behind', wanted: 'recover' },
          {
            kind: 'behind',
            wanted: 'instant',
            killed: { system: rng.pick(this.#others), step: rng.pick(FOLDING_STEPS) },
          },
        );
      this.#deeds = shuffled(rng, this.#deeds);
    }
    return this.#deeds.pop();
  }

  #fromDeck(): SessionDisaster {
    if (this.#deck.length === 0) this.#deck = this.#shuffled();
    return this.#deck.pop() ?? { kind: 'disaster', recovery: undefined };
  }

  #shuffled(): SessionDisaster[] {
    const rng = this.#rng;
    const crash = (system: string, step: string): SessionDisaster => ({
      kind: 'crash',
      system,
      step,
      nth: SELDOM.includes(step) ? 1 : 1 + rng.below(3),
    });
    const link = (system: string, step: string): SessionDisaster => ({
      kind: 'link',
      system: this.#primaries.includes(system) ? system : rng.pick(this.#primaries),
      killed: { system, step },
    });
    const all: SessionDisaster[] = [
      ...PRIMARY_STEPS.flatMap((step) => this.#primaries.map((system) => crash(system, step))),
      ...SECONDARY_STEPS.flatMap((step) => this.#remotes.map((system) => crash(system, step))),
      ...PRIMARY_RETURN_STEPS.map((step) => link(rng.pick(this.#primaries), step)),
      ...SECONDARY_RETURN_STEPS.map((step) => link(rng.pick(this.#remotes), step)),
      ...RECOVERY_STEPS.map(
        (step): SessionDisaster => ({ kind: 'disaster', recovery: { system: rng.pick(this.#remotes), step } }),
      ),
    ];
    const { number, of } = this.#lane;
    const dealt = this.#dealt;
    this.#dealt += 1;
    return shuffled(
      rng,
      all.filter((_, index) => (index + dealt) % of === number),
    );
  }
}

function shuffled(rng: Rng, all: readonly SessionDisaster[]): SessionDisaster[] {
  return all
    .map((one) => ({ one, place: rng.unit() }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ one }) => one);
}

export function describedDisaster(disaster: SessionDisaster): string {
  switch (disaster.kind) {
    case 'kill':
      return `kill of ${disaster.systems.join(', ')}`;
    case 'crash':
      return `${disaster.step} (${disaster.nth}) at ${disaster.system}`;
    case 'link':
      return `link of ${disaster.system} cut${disaster.killed ? `, ${disaster.killed.step} at ${disaster.killed.system}` : ''}`;
    case 'full':
      return `link of ${disaster.system} cut until its journal is full`;
    case 'behind':
      return `the secondaries do not reach each other, ${disaster.wanted} --to${disaster.wanted === 'instant' ? `, ${disaster.killed.step} at ${disaster.killed.system}` : ''}`;
    case 'resign':
      return `${disaster.system} resigns`;
    case 'disaster':
      return `primaries lost${disaster.recovery ? `, recovery killed at ${disaster.recovery.step} at ${disaster.recovery.system}` : ''}`;
  }
}
