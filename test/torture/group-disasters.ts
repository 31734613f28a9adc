import type { Rng } from '../simulation/world/rng.js';

/** How a site is lost. */
export type Disaster =
  | { readonly kind: 'kill'; readonly systems: readonly string[] }
  /** The link of every primary to its remotes is cut; the primaries live. */
  | { readonly kind: 'link' }
  /** One process ends at a named step; the primaries that are left are killed after it. */
  | { readonly kind: 'crash'; readonly system: string; readonly step: string; readonly nth: number }
  /** One message of a primary to the remote is lost, now and then; then all are killed. */
  | {
      readonly kind: 'flaky';
      readonly system: string;
      readonly step?: { readonly system: string; readonly step: string };
    };

const MASTER_STEPS = ['formation.decided'];
const PRIMARY_STEPS = [
  'formation.frozen',
  'formation.drained',
  'formation.prepare',
  'formation.commit',
  'formation.thawed',
  'send.arrived',
  'send.settled',
  'send.cleared',
  'send.ended',
  'aside.written',
  'aside.saved',
];
const REMOTE_STEPS = [
  'receive.landed',
  'receive.flushed',
  'group.prepare',
  'group.commit',
  'save.written',
  'save.cleared',
];
/** Reached where a formation fails after a PREPARE. */
const REVERTS: readonly [where: 'primary' | 'remote', step: string][] = [
  ['primary', 'formation.revert'],
  ['remote', 'group.revert'],
];
/** Steps of the recovery itself, at the remote. */
export const RECOVERY_STEPS = [
  'recovery.fenced',
  'recovery.judged',
  'group.fenced',
  'group.judged',
  'group.settled',
  'group.carried',
] as const;

/** Which of several campaigns side by side, that share the named steps among them. */
export interface Lane {
  readonly number: number;
  readonly of: number;
}

/** Which disaster comes next: kills and cuts by chance, and every named step once before any comes again, in one of the lanes. */
export class Disasters {
  readonly #rng: Rng;
  readonly #primaries: readonly string[];
  readonly #remotes: readonly string[];
  readonly #lane: Lane;
  #deck: Disaster[] = [];
  #dealt = 0;

  constructor(rng: Rng, primaries: readonly string[], remotes: readonly string[], lane: Lane) {
    this.#rng = rng;
    this.#lane = lane;
    this.#primaries = primaries;
    this.#remotes = remotes;
  }

  next(): Disaster {
    const rng = this.#rng;
    const luck = rng.unit();
    if (luck < 0.45) return this.#fromDeck();
    if (luck < 0.6) return { kind: 'link' };
    if (luck < 0.7) return { kind: 'flaky', system: rng.pick(this.#primaries) };
    const [master = '', ...others] = this.#primaries;
    if (luck < 0.8) return { kind: 'kill', systems: rng.chance(0.5) ? [master] : [rng.pick(others)] };
    if (luck < 0.85) return { kind: 'kill', systems: [...this.#primaries, ...this.#remotes] };
    return { kind: 'kill', systems: this.#primaries };
  }

  #fromDeck(): Disaster {
    if (this.#deck.length === 0) {
      const { number, of } = this.#lane;
      const dealt = this.#dealt;
      this.#deck = this.#shuffled(this.#all().filter((_, index) => (index + dealt) % of === number));
      this.#dealt += 1;
    }
    return this.#deck.pop() ?? { kind: 'link' };
  }

  #all(): Disaster[] {
    const rng = this.#rng;
    const [master = ''] = this.#primaries;
    const crash = (system: string, step: string): Disaster => ({ kind: 'crash', system, step, nth: 1 + rng.below(3) });
    return [
      ...MASTER_STEPS.map((step) => crash(master, step)),
      ...PRIMARY_STEPS.flatMap((step) => this.#primaries.map((system) => crash(system, step))),
      ...REMOTE_STEPS.flatMap((step) => this.#remotes.map((system) => crash(system, step))),
      ...REVERTS.map(([where, step]): Disaster => {
        const flaky = rng.pick(this.#primaries);
        return {
          kind: 'flaky',
          system: flaky,
          step: { system: where === 'remote' ? rng.pick(this.#remotes) : master, step },
        };
      }),
    ];
  }

  #shuffled(disasters: readonly Disaster[]): Disaster[] {
    return disasters
      .map((one) => ({ one, place: this.#rng.unit() }))
      .toSorted((a, b) => a.place - b.place)
      .map(({ one }) => one);
  }
}

export function described(disaster: Disaster): string {
  switch (disaster.kind) {
    case 'kill':
      return `kill of ${disaster.systems.join(', ')}`;
    case 'link':
      return 'link cut';
    case 'crash':
      return `${disaster.step} (${disaster.nth}) at ${disaster.system}`;
    case 'flaky':
      return `lost messages of ${disaster.system}${disaster.step ? `, ${disaster.step.step} at ${disaster.step.system}` : ''}`;
  }
}
