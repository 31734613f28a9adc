/**
 * The simulated world: one machine, its processes, its files, time and chance, all decided by one seed. The same code as
 * on the real machine runs in it, as fast as memory is.
 *
 * - process: what dies at once at a kill; its calls throw WorldStopped from then on, and what it awaits never settles.
 * - store call: a call that changes what is stored; the world can stop before any of them.
 * - crash: `kill` ends the processes, the page cache stays; `power` also loses a random part of what was not flushed.
 * - incarnation: the world after a crash; time goes on.
 *
 * It does not model: a medium that lies about flushes, silent corruption (tests flip bytes themselves), other hosts' clocks.
 */
import type { Clock, Files, Link, Owners, Random } from '../../../src/core/ports/ports.js';
import { Rng } from './rng.js';
import { SimClock, WORLD_START_MS } from './sim-clock.js';
import type { Keep } from './sim-content.js';
import { SimDisk } from './sim-disk.js';
import { type CrashKind, SimFiles } from './sim-files.js';
import { SimLink, SimNetwork } from './sim-link.js';
import { OwnerTable, SimOwners } from './sim-owners.js';
import { SimProcess, type StoreCall } from './sim-process.js';
import { SimRandom } from './sim-random.js';
import { SimScheduler } from './sim-scheduler.js';

export * from './failure.js';
export * from './fault-files.js';
export * from './rng.js';
export * from './sim-clock.js';
export type { Keep } from './sim-content.js';
export { SimDisk } from './sim-disk.js';
export { type CrashKind, SimFiles } from './sim-files.js';
export { SimNetwork } from './sim-link.js';
export { OwnerTable } from './sim-owners.js';
export * from './sim-process.js';
export * from './sim-random.js';
export * from './sim-scheduler.js';
export * from './weather.js';

/** The ports as one process of the world has them. */
export interface Ports {
  readonly files: Files;
  readonly clock: Clock;
  readonly random: Random;
  readonly link: Link;
  readonly owners: Owners;
}

/** A process of the world with its ports. */
export interface WorldProcess extends Ports {
  readonly process: SimProcess;
  readonly files: SimFiles;
  readonly clock: SimClock;
}

/** What several machines of one world share. */
interface Shared {
  readonly scheduler: SimScheduler;
  readonly network: SimNetwork;
  readonly rng: Rng;
  pids: number;
  boots: number;
}

/** What a world that comes up after a crash takes over. */
interface WorldBefore {
  readonly shared?: Shared;
  readonly disk?: SimDisk;
  readonly ownerTable?: OwnerTable;
  readonly incarnation?: number;
  readonly bootId?: string | undefined;
}

export class World implements WorldProcess {
  readonly seed: number;
  readonly disk: SimDisk;
  readonly ownerTable: OwnerTable;
  /** 1 for the first, one more after every crash. */
  readonly incarnation: number;
  /** Names this boot of the machine: a kill leaves it, a loss of power gives another. */
  readonly bootId: string;
  readonly #shared: Shared;
  readonly #processes: WorldProcess[] = [];
  readonly #main: WorldProcess;

  constructor(seed: number, from?: WorldBefore) {
    this.seed = seed;
    this.#shared = from?.shared ?? makeShared(seed);
    this.disk = from?.disk ?? new SimDisk();
    this.ownerTable = from?.ownerTable ?? new OwnerTable();
    this.incarnation = from?.incarnation ?? 1;
    this.bootId = from?.bootId ?? this.nextBootId();
    this.#main = this.start('main');
  }

  get scheduler(): SimScheduler {
    return this.#shared.scheduler;
  }

  get network(): SimNetwork {
    return this.#shared.network;
  }

  /** Chance for the test itself (what to write, when to crash), from the same seed. */
  get rng(): Rng {
    return this.#shared.rng;
  }

  get process(): SimProcess {
    return this.#main.process;
  }

  get files(): SimFiles {
    return this.#main.files;
  }

  get clock(): SimClock {
    return this.#main.clock;
  }

  get random(): Random {
    return this.#main.random;
  }

  get link(): Link {
    return this.#main.link;
  }

  get owners(): Owners {
    return this.#main.owners;
  }

  /** The name of a boot that was never used in this world. */
  nextBootId(): string {
    this.#shared.boots += 1;
    return `boot-${this.#shared.boots}`;
  }

  /** Starts a further process on this machine; with a boot of its own where it stands for a part of it that lost power. */
  start(name: string, bootId = this.bootId): WorldProcess {
    const { scheduler, network, rng } = this.#shared;
    this.#shared.pids += 1;
    const process = new SimProcess(name, scheduler, this.#shared.pids);
    const files = new SimFiles(this.disk, process, rng.fork());
    const started = {
      process,
      files,
      clock: new SimClock(scheduler, process, WORLD_START_MS, bootId),
      random: new SimRandom(rng.fork()),
      link: new SimLink(network, process),
      owners: new SimOwners(this.ownerTable, process, files),
    };
    this.#processes.push(started);
    return started;
  }

  /** A further machine of the same world: files and locks of its own, the same time and network. */
  machine(): World {
    return new World(this.seed, { shared: this.#shared });
  }

  /** Called before each store call of the main process. */
  beforeCall(listener: ((call: StoreCall) => void) | undefined): void {
    this.process.beforeCall(listener);
  }

  /** Lets things happen until the promise settles. */
  run<T>(main: Promise<T>): Promise<T> {
    return this.scheduler.run(main);
  }

  /** kill -9 of all processes of this machine, or loss of its power; the answer is what comes up again. */
  crash(kind: CrashKind, keep: Keep = 'random'): World {
    for (const { process } of this.#processes) process.end();
    const kill = kind === 'kill';
    return new World(this.seed, {
      shared: this.#shared,
      disk: kill ? this.disk : this.disk.afterPowerLoss(this.rng.fork(), keep),
      // Nobody's lock outlives its process; a foreign host's does.
      ownerTable: this.ownerTable,
      incarnation: this.incarnation + 1,
      bootId: kill ? this.bootId : undefined,
    });
  }
}

function makeShared(seed: number): Shared {
  const rng = new Rng(seed);
  const scheduler = new SimScheduler(rng.fork());
  return { scheduler, network: new SimNetwork(scheduler, rng.fork()), rng, pids: 0, boots: 0 };
}
