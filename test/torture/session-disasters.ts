import type { Rng } from '../simulation/world/rng.js';

/** What strikes a session while hosts write. */
export type SessionDisaster =
  | { readonly kind: 'kill'; readonly systems: readonly string[] }
  /** One process ends at a named step. */
  | { readonly kind: 'crash'; readonly system: string; readonly step: string; readonly nth: number }
  /** The link of a primary is cut for longer than it is waited for: its pairs degrade, and come back by differences. */
  | { readonly kind: 'link'; readonly system: string; readonly killed: SessionStep | undefined }
  /** All primaries are lost for good: their secondaries take over. */
  | { readonly kind: 'disaster'; readonly recovery: SessionStep | undefined };

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

/** Which disaster comes next: kills by chance, and every named step once before any comes again. */
export class SessionDisasters {
  readonly #rng: Rng;
  readonly #primaries: readonly string[];
  readonly #remotes: readonly string[];
  #deck: SessionDisaster[] = [];

  constructor(rng: Rng, primaries: readonly string[], remotes: readonly string[]) {
    this.#rng = rng;
    this.#primaries = primaries;
    this.#remotes = remotes;
  }

  next(): SessionDisaster {
    const rng = this.#rng;
    const luck = rng.unit();
    if (luck < 0.5) return this.#fromDeck();
    if (luck < 0.65) return { kind: 'disaster', recovery: undefined };
    const all = [...this.#primaries, ...this.#remotes];
    if (luck < 0.75) return { kind: 'kill', systems: all };
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
    return all
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
    case 'disaster':
      return `primaries lost${disaster.recovery ? `, recovery killed at ${disaster.recovery.step} at ${disaster.recovery.system}` : ''}`;
  }
}
