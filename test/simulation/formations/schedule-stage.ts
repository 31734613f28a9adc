import type { SystemPlace } from '../../../src/core/controller/controller.js';
import { isToolkitError } from '../../../src/core/foundation/foundation.js';
import { type Keep, type Rng, type SimDisk, type World, WorldStopped } from '../world/world.js';
import { mayHappen, Site } from './site.js';

/** The disk at one instant of a schedule, and how it goes on from there. */
export interface DiskMoment {
  readonly disk: SimDisk;
  readonly power: Keep | undefined;
  readonly seed: number;
}

/** One schedule's world and its systems, which end and come up again. */
export abstract class ScheduleStage {
  readonly world: World;
  readonly sites = new Map<string, Site>();
  /** Orders of people that may still be carried out. */
  readonly orders = new Set<Promise<unknown>>();
  /** To look at one schedule closely: every step of every system. */
  trace: ((line: string) => void) | undefined;
  /** Told of every step that a system reaches, before it goes on; it may end the system's process. */
  onStep: ((site: Site, step: string) => void) | undefined;
  /** Nothing goes wrong any more. */
  atPeace = false;
  /** Rejects with what ends the schedule. */
  readonly failing: Promise<never>;
  #fault: unknown;
  #failed: (error: unknown) => void = () => undefined;
  readonly #armed = new Map<string, { step: string; left: number; downMs: number }>();

  constructor(world: World, places: Iterable<readonly [string, SystemPlace]>, stepsMax: number) {
    this.world = world;
    this.world.scheduler.stepsMax = stepsMax;
    for (const [name, place] of places) {
      const site = new Site(this.world, place);
      site.onStep = (step) => this.#reached(site, step);
      this.sites.set(name, site);
    }
    this.failing = new Promise((_, reject) => {
      this.#failed = reject;
    });
    this.failing.catch(() => undefined);
  }

  /** A system reached a step; what became known by it is noted. */
  protected abstract note(site: Site, step: string): void;

  site(name: string): Site {
    return this.sites.get(name) as Site;
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
  protected diskMoment(rng: Rng): DiskMoment {
    const disk = this.world.disk.afterKill(rng.fork());
    const power = rng.chance(0.5) ? rng.pick(['none', 'all', 'random'] as const) : undefined;
    return { disk, power, seed: rng.next() };
  }

  #reached(site: Site, step: string): void {
    this.trace?.(`${this.world.scheduler.nowMs.toFixed(1)} ${site.name} ${step}`);
    this.note(site, step);
    const armed = this.#armed.get(site.name);
    if (armed?.step !== step || !site.isUp) return;
    armed.left -= 1;
    if (armed.left > 0) return;
    this.#armed.delete(site.name);
    this.end(site.name, armed.downMs, (one) => one.kill());
    throw new WorldStopped(`stopped at ${step}`);
  }
}

/** The code of an operating error; any other goes on. */
export function codeOf(error: unknown): string {
  if (isToolkitError(error)) return error.code;
  if (mayHappen(error)) return 'gone';
  throw error;
}
