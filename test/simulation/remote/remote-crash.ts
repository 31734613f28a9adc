import { isToolkitError } from '../../../src/core/foundation/foundation.js';
import { SITES, type Site, TRACKS, TwoSystems } from '../system/two-systems.js';
import { type CrashKind, type Keep, WorldStopped } from '../world/world.js';

/** What a volume's host wrote: answered writes, and values that a write cut short may have left. */
export class HostLog {
  readonly answered: number[];
  readonly unsure: Set<number>[];

  constructor(first: readonly number[]) {
    this.answered = [...first];
    this.unsure = first.map(() => new Set());
  }

  async write(systems: TwoSystems, site: Site, volume: string, track: number, value: number): Promise<void> {
    this.unsure[track]?.add(value);
    await systems.writeNow(site, volume, track, value);
    this.answered[track] = value;
    this.unsure[track]?.clear();
  }

  /** The tracks that hold neither what was answered nor what may have been written. */
  wrong(image: readonly number[]): number[] {
    return image.flatMap((value, track) =>
      value === this.answered[track] || this.unsure[track]?.has(value) ? [] : [track],
    );
  }
}

export interface RemoteStage {
  readonly systems: TwoSystems;
  db: HostLog;
  readonly copy: HostLog;
  /** What a split's secondary has to show, once it is whole. */
  instant: readonly number[] | undefined;
  /** The primary holds its own data or its secondary's, by how far it came. */
  mayBeRestored: boolean;
}

export interface RemoteScenario {
  readonly name: string;
  readonly prepare: (systems: TwoSystems) => Promise<void>;
  /** Inside `world.run`. */
  readonly run: (stage: RemoteStage) => Promise<void>;
  /** Brings it to its end after a crash; outside `world.run`. */
  readonly settle: (stage: RemoteStage) => Promise<void>;
}

export interface CrashPoint {
  readonly site: Site;
  readonly call: number;
  /** `kill` ends the one process; `power` the whole machine. */
  readonly kind: CrashKind;
  readonly keep: Keep;
}

async function staged(scenario: RemoteScenario, seed: number): Promise<RemoteStage> {
  const systems = await TwoSystems.create(seed);
  await scenario.prepare(systems);
  const log = (site: Site, volume: string) => new HostLog(systems.image(site, volume));
  return { systems, db: log('tokyo', 'db'), copy: log('osaka', 'db-copy'), instant: undefined, mayBeRestored: false };
}

/** How many store calls of each side a scenario takes. */
export async function countCalls(scenario: RemoteScenario, seed: number): Promise<Record<Site, number>> {
  const stage = await staged(scenario, seed);
  const before = SITES.map((site) => stage.systems.process(site).process.calls);
  await stage.systems.world.run(scenario.run(stage));
  const after = SITES.map((site) => stage.systems.process(site).process.calls);
  return { tokyo: (after[0] ?? 0) - (before[0] ?? 0), osaka: (after[1] ?? 0) - (before[1] ?? 0) };
}

/** Runs the scenario, crashes it at one store call of one side, brings all up again, checks the invariants and goes on to the end. */
export async function crashOnce(scenario: RemoteScenario, seed: number, point: CrashPoint): Promise<void> {
  let stage = await staged(scenario, seed);
  await interrupted(scenario, stage, point);
  const { systems } = stage;
  if (point.kind === 'power') stage = { ...stage, systems: await TwoSystems.again(systems, 'power', point.keep) };
  else {
    systems.kill(point.site);
    await systems.rest(20);
    await systems.start(point.site);
  }
  await demandInvariants(stage);
  await scenario.settle(stage);
  await demandInvariants(stage);
  await stage.systems.close();
}

async function interrupted(scenario: RemoteScenario, stage: RemoteStage, { site, call }: CrashPoint): Promise<void> {
  const { systems } = stage;
  const { process } = systems.process(site);
  const first = process.calls;
  const stopped = new Promise<void>((resolve) => {
    process.beforeCall(({ number, kind, path }) => {
      if (number - first < call) return;
      resolve();
      throw new WorldStopped(`stopped before ${kind} ${path}`);
    });
  });
  const ended = scenario.run(stage).catch((error: unknown) => {
    if (!(error instanceof WorldStopped) && !isToolkitError(error)) throw error;
  });
  await systems.world.run(Promise.race([ended, stopped]));
  process.beforeCall(undefined);
}

/** Every track in which the two sides differ is in a map, and what hosts were answered is there (DESIGN.md 8). */
export async function demandInvariants({ systems, db, copy, instant, mayBeRestored }: RemoteStage): Promise<void> {
  for (const site of SITES) await systems.world.run(systems.own(site).controller.stopCopying(true));
  await systems.rest(200);
  const images = { tokyo: systems.image('tokyo', 'db'), osaka: systems.image('osaka', 'db-copy') };
  const [P, S] = SITES.map((site) => halfOf(systems, site));
  const isFormer = P?.remote?.displaced === true || P?.state.status === 'resync-reverse';
  if (!isFormer && !mayBeRestored && db.wrong(images.tokyo).length > 0)
    throw new Error(`tracks ${db.wrong(images.tokyo).join()} of db lost what was written: ${images.tokyo.join()}`);
  const isServed = S?.remote?.takenOver != null || (S?.state.status === 'split' && instant === undefined);
  if (isServed && copy.wrong(images.osaka).length > 0)
    throw new Error(
      `tracks ${copy.wrong(images.osaka).join()} of db-copy lost what was written: ${images.osaka.join()}`,
    );
  if (P && S) {
    const marked = new Set([...marksOf(systems, 'tokyo'), ...marksOf(systems, 'osaka')]);
    const lost = images.tokyo.flatMap((value, track) =>
      value !== images.osaka[track] && !marked.has(track) ? [track] : [],
    );
    if (lost.length > 0)
      throw new Error(
        `tracks ${lost.join()} differ and are in no map: ${images.tokyo.join()} / ${images.osaka.join()}, ${P.state.status} / ${S.state.status}`,
      );
    if (instant && P.state.status === 'split' && images.osaka.join() !== instant.join())
      throw new Error(`split, but the secondary shows ${images.osaka.join()} instead of ${instant.join()}`);
  }
  for (const site of SITES) systems.own(site).controller.startCopying();
}

function halfOf(systems: TwoSystems, site: Site) {
  return [...systems.own(site).controller.catalog.pairs.values()][0];
}

function marksOf(systems: TwoSystems, site: Site): number[] {
  const { catalog } = systems.own(site).controller;
  const half = halfOf(systems, site);
  if (!half) return [];
  const maps = (['outOfSync', 'changed', 'secondary'] as const).map((name) => catalog.pairMap(half.number, name).map);
  return Array.from({ length: TRACKS }, (_, track) => track).filter((track) => maps.some((map) => map.has(track)));
}
