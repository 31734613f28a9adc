import type { Site } from '../formations/site.js';
import { Writer } from '../formations/writer.js';
import type { World } from '../world/world.js';
import type { SessionShape } from './topology.js';

/** Between which writes a checkpoint lies. */
export interface Cut {
  readonly least: number;
  readonly most: number;
}

/** One session of a schedule: the host that writes to its volumes, and what became known of its checkpoints. */
export class Part {
  readonly shape: SessionShape;
  readonly writer: Writer;
  /** By number and time. */
  readonly cuts = new Map<string, Cut>();
  /** Systems of secondaries that a person took out. */
  readonly resigned = new Set<string>();
  /** How often its secondaries could be read together, and were looked at. */
  looks = 0;
  /** What a look found last, volume by volume; what is looked at again and again is rarely something else. */
  seen: { readonly found: readonly (Uint8Array | undefined)[]; readonly count: number } | undefined;
  /** What was completed when a system issued last: whatever it issues later is later. */
  readonly #completedAt = new Map<string, number>();
  readonly #issued = new Map<string, number>();

  constructor(world: World, shape: SessionShape, sites: ReadonlyMap<string, Site>) {
    this.shape = shape;
    this.writer = new Writer(world, shape.members, sites, world.rng.fork());
  }

  get name(): string {
    return this.shape.name;
  }

  get members(): SessionShape['members'] {
    return this.shape.members;
  }

  /** The systems of its secondaries. */
  get secondaries(): readonly string[] {
    return [...new Set(this.members.map(({ remote }) => remote))];
  }

  get primaries(): readonly string[] {
    return [...new Set(this.members.map(({ site }) => site))];
  }

  /** Where a checkpoint lies, as far as it is known. */
  cutOf({ number, time }: { readonly number: number; readonly time: string }): Cut {
    return this.cuts.get(`${number} ${time}`) ?? { least: 0, most: Number.POSITIVE_INFINITY };
  }

  /** Its time was drawn a little before; in the order of arrival it is cut a little later. */
  noteIssued(site: Site): void {
    const issued = site.controller?.sessions.sheets.named(this.name)?.primary?.issued;
    // The step may be another session's.
    if (!issued || this.#issued.get(site.name) === issued.number) return;
    this.#issued.set(site.name, issued.number);
    const least = this.#completedAt.get(site.name) ?? 0;
    const most = this.shape.order === 'clock' ? this.writer.issued : Number.POSITIVE_INFINITY;
    this.#completedAt.set(site.name, this.writer.completed);
    this.cuts.set(`${issued.number} ${issued.time}`, { least, most });
  }

  /** What was known of earlier checkpoints says nothing of those that come. */
  beginAgain(): void {
    this.cuts.clear();
    this.seen = undefined;
    this.#completedAt.clear();
  }
}
