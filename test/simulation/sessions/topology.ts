/**
 * Schedules of checkpoint sessions: a writer whose every write depends on the one before, over the volumes of several primary systems,
 * while checkpoints are issued, sent and applied and everything goes wrong; whatever the secondaries show must be a prefix of what was
 * written. Built as the schedules of formations are, whose sites and writer these are.
 */
import { createSystem, openOwner, type SystemPlace } from '../../../src/core/controller/controller.js';
import { tuning } from '../../../src/core/foundation/foundation.js';
import { type Member, refOf, VOLUME_BYTES, withSmallSizes } from '../formations/topology.js';
import { KIB, portsOf, TRACK } from '../system/sim-system.js';
import { OwnerTable, Rng, type SimDisk, World } from '../world/world.js';

/** The names of a schedule's sessions. */
const SESSIONS = ['j', 'k'] as const;
const SEGMENT_BYTES = 16 * KIB;
/** A session's sheet is long: of the formations' small log nearly every second frame would begin another. */
const LOG = { checkpointAtBytes: 64 * KIB, ledgerBytes: 128 * KIB };
/** Journals of this many segments are full in the middle of a schedule. */
const FEW_SEGMENTS = 4;
/** Between the end of a template and the begin of its schedules; the boot goes on. */
const LATER_MS = 1_000;

/** A session of a shape: all of them lie on the same systems, with volumes of their own. */
export interface SessionShape {
  readonly name: string;
  readonly order: 'clock' | 'arrival';
  readonly members: readonly Member[];
}

export interface Shape {
  readonly index: number;
  readonly primaries: readonly string[];
  readonly secondaries: readonly string[];
  readonly sessions: readonly SessionShape[];
  readonly intervalMs: number;
  readonly linkLimitMs: number;
  readonly backup: boolean;
  readonly journalLimitBytes: number | undefined;
}

export interface Template {
  readonly shape: Shape;
  readonly places: ReadonlyMap<string, SystemPlace>;
  readonly disk: SimDisk;
  readonly endedMs: number;
}

/** How many topologies there are for schedules of one session. */
export const SHAPES = 24;
/** Behind those: every second of these has two sessions. */
export const WIDE_SHAPES = 12;
const NAMES = ['tokyo', 'kyoto', 'nara'];

/** Other campaigns of the same process have sizes of their own. */
export function withSmallJournals<T>(run: () => Promise<T>): Promise<T> {
  return withSmallSizes(() => {
    tuning.journalSegmentBytes = SEGMENT_BYTES;
    Object.assign(tuning, LOG);
    return run();
  });
}

function shapeOf(index: number): Shape {
  const rng = new Rng(index, 78);
  const primaries = NAMES.slice(0, rng.pick([2, 2, 3]));
  const secondaries = ['osaka', 'sendai', 'sapporo'].slice(0, rng.pick([1, 2, 2]));
  const members = primaries.flatMap((site, at) =>
    Array.from({ length: rng.chance(0.25) ? 2 : 1 }, (_, nth) => ({
      site,
      remote: secondaries[(at + nth) % secondaries.length] as string,
      volume: `${site.slice(0, 2)}${nth}`,
    })),
  );
  const order = rng.chance(0.3) ? 'arrival' : 'clock';
  return {
    index,
    primaries,
    secondaries,
    sessions: [{ name: SESSIONS[0], order, members }, ...otherSessions(index, order, primaries, secondaries)],
    intervalMs: rng.pick([20, 50, 100]),
    linkLimitMs: rng.pick([300, 3_000, 6_000]),
    backup: rng.chance(0.7),
    journalLimitBytes: rng.chance(0.3) ? FEW_SEGMENTS * SEGMENT_BYTES : undefined,
  };
}

/** A second session in the other order, from the same primaries to secondaries that may be others. */
function otherSessions(
  index: number,
  order: SessionShape['order'],
  primaries: readonly string[],
  secondaries: readonly string[],
): SessionShape[] {
  if (index < SHAPES || index % 2 === 0) return [];
  const members = primaries.slice(0, 2).map((site, at) => ({
    site,
    remote: secondaries[(at + 1) % secondaries.length] as string,
    volume: `${SESSIONS[1]}-${site.slice(0, 2)}`,
  }));
  return [{ name: SESSIONS[1], order: order === 'clock' ? 'arrival' : 'clock', members }];
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

/** A world of its own on a copy of the disk. */
export function worldOn(disk: SimDisk, seed: number): World {
  return new World(seed, { disk: disk.afterKill(new Rng(seed, 5)), ownerTable: new OwnerTable() });
}

async function makeTemplate(shape: Shape): Promise<Template> {
  const world = new World(2 ** 41 + shape.index);
  const places = await world.run(makeSystems(world, shape));
  return { shape, places, disk: world.disk, endedMs: world.scheduler.nowMs + LATER_MS };
}

type Owner = Awaited<ReturnType<typeof openOwner>>;

async function makeSystems(world: World, shape: Shape): Promise<Map<string, SystemPlace>> {
  world.files.makeFolder('/sys');
  await world.files.flushFolder('/');
  const { linkLimitMs, journalLimitBytes } = shape;
  const places = new Map<string, SystemPlace>();
  for (const name of [...shape.primaries, ...shape.secondaries]) {
    const wishes = { name, trackSizeBytes: TRACK, fixture: true, linkLimitMs, journalLimitBytes };
    places.set(name, await createSystem(portsOf(world), `/sys/${name}`, wishes));
  }
  const owners = new Map<string, Owner>();
  for (const [name, place] of places)
    owners.set(name, await openOwner(portsOf(world.start(name)), place, { purpose: 'serve' }));
  for (const owner of owners.values()) {
    owner.controller.startCopying();
    owner.controller.startForming();
  }
  const ask = (name: string) => (owners.get(name) as Owner).controller;
  for (const session of shape.sessions) await makeSession(world, shape, session, places, ask);
  for (const owner of [...owners.values()].reverse()) await owner.close();
  return places;
}

async function makeSession(
  world: World,
  { primaries, intervalMs, backup }: Shape,
  { name: session, order, members }: SessionShape,
  places: ReadonlyMap<string, SystemPlace>,
  ask: (name: string) => Owner['controller'],
): Promise<void> {
  const home = primaries[0] as string;
  await ask(home).request('session.create', {
    session,
    order,
    policy: { intervalMs },
    enableAtSecondary: false,
  });
  for (const { site, remote, volume } of members) {
    await ask(site).request('volume.create', { name: volume, sizeBytes: VOLUME_BYTES });
    for (const name of [volume, `${volume}-backup`])
      await ask(remote).request('volume.create', { name, sizeBytes: VOLUME_BYTES });
    const kept = backup ? `${volume}-backup` : undefined;
    await ask(site).request('pair.create', {
      pairs: [{ primary: volume, secondary: volume, secondarySystem: refOf(places, remote), backup: kept }],
      mode: 'journal',
      session,
      sessionHome: refOf(places, home),
    });
  }
  await ask(home).request('session.start', { session });
  for (const { site, volume } of members)
    await ask(site).request('pair.wait', { pairs: [{ primary: volume }], statuses: ['duplex'] });
  const shows = (name: string) => (ask(name).sessions.sheets.named(session)?.secondary?.resetTo ?? 0) > 0;
  while (!members.every(({ remote }) => shows(remote))) await world.clock.sleep(10);
}
