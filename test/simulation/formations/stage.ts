import type { Rng } from '../world/world.js';
import { type DiskMoment, ScheduleStage } from './schedule-stage.js';
import type { Site } from './site.js';
import { GROUP, type Shape, type Template, worldOn } from './topology.js';
import { Writer } from './writer.js';

/** The disk at one instant of a schedule, and what must hold when only its remotes are left. */
export interface Moment extends DiskMoment {
  readonly formed: number;
  readonly issued: number;
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
export class Stage extends ScheduleStage {
  readonly shape: Shape;
  readonly template: Template;
  readonly writer: Writer;
  readonly moments: Moment[] = [];
  readonly instants = new Map<number, Instant>();
  /** The highest number of which a user was told that it formed. */
  formed = 0;
  outcomes: string[] = [];
  /** Splits of the group so far, and those of them that have not ended. */
  readonly splits = { begun: 0, running: 0 };
  /** Whom people take for the master, and all that have ever been it. */
  masterName: string;
  readonly masters = new Set<string>();

  constructor(template: Template, seed: number) {
    super(worldOn(template.disk, seed), template.places, STEPS_MAX);
    this.template = template;
    this.shape = template.shape;
    this.masterName = template.shape.master;
    this.masters.add(this.masterName);
    this.writer = new Writer(this.world, this.shape.members, this.sites, this.world.rng.fork());
  }

  get master(): Site {
    return this.site(this.masterName);
  }

  takeMoment(rng: Rng): void {
    this.moments.push({ ...this.diskMoment(rng), formed: this.formed, issued: this.writer.issued });
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

  protected override note(site: Site, step: string): void {
    if (step === 'formation.frozen') this.#noteInstant(site);
    if (site.isUp) this.onStep?.(site, step);
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
