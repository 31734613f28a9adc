import { Catalog, type Change, pairMapKey, volumeMapKey } from '../../../src/core/catalog/catalog.js';
import { Copier, Courtesy } from '../../../src/core/copy/copy.js';
import { Drain, type DrainHooks, Fabric, type LivePair, type LiveVolume } from '../../../src/core/hostio/hostio.js';
import type { MapName, Pace, PairRecord, PairState } from '../../../src/core/pair/pair.js';
import { FaultFiles, World } from '../../simulation/world/world.js';

export const TRACK = 4096;
/** Tracks that a save, a fill or a copy takes at once: 1 MiB. */
export const AHEAD = 256;

export interface PairWish {
  readonly primary: number;
  readonly secondary: number;
  readonly state: PairState;
  readonly pace?: Pace;
  readonly rateBytesPerSecond?: number;
  readonly copyPointer?: number;
  /** Runs of tracks, first and count, that its maps hold. */
  readonly maps?: Partial<Record<MapName, readonly number[]>>;
}

/** Volumes 0, 1, 2, … of so many tracks, pairs in any state that a test wants, and the fabric over them. No controller. */
export class Rig {
  readonly world: World;
  readonly files: FaultFiles;
  readonly catalog: Catalog;
  readonly fabric: Fabric;
  readonly steps: string[] = [];
  readonly suspended: string[] = [];
  readonly completed: string[] = [];
  #pairs = 0;

  private constructor(world: World, files: FaultFiles, catalog: Catalog) {
    this.world = world;
    this.files = files;
    this.catalog = catalog;
    const hooks = {
      suspended: (_: PairRecord, after: PairRecord) => void this.suspended.push(reasonOf(after)),
      step: (name: string) => void this.steps.push(name),
    };
    this.fabric = new Fabric({ system: 'tokyo', catalog, files, clock: world.clock, hooks, saveLimitBytes: 2 ** 32 });
  }

  static async make(tracks: number, volumes: number, lastTrackBytes = TRACK, seed = 1): Promise<Rig> {
    const world = new World(seed);
    const files = new FaultFiles(world.files);
    for (const folder of ['images', 'maps', 'codes']) world.files.makeFolder(`/tmp/tokyo/${folder}`);
    await world.run(Catalog.create(world.files, world.random, '/tmp/tokyo'));
    const catalog = Catalog.open(files, world.random, '/tmp/tokyo');
    const rig = new Rig(world, files, catalog);
    const sizeBytes = (tracks - 1) * TRACK + lastTrackBytes;
    const changes: Change[] = [];
    for (let number = 0; number < volumes; number += 1) {
      const imagePath = `images/v${number}.img`;
      const image = world.files.open(`/tmp/tokyo/${imagePath}`, 'create');
      image.truncate(sizeBytes);
      image.close();
      changes.push({ do: 'put-volume', record: volumeRecord(number, sizeBytes, imagePath) });
    }
    await world.run(catalog.change(() => changes));
    return rig;
  }

  /** Puts these bytes into a volume's image as if they had always been there. */
  fill(volume: number, value: number, first = 0, count?: number): void {
    const live = this.volume(volume);
    const run = { first, count: count ?? live.geometry.trackCount - first };
    live.image.write(new Uint8Array(live.geometry.bytesOfRun(run)).fill(value), first * TRACK);
    live.allocated.mark(run.first, run.count);
    live.codeless.mark(run.first, run.count);
  }

  async pair(wish: PairWish): Promise<LivePair> {
    this.#pairs += 1;
    const number = this.#pairs;
    const changes: Change[] = [{ do: 'put-pair', record: pairRecord(number, wish) }];
    for (const [map, runs] of Object.entries(wish.maps ?? {})) {
      changes.push({ do: 'set', map: pairMapKey(number, map as MapName), runs });
    }
    await this.world.run(this.catalog.change(() => changes));
    this.fabric.pairsChanged();
    return this.fabric.pair(number);
  }

  volume(number: number): LiveVolume {
    return this.fabric.volume(number);
  }

  write(volume: number, track: number, value: number, tracks = 1): Promise<void> {
    return this.fabric.writeAsHost(volume, new Uint8Array(tracks * TRACK).fill(value), track * TRACK);
  }

  /** 512 bytes in the second sector of a track. */
  writePart(volume: number, track: number, value: number): Promise<void> {
    return this.fabric.writeAsHost(volume, new Uint8Array(512).fill(value), track * TRACK + 512);
  }

  run<T>(work: Promise<T>): Promise<T> {
    return this.world.run(work);
  }

  /** The first byte of each track as the volume's host would read it, whatever a host may. */
  reads(volume: number): number[] {
    const { geometry } = this.volume(volume);
    return Array.from({ length: geometry.trackCount }, (_, track) => {
      const byte = new Uint8Array(1);
      this.fabric.read(volume, byte, track * TRACK);
      return byte[0] as number;
    });
  }

  /** The first byte of each track in the image alone. */
  image(volume: number): number[] {
    const live = this.volume(volume);
    return Array.from({ length: live.geometry.trackCount }, (_, track) => {
      const byte = new Uint8Array(1);
      live.image.read(byte, track * TRACK);
      return byte[0] as number;
    });
  }

  drain(pair: LivePair, more: Partial<DrainHooks> = {}): Drain {
    return new Drain(this.fabric, pair, {
      completed: (_, after) => void this.completed.push(after.state.status),
      taken: () => undefined,
      progress: () => undefined,
      ...more,
    });
  }

  /** Copies with these drains for so long, then commits. */
  async copy(drains: readonly Drain[], spanMs = 60_000): Promise<void> {
    const stop = new AbortController();
    const copier = new Copier(this.world.clock, () => drains);
    copier.giveWay(new Courtesy(this.world.clock, () => this.fabric.hostRequests));
    const until = this.world.clock.sleep(spanMs).then(() => {
      stop.abort();
      copier.wake();
    });
    await this.world.run(Promise.all([copier.run(stop.signal), until]));
  }

  tracksOf(volume: number, map: 'allocated' | 'codeless'): number {
    return this.catalog.volumeMap(volume, map).map.count;
  }

  /** Logs that these tracks have codes, which are wrong. */
  async spoilCode(volume: number, track: number): Promise<void> {
    const live = this.volume(volume);
    live.codes.write(track, Uint32Array.of(12345));
    const clear: Change = { do: 'clear', map: volumeMapKey(volume, 'codeless'), runs: [track, 1] };
    await this.world.run(this.catalog.change(() => [clear]));
  }
}

export function runsOf(pair: LivePair, map: MapName): number[] {
  return [...pair.map(map).map.runs()].flatMap((run) => [run.first, run.count]);
}

function reasonOf({ state }: PairRecord): string {
  return state.status === 'suspended' ? state.reason : state.status;
}

function volumeRecord(number: number, sizeBytes: number, imagePath: string) {
  return {
    number,
    name: `v${number}`,
    sizeBytes,
    trackSizeBytes: TRACK,
    emulation: 'OPEN-V',
    reserved: false,
    imagePath,
    status: 'normal' as const,
    blockedReason: null,
    incomplete: null,
    createdAtMs: 0,
  };
}

function pairRecord(number: number, wish: PairWish): PairRecord {
  return {
    number,
    primary: wish.primary,
    secondary: wish.secondary,
    mode: 'local',
    state: wish.state,
    pace: wish.pace ?? 'medium',
    rateBytesPerSecond: wish.rateBytesPerSecond ?? null,
    copyPointer: wish.copyPointer ?? 0,
    generation: 0,
    createdAtMs: 0,
    splitAtMs: null,
  };
}
