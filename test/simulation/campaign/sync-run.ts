import { isToolkitError } from '../../../src/core/foundation/foundation.js';
import type { VolumeDevice } from '../../../src/core/hostio/hostio.js';
import { apart, sites, TRACKS, unmarked } from '../../core/transfer/sync-stage.js';
import { TRACK } from '../system/sim-system.js';
import type { Site } from '../system/sites.js';
import type { World } from '../world/world.js';

const SECTOR = 512;
/** Each writer has blocks of its own, so that the latest of a block is known; the overlapping writer has the rest. */
const BLOCKS = 48;
const LOG_BLOCK = BLOCKS;
const OVERLAP_FROM = (BLOCKS + 8) * SECTOR;

/** What one volume's hosts know to be durable at both sides: the number last flushed to each block. */
class Promised {
  readonly written = new Array<number>(BLOCKS).fill(0);
  readonly flushed = new Array<number>(BLOCKS).fill(0);
}

export interface SyncPlan {
  /** Whether the second volume's secondary lies at a third site. */
  readonly threeSites: boolean;
  readonly rounds: number;
}

/**
 * Random schedules on two synchronous pairs of one session: hosts with many writes under way, some of which overlap, one whose writes
 * depend on each other over both pairs, flushes; links cut, processes killed and power lost at either side.
 */
export class SyncRun {
  readonly #world: World;
  readonly #plan: SyncPlan;
  #tokyo!: Site;
  readonly #secondaries = new Map<string, Site>();
  readonly #promised = new Map<string, Promised>();
  #counter = 0;
  #stopped = false;
  #gone: Promise<void> = Promise.resolve();
  #leave: () => void = () => undefined;

  constructor(world: World, plan: SyncPlan) {
    this.#world = world;
    this.#plan = plan;
  }

  async run(): Promise<void> {
    const names = this.#plan.threeSites ? ['tokyo', 'osaka', 'nagoya'] : ['tokyo', 'osaka'];
    const [tokyo, osaka, nagoya] = await sites(this.#world, names, 'db', 'log');
    if (!tokyo || !osaka) throw new Error('two sites at least');
    this.#tokyo = tokyo;
    this.#secondaries.set('db', osaka).set('log', nagoya ?? osaka);
    for (const [name, site] of this.#secondaries) {
      this.#promised.set(name, new Promised());
      await tokyo.pair(name, site, { session: 's' });
    }
    for (let round = 0; round < this.#plan.rounds; round += 1) await this.#round();
    await this.#settle();
  }

  async #round(): Promise<void> {
    const { rng, clock } = this.#world;
    this.#stopped = false;
    this.#gone = new Promise((resolve) => {
      this.#leave = resolve;
    });
    const hosts = this.#hosts();
    const watching = this.#watch();
    await clock.sleep(rng.unit() * 40);
    await this.#trouble();
    await clock.sleep(rng.unit() * 20);
    this.#stopped = true;
    await Promise.all([...hosts, watching]);
    await this.#everybodyUp();
    for (const [name, site] of this.#secondaries) this.#demandMarked(name, site);
  }

  #hosts(): Promise<void>[] {
    return [...this.#secondaries.keys()]
      .flatMap((name) => [
        this.#blockHost(name, 0),
        this.#blockHost(name, 1),
        this.#overlapHost(name),
        this.#overlapHost(name),
      ])
      .concat(this.#dependentHost());
  }

  /** Numbers its writes; each block has one writer, so what is there later tells how far it came. */
  async #blockHost(name: string, half: number): Promise<void> {
    const { rng, clock } = this.#world;
    const device = this.#tokyo.device(name);
    const promised = this.#promised.get(name) as Promised;
    await this.#repeat(async () => {
      if (rng.chance(0.15)) {
        const before = [...promised.written];
        await device.flush();
        // Of a pair that follows: one that does not promises nothing for its secondary.
        if (this.#tokyo.isUp && this.#tokyo.status(name) === 'duplex')
          before.forEach((number, block) => {
            promised.flushed[block] = Math.max(promised.flushed[block] ?? 0, number);
          });
      } else {
        const block = half * (BLOCKS / 2) + rng.below(BLOCKS / 2);
        const number = this.#next();
        await writeBlock(device, block, number);
        promised.written[block] = number;
      }
      await clock.sleep(rng.unit());
    });
  }

  /** Several at once, anywhere behind the blocks. */
  async #overlapHost(name: string): Promise<void> {
    const { rng, clock } = this.#world;
    const device = this.#tokyo.device(name);
    const sizeBytes = TRACKS * TRACK;
    const under: Promise<void>[] = [];
    await this.#repeat(async () => {
      const offset = OVERLAP_FROM + SECTOR * rng.below((sizeBytes - OVERLAP_FROM) / SECTOR - 24);
      const data = new Uint8Array(SECTOR * (1 + rng.below(24))).fill(1 + rng.below(255));
      const writing = device.write(data, offset);
      if (rng.chance(0.4)) await writing;
      else under.push(writing.catch(() => undefined));
      await clock.sleep(rng.unit());
    });
    await Promise.race([Promise.all(under), this.#gone]);
  }

  /** w1 to `db`, and only when it completed w2 to `log`. */
  async #dependentHost(): Promise<void> {
    const { rng, clock } = this.#world;
    const [db, log] = [this.#tokyo.device('db'), this.#tokyo.device('log')];
    await this.#repeat(async () => {
      const number = this.#next();
      await writeBlock(db, LOG_BLOCK, number);
      await writeBlock(log, LOG_BLOCK, number);
      await clock.sleep(rng.unit() * 0.5);
    });
  }

  async #repeat(work: () => Promise<void>): Promise<void> {
    const gone = this.#gone.then(() => 'gone' as const);
    while (!this.#stopped) {
      const done = work().catch((error: unknown) => {
        if (!isToolkitError(error)) throw error;
        return this.#world.clock.sleep(1);
      });
      if ((await Promise.race([done, gone])) === 'gone') return;
    }
  }

  /** While both secondaries claim duplex none has a write without those that it depends on (H29). */
  async #watch(): Promise<void> {
    while (!this.#stopped) {
      this.#demandInOrder();
      await this.#world.clock.sleep(this.#world.rng.unit() * 2);
    }
  }

  #demandInOrder(): void {
    const [db, log] = [this.#secondaries.get('db') as Site, this.#secondaries.get('log') as Site];
    if (!db.isUp || !log.isUp || db.status('db') !== 'duplex' || log.status('log') !== 'duplex') return;
    // A split by command is told a moment later; nobody takes a secondary for the primary's twin because of that moment.
    if (this.#tokyo.isUp && ['sp-pending', 'split'].includes(this.#tokyo.status('db'))) return;
    const [first, second] = [blockOf(db, 'db', LOG_BLOCK), blockOf(log, 'log', LOG_BLOCK)];
    if (second > first) throw new Error(`the secondary of log has write ${second}, that of db only ${first}`);
  }

  async #trouble(): Promise<void> {
    const { rng, clock, network } = this.#world;
    const victim = rng.pick([...this.#secondaries.values()]);
    const shortMs = rng.chance(0.5) ? rng.unit() * 30 : rng.unit() * 3_000;
    switch (
      rng.pick([
        'cut',
        'cut',
        'kill',
        'power',
        'leave',
        'primary-kill',
        'primary-power',
        'primary-leave',
        'split',
      ] as const)
    ) {
      case 'cut':
        network.cut(victim.address);
        await clock.sleep(shortMs);
        network.heal(victim.address);
        return;
      case 'kill':
        victim.crash('kill');
        await clock.sleep(shortMs);
        return victim.up();
      case 'power':
        this.#losePower(victim);
        await clock.sleep(shortMs);
        return victim.up();
      case 'leave':
        await victim.down();
        await clock.sleep(shortMs);
        return victim.up();
      case 'primary-kill':
        return this.#losePrimary('kill');
      case 'primary-power':
        return this.#losePrimary('power');
      case 'primary-leave':
        this.#stopped = true;
        await clock.sleep(2_500);
        await this.#tokyo.down();
        return this.#tokyo.up();
      case 'split':
        return this.#split();
    }
  }

  /** What was flushed while the pair was in duplex is there, whatever the loss of power took. */
  #losePower(victim: Site): void {
    victim.crash('power');
  }

  async #losePrimary(kind: 'kill' | 'power'): Promise<void> {
    const { rng } = this.#world;
    this.#stopped = true;
    this.#tokyo.crash(kind);
    this.#leave();
    if (rng.chance(0.5)) {
      const victim = rng.pick([...this.#secondaries.values()]);
      victim.crash(rng.chance(0.5) ? 'kill' : 'power');
    }
    await this.#everybodyUp();
    // What was not flushed may be gone.
    for (const [name, { written }] of this.#promised)
      written.forEach((_, block) => {
        written[block] = blockOf(this.#tokyo, name, block);
      });
  }

  /** A split under load: the secondary is what the primary was at the instant, then it follows again. */
  async #split(): Promise<void> {
    try {
      await this.#tokyo.ask('pair.split', { pairs: [{ primary: 'db' }] });
      const verdict = await this.#tokyo.until('db', 'split');
      if (verdict === 'reached') await this.#tokyo.ask('pair.resync', { pairs: [{ primary: 'db' }] });
    } catch (error) {
      if (!isToolkitError(error)) throw error;
    }
  }

  async #everybodyUp(): Promise<void> {
    for (const site of new Set([this.#tokyo, ...this.#secondaries.values()])) if (!site.isUp) await site.up();
  }

  #demandMarked(name: string, site: Site): void {
    const lost = unmarked(this.#tokyo, site, name);
    if (lost.length > 0)
      throw new Error(`${name}: tracks ${lost.join()} differ and no map says so (${this.#tokyo.status(name)})`);
    const promised = this.#promised.get(name) as Promised;
    promised.flushed.forEach((number, block) => {
      const here = blockOf(this.#tokyo, name, block);
      if (here < number) throw new Error(`${name}: block ${block} at the primary is ${here}, flushed was ${number}`);
      const there = blockOf(site, name, block);
      const claims = site.status(name) === 'duplex';
      if (there < number && claims)
        throw new Error(`${name}: block ${block} at the secondary is ${there}, flushed ${number}`);
    });
  }

  /** With everything healed the pairs return by themselves, and both sides are one. */
  async #settle(): Promise<void> {
    const { clock } = this.#world;
    for (const [name, site] of this.#secondaries) {
      const deadlineMs = clock.monotonicMs() + 60_000;
      while (this.#tokyo.status(name) !== 'duplex' || this.#tokyo.marked(name).size > 0) {
        if (clock.monotonicMs() > deadlineMs)
          throw new Error(`${name} stays ${this.#tokyo.status(name)}: ${this.#tokyo.reason(name)}`);
        await clock.sleep(50);
      }
      await clock.sleep(100);
      const differing = apart(this.#tokyo.image(name, TRACKS), site.image(name, TRACKS));
      if (differing.length > 0) throw new Error(`${name}: tracks ${differing.join()} differ in duplex`);
      if (site.status(name) !== 'duplex') throw new Error(`${name} is ${site.status(name)} at its secondary`);
    }
  }

  #next(): number {
    this.#counter += 1;
    return this.#counter;
  }
}

async function writeBlock(device: VolumeDevice, block: number, number: number): Promise<void> {
  const data = new Uint8Array(SECTOR);
  new DataView(data.buffer).setUint32(0, number);
  await device.write(data, block * SECTOR);
}

function blockOf(site: Site, volume: string, block: number): number {
  return new DataView(site.bytesOf(volume, block * SECTOR, 4).buffer).getUint32(0);
}
