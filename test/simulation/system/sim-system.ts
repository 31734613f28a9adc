import {
  createSystem,
  openClient,
  type Ports,
  type RequestCode,
  type Requests,
  readPlace,
  type SystemClient,
  type SystemPlace,
} from '../../../src/core/controller/controller.js';
import { type World, type WorldProcess, WorldStopped } from '../world/world.js';

export const KIB = 1024;
/** Small tracks keep a simulated volume cheap. */
export const TRACK = 4 * KIB;

/** The ports of a process of the world, as a controller wants them. */
export function portsOf(process: WorldProcess): Ports {
  return {
    files: process.files,
    clock: process.clock,
    random: process.random,
    link: process.link,
    owners: process.owners,
    die: () => {
      process.process.end();
      throw new WorldStopped('the process killed itself');
    },
    actor: 'test',
  };
}

/** A storage system in the simulated world, with a client of it. */
export class SimSystem {
  readonly world: World;
  readonly place: SystemPlace;
  readonly client: SystemClient;

  private constructor(world: World, place: SystemPlace, client: SystemClient) {
    this.world = world;
    this.place = place;
    this.client = client;
  }

  /** Makes `/sys/tokyo` and opens it. */
  static async create(world: World, wishes: { fixture?: boolean } = {}): Promise<SimSystem> {
    const ports = portsOf(world);
    world.files.makeFolder('/sys');
    await world.run(world.files.flushFolder('/'));
    const place = await world.run(
      createSystem(ports, '/sys/tokyo', { name: 'tokyo', trackSizeBytes: TRACK, ...wishes }),
    );
    return SimSystem.open(world, place);
  }

  static async open(world: World, place = readPlace(world.files, '/sys/tokyo')): Promise<SimSystem> {
    const client = await world.run(openClient(portsOf(world), place, { purpose: 'test' }));
    return new SimSystem(world, place, client);
  }

  async ask<Code extends RequestCode>(
    code: Code,
    input: Requests[Code]['input'],
    data?: Uint8Array,
  ): Promise<Requests[Code]['output']> {
    const answered = await this.world.run(this.client.request(code, input, data ? { data } : {}));
    return answered.output;
  }

  async volumes(tracks: number, ...names: string[]): Promise<void> {
    for (const name of names) await this.ask('volume.create', { name, sizeBytes: tracks * TRACK });
  }

  /** A host writes `value` over whole tracks. */
  async write(volume: string, firstTrack: number, value: number, tracks = 1): Promise<void> {
    const data = new Uint8Array(tracks * TRACK).fill(value);
    await this.ask('volume.write', { volume, offsetBytes: firstTrack * TRACK, durable: true }, data);
  }

  /** A host writes `value` over a part of a track. */
  async writePart(volume: string, track: number, value: number): Promise<void> {
    const data = new Uint8Array(512).fill(value);
    await this.ask('volume.write', { volume, offsetBytes: track * TRACK + 512, durable: true }, data);
  }

  /** The first byte of each of a volume's first tracks, as its host reads them. */
  async read(volume: string, tracks: number): Promise<number[]> {
    const answered = await this.world.run(
      this.client.request('volume.read', { volume, offsetBytes: 0, lengthBytes: tracks * TRACK }),
    );
    const data = answered.data ?? new Uint8Array(0);
    return Array.from({ length: tracks }, (_, track) => data[track * TRACK] ?? -1);
  }

  async pair(primary: string, secondary: string, more: Partial<Requests['pair.create']['input']> = {}): Promise<void> {
    await this.ask('pair.create', { pairs: [{ primary, secondary }], ...more });
  }

  async wait(
    primary: string,
    secondary: string,
    ...statuses: Requests['pair.wait']['input']['statuses']
  ): Promise<string> {
    const { verdict } = await this.ask('pair.wait', { pairs: [{ primary, secondary }], statuses });
    return verdict;
  }

  async status(
    primary: string,
    secondary: string,
  ): Promise<Requests['pair.list']['output']['pairs'][number] | undefined> {
    const { pairs } = await this.ask('pair.list', {});
    return pairs.find((pair) => pair.primary === `tokyo:${primary}` && pair.secondary === `tokyo:${secondary}`);
  }

  async close(): Promise<void> {
    await this.world.run(this.client.close());
  }
}
