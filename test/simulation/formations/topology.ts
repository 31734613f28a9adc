/**
 * Schedules of formations: a writer whose every write depends on the one before, over several volumes of several systems, while groups
 * are formed and everything goes wrong; then the primaries are dead, and the remotes must show a prefix of what was written.
 *
 * - template: the systems of one topology, made once, all duplex and at rest; each schedule begins with a copy of their disk.
 * - site: a storage system and the process that owns it, as `serve` would.    - trouble: one thing that goes wrong, and for how long.
 * - origin: of three sites the first, where the hosts are; a synchronous pair takes their writes on to the member volume.
 * - moment: the disk in the middle of a schedule, recovered in a world of its own while the schedule goes on.
 */
import { createSystem, openOwner, type SystemPlace, type SystemRef } from '../../../src/core/controller/controller.js';
import { LINK_LIMIT_SYNC_MS, tuning } from '../../../src/core/foundation/foundation.js';
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
  /** Where its hosts write: the member volume is the secondary of a synchronous pair from here, of the same name. */
  readonly origin?: string;
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

/** How many topologies there are of two sites and of three. */
const SHAPES_OF_TWO = 24;
const SHAPES_OF_THREE = 8;
/** So many of the schedules are of three sites. */
const SHARE_OF_THREE = 0.25;
const NAMES = ['tokyo', 'kyoto', 'nara', 'kobe'];
const ORIGINS = ['sapporo', 'sapporo', 'aomori'];

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
  const shape = shapeOfTwo(index, rng, { primaries, remotes, members });
  return index < SHAPES_OF_TWO ? shape : { ...shape, members: withOrigins(members, rng) };
}

/** Some of the hosts are at a site before the group's own, which may be that of another member. */
function withOrigins(members: readonly Member[], rng: Rng): readonly Member[] {
  return members.map((member, at) => {
    if (at > 0 && rng.chance(0.4)) return member;
    const others = members.map(({ site }) => site).filter((site) => site !== member.site);
    return { ...member, origin: rng.pick([...ORIGINS, ...others.slice(0, 1)]) };
  });
}

function shapeOfTwo(index: number, rng: Rng, systems: Pick<Shape, 'primaries' | 'remotes' | 'members'>): Shape {
  const { primaries, remotes, members } = systems;
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

/** Which topology a schedule has. What a seed was of two sites, it stays. */
export function indexOf(seed: number, rng: Rng): number {
  const own = new Rng(seed, 29);
  const ofTwo = rng.below(SHAPES_OF_TWO);
  return own.chance(SHARE_OF_THREE) ? SHAPES_OF_TWO + own.below(SHAPES_OF_THREE) : ofTwo;
}

/** How long a write waits for a synchronous pair's secondary. */
export function syncLimitOf({ linkLimitMs }: Shape): number {
  return Math.min(linkLimitMs, LINK_LIMIT_SYNC_MS);
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

/** Whatever is lost when only the remotes are left. */
export function nearOf({ primaries, master, members }: Shape): readonly string[] {
  return [...new Set([...primaries, master, ...originsOf(members)])];
}

export function originsOf(members: readonly Member[]): readonly string[] {
  return [...new Set(members.flatMap(({ origin }) => origin ?? []))];
}

export function systemsOf(shape: Shape): readonly string[] {
  return [...new Set([...nearOf(shape), ...shape.remotes])];
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
  for (const { origin, site, remote, volume } of shape.members) {
    await ask(site).request('volume.create', { name: volume, sizeBytes: VOLUME_BYTES });
    if (origin !== undefined) await makeOrigin(ask(origin), volume, ref(site));
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

async function makeOrigin(origin: ReturnType<Ask>, volume: string, secondarySystem: SystemRef): Promise<void> {
  await origin.request('volume.create', { name: volume, sizeBytes: VOLUME_BYTES });
  const pairs = [{ primary: volume, secondary: volume, secondarySystem }];
  await origin.request('pair.create', { pairs, mode: 'sync' });
  await origin.request('pair.wait', { pairs: [{ primary: volume }], statuses: ['duplex'] });
}

/** A volume in reserve at a member's remote. */
export function drillOf(volume: string): string {
  return `${volume}-drill`;
}

export function refOf(places: ReadonlyMap<string, SystemPlace>, name: string): SystemRef {
  const place = places.get(name) as SystemPlace;
  return { id: place.info.id, name, path: place.path };
}
