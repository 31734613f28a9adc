import type { SystemRef } from '../../../src/core/controller/controller.js';
import {
  createSystem,
  openClient,
  type RequestCode,
  type Requests,
  type SystemClient,
  type SystemPlace,
  type SystemWishes,
} from '../../../src/core/controller/controller.js';
import type { Keep, World, WorldProcess } from '../world/world.js';
import { portsOf, TRACK } from './sim-system.js';

/** A storage system owned by a process of its own, as if it were served. */
export class SimSite {
  readonly world: World;
  readonly place: SystemPlace;
  process: WorldProcess;
  client: SystemClient;

  private constructor(world: World, place: SystemPlace, process: WorldProcess, client: SystemClient) {
    this.world = world;
    this.place = place;
    this.process = process;
    this.client = client;
  }

  static async create(world: World, name: string, wishes: Partial<SystemWishes> = {}): Promise<SimSite> {
    world.files.makeFolder('/sys');
    await world.run(world.files.flushFolder('/'));
    const ports = portsOf(world);
    const place = await world.run(
      createSystem(ports, `/sys/${name}`, { name, trackSizeBytes: TRACK, fixture: true, ...wishes }),
    );
    return SimSite.open(world, place);
  }

  static async open(world: World, place: SystemPlace): Promise<SimSite> {
    const process = world.start(place.name);
    const client = await world.run(openClient(portsOf(process), place, { purpose: 'serve' }));
    return new SimSite(world, place, process, client);
  }

  get ref(): SystemRef {
    return { id: this.place.info.id, name: this.place.name, path: this.place.path };
  }

  async ask<Code extends RequestCode>(
    code: Code,
    input: Requests[Code]['input'],
    data?: Uint8Array,
  ): Promise<Requests[Code]['output']> {
    return (await this.world.run(this.client.request(code, input, data ? { data } : {}))).output;
  }

  async volumes(tracks: number, ...names: string[]): Promise<void> {
    for (const name of names) await this.ask('volume.create', { name, sizeBytes: tracks * TRACK });
  }

  async write(volume: string, track: number, value: number): Promise<void> {
    const data = new Uint8Array(TRACK).fill(value);
    await this.ask('volume.write', { volume, offsetBytes: track * TRACK, durable: true }, data);
  }

  /** The first byte of each of a volume's tracks, as its host reads them. */
  async read(volume: string, tracks: number): Promise<number[]> {
    const input = { volume, offsetBytes: 0, lengthBytes: tracks * TRACK };
    const { data } = await this.world.run(this.client.request('volume.read', input));
    return Array.from({ length: tracks }, (_, track) => data?.[track * TRACK] ?? -1);
  }

  /** kill -9 of the process that owns it. */
  kill(): void {
    this.process.process.end();
  }

  /** The machine of this system alone loses its power: of what was not flushed nothing stays, unless `keep` says so. */
  losePower(keep: Keep = 'none'): void {
    this.kill();
    const folder = this.world.disk.root.names.get('sys');
    if (folder?.kind === 'folder') this.world.disk.losePowerBelow(folder, this.place.name, this.world.rng.fork(), keep);
  }

  /** Another process becomes the owner. */
  async restart(): Promise<void> {
    const { process, client } = await SimSite.open(this.world, this.place);
    this.process = process;
    this.client = client;
  }
}
