/**
 * Schedules of formations: a writer whose every write depends on the one before, over several volumes of several systems, while groups
 * are formed and everything goes wrong; then the primaries are dead, and the remotes must show a prefix of what was written.
 *
 * - template: the systems of one topology, made once, all duplex and at rest; each schedule begins with a copy of their disk.
 * - site: a storage system and the process that owns it, as `serve` would.    - trouble: one thing that goes wrong, and for how long.
 * - moment: the disk in the middle of a schedule, recovered in a world of its own while the schedule goes on.
 */
import { createSystem, openOwner, type SystemPlace, type SystemRef } from '../../../src/core/controller/controller.js';
import { tuning } from '../../../src/core/foundation/foundation.js';
import { KIB, portsOf, TRACK } from '../system/sim-system.js';
import { OwnerTable, Rng, type SimDisk, World } from '../world/world.js';

/** Everything small, so that few writes cool regions, fill lanes and batches, and start the log anew. */
const SMALL: Partial<typeof tuning> = {
  regionBytes: 2 * TRACK,
  activeRegionsMax: 4,
  laneBytes: 2 * TRACK,
  batchBytes: 4 * TRACK,
  aheadBytes: 2 * TRACK,
  chunkBytes: 64 * KIB,
  checkpointAtBytes: 24 * KIB,
  ledgerBytes: 64 * KIB,
};

/** Other campaigns of the same process have sizes of their own. */
export async function withSmallSizes<T>(run: () => Promise<T>): Promise<T> {
  const usual = { ...tuning };
  Object.assign(tuning, SMALL);
  try {
    return await run();
  } finally {
    Object.assign(tuning, usual);
  }
}

export const GROUP = 'g';
export const SECTOR = 512;
export const VOLUME_TRACKS = 4;
export const VOLUME_BYTES = VOLUME_TRACKS * TRACK;
export const SECTORS = VOLUME_BYTES / SECTOR;

/** A member volume: it has the same name at its primary and at its remote. */
export interface Member {
  readonly site: string;
  readonly remote: string;
  readonly volume: string;
}

export interface Shape {
  readonly index: number;
  readonly primaries: readonly string[];
  readonly remotes: readonly string[];
  /** One of the primaries, or a system without members. */
  readonly master: string;
  readonly members: readonly Member[];
  readonly coordinationLimitMs: number;
  readonly drainLimitMs: number;
  readonly linkLimitMs: number;
  /** Of the primaries; small ones are full in the middle of a formation. */
  readonly saveLimitBytes: number | undefined;
}

export interface Template {
  readonly shape: Shape;
  readonly places: ReadonlyMap<string, SystemPlace>;
  readonly groupId: string;
  readonly disk: SimDisk;
}

/** How many topologies there are. */
export const SHAPES = 24;
const NAMES = ['tokyo', 'kyoto', 'nara', 'kobe'];

/** Small ones come up more often: most of what can go wrong needs two systems and one remote. */
export function shapeOf(index: number): Shape {
  const rng = new Rng(index, 77);
  const primaries = NAMES.slice(0, rng.pick([2, 2, 2, 3, 3, 4]));
  const remotes = ['osaka', 'sendai'].slice(0, rng.pick([1, 1, 2]));
  const members = primaries.flatMap((site, at) =>
    Array.from({ length: at === 0 || rng.chance(0.3) ? rng.pick([1, 2]) : 1 }, (_, nth) => ({
      site,
      remote: remotes[(at + nth) % remotes.length] as string,
      volume: `${site.slice(0, 2)}${nth}`,
    })),
  );
  return {
    index,
    primaries,
    remotes,
    members,
    master: rng.chance(0.3) ? 'edo' : (rng.pick(primaries) as string),
    coordinationLimitMs: rng.pick([50, 50, 200, 1_000]),
    drainLimitMs: rng.pick([150, 1_000, 30_000]),
    linkLimitMs: rng.pick([300, 3_000, 30_000]),
    saveLimitBytes: rng.chance(0.2) ? rng.pick([1, 2]) * TRACK : undefined,
  };
}

const templates = new Map<number, Promise<Template>>();

export function templateOf(index: number): Promise<Template> {
  let template = templates.get(index);
  if (!template) {
    template = makeTemplate(shapeOf(index));
    templates.set(index, template);
  }
  return template;
}

/** A world of its own on a copy of the template's disk. */
export function worldOn(disk: SimDisk, seed: number): World {
  return new World(seed, { disk: disk.afterKill(new Rng(seed, 5)), ownerTable: new OwnerTable() });
}

export function systemsOf({ primaries, remotes, master }: Shape): readonly string[] {
  return [...new Set([...primaries, master, ...remotes])];
}

export async function makeTemplate(shape: Shape): Promise<Template> {
  const world = new World(2 ** 40 + shape.index);
  const { places, groupId } = await world.run(makeSystems(world, shape));
  return { shape, places, groupId, disk: world.disk };
}

async function makeSystems(world: World, shape: Shape): Promise<{ places: Map<string, SystemPlace>; groupId: string }> {
  const ports = portsOf(world);
  world.files.makeFolder('/sys');
  await world.files.flushFolder('/');
  const places = new Map<string, SystemPlace>();
  for (const name of systemsOf(shape)) {
    const { linkLimitMs } = shape;
    const saveLimitBytes = shape.remotes.includes(name) ? undefined : shape.saveLimitBytes;
    places.set(
      name,
      await createSystem(ports, `/sys/${name}`, {
        name,
        trackSizeBytes: TRACK,
        fixture: true,
        linkLimitMs,
        saveLimitBytes,
      }),
    );
  }
  const owners = new Map<string, Awaited<ReturnType<typeof openOwner>>>();
  for (const [name, place] of places)
    owners.set(name, await openOwner(portsOf(world.start(name)), place, { purpose: 'serve' }));
  const ask = (name: string) => owners.get(name)!.controller;
  await makeGroup(shape, ask, (name) => refOf(places, name));
  const groupId = ask(shape.master).groups.sheets.named(GROUP)?.id ?? '';
  for (const owner of [...owners.values()].reverse()) await owner.close();
  return { places, groupId };
}

type Ask = (name: string) => Awaited<ReturnType<typeof openOwner>>['controller'];

async function makeGroup(shape: Shape, ask: Ask, ref: (name: string) => SystemRef): Promise<void> {
  const { coordinationLimitMs, drainLimitMs } = shape;
  await ask(shape.master).request('cg.create', { group: GROUP, policy: { coordinationLimitMs, drainLimitMs } });
  for (const { site, remote, volume } of shape.members) {
    await ask(site).request('volume.create', { name: volume, sizeBytes: VOLUME_BYTES });
    for (const name of [volume, `${volume}-backup`, drillOf(volume)])
      await ask(remote).request('volume.create', { name, sizeBytes: VOLUME_BYTES });
    await ask(remote).request('volume.reserve', { volumes: [drillOf(volume)] });
    await ask(shape.master).request('cg.add', {
      group: GROUP,
      primary: { system: ref(site), volume },
      secondary: { system: ref(remote), volume },
      backup: { system: ref(remote), volume: `${volume}-backup` },
    });
  }
  for (const { site, volume } of shape.members)
    await ask(site).request('pair.wait', { pairs: [{ primary: volume }], statuses: ['duplex'] });
}

/** A volume in reserve at a member's remote. */
export function drillOf(volume: string): string {
  return `${volume}-drill`;
}

export function refOf(places: ReadonlyMap<string, SystemPlace>, name: string): SystemRef {
  const place = places.get(name) as SystemPlace;
  return { id: place.info.id, name, path: place.path };
}
