import {
  createSystem,
  type OwnController,
  openOwner,
  type RequestCode,
  type Requests,
  readPlace,
  type SystemPlace,
} from '../../../src/core/controller/controller.js';
import { KIB, tuning } from '../../../src/core/foundation/foundation.js';
import { secondaryMaster } from '../../../src/core/session/session.js';
import { World, type WorldProcess, WorldStopped } from '../world/world.js';
import { portsOf, TRACK } from './sim-system.js';

export const SESSION = 'j';
export const TRACKS = 4;
/** Journals of the usual size would take most of a test's time. */
tuning.journalSegmentBytes = 64 * KIB;

export interface SessionWishes {
  readonly subsystems?: number;
  readonly order?: 'clock' | 'arrival';
  /** 0: checkpoints are issued by hand alone. */
  readonly intervalMs?: number;
  readonly resignAfterMs?: number;
  readonly backup?: boolean;
  readonly journalLimitBytes?: number;
}

interface Served {
  readonly process: WorldProcess;
  readonly own: OwnController;
}

/**
 * Session `j` over several subsystems: each a primary system with a volume `db` and a secondary one with `db` and `kept`. All are served
 * by processes of their own, with their copiers; with an interval their keepers run as well.
 */
export class SimSession {
  readonly world: World;
  readonly count: number;
  readonly #keeps: boolean;
  readonly #served = new Map<string, Served>();
  readonly #limits = new Map<string, number>();

  private constructor(world: World, count: number, keeps: boolean) {
    this.world = world;
    this.count = count;
    this.#keeps = keeps;
  }

  /** In a running session, every pair entered, all volumes holding zeros. */
  static async ready(seed: number, wishes: SessionWishes = {}): Promise<SimSession> {
    const { subsystems = 2, order = 'clock', intervalMs = 0, resignAfterMs, backup } = wishes;
    const session = new SimSession(new World(seed), subsystems, intervalMs > 0);
    for (const number of session.numbers)
      for (const side of ['p', 's'] as const) await session.#make(`${side}${number}`, wishes.journalLimitBytes);
    const policy = { intervalMs, resignAfterMs };
    await session.ask('p1', 'session.create', { session: SESSION, order, policy, enableAtSecondary: false });
    for (const number of session.numbers) {
      const secondarySystem = session.ref(`s${number}`);
      await session.ask(`p${number}`, 'pair.create', {
        pairs: [{ primary: 'db', secondary: 'db', secondarySystem, backup: backup ? 'kept' : undefined }],
        mode: 'journal',
        session: SESSION,
        sessionHome: session.ref('p1'),
      });
    }
    await session.ask('p1', 'session.start', { session: SESSION });
    await session.follows();
    await session.show();
    return session;
  }

  /** The process's own controller, to look into what it knows. */
  controller(name: string): OwnController['controller'] {
    const served = this.#served.get(name);
    if (!served) throw new Error(`${name} is not served`);
    return served.own.controller;
  }

  get numbers(): readonly number[] {
    return Array.from({ length: this.count }, (_, at) => at + 1);
  }

  get secondaries(): readonly string[] {
    return this.numbers.map((number) => `s${number}`);
  }

  /** Who issues. */
  get issuer(): string {
    const names = this.numbers.map((number) => `p${number}`);
    return names.sort((a, b) => (this.ref(a).id < this.ref(b).id ? -1 : 1))[0] as string;
  }

  /** Who applies, as the secondaries' table has it. */
  async master(): Promise<string> {
    const { sheets } = await this.ask('s1', 'session.list', {});
    return secondaryMaster(sheets[0]?.secondary?.table ?? [])?.name ?? 's1';
  }

  ref(name: string) {
    const place = this.place(name);
    return { id: place.info.id, name, path: place.path };
  }

  place(name: string): SystemPlace {
    const place = readPlace(this.world.files, `/sys/${name}`);
    const journalLimitBytes = this.#limits.get(name) ?? place.info.journalLimitBytes;
    return { ...place, info: { ...place.info, journalLimitBytes } };
  }

  async ask<Code extends RequestCode>(
    name: string,
    code: Code,
    input: Requests[Code]['input'],
    data?: Uint8Array,
    signal?: AbortSignal,
  ): Promise<Requests[Code]['output']> {
    const served = this.#served.get(name);
    if (!served) throw new Error(`${name} is not served`);
    const gone = new Promise<never>((_, reject) => {
      served.process.process.onEnd(() => reject(new WorldStopped(`${name} ended before it answered`)));
    });
    return (
      await this.world.run(
        Promise.race([served.own.request(code, input, { ...(data && { data }), ...(signal && { signal }) }), gone]),
      )
    ).output;
  }

  async write(subsystem: number, value: number, track = 0, side: 'p' | 's' = 'p'): Promise<void> {
    const input = { volume: 'db', offsetBytes: track * TRACK, durable: true };
    await this.ask(`${side}${subsystem}`, 'volume.write', input, new Uint8Array(TRACK).fill(value));
  }

  /** What the host of one subsystem's volume reads of a track. */
  async read(name: string, track = 0): Promise<number> {
    const served = this.#served.get(name);
    const input = { volume: 'db', offsetBytes: track * TRACK, lengthBytes: TRACK };
    const answer = await this.world.run(served?.own.request('volume.read', input) ?? Promise.reject(new Error(name)));
    return answer.data?.[0] ?? -1;
  }

  /** What all secondaries show of a track. */
  async shown(track = 0): Promise<number[]> {
    const values: number[] = [];
    for (const name of this.secondaries) values.push(await this.read(name, track));
    return values;
  }

  /** Every pair follows. */
  async follows(): Promise<void> {
    for (const number of this.numbers)
      await this.ask(`p${number}`, 'pair.wait', {
        pairs: [{ primary: 'db' }],
        statuses: ['duplex'],
        timeoutMs: 60_000,
      });
  }

  mark() {
    return this.ask(this.issuer, 'session.mark', { session: SESSION });
  }

  /** Issues a checkpoint, and waits until all show it. */
  async show(): Promise<string> {
    const { mark } = await this.mark();
    const input = { session: SESSION, mark, timeoutMs: 60_000 };
    return (await this.ask(await this.master(), 'session.wait', input)).verdict;
  }

  kill(name: string): void {
    this.#served.get(name)?.process.process.end();
    this.#served.delete(name);
  }

  /** Its controller has not ended, by a kill or by itself. */
  isAlive(name: string): boolean {
    return this.#served.get(name)?.process.process.alive ?? false;
  }

  /** For use inside `world.run`, where several things happen at once. */
  async writeNow(name: string, value: number, track: number, durable: boolean): Promise<void> {
    const input = { volume: 'db', offsetBytes: track * TRACK, durable };
    const data = new Uint8Array(TRACK).fill(value);
    await this.#served.get(name)?.own.request('volume.write', input, { data });
  }

  /** The machine of this system alone loses its power; of what was not flushed some stays. */
  losePower(name: string): void {
    this.kill(name);
    const folder = this.world.disk.root.names.get('sys');
    if (folder?.kind === 'folder') this.world.disk.losePowerBelow(folder, name, this.world.rng.fork(), 'random');
  }

  /** It is opened with this limit from now on. */
  setJournalLimit(name: string, limitBytes: number): void {
    this.#limits.set(name, limitBytes);
  }

  /** `bootId` where its machine was started anew. */
  start(name: string, bootId?: string): Promise<void> {
    return this.world.run(this.startNow(name, bootId));
  }

  /** For use inside `world.run`. Its server ends as one that is told to, with all that is under way. */
  async stopNow(name: string): Promise<void> {
    const served = this.#served.get(name);
    this.#served.delete(name);
    await served?.own.close();
    served?.process.process.end();
  }

  /** For use inside `world.run`. */
  async startNow(name: string, bootId?: string): Promise<void> {
    const process = this.world.start(name, bootId);
    const own = await openOwner(portsOf(process), this.place(name), { purpose: 'serve' });
    own.controller.startCopying();
    if (this.#keeps) own.controller.startForming();
    this.#served.set(name, { process, own });
  }

  /** Lets things happen until it holds. */
  async until(holds: () => boolean | Promise<boolean>): Promise<void> {
    for (let tries = 0; !(await holds()); tries += 1) {
      if (tries > 5_000) throw new Error('it does not come about');
      await this.pass(1);
    }
  }

  /** Its keeper runs from now on, as where it is served. */
  keep(name: string): void {
    this.#served.get(name)?.own.controller.startForming();
  }

  pass(ms: number): Promise<unknown> {
    return this.world.run(this.world.clock.sleep(ms));
  }

  async #make(name: string, journalLimitBytes: number | undefined): Promise<void> {
    this.world.files.makeFolder('/sys');
    await this.world.run(this.world.files.flushFolder('/'));
    const wishes = { name, trackSizeBytes: TRACK, fixture: true, journalLimitBytes };
    await this.world.run(createSystem(portsOf(this.world), `/sys/${name}`, wishes));
    await this.start(name);
    for (const volume of ['db', 'kept'])
      await this.ask(name, 'volume.create', { name: volume, sizeBytes: TRACKS * TRACK });
  }
}
