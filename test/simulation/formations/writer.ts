import { isToolkitError } from '../../../src/core/foundation/foundation.js';
import type { Rng, World } from '../world/world.js';
import { Gone, type Site, Violation } from './site.js';
import { type Member, SECTOR, SECTORS, VOLUME_BYTES } from './topology.js';

const WORDS = SECTOR / 4;

interface Write {
  readonly member: number;
  readonly firstSector: number;
  readonly sectors: number;
  /** Its first try had no answer: at a crash it may stand there in part. */
  unsure: boolean;
}

/** One host that writes the next only after the last was completed, over all volumes of the group. Write k holds the number k. */
export class Writer {
  readonly writes: Write[] = [];
  completed = 0;
  /** The longest time that a try of a write took for each formation that was tried meanwhile; its system was there all the while. */
  slowestMs = 0;
  /** The same of writes that a synchronous pair takes on to their member volume. */
  slowestThroughMs = 0;
  isStopped = false;
  /** Where the host finds the volumes: after a recovery at the remotes, until they are brought back to the group's own sites. */
  side: 'origin' | 'site' | 'remote' = 'origin';
  /** What the volumes held before the first of `writes`, which has the number after this one. */
  #base: { readonly number: number; readonly volumes: readonly Uint32Array[] } | undefined;
  readonly #world: World;
  readonly #members: readonly Member[];
  readonly #sites: ReadonlyMap<string, Site>;
  readonly #rng: Rng;
  #running: Promise<void> = Promise.resolve();

  constructor(world: World, members: readonly Member[], sites: ReadonlyMap<string, Site>, rng: Rng) {
    this.#world = world;
    this.#members = members;
    this.#sites = sites;
    this.#rng = rng;
  }

  get issued(): number {
    return this.#first + this.writes.length;
  }

  get hasBegunAgain(): boolean {
    return this.#base !== undefined;
  }

  get #first(): number {
    return this.#base?.number ?? 0;
  }

  /** From here on the volumes hold this, whatever was written before; no later write has a number of an earlier one. */
  beginAgain(found: readonly Uint8Array[], side: Writer['side']): void {
    const volumes = found.map((bytes) => {
      const stamps = stampsOf(bytes);
      if (typeof stamps === 'string') throw new Violation(`what was recovered is no whole write: ${stamps}`);
      return stamps;
    });
    this.#base = { number: this.issued, volumes };
    this.writes.length = 0;
    this.completed = this.issued;
    this.side = side;
  }

  /** Resolves when no write is under way any more, once it is told to stop. */
  get ended(): Promise<void> {
    return this.#running.catch(() => undefined);
  }

  /** There is one writer: it begins where it was told before to end. */
  run(count: number, pauseMs: number): Promise<void> {
    const before = this.#running.catch(() => undefined);
    this.#running = before.then(() => this.#run(count, pauseMs));
    return this.#running;
  }

  async #run(count: number, pauseMs: number): Promise<void> {
    while (!this.isStopped && this.issued < count) {
      await this.#writeNext();
      await this.#world.clock.sleep(this.#rng.unit() * pauseMs);
    }
  }

  async #writeNext(): Promise<void> {
    const sectors = this.#rng.pick([1, 1, 1, 8, 11]);
    const firstSector = this.#rng.below(SECTORS - sectors + 1);
    const write = { member: this.#rng.below(this.#members.length), firstSector, sectors, unsure: false };
    this.writes.push(write);
    while (!this.isStopped && !(await this.#try(write))) {
      write.unsure = true;
      await this.#world.clock.sleep(1);
    }
    if (!this.isStopped) this.completed = this.issued;
  }

  async #try(write: Write): Promise<boolean> {
    const member = this.#members[write.member] as Member;
    const { volume, site } = member;
    const host = this.#sites.get(member[this.side] ?? site) as Site;
    if (!host.isUp) return false;
    const near = this.#sites.get(site) as Site;
    const data = new Uint8Array(new Uint32Array(write.sectors * WORDS).fill(this.issued).buffer);
    const { process } = host;
    const startedMs = this.#world.scheduler.nowMs;
    const before = sequenceAt(near);
    try {
      await host.ask('volume.write', { volume, offsetBytes: write.firstSector * SECTOR, durable: true }, data);
      const from = Math.max(startedMs, process?.hangsUntilMs ?? 0);
      const tries = Math.max(1, 1 + sequenceAt(near) - before);
      const tookMs = (this.#world.scheduler.nowMs - from) / tries;
      if (host.name === site || this.side === 'remote') this.slowestMs = Math.max(this.slowestMs, tookMs);
      else this.slowestThroughMs = Math.max(this.slowestThroughMs, tookMs);
      return true;
    } catch (error) {
      if (error instanceof Gone || isToolkitError(error)) return false;
      throw error;
    }
  }

  /** What the volumes hold after the first `count` writes: the number of the last write for each sector. */
  expectedAfter(count: number): Uint32Array[] {
    const first = this.#first;
    const volumes = this.#members.map((_, member) => this.#base?.volumes[member]?.slice() ?? new Uint32Array(SECTORS));
    for (const [index, { member, firstSector, sectors }] of this.writes.slice(0, Math.max(0, count - first)).entries())
      volumes[member]?.fill(first + index + 1, firstSector, firstSector + sectors);
    return volumes;
  }

  /** Which prefix of the writes these contents are, or what is wrong with them. Members that are absent say nothing. */
  prefixOf(found: readonly (Uint8Array | undefined)[]): { count: number } | { wrong: string } {
    const stamps: Uint32Array[] = [];
    for (const [member, bytes] of found.entries()) {
      if (!bytes) continue;
      const read = stampsOf(bytes);
      if (typeof read === 'string') return { wrong: `${this.#nameOf(member)}: ${read}` };
      stamps[member] = read;
    }
    const count = Math.max(this.#first, ...stamps.flatMap((one) => one.reduce((a, b) => Math.max(a, b), 0)));
    const last = this.writes[count - this.#first - 1];
    const expected = this.expectedAfter(count);
    const before = last?.unsure ? this.expectedAfter(count - 1) : undefined;
    for (const [member, one] of stamps.entries()) {
      if (!one) continue;
      for (const [sector, stamp] of one.entries()) {
        if (stamp === expected[member]?.[sector] || stamp === before?.[member]?.[sector]) continue;
        const wanted = expected[member]?.[sector];
        return {
          wrong: `${this.#nameOf(member)} sector ${sector} holds ${stamp}, not ${wanted}, beside write ${count}`,
        };
      }
    }
    return { count };
  }

  #nameOf(member: number): string {
    const { site, volume } = this.#members[member] as Member;
    return `${site}:${volume}`;
  }
}

function sequenceAt({ controller }: Site): number {
  return controller?.groups.sheets.all()[0]?.subordinate?.highestSequence ?? 0;
}

function stampsOf(bytes: Uint8Array): Uint32Array | string {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, VOLUME_BYTES / 4);
  const stamps = new Uint32Array(SECTORS);
  for (let sector = 0; sector < SECTORS; sector += 1) {
    const stamp = words[sector * WORDS] as number;
    for (let word = 1; word < WORDS; word += 1)
      if (words[sector * WORDS + word] !== stamp) return `sector ${sector} is torn`;
    stamps[sector] = stamp;
  }
  return stamps;
}
