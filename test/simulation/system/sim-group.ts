import type { SystemWishes } from '../../../src/core/controller/controller.js';
import type { FormationAnswer, GroupListing } from '../../../src/core/group/group.js';
import { listGroups } from '../../../src/core/group/group.js';
import { World } from '../world/world.js';
import { SimSite } from './sim-sites.js';
import { TRACK } from './sim-system.js';

export const TRACKS = 4;

/**
 * Group `g` over two sites: `tokyo` (master, volume db) and `kyoto` (volume log) here, one or two remotes there. Each remote has
 * backups and reserved volumes `spare-1` and `spare-2` besides.
 */
export class SimGroup {
  readonly world: World;
  readonly tokyo: SimSite;
  readonly kyoto: SimSite;
  readonly osaka: SimSite;
  /** Where kyoto's volume goes; osaka, where there is one remote. */
  readonly nara: SimSite;

  private constructor(world: World, [tokyo, kyoto, osaka, nara]: readonly [SimSite, SimSite, SimSite, SimSite]) {
    this.world = world;
    this.tokyo = tokyo;
    this.kyoto = kyoto;
    this.osaka = osaka;
    this.nara = nara;
  }

  /** With both members, and nothing copied yet. */
  static async create(
    seed: number,
    remotes: 1 | 2 = 1,
    wishes: Partial<SystemWishes> = {},
    sizeBytes = TRACKS * TRACK,
  ): Promise<SimGroup> {
    const world = new World(seed);
    const tokyo = await SimSite.create(world, 'tokyo', wishes);
    const kyoto = await SimSite.create(world, 'kyoto', wishes);
    const osaka = await SimSite.create(world, 'osaka', wishes);
    const nara = remotes === 1 ? osaka : await SimSite.create(world, 'nara', wishes);
    await tokyo.volumes(sizeBytes / TRACK, 'db');
    await kyoto.volumes(sizeBytes / TRACK, 'log');
    await osaka.volumes(sizeBytes / TRACK, 'db', 'db-backup');
    await nara.volumes(sizeBytes / TRACK, 'log', 'log-backup');
    const group = new SimGroup(world, [tokyo, kyoto, osaka, nara]);
    for (const site of group.remotes) {
      await site.volumes(sizeBytes / TRACK, 'spare-1', 'spare-2');
      await site.ask('volume.reserve', { volumes: ['spare-1', 'spare-2'] });
    }
    await tokyo.ask('cg.create', { group: 'g', policy: {} });
    await group.add(tokyo, 'db', osaka);
    await group.add(kyoto, 'log', nara);
    return group;
  }

  /** With both members in duplex, their first tracks holding 1. */
  static async ready(
    seed: number,
    remotes: 1 | 2 = 1,
    wishes: Partial<SystemWishes> = {},
    sizeBytes = TRACKS * TRACK,
  ): Promise<SimGroup> {
    const group = await SimGroup.create(seed, remotes, wishes, sizeBytes);
    await group.write(1);
    await group.duplex();
    return group;
  }

  get sites(): readonly SimSite[] {
    return [...new Set([this.tokyo, this.kyoto, this.osaka, this.nara])];
  }

  get remotes(): readonly SimSite[] {
    return [...new Set([this.osaka, this.nara])];
  }

  add(site: SimSite, volume: string, remote: SimSite) {
    return this.tokyo.ask('cg.add', {
      group: 'g',
      primary: { system: site.ref, volume },
      secondary: { system: remote.ref, volume },
      backup: { system: remote.ref, volume: `${volume}-backup` },
    });
  }

  /** Writes the first track of both primaries. */
  async write(value: number): Promise<void> {
    await this.tokyo.write('db', 0, value);
    await this.kyoto.write('log', 0, value);
  }

  async duplex(): Promise<void> {
    await this.tokyo.ask('pair.wait', { pairs: [{ primary: 'db' }], statuses: ['duplex'] });
    await this.kyoto.ask('pair.wait', { pairs: [{ primary: 'log' }], statuses: ['duplex'] });
  }

  /** What was written is sent; the remotes hold it. */
  async drain(): Promise<void> {
    await this.tokyo.ask('copier.drain', { timeoutMs: 5_000 });
    await this.kyoto.ask('copier.drain', { timeoutMs: 5_000 });
  }

  start(master: SimSite = this.tokyo): Promise<FormationAnswer> {
    return master.ask('cg.start', { group: 'g' });
  }

  /** The first tracks of these volumes, db's remote and log's. */
  async first(db: string, log: string): Promise<[number, number]> {
    const [a] = await this.osaka.read(db, 1);
    const [b] = await this.nara.read(log, 1);
    return [a ?? -1, b ?? -1];
  }

  pass(ms: number): Promise<unknown> {
    return this.world.run(this.world.clock.sleep(ms));
  }

  /** As `cg status` puts it together from the systems that answer. */
  async status(...sites: readonly SimSite[]): Promise<GroupListing> {
    const asked = sites.length > 0 ? sites : this.sites;
    const asOfMs = this.world.clock.nowMs();
    const views = [];
    for (const site of asked) views.push({ system: site.ref, ...(await site.ask('cg.list', {})), asOfMs });
    const [group] = listGroups(views, asOfMs);
    if (!group) throw new Error('nobody knows the group');
    return group;
  }
}
