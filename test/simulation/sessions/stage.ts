import type { SessionSheet } from '../../../src/core/session/session.js';
import { type DiskMoment, ScheduleStage } from '../formations/schedule-stage.js';
import type { Site } from '../formations/site.js';
import type { Rng } from '../world/world.js';
import { Part } from './part.js';
import { SHAPES, type Shape, type Template, worldOn } from './topology.js';

/** The disk at one instant of a schedule, and what must hold when only its secondaries are left. */
export interface Moment extends DiskMoment {
  /** How many writes were issued, by session. */
  readonly issued: ReadonlyMap<string, number>;
}

/** A schedule has some ten thousand steps; one with more goes round in circles. */
const STEPS_MAX = 600_000;

/** One schedule's world: its systems, its writer, and what became known of its checkpoints. */
export class Stage extends ScheduleStage {
  readonly shape: Shape;
  readonly template: Template;
  readonly parts: readonly Part[];
  readonly moments: Moment[] = [];
  readonly outcomes: string[] = [];
  /** Somebody gave up an order that was not answered: it may still be under way, and be carried out later. */
  hasUnanswered = false;
  /** Whose clocks were wrong, and by how much they were ahead. */
  readonly skewed = new Map<string, number>();
  /** Schedules that came later: they do more than the first did, whose seeds play what they played. */
  readonly isWide: boolean;

  constructor(template: Template, seed: number) {
    super(worldOn(template.disk, seed), template.places, STEPS_MAX);
    this.template = template;
    this.shape = template.shape;
    this.isWide = template.shape.index >= SHAPES;
    this.parts = this.shape.sessions.map((session) => new Part(this.world, session, this.sites));
  }

  get home(): Site {
    return this.site(this.shape.primaries[0] as string);
  }

  takeMoment(rng: Rng): void {
    this.moments.push({ ...this.diskMoment(rng), issued: this.issued });
  }

  get issued(): ReadonlyMap<string, number> {
    return new Map(this.parts.map(({ name, writer }) => [name, writer.issued]));
  }

  protected override note(site: Site, step: string): void {
    if (step === 'session.issued') for (const part of this.parts) part.noteIssued(site);
    this.onStep?.(site, step);
  }
}

/** What a system knows of a session. */
export function sheetOf({ controller }: Site, session: string): SessionSheet | undefined {
  return controller?.sessions.sheets.named(session);
}
