import {
  createSystem,
  type OwnController,
  openOwner,
  type RequestCode,
  type Requests,
  readPlace,
  type SystemPlace,
} from '../../../src/core/controller/controller.js';
import { VolumeDevice } from '../../../src/core/hostio/hostio.js';
import type { Keep, World } from '../world/world.js';
import { portsOf, TRACK } from './sim-system.js';

export interface SiteWishes {
  readonly linkLimitMs?: number;
}

/**
 * A storage system on a machine of its own, which serves others and copies, as `serve` does: it dies and loses its power alone. The
 * machines of one world share time and network, and know of each other's systems only where to reach them. Everything here happens
 * inside `world.run`.
 */
export class Site {
  readonly name: string;
  world: World;
  readonly #peers = new Map<string, Uint8Array>();
  #owner: OwnController | undefined;

  private constructor(name: string, world: World) {
    this.name = name;
    this.world = world;
  }

  static async make(world: World, name: string, wishes: SiteWishes = {}): Promise<Site> {
    const site = new Site(name, world.machine());
    const { files } = site.world;
    files.makeFolder('/sys');
    await files.flushFolder('/');
    await createSystem(portsOf(site.world), site.path, { name, trackSizeBytes: TRACK, ...wishes });
    return site;
  }

  get path(): string {
    return `/sys/${this.name}`;
  }

  get address(): string {
    return `${this.path}/control.sock`;
  }

  get owner(): OwnController {
    if (!this.#owner) throw new Error(`${this.name} is down`);
    return this.#owner;
  }

  get isUp(): boolean {
    return this.#owner !== undefined;
  }

  get place(): SystemPlace {
    return readPlace(this.world.files, this.path);
  }

  /** The other machine learns where this one is: it can be reached there, but never opened. */
  async meet(other: Site): Promise<void> {
    this.#peers.set(other.path, readAll(other.world, `${other.path}/system.json`));
    await this.#plant(other.path);
  }

  async up(): Promise<void> {
    for (const path of this.#peers.keys()) await this.#plant(path);
    const owner = await openOwner(portsOf(this.world), this.place, { purpose: 'serve' });
    owner.controller.startCopying();
    this.#owner = owner;
  }

  async down(): Promise<void> {
    const { owner } = this;
    this.#owner = undefined;
    await owner.close();
  }

  /** kill -9, or loss of power: the machine comes back with what it kept, and nobody serves. */
  crash(kind: 'kill' | 'power', keep: Keep = 'random'): void {
    this.#owner = undefined;
    this.world = this.world.crash(kind, keep);
  }

  async ask<Code extends RequestCode>(
    code: Code,
    input: Requests[Code]['input'],
    data?: Uint8Array,
  ): Promise<Requests[Code]['output']> {
    const answered = await this.owner.request(code, input, data ? { data } : {});
    return answered.output;
  }

  async volumes(tracks: number, ...names: string[]): Promise<void> {
    for (const name of names) await this.ask('volume.create', { name, sizeBytes: tracks * TRACK });
  }

  /** Makes a pair to a volume of the same name at the other site, and waits until it follows. */
  async pair(name: string, other: Site, more: Partial<Requests['pair.create']['input']> = {}): Promise<void> {
    const { id } = other.place.info;
    const secondarySystem = { id, name: other.name, path: other.path };
    await this.ask('pair.create', {
      pairs: [{ primary: name, secondary: name, secondarySystem }],
      mode: 'sync',
      ...more,
    });
    await this.until(name, 'duplex');
  }

  async until(name: string, ...statuses: Requests['pair.wait']['input']['statuses']): Promise<string> {
    const { verdict } = await this.ask('pair.wait', { pairs: [{ primary: name }], statuses, timeoutMs: 120_000 });
    return verdict;
  }

  /** The volume as an NBD host has it. */
  device(name: string): VolumeDevice {
    const { fabric } = this.owner.controller;
    return new VolumeDevice(
      fabric,
      this.volumeNumber(name),
      () => this.owner.controller.copier.wake(),
      () => undefined,
    );
  }

  volumeNumber(name: string): number {
    for (const record of this.owner.controller.catalog.volumes.values()) if (record.name === name) return record.number;
    throw new Error(`no volume ${name}`);
  }

  /** What the image holds, whatever a host may do. */
  image(name: string, tracks: number): Uint8Array {
    return this.bytesOf(name, 0, tracks * TRACK);
  }

  bytesOf(name: string, offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this.owner.controller.fabric.volume(this.volumeNumber(name)).image.read(bytes, offset);
    return bytes;
  }

  /** What this site says of the pair of a volume. */
  status(name: string): string {
    return this.#pairOf(name)?.status ?? 'simplex';
  }

  /** Why it is suspended. */
  reason(name: string): string | null {
    return this.#pairOf(name)?.reason ?? null;
  }

  #pairOf(name: string) {
    const number = this.volumeNumber(name);
    const { catalog, listing } = this.owner.controller;
    const record = [...catalog.pairs.values()].find((row) => row.primary === number || row.secondary === number);
    return record && listing.pair(record);
  }

  /** Tracks that any map of a pair of the volume here holds. */
  marked(name: string): ReadonlySet<number> {
    const number = this.volumeNumber(name);
    const { catalog } = this.owner.controller;
    const marked = new Set<number>();
    for (const pair of catalog.pairsOf(number))
      for (const map of ['outOfSync', 'changed', 'secondary'] as const)
        for (const run of catalog.pairMap(pair, map).map.runs())
          for (let i = 0; i < run.count; i += 1) marked.add(run.first + i);
    return marked;
  }

  async #plant(path: string): Promise<void> {
    const { files } = this.world;
    if (!files.status(path)) {
      files.makeFolder(path);
      const file = files.open(`${path}/system.json`, 'create');
      file.write(this.#peers.get(path) ?? new Uint8Array(0), 0);
      await file.flush();
      file.close();
      await files.flushFolder(path);
      await files.flushFolder('/sys');
    }
    await this.world.start('elsewhere').owners.acquire(path, 'lies on another machine');
  }
}

function readAll({ files }: World, path: string): Uint8Array {
  const file = files.open(path, 'read');
  const bytes = new Uint8Array(file.sizeBytes());
  file.read(bytes, 0);
  file.close();
  return bytes;
}
