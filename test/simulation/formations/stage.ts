import { isToolkitError } from '../../../src/core/foundation/foundation.js';
import { type Keep, type Rng, type SimDisk, type World, WorldStopped } from '../world/world.js';
import { mayHappen, Site } from './site.js';
import { GROUP, type Shape, type Template, worldOn } from './topology.js';
import { Writer } from './writer.js';

/** The disk at one instant of a schedule, and what must hold when only its remotes are left. */
export interface Moment {
  readonly disk: SimDisk;
  readonly power: Keep | undefined;
  readonly formed: number;
  readonly issued: number;
  readonly seed: number;
}

/** Between which writes a formation's freeze lies. */
export interface Instant {
  /** Completed when the first of its systems froze, as far as it was seen: one that was borrowed freezes unseen. */
  least: number;
  /** Issued when the last of them did. */
  most: number;
  readonly seenAt: Set<string>;
}

/** A schedule has some ten thousand steps; one with more goes round in circles. */
const STEPS_MAX = 400_000;

/** One schedule's world: its systems, its writer, and what became known of its formations. */
export class Stage {
  readonly world: World;
  readonly shape: Shape;
  readonly template: Template;
  readonly sites = new Map<string, Site>();
  readonly writer: Writer;
  readonly moments: Moment[] = [];
  readonly instants = new Map<number, Instant>();
  /** The highest number of which a user was told that it formed. */
  formed = 0;
  outcomes: string[] = [];
  /** Whom people take for the master, and all that have ever been it. */
  masterName: string;
  readonly masters = new Set<string>();
  /** Orders of people that may still be carried out. */
  readonly orders = new Set<Promise<unknown>>();
  /** To look at one schedule closely: every step of every system. */
  trace: ((line: string) => void) | undefined;
  /** Told of every step that a system reaches, before it goes on; it may end the system's process. */
  onStep: ((site: Site, step: string) => void) | undefined;
  /** Nothing goes wrong any more. */
  atPeace = false;
  #fault: unknown;
  #failed: (error: unknown) => void = () => undefined;
  readonly failing: Promise<never>;
  readonly #armed = new Map<string, { step: string; left: number; downMs: number }>();

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
    this.masterName = template.shape.master;
    this.masters.add(this.masterName);
    this.writer = new Writer(this.world, this.shape.members, this.sites, this.world.rng.fork());
    this.failing = new Promise((_, reject) => {
      this.#failed = reject;
    });
    this.failing.catch(() => undefined);
  }

  site(name: string): Site {
    return this.sites.get(name) as Site;
  }

  get master(): Site {
    return this.site(this.masterName);
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

  async up(name: string): Promise<void> {
    await this.site(name).up();
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
    const { formed } = this;
    this.moments.push({ disk, power, formed, issued: this.writer.issued, seed: rng.next() });
  }

  noteFormed(sequence: number): void {
    this.formed = Math.max(this.formed, sequence);
  }

  /** What a master's row shows as formed is told to whoever asks. */
  lookAtMaster(): void {
    for (const name of this.masters) {
      const sheet = this.site(name)
        .controller?.groups.sheets.all()
        .find((one) => one.name === GROUP);
      this.noteFormed(sheet?.master?.lastFormed?.sequence ?? 0);
    }
  }

  #onStep(site: Site, step: string): void {
    this.trace?.(`${this.world.scheduler.nowMs.toFixed(1)} ${site.name} ${step}`);
    if (step === 'formation.frozen') this.#noteInstant(site);
    if (site.isUp) this.onStep?.(site, step);
    const armed = this.#armed.get(site.name);
    if (armed?.step !== step || !site.isUp) return;
    armed.left -= 1;
    if (armed.left > 0) return;
    this.#armed.delete(site.name);
    this.end(site.name, armed.downMs, (one) => one.kill());
    throw new WorldStopped(`stopped at ${step}`);
  }

  #noteInstant(site: Site): void {
    const sheet = site.controller?.groups.sheets.all().find(({ name }) => name === GROUP);
    const sequence = sheet?.subordinate?.highestSequence ?? 0;
    const { completed, issued } = this.writer;
    const known = this.instants.get(sequence);
    if (known) {
      known.most = Math.max(known.most, issued);
      known.seenAt.add(site.name);
    } else this.instants.set(sequence, { least: completed, most: issued, seenAt: new Set([site.name]) });
  }
}

/** The code of an operating error; any other goes on. */
export function codeOf(error: unknown): string {
  if (isToolkitError(error)) return error.code;
  if (mayHappen(error)) return 'gone';
  throw error;
}
