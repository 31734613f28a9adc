import { isToolkitError } from '../../src/core/foundation/foundation.js';
import { SimSystem, TRACK } from '../simulation/system/sim-system.js';
import { type Keep, World, withSeed } from '../simulation/world/world.js';

export const pairOf = (primary: string, secondary: string) => [{ primary, secondary }];

/** A storage system `tokyo` in a world of its own, with volumes of this many tracks of 4 KiB. */
export async function staged(seed: number, tracks: number, ...volumes: string[]): Promise<SimSystem> {
  const system = await SimSystem.create(new World(seed), { fixture: true });
  await system.volumes(tracks, ...volumes);
  return system;
}

/** The power fails; the system is opened again on what the medium kept. */
export function afterPowerLoss(system: SimSystem, keep: Keep = 'none'): Promise<SimSystem> {
  return SimSystem.open(system.world.crash('power', keep));
}

/** kill -9; the page cache stays. */
export function afterKill(system: SimSystem): Promise<SimSystem> {
  return SimSystem.open(system.world.crash('kill'));
}

/** The code of the operating error, or `nothing`. Any other error goes on. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'nothing';
  } catch (error) {
    if (isToolkitError(error)) return error.code;
    throw error;
  }
}

/** Runs a random schedule for several seeds; a failure names its seed. */
export async function overSeeds(count: number, run: (seed: number) => Promise<void>): Promise<void> {
  for (let seed = 1; seed <= count; seed += 1) {
    await withSeed(seed, 'call the test with SEED alone', () => run(seed));
  }
}

/** What a volume has to hold, byte for byte: the data of every host write that was answered. */
export class Expected {
  readonly bytes: Uint8Array;

  constructor(from: number | Expected) {
    this.bytes = typeof from === 'number' ? new Uint8Array(from * TRACK) : from.bytes.slice();
  }

  put(data: Uint8Array, offset: number): void {
    this.bytes.set(data, offset);
  }
}

/** A host that writes a volume with pieces that are whole tracks, parts of one, or several at once. */
export class Host {
  readonly #system: SimSystem;
  readonly #volume: string;
  readonly expected: Expected;
  readonly #tracks: number;

  constructor(system: SimSystem, volume: string, expected: Expected) {
    this.#system = system;
    this.#volume = volume;
    this.expected = expected;
    this.#tracks = expected.bytes.length / TRACK;
  }

  /** Writes again and again, each after the last was answered, with pauses; not inside `world.run`. */
  async writeSome(count: number, value: number, pauseMs = 0.5): Promise<void> {
    const { rng, clock } = this.#system.world;
    for (let i = 0; i < count; i += 1) {
      const track = rng.below(this.#tracks);
      const part = rng.chance(0.5);
      const length = part ? 512 : Math.min(rng.below(3) + 1, this.#tracks - track) * TRACK;
      const data = new Uint8Array(length).fill(value + (i % 50));
      await this.write(data, track * TRACK + (part ? 512 * rng.below(8) : 0));
      await clock.sleep(rng.unit() * pauseMs);
    }
  }

  async write(data: Uint8Array, offset: number, durable = false): Promise<void> {
    const input = { volume: this.#volume, offsetBytes: offset, durable };
    await this.#system.client.request('volume.write', input, { data });
    this.expected.put(data, offset);
  }
}

/** What a volume's host reads, all of it. */
export async function contents(system: SimSystem, volume: string, tracks: number): Promise<Uint8Array> {
  const whole = new Uint8Array(tracks * TRACK);
  const step = 512 * TRACK;
  for (let at = 0; at < whole.length; at += step) {
    const lengthBytes = Math.min(step, whole.length - at);
    const { data } = await system.world.run(
      system.client.request('volume.read', { volume, offsetBytes: at, lengthBytes }),
    );
    if (data) whole.set(data, at);
  }
  return whole;
}

/** The tracks in which two contents differ; short to print. */
export function differing(left: Uint8Array, right: Uint8Array): number[] {
  const tracks: number[] = [];
  for (let at = 0; at < left.length; at += TRACK) {
    if (Buffer.compare(left.subarray(at, at + TRACK), right.subarray(at, at + TRACK)) !== 0) tracks.push(at / TRACK);
  }
  return tracks;
}

/** Track values written by `SimSystem.write`, for short tests. */
export function values(count: number, fill: number, ...others: [track: number, value: number][]): number[] {
  const list = new Array<number>(count).fill(fill);
  for (const [track, value] of others) list[track] = value;
  return list;
}
