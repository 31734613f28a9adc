import type { SessionSheet } from '../../../src/core/session/session.js';
import { mayHappen, Site } from '../formations/site.js';
import { type Keep, type Rng, type SimDisk, type World, WorldStopped } from '../world/world.js';
import { Part } from './part.js';
import { SHAPES, type Shape, type Template, worldOn } from './topology.js';

/** The disk at one instant of a schedule, and what must hold when only its secondaries are left. */
export interface Moment {
  readonly disk: SimDisk;
  readonly power: Keep | undefined;
  /** How many writes were issued, by session. */
  readonly issued: ReadonlyMap<string, number>;
  readonly seed: number;
}

/** A schedule has some ten thousand steps; one with more goes round in circles. */
const STEPS_MAX = 600_000;

/** One schedule's world: its systems, its writer, and what became known of its checkpoints. */
export class Stage {
  readonly world: World;
  readonly shape: Shape;
  readonly template: Template;
  readonly sites = new Map<string, Site>();
  readonly parts: readonly Part[];
  readonly moments: Moment[] = [];
  readonly outcomes: string[] = [];
  /** Orders of people that may still be carried out. */
  readonly orders = new Set<Promise<unknown>>();
  /** Whose clocks were wrong. */
  readonly skewed = new Set<string>();
  /** To look at one schedule closely: every step of every system. */
  trace: ((line: string) => void) | undefined;
  /** Schedules that came later: they do more than the first did, whose seeds play what they played. */
  readonly isWide: boolean;
  /** Nothing goes wrong any more. */
  atPeace = false;
  readonly failing: Promise<never>;
  #fault: unknown;
  #failed: (error: unknown) => void = () => undefined;
  readonly #armed = new Map<string, { step: string; left: number; downMs: number }>();
  /** Told of every step that a system reaches, before it goes on. */
  onStep: ((site: Site, step: string) => void) | undefined;

  constructor(template: Template, seed: number) {
    this.template = template;
    this.shape = template.shape;
    this.isWide = template.shape.index >= SHAPES;
    this.world = worldOn(template.disk, seed);
    this.world.scheduler.stepsMax = STEPS_MAX;
    for (const [name, place] of template.places) {
      const site = new Site(this.world, place);
      site.onStep = (step) => this.#onStep(site, step);
      this.sites.set(name, site);
    }
    this.parts = this.shape.sessions.map((session) => new Part(this.world, session, this.sites));
    this.failing = new Promise((_, reject) => {
      this.#failed = reject;
    });
    this.failing.catch(() => undefined);
  }

  site(name: string): Site {
    return this.sites.get(name) as Site;
  }

  get home(): Site {
    return this.site(this.shape.primaries[0] as string);
  }

  /** Ends the schedule with this error. */
  fail(error: unknown): void {
    this.#fault ??= error;
    this.#failed(this.#fault);
  }

  /** Starts something that goes on beside the rest. Only findings end the schedule. */
  beside(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      if (!mayHappen(error)) this.fail(error);
    });
  }

  after(spanMs: number, run: () => void): void {
    this.world.scheduler.after(undefined, spanMs, run);
  }

  up(name: string): Promise<void> {
    return this.site(name).up();
  }

  /** Ends a system's process in whatever way, and starts another later. */
  end(name: string, downMs: number, how: (site: Site) => void): void {
    how(this.site(name));
    this.startAgain(name, downMs);
  }

  startAgain(name: string, downMs: number): void {
    this.after(downMs, () => this.beside(this.up(name)));
  }

  dieAtStep(name: string, step: string, left: number, downMs: number): void {
    this.#armed.set(name, { step, left, downMs });
  }

  disarm(): void {
    this.#armed.clear();
    for (const site of this.sites.values()) {
      site.dieAtCall = 0;
      site.process?.beforeCall(undefined);
    }
  }

  /** As if all primaries were dead now, by the same stroke or by a loss of power everywhere. */
  takeMoment(rng: Rng): void {
    const disk = this.world.disk.afterKill(rng.fork());
    const power = rng.chance(0.5) ? rng.pick(['none', 'all', 'random'] as const) : undefined;
    this.moments.push({ disk, power, issued: this.issued, seed: rng.next() });
  }

  get issued(): ReadonlyMap<string, number> {
    return new Map(this.parts.map(({ name, writer }) => [name, writer.issued]));
  }

  #onStep(site: Site, step: string): void {
    this.trace?.(`${this.world.scheduler.nowMs.toFixed(1)} ${site.name} ${step}`);
    if (step === 'session.issued') for (const part of this.parts) part.noteIssued(site);
    this.onStep?.(site, step);
    const armed = this.#armed.get(site.name);
    if (armed?.step !== step || !site.isUp) return;
    armed.left -= 1;
    if (armed.left > 0) return;
    this.#armed.delete(site.name);
    this.end(site.name, armed.downMs, (one) => one.kill());
    throw new WorldStopped(`stopped at ${step}`);
  }
}

/** What a system knows of a session. */
export function sheetOf({ controller }: Site, session: string): SessionSheet | undefined {
  return controller?.sessions.sheets.named(session);
}
