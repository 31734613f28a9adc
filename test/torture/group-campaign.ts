import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { GROUP, GroupSites, type Recovered, type SitePlan } from '../e2e/group-sites.js';
import { HostConnection } from '../e2e/hosts-client.js';
import type { Rng } from '../simulation/world/rng.js';
import { CountedWrites, CountingWriter, type Means, type Target } from './counting-writer.js';
import { type Disaster, Disasters, described, type Lane, RECOVERY_STEPS } from './group-disasters.js';

const run = promisify(execFile);

const VOLUME_BYTES = 2 * 1_048_576;
/** What the writer has done before anything may strike, at least and at most. */
const WRITES_BEFORE = [20, 400] as const;
const COMMANDS_BEFORE = [2, 5] as const;
/** How long after that a kill strikes, at most. */
const STRIKE_MS_MAX = 500;
/** A step that is not reached in this time is not waited for. */
const STEP_LIMIT_MS = 4_000;
const RECOVERY_TRIES = 3;
/** Of so many recoveries a part goes back to the old primaries. */
const FAILBACK_SHARE = 0.3;

type Shape = 'two' | 'three' | 'remotes';

const volume = (system: string, remote: string, name: string) => ({ system, remote, name, sizeBytes: VOLUME_BYTES });
const SHAPES: Readonly<Record<Shape, SitePlan['volumes']>> = {
  two: [volume('tokyo', 'osaka', 'a'), volume('kyoto', 'osaka', 'b')],
  three: [
    volume('tokyo', 'osaka', 'a'),
    volume('kyoto', 'osaka', 'b'),
    volume('nara', 'osaka', 'c'),
    volume('kyoto', 'osaka', 'd'),
  ],
  remotes: [volume('tokyo', 'osaka', 'a'), volume('kyoto', 'kobe', 'b'), volume('tokyo', 'kobe', 'c')],
};

export interface GroupTotals {
  instants: number;
  struck: number;
  writes: number;
  lostWrites: number;
  failbacks: number;
  readonly cases: Map<string, number>;
}

/** A site as it was made once, to begin each round from. */
interface Template {
  readonly plan: SitePlan;
  readonly folder: string;
  readonly running: boolean;
}

interface Round {
  readonly sites: GroupSites;
  readonly writes: CountedWrites;
  readonly writer: CountingWriter;
  readonly means: Means;
  readonly disaster: Disaster;
}

/**
 * Sites lost under a writer whose writes depend on each other, while groups form all the time. After the recovery the remote volumes
 * show a prefix of the writes, never one older than the last group that was formed. Campaigns in folders of their own do not meet.
 */
export class GroupCampaign {
  readonly totals: GroupTotals = { instants: 0, struck: 0, writes: 0, lostWrites: 0, failbacks: 0, cases: new Map() };
  readonly #rng: Rng;
  readonly #folder: string;
  readonly #root: string;
  readonly #lane: Lane;
  readonly #tell: (line: string) => void;
  readonly #templates = new Map<string, Promise<Template>>();
  readonly #disasters = new Map<Shape, Disasters>();
  #sites: GroupSites | undefined;

  constructor(folder: string, lane: Lane, rng: Rng, tell: (line: string) => void) {
    this.#folder = folder;
    this.#lane = lane;
    this.#root = join(folder, 'root');
    this.#rng = rng;
    this.#tell = tell;
  }

  /** One loss of a site, and its recovery. Throws what is wrong. */
  async round(): Promise<void> {
    const round = await this.#begin();
    const { sites, writer, disaster } = round;
    await this.#strike(round);
    await writer.stop();
    const last = await sites.status();
    const recovered = await this.#recover(sites, last.sequence);
    this.totals.writes += writer.answered;
    this.totals.cases.set(recovered?.case ?? 'none', (this.totals.cases.get(recovered?.case ?? 'none') ?? 0) + 1);
    if (recovered) {
      const shown = await this.#check(round, recovered, last.sequence);
      if (this.#rng.chance(FAILBACK_SHARE)) await this.#failBack(round, shown);
    }
    await sites.abandon();
    this.totals.instants += 1;
    this.#tell(
      `  ${described(disaster)}: ${recovered?.verdict ?? 'no group was formed'} ${writer.answered} writes answered`,
    );
  }

  /** After a failed round. */
  async abandon(): Promise<void> {
    await this.#sites?.abandon();
  }

  async #begin(): Promise<Round> {
    const rng = this.#rng;
    const shape = rng.pick(['two', 'two', 'three', 'remotes'] as const);
    const template = await this.#template(shape, rng.chance(0.1) ? 'power' : 'none', rng.chance(0.85));
    const sites = new GroupSites(await this.#restored(template), template.plan);
    this.#sites = sites;
    const disaster = this.#nextDisaster(shape, sites);
    const means: Means = rng.pick(['nbd', 'nbd', 'nbd', 'both', 'both', 'command']);
    this.#tell(
      `instant ${this.totals.instants + 1}: ${shape}, ${template.plan.durability}, ${means}, ${described(disaster)}`,
    );
    await sites.serve(...sites.primaries, ...sites.remotes);
    const writes = new CountedWrites(rng.next(), template.plan.volumes.length, VOLUME_BYTES);
    const writer = new CountingWriter(sites.root, writes, this.#targets(sites), means);
    await writer.start();
    if (!template.running) await sites.run('cg', 'start', GROUP, '--continuous');
    return { sites, writes, writer, means, disaster };
  }

  async #strike({ sites, writer, means, disaster }: Round): Promise<void> {
    const [least, most] = means === 'command' ? COMMANDS_BEFORE : WRITES_BEFORE;
    await writer.more(least + this.#rng.below(most - least));
    const crash = crashOf(disaster);
    // It may end before it has answered.
    if (crash) await sites.run('fault', 'set', crash.system, 'crash', '--step', crash.step, '--nth', String(crash.nth));
    if (disaster.kind === 'flaky') await this.#loseMessages(sites, disaster.system);
    if (crash) {
      const victim = sites.servers.get(crash.system);
      await Promise.race([victim?.shell.ended, new Promise((resolve) => setTimeout(resolve, STEP_LIMIT_MS))]);
      if (victim?.shell.isAlive === false) this.totals.struck += 1;
    }
    await new Promise((resolve) => setTimeout(resolve, this.#rng.below(STRIKE_MS_MAX)));
    if (disaster.kind === 'link') {
      for (const system of sites.primaries)
        for (const remote of sites.remotes) await sites.ok('fault', 'set', system, 'link-down', '--peer', remote);
      await writer.more(this.#rng.below(200));
      return;
    }
    await sites.kill(...(disaster.kind === 'kill' ? disaster.systems : sites.primaries));
    // Where only one site was lost the others live on a little, and are lost as well.
    await new Promise((resolve) => setTimeout(resolve, this.#rng.below(100)));
    await sites.kill(...sites.primaries);
    if (crash && sites.remotes.includes(crash.system)) await sites.ok('fault', 'clear', crash.system);
  }

  async #loseMessages(sites: GroupSites, system: string): Promise<void> {
    for (let lost = 0; lost < 3 && sites.servers.get(system)?.shell.isAlive; lost += 1)
      for (const remote of sites.remotes)
        await sites.run('fault', 'set', system, 'link-down', '--peer', remote, '--count', '1');
  }

  /** The remotes alone; now and then the recovery itself is killed at one of its steps, and run again. */
  async #recover(sites: GroupSites, formed: number | null): Promise<Recovered | undefined> {
    if (this.#rng.chance(0.25)) {
      const [system, step] = [this.#rng.pick(sites.remotes), this.#rng.pick(RECOVERY_STEPS)];
      this.#tell(`  the recovery is killed at ${step} at ${system}`);
      await sites.ok('fault', 'set', system, 'crash', '--step', step);
      await sites.run('cg', 'recover', GROUP, '--at', sites.remotes.join(','));
      await sites.kill(system);
      await sites.ok('fault', 'clear', system);
    }
    let ended = await sites.run('cg', 'recover', GROUP, '--at', sites.remotes.join(','), '--json');
    // A remote whose controller was killed a moment ago is lost at first.
    for (let tries = 0; ended.code === 8 && tries < RECOVERY_TRIES; tries += 1)
      ended = await sites.run('cg', 'recover', GROUP, '--at', sites.remotes.join(','), '--json');
    const recovered = JSON.parse(ended.stdout) as Recovered;
    if (ended.code === 7 && recovered.case === 'none' && formed === null) return undefined;
    demand(ended.code === 0, `cg recover ended with ${ended.code}: ${ended.stderr}${ended.stdout}`);
    demand(!recovered.partial, 'the verdict is partial');
    return recovered;
  }

  /** Answers how many writes the remotes show. */
  async #check({ sites, writes, writer }: Round, recovered: Recovered, formed: number | null): Promise<number> {
    demand(recovered.sequence >= (formed ?? 0), `group ${formed} was formed, ${recovered.sequence} was recovered`);
    const k = this.#prefix(writes, await this.#shown(sites));
    const due = writer.answeredBefore(Date.parse(recovered.time));
    demand(k >= due, `group ${recovered.sequence} shows ${k} writes; ${due} were answered before it`);
    demand(k <= writer.answered + 1, `${k} writes are shown, ${writer.answered} were answered`);
    this.totals.lostWrites += writer.answered - k;
    return k;
  }

  /** The writer goes on at the remotes while the group comes back by differences; then the old primaries show all of it. */
  async #failBack({ sites, writes }: Round, shown: number): Promise<void> {
    for (const system of sites.primaries) await sites.ok('fault', 'clear', system);
    await sites.serve(...sites.primaries.filter((system) => !sites.servers.get(system)?.shell.isAlive));
    const writer = new CountingWriter(sites.root, writes, this.#remoteTargets(sites), 'nbd', shown);
    await writer.start();
    await writer.more(this.#rng.below(200));
    // The turn refuses the writer at the remotes, sooner or later.
    await sites.ok('cg', 'failback', GROUP, '--wait=60s');
    await writer.stop();
    const images = await this.#images(this.#targets(sites));
    const k = this.#prefix(writes, images);
    demand(k >= writer.answered, `after the failback ${k} writes are shown, ${writer.answered} were answered`);
    this.totals.failbacks += 1;
  }

  #prefix(writes: CountedWrites, images: readonly Buffer[]): number {
    const { k, wrong } = writes.prefixIn(images);
    demand(wrong.length === 0, `no prefix of ${k} writes: ${wrong.length} blocks, ${wrong.slice(0, 6).join('; ')}`);
    return k;
  }

  /** What a host reads at the remotes. */
  async #shown(sites: GroupSites): Promise<Buffer[]> {
    await sites.serve(...sites.remotes.filter((system) => !sites.servers.get(system)?.shell.isAlive));
    return this.#images(this.#remoteTargets(sites));
  }

  async #images(targets: readonly Target[]): Promise<Buffer[]> {
    const images: Buffer[] = [];
    for (const { socket, volume: name } of targets) {
      const host = await HostConnection.open(socket, name);
      images.push(await host.read(0, VOLUME_BYTES));
      host.close();
    }
    return images;
  }

  #targets(sites: GroupSites): Target[] {
    return sites.plan.volumes.map(({ system, name }) => ({ system, volume: name, socket: sites.socketOf(system) }));
  }

  #remoteTargets(sites: GroupSites): Target[] {
    return sites.plan.volumes.map(({ remote, name }) => ({
      system: remote,
      volume: name,
      socket: sites.socketOf(remote),
    }));
  }

  #nextDisaster(shape: Shape, sites: GroupSites): Disaster {
    const known =
      this.#disasters.get(shape) ?? new Disasters(this.#rng.fork(), sites.primaries, sites.remotes, this.#lane);
    this.#disasters.set(shape, known);
    return known.next();
  }

  async #restored({ folder }: Template): Promise<string> {
    await rm(this.#root, { recursive: true, force: true });
    await copyFolder(folder, this.#root);
    return this.#root;
  }

  /** Made in the place where it is used, because systems remember each other's. */
  #template(shape: Shape, durability: 'power' | 'none', running: boolean): Promise<Template> {
    const key = `${shape}-${durability}-${running ? 'running' : 'new'}`;
    const make = () =>
      running ? this.#makeRunning(key, shape, durability) : this.#make(key, { volumes: SHAPES[shape], durability });
    const known = this.#templates.get(key) ?? make();
    this.#templates.set(key, known);
    return known;
  }

  async #make(key: string, plan: SitePlan): Promise<Template> {
    await rm(this.#root, { recursive: true, force: true });
    await mkdir(this.#root, { recursive: true });
    const sites = new GroupSites(this.#root, plan);
    this.#sites = sites;
    await sites.prepare();
    return this.#kept(key, sites, false);
  }

  /** The same a little later: it begins from the one that does not form yet. */
  async #makeRunning(key: string, shape: Shape, durability: 'power' | 'none'): Promise<Template> {
    const before = await this.#template(shape, durability, false);
    const sites = new GroupSites(await this.#restored(before), before.plan);
    this.#sites = sites;
    await sites.serve(...sites.primaries, ...sites.remotes);
    await sites.startForming();
    await sites.formed(1);
    return this.#kept(key, sites, true);
  }

  async #kept(key: string, sites: GroupSites, running: boolean): Promise<Template> {
    await sites.stop();
    const folder = join(this.#folder, key);
    await copyFolder(this.#root, folder);
    return { plan: sites.plan, folder, running };
  }
}

/** Not by this process, whose writers must not wait for it. */
async function copyFolder(from: string, to: string): Promise<void> {
  await run('cp', ['-a', '--sparse=always', from, to]);
}

function crashOf(disaster: Disaster): { system: string; step: string; nth: number } | undefined {
  if (disaster.kind === 'crash') return disaster;
  return disaster.kind === 'flaky' && disaster.step ? { ...disaster.step, nth: 1 } : undefined;
}

function demand(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}
