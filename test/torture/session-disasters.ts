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

  constructor(rng: Rng, primaries: readonly string[], remotes: readonly string[], lane: Lane, fills: boolean) {
    this.#fills = fills;
    this.#lane = lane;
    this.#rng = rng;
    this.#primaries = primaries;
    this.#remotes = remotes;
  }

  next(): SessionDisaster {
    const rng = this.#rng;
    const luck = rng.unit();
    if (luck < 0.45) return this.#fromDeck();
    if (luck < 0.57) return { kind: 'disaster', recovery: undefined };
    // The only secondary cannot go, nor be apart from another.
    const isAlone = this.#remotes.length < 2;
    if (luck < (isAlone ? 0.65 : 0.61))
      return this.#fills ? { kind: 'full', system: rng.pick(this.#primaries) } : this.#fromDeck();
    if (luck < 0.69 && !isAlone) return { kind: 'behind', wanted: rng.chance(0.5) ? 'apply' : 'recover' };
    if (luck < 0.76)
      return { kind: 'resign', system: rng.pick([...this.#primaries, ...(isAlone ? [] : this.#remotes)]) };
    const all = [...this.#primaries, ...this.#remotes];
    if (luck < 0.83) return { kind: 'kill', systems: all };
    return { kind: 'kill', systems: [rng.pick(all)] };
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
    return all
      .filter((_, index) => (index + dealt) % of === number)
      .map((one) => ({ one, place: rng.unit() }))
      .toSorted((a, b) => a.place - b.place)
      .map(({ one }) => one);
  }
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
      return `the secondaries do not reach each other, ${disaster.wanted} --to`;
    case 'resign':
      return `${disaster.system} resigns`;
    case 'disaster':
      return `primaries lost${disaster.recovery ? `, recovery killed at ${disaster.recovery.step} at ${disaster.recovery.system}` : ''}`;
  }
}
