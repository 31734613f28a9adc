import type { SessionSheet } from '../../../src/core/session/session.js';
import { mayHappen, Site } from '../formations/site.js';
import { Writer } from '../formations/writer.js';
import { type Keep, type Rng, type SimDisk, type World, WorldStopped } from '../world/world.js';
import { SESSION, type Shape, type Template, worldOn } from './topology.js';

/** The disk at one instant of a schedule, and what must hold when only its secondaries are left. */
export interface Moment {
  readonly disk: SimDisk;
  readonly power: Keep | undefined;
  readonly issued: number;
  readonly seed: number;
}

/** Between which writes a checkpoint lies. */
export interface Cut {
  readonly least: number;
  readonly most: number;
}

/** A schedule has some ten thousand steps; one with more goes round in circles. */
const STEPS_MAX = 600_000;

/** One schedule's world: its systems, its writer, and what became known of its checkpoints. */
export class Stage {
  readonly world: World;
  readonly shape: Shape;
  readonly template: Template;
  readonly sites = new Map<string, Site>();
  readonly writer: Writer;
  readonly moments: Moment[] = [];
  /** By number and time. */
  readonly cuts = new Map<string, Cut>();
  readonly outcomes: string[] = [];
  /** Orders of people that may still be carried out. */
  readonly orders = new Set<Promise<unknown>>();
  /** How often the secondaries could be read together, and were looked at. */
  looks = 0;
  /** To look at one schedule closely: every step of every system. */
  trace: ((line: string) => void) | undefined;
  /** Nothing goes wrong any more. */
  atPeace = false;
  readonly failing: Promise<never>;
  #fault: unknown;
  #failed: (error: unknown) => void = () => undefined;
  readonly #armed = new Map<string, { step: string; left: number; downMs: number }>();
  /** What was completed when a system issued last: whatever it issues later is later. */
  readonly #completedAt = new Map<string, number>();

  constructor(template: Template, seed: number) {
    this.template = template;
    this.shape = template.shape;
    this.world = worldOn(template.disk, seed);
    this.world.scheduler.stepsMax = STEPS_MAX;
    for (const [name, place] of template.places) {
      const site = new Site(this.world, place);
      site.onStep = (step) => this.#onStep(site, step);
      this.sites.set(name, site);
    }
    this.writer = new Writer(this.world, this.shape.members, this.sites, this.world.rng.fork());
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
    this.moments.push({ disk, power, issued: this.writer.issued, seed: rng.next() });
  }

  /** Where a checkpoint lies, as far as it is known. */
  cutOf({ number, time }: { readonly number: number; readonly time: string }): Cut {
    return this.cuts.get(`${number} ${time}`) ?? { least: 0, most: Number.POSITIVE_INFINITY };
  }

  #onStep(site: Site, step: string): void {
    this.trace?.(`${this.world.scheduler.nowMs.toFixed(1)} ${site.name} ${step}`);
    if (step === 'session.issued') this.#noteIssued(site);
    const armed = this.#armed.get(site.name);
    if (armed?.step !== step || !site.isUp) return;
    armed.left -= 1;
    if (armed.left > 0) return;
    this.#armed.delete(site.name);
    this.end(site.name, armed.downMs, (one) => one.kill());
    throw new WorldStopped(`stopped at ${step}`);
  }

  /** Its time was drawn a little before; in the order of arrival it is cut a little later. */
  #noteIssued(site: Site): void {
    const issued = sheetOf(site)?.primary?.issued;
    if (!issued) return;
    const least = this.#completedAt.get(site.name) ?? 0;
    const most = this.shape.order === 'clock' ? this.writer.issued : Number.POSITIVE_INFINITY;
    this.#completedAt.set(site.name, this.writer.completed);
    this.cuts.set(`${issued.number} ${issued.time}`, { least, most });
  }
}

/** What a system knows of the session. */
export function sheetOf({ controller }: Site): SessionSheet | undefined {
  return controller?.sessions.sheets.named(SESSION);
}
