import {
  createSystem,
  type OwnController,
  openOwner,
  type PairListing,
  type RequestCode,
  type Requests,
  readPlace,
  type SystemPlace,
} from '../../../src/core/controller/controller.js';
import type { PairStatus } from '../../../src/core/pair/pair.js';
import { type Keep, World, type WorldProcess } from '../world/world.js';
import { portsOf, TRACK } from './sim-system.js';

export type Site = 'tokyo' | 'osaka';
export const SITES: readonly Site[] = ['tokyo', 'osaka'];
export const TRACKS = 16;

/** The pair db -> db-copy from tokyo to osaka. */
export const REMOTE = [{ primary: 'db', secondary: 'db-copy', secondarySystem: 'osaka' }];

interface Served {
  readonly process: WorldProcess;
  readonly own: OwnController;
}

/** Two storage systems, each served by a process of its own, that reach each other by their control sockets. */
export class TwoSystems {
  world: World;
  readonly #served = new Map<Site, Served>();

  private constructor(world: World) {
    this.world = world;
  }

  /** tokyo with `db`, written in full, and osaka with `db-copy`. */
  static async create(
    seed: number,
    wishes: { saveLimitBytes?: number; linkLimitMs?: number; journalLimitBytes?: number } = {},
  ): Promise<TwoSystems> {
    const world = new World(seed);
    world.files.makeFolder('/sys');
    await world.run(world.files.flushFolder('/'));
    for (const name of SITES)
      await world.run(
        createSystem(portsOf(world), `/sys/${name}`, { name, trackSizeBytes: TRACK, fixture: true, ...wishes }),
      );
    const systems = new TwoSystems(world);
    for (const site of SITES) await systems.start(site);
    await systems.ask('tokyo', 'volume.create', { name: 'db', sizeBytes: TRACKS * TRACK });
    await systems.ask('osaka', 'volume.create', { name: 'db-copy', sizeBytes: TRACKS * TRACK });
    await systems.write('tokyo', 'db', 0, 1, TRACKS);
    return systems;
  }

  /** The same, with the pair made and in duplex; both copiers run. */
  static async duplex(seed: number, wishes: Parameters<typeof TwoSystems.create>[1] = {}): Promise<TwoSystems> {
    const systems = await TwoSystems.create(seed, wishes);
    await systems.pair();
    await systems.wait('duplex');
    return systems;
  }

  /** What comes up again after the machine lost its power or all its processes. */
  static async again(systems: TwoSystems, kind: 'kill' | 'power', keep?: Keep): Promise<TwoSystems> {
    const after = new TwoSystems(systems.world.crash(kind, keep));
    for (const site of SITES) await after.start(site);
    return after;
  }

  /** Systems on a disk that a crash left. */
  static async on(world: World): Promise<TwoSystems> {
    const systems = new TwoSystems(world);
    for (const site of SITES) await systems.start(site);
    return systems;
  }

  async start(site: Site): Promise<void> {
    this.#served.set(site, await this.world.run(this.startNow(site)));
  }

  /** For use inside `world.run`. */
  async startNow(site: Site): Promise<Served> {
    const process = this.world.start(site);
    const own = await openOwner(portsOf(process), this.place(site), { purpose: 'serve' });
    own.controller.startCopying();
    const served = { process, own };
    this.#served.set(site, served);
    return served;
  }

  place(site: Site): SystemPlace {
    return readPlace(this.world.files, `/sys/${site}`);
  }

  own(site: Site): OwnController {
    const served = this.#served.get(site);
    if (!served) throw new Error(`${site} is not served`);
    return served.own;
  }

  process(site: Site): WorldProcess {
    const served = this.#served.get(site);
    if (!served) throw new Error(`${site} is not served`);
    return served.process;
  }

  /** kill -9 of the process that serves it. */
  kill(site: Site): void {
    this.process(site).process.end();
    this.#served.delete(site);
  }

  /** It was closed. */
  forget(site: Site): void {
    this.#served.delete(site);
  }

  async ask<Code extends RequestCode>(
    site: Site,
    code: Code,
    input: Requests[Code]['input'],
    data?: Uint8Array,
  ): Promise<Requests[Code]['output']> {
    return this.world.run(this.askNow(site, code, input, data));
  }

  /** For use inside `world.run`. */
  async askNow<Code extends RequestCode>(
    site: Site,
    code: Code,
    input: Requests[Code]['input'],
    data?: Uint8Array,
  ): Promise<Requests[Code]['output']> {
    return (await this.own(site).request(code, input, data ? { data } : {})).output;
  }

  async write(site: Site, volume: string, track: number, value: number, tracks = 1): Promise<void> {
    await this.world.run(this.writeNow(site, volume, track, value, tracks));
  }

  async writeNow(site: Site, volume: string, track: number, value: number, tracks = 1): Promise<void> {
    const data = new Uint8Array(tracks * TRACK).fill(value);
    await this.askNow(site, 'volume.write', { volume, offsetBytes: track * TRACK, durable: true }, data);
  }

  /** The first byte of each track, as the volume's host reads it. */
  async read(site: Site, volume: string): Promise<number[]> {
    const input = { volume, offsetBytes: 0, lengthBytes: TRACKS * TRACK };
    const { data } = await this.world.run(this.own(site).request('volume.read', input));
    return Array.from({ length: TRACKS }, (_, track) => data?.[track * TRACK] ?? -1);
  }

  /** The first byte of each track of the image itself, whatever its host may do. */
  image(site: Site, volume: string): number[] {
    const { fabric, catalog } = this.own(site).controller;
    const record = [...catalog.volumes.values()].find(({ name }) => name === volume);
    const bytes = new Uint8Array(TRACKS * TRACK);
    fabric.volume(record?.number ?? -1).image.read(bytes, 0);
    return Array.from({ length: TRACKS }, (_, track) => bytes[track * TRACK] ?? -1);
  }

  async pair(more: Partial<Requests['pair.create']['input']> = {}): Promise<void> {
    await this.ask('tokyo', 'pair.create', { pairs: [this.createRow()], mode: 'async', ...more });
  }

  createRow(secondary = 'db-copy'): Requests['pair.create']['input']['pairs'][number] {
    const { info, name, path } = this.place('osaka');
    return { primary: 'db', secondary, secondarySystem: { id: info.id, name, path } };
  }

  async wait(...statuses: PairStatus[]): Promise<string> {
    const input = { pairs: REMOTE, statuses, timeoutMs: 60_000 };
    return (await this.ask('tokyo', 'pair.wait', input)).verdict;
  }

  /** Goes on until nothing more is to come for a while. */
  async rest(spanMs = 3_000): Promise<void> {
    await this.world.run(this.world.clock.sleep(spanMs));
  }

  /** The row of the pair as the system lists it. */
  async row(site: Site): Promise<PairListing | undefined> {
    return (await this.ask(site, 'pair.list', {})).pairs[0];
  }

  async status(site: Site): Promise<string | undefined> {
    return (await this.row(site))?.status;
  }

  cutLink(): void {
    for (const site of SITES) this.world.network.cut(this.address(site));
  }

  healLink(): void {
    for (const site of SITES) this.world.network.heal(this.address(site));
  }

  address(site: Site): string {
    return `/sys/${site}/control.sock`;
  }

  async close(): Promise<void> {
    for (const site of SITES) if (this.#served.has(site)) await this.world.run(this.own(site).close());
    this.#served.clear();
  }
}
