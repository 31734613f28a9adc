import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Requests } from '../../src/core/controller/controller.js';
import { lockfileOwners } from '../../src/platform/platform.js';
import type { Server } from '../e2e/hosts-serving.js';
import { type RecoveredSession, SESSION, type SessionSites } from '../e2e/session-sites.js';
import { eventually } from '../e2e/shell.js';
import type { Rng } from '../simulation/world/rng.js';
import { CountingWriter, type Means } from './counting-writer.js';
import type { Lane } from './group-disasters.js';
import { askAt, makeSystems } from './session-asking.js';
import {
  appliedEarlier,
  fallBehind,
  fillJournal,
  goOnWithout,
  markApplied,
  recoveredEarlier,
  resumed,
} from './session-deeds.js';
import { describedDisaster, SELDOM, type SessionDisaster, type SessionStep } from './session-disasters.js';
import { type Shown, shownAt } from './session-shown.js';
import { demand, imagesOf, prefixIn, type Stage, stageOf, targetsOf } from './session-stage.js';

/** What the writer has done before anything may strike, at least and at most. */
const WRITES_BEFORE = [20, 400] as const;
const COMMANDS_BEFORE = [2, 4] as const;
/** How long after that a kill strikes, at most. */
const STRIKE_MS_MAX = 400;
/** A step that is not reached in this time is not waited for. */
const STEP_LIMIT_MS = 2_000;
/** Longer than the link limit of the systems. */
const LINK_CUT_MS = 1_500;
/** The clock of a checkpoint and this process's clock may have been set apart by so much meanwhile. */
const CLOCKS_APART_MS = 20;
/** How often it is looked whether a process that may have killed itself is gone. */
const ENDING_MS = 50;
const LOOK_TRIES = 20;
const LOOK_MS = 25;
/** So many rounds are made on the systems of one before others are begun. */
const ROUNDS_OF_ONE = 12;

export interface SessionTotals {
  kills: number;
  struck: number;
  writes: number;
  lostWrites: number;
  looks: number;
  recoveries: number;
  /** Journals that were full; checkpoints wanted that were not the last; those of them that were shown before they were applied; systems that resigned. */
  full: number;
  earlier: number;
  instant: number;
  resigned: number;
}

/**
 * A writer whose writes depend on each other over two primary systems, while processes of both sides are killed and started again. At
 * every applied checkpoint the secondaries show a prefix of the writes, never an older one than before, and the one of its time. Campaigns
 * in folders of their own do not meet.
 */
export class SessionCampaign {
  readonly totals: SessionTotals = {
    ...{ kills: 0, struck: 0, writes: 0, lostWrites: 0, looks: 0, recoveries: 0 },
    ...{ full: 0, earlier: 0, instant: 0, resigned: 0 },
  };
  readonly #rng: Rng;
  readonly #lane: Lane;
  readonly #folder: string;
  readonly #tell: (line: string) => void;
  #stage: Stage | undefined;
  #stages = 0;
  /** Systems in which a fault may be set. */
  readonly #faulty = new Set<string>();

  constructor(folder: string, lane: Lane, rng: Rng, tell: (line: string) => void) {
    this.#folder = folder;
    this.#lane = lane;
    this.#rng = rng;
    this.#tell = tell;
  }

  /** One strike, and all that comes after it. Throws what is wrong. */
  async round(): Promise<void> {
    const stage = await this.#staged();
    const disaster = stage.disasters.next();
    const means: Means = this.#meansFor(disaster);
    this.#tell(`kill ${this.totals.kills + 1}: ${means}, ${describedDisaster(disaster)}`);
    const writer = await this.#startWriter(stage, stage.sites.primaries, means);
    const [least, most] = means === 'command' ? COMMANDS_BEFORE : WRITES_BEFORE;
    await writer.more(least + this.#rng.below(most - least));
    await this.#look(stage, writer);
    await this.#strike(stage, disaster, writer, means === 'command' ? COMMANDS_BEFORE[0] : WRITES_BEFORE[0]);
    await writer.stop();
    this.totals.writes += writer.answered - stage.k;
    await this.#after(stage, writer, disaster);
    stage.rounds += 1;
    this.totals.kills += 1;
    this.#tell(`  ${stage.k} writes, ${stage.shown} shown`);
  }

  #meansFor({ kind }: SessionDisaster): Means {
    // Only so are journals filled in time.
    if (kind === 'full' || kind === 'behind') return 'nbd';
    return this.#rng.pick(['nbd', 'nbd', 'nbd', 'nbd', 'nbd', 'both', 'both', 'command']);
  }

  async #after(stage: Stage, writer: CountingWriter, disaster: SessionDisaster): Promise<void> {
    const { sites } = stage;
    if (disaster.kind === 'disaster')
      return this.#takeOver(stage, writer, () => this.#recover(sites, disaster.recovery));
    if (disaster.kind === 'behind' && disaster.wanted === 'recover')
      return this.#takeOver(stage, writer, async () => {
        const { recovered, isEarlier } = await recoveredEarlier(sites, this.#rng);
        if (isEarlier) this.totals.earlier += 1;
        await this.#revive(sites, sites.remotes);
        return recovered;
      });
    if (disaster.kind === 'behind') await this.#applyEarlier(stage, writer, disaster);
    if (disaster.kind === 'resign') await goOnWithout(sites, disaster.system);
    await this.#goOn(stage, writer, disaster.kind === 'resign' ? disaster.system : undefined);
  }

  async #applyEarlier(stage: Stage, writer: CountingWriter, wanted: SessionDisaster & { kind: 'behind' }) {
    const { sites } = stage;
    const isInstant = wanted.wanted === 'instant';
    // What is shown at once is so small that it would be in the images before anybody looks.
    if (isInstant)
      for (const { remote, name } of sites.plan.volumes)
        await this.#fault(sites, remote, { kind: 'io-error', volume: name, on: 'write' });
    const earlier = await appliedEarlier(sites, this.#rng, ...(isInstant ? (['--instant'] as const) : []));
    if (!earlier) return;
    const { number } = earlier.shown;
    this.#judge(stage, writer, prefixIn(stage, earlier.images, `apply --to ${number}`), earlier.shown);
    this.totals.earlier += 1;
    if (earlier.isAhead) this.totals.instant += 1;
    if (isInstant) await this.#land(sites, wanted.killed);
  }

  /** Who opens the secondaries next applies what is shown, and one of them ends in the middle of that. */
  async #land(sites: SessionSites, killed: SessionStep): Promise<void> {
    await this.#fault(sites, killed.system, { kind: 'crash', step: killed.step });
    await sites.serve(...sites.remotes).catch(() => undefined); // It may end before it is ready.
    for (const remote of sites.remotes)
      await askAt(sites, remote, 'fault.clear', { kind: 'io-error' }).catch(() => undefined);
    await this.#struck(sites.servers.get(killed.system));
  }

  /** Waits until a process has ended at its step, where that comes soon. */
  async #struck(victim: Server | undefined): Promise<void> {
    await Promise.race([victim?.shell.ended, new Promise((resolve) => setTimeout(resolve, STEP_LIMIT_MS))]);
    if (victim?.shell.isAlive === false) this.totals.struck += 1;
  }

  /** What became of the servers, after a failed round. */
  servers(): string {
    const servers = [...(this.#stage?.sites.servers ?? [])];
    return servers
      .map(
        ([system, { shell }]) =>
          `${system}: ${shell.isAlive ? 'alive' : `ended ${shell.child.exitCode ?? shell.child.signalCode}`} ${shell.stderr}`,
      )
      .join('\n');
  }

  async abandon(): Promise<void> {
    await this.#stage?.sites.abandon();
  }

  async #staged(): Promise<Stage> {
    const present = this.#stage;
    if (present && present.rounds < ROUNDS_OF_ONE) return present;
    await present?.sites.abandon();
    if (present) rmSync(present.sites.root, { recursive: true, force: true });
    const root = join(this.#folder, `stage-${this.#stages}`);
    mkdirSync(root, { recursive: true });
    const stage = stageOf(root, this.#rng, this.#stages, this.#lane);
    const { sites } = stage;
    const { order, durability } = sites.plan;
    this.#stages += 1;
    const small = stage.journalLimitBytes === undefined ? '' : ', small journals';
    this.#tell(`stage ${this.#stages}: ${sites.remotes.join(', ')}, ${order}, ${durability}${small}`);
    this.#stage = stage;
    await makeSystems(sites, stage.journalLimitBytes);
    await sites.makeSession();
    await markApplied(sites);
    return stage;
  }

  async #strike(stage: Stage, disaster: SessionDisaster, writer: CountingWriter, few: number): Promise<void> {
    const { sites } = stage;
    if (disaster.kind === 'crash') await this.#armed(sites, disaster, disaster.nth);
    if (disaster.kind === 'link') await this.#cutLink(stage, disaster, writer, few);
    if (disaster.kind === 'full' && (await fillJournal(sites, disaster.system, writer))) this.totals.full += 1;
    if (disaster.kind === 'behind') {
      const all = disaster.wanted === 'recover' ? sites.primaries : [];
      await fallBehind(sites, writer, [...all, ...sites.remotes]);
    }
    await new Promise((resolve) => setTimeout(resolve, this.#rng.below(STRIKE_MS_MAX)));
    if (disaster.kind === 'kill') await sites.kill(...disaster.systems);
    else if (disaster.kind === 'crash') await sites.kill(disaster.system);
    else if (disaster.kind === 'disaster') await sites.kill(...sites.primaries);
    else if (disaster.kind === 'resign') {
      await sites.kill(disaster.system);
      this.totals.resigned += 1;
    }
    // Where only one was lost the others live on a little.
    await writer.more(this.#rng.below(few));
  }

  /** Waits until the process has ended at the step; a step that does not come is no reason to wait for long. */
  async #armed(sites: SessionSites, { system, step }: SessionStep, nth: number): Promise<void> {
    // It may end before it has answered.
    await this.#fault(sites, system, { kind: 'crash', step, nth });
    if (SELDOM.includes(step)) return;
    await this.#struck(sites.servers.get(system));
  }

  async #fault(sites: SessionSites, system: string, row: Requests['fault.set']['input']): Promise<void> {
    this.#faulty.add(system);
    await askAt(sites, system, 'fault.set', row).catch(() => undefined);
  }

  async #cutLink({ sites }: Stage, disaster: SessionDisaster & { kind: 'link' }, writer: CountingWriter, few: number) {
    const remotes = sites.plan.volumes.filter(({ system }) => system === disaster.system).map(({ remote }) => remote);
    const { killed } = disaster;
    if (killed) await this.#fault(sites, killed.system, { kind: 'crash', step: killed.step });
    for (const peer of new Set(remotes)) await this.#fault(sites, disaster.system, { kind: 'link-down', peer });
    await new Promise((resolve) => setTimeout(resolve, LINK_CUT_MS));
    await writer.more(this.#rng.below(few));
    await askAt(sites, disaster.system, 'fault.clear', { kind: 'link-down' }).catch(() => undefined);
    const victim = killed && sites.servers.get(killed.system);
    if (victim) await this.#struck(victim);
  }

  /** Everybody comes back: the primaries lost nothing that was answered, and the secondaries follow to the end. */
  async #goOn(stage: Stage, writer: CountingWriter, resigned: string | undefined): Promise<void> {
    const { sites } = stage;
    await this.#revive(sites);
    if (resigned !== undefined) await sites.ok('checkpoint', 'join', SESSION, resigned);
    await resumed(sites);
    const k = prefixIn(stage, await imagesOf(stage.sites, sites.primaries), 'the primaries');
    demand(k >= writer.answered, `the primaries hold ${k} writes, ${writer.answered} were answered`);
    demand(k <= writer.answered + 1, `the primaries hold ${k} writes, ${writer.answered} were answered`);
    stage.k = k;
    await this.#look(stage, writer);
    await this.#followed(stage);
  }

  /** What is there now is applied, and the secondaries show all of it. */
  async #followed(stage: Stage): Promise<void> {
    const { sites, k } = stage;
    await markApplied(sites);
    // Nothing is written any more; a host is refused for as long as the next checkpoint is being applied.
    const images = await eventually(() => imagesOf(stage.sites, sites.remotes).catch(() => undefined));
    const shown = prefixIn(stage, images, 'the secondaries after a mark');
    demand(shown === k, `the secondaries show ${shown} writes of ${k} after a mark was applied`);
    stage.shown = shown;
  }

  /** The secondaries at an applied checkpoint, where they stand at one long enough to be read. */
  async #look(stage: Stage, writer: CountingWriter): Promise<void> {
    for (let tries = 0; tries < LOOK_TRIES; tries += 1) {
      const before = await shownAt(stage.sites);
      const images = before && (await imagesOf(stage.sites, stage.sites.remotes).catch(() => undefined));
      const after = await shownAt(stage.sites);
      if (images && before.number === after?.number) {
        const shown = prefixIn(stage, images, `checkpoint ${before.number}`);
        this.#judge(stage, writer, shown, before);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  #judge(stage: Stage, writer: CountingWriter, shown: number, of: Shown) {
    const due = writer.answeredBefore(Date.parse(of.time) - CLOCKS_APART_MS);
    demand(shown >= due, `checkpoint ${of.number} shows ${shown} writes; ${due} were answered before it`);
    // What was written later is not in it, but one that was not answered yet. Gates close only some time after it was issued.
    const isExact = stage.sites.plan.order === 'clock';
    const most = isExact ? writer.answeredBefore(Date.parse(of.time) + CLOCKS_APART_MS) + 1 : Number.POSITIVE_INFINITY;
    demand(shown <= most, `checkpoint ${of.number} shows ${shown} writes; ${most - 1} were answered before it`);
    demand(shown >= stage.shown, `checkpoint ${of.number} shows ${shown} writes; ${stage.shown} were shown before`);
    demand(shown <= writer.answered + 1, `${shown} writes are shown, ${writer.answered} were answered`);
    stage.shown = shown;
    this.totals.looks += 1;
  }

  /** The secondaries alone; then the old primaries come back, and take what was written since. */
  async #takeOver(stage: Stage, writer: CountingWriter, recover: () => Promise<RecoveredSession>): Promise<void> {
    const { sites } = stage;
    const recovered = await recover();
    demand(recovered.number !== null, `nothing was recovered: ${recovered.verdict}`);
    this.#tell(`  ${recovered.case}: ${recovered.verdict}`);
    const shown = prefixIn(stage, await imagesOf(stage.sites, sites.remotes), `recovery to ${recovered.number}`);
    this.#judge(stage, writer, shown, recovered);
    this.totals.lostWrites += writer.answered - shown;
    this.totals.recoveries += 1;
    stage.k = shown;
    const there = await this.#startWriter(stage, sites.remotes, 'nbd');
    await there.more(this.#rng.below(100));
    await this.#revive(sites);
    await there.more(this.#rng.below(100));
    // The turn refuses the writer at the remotes, sooner or later.
    await sites.ok('checkpoint', 'failback', SESSION, '--wait=60s');
    await there.stop();
    this.totals.writes += there.answered - shown;
    const k = prefixIn(stage, await imagesOf(stage.sites, sites.primaries), 'the primaries after the failback');
    demand(k >= there.answered, `after the failback ${k} writes are shown, ${there.answered} were answered`);
    stage.k = k;
    stage.shown = k;
    await sites.ok('checkpoint', 'start', SESSION);
    await this.#followed(stage);
  }

  /** Now and then it is killed at one of its steps, and run again. */
  async #recover(sites: SessionSites, killed: SessionStep | undefined): Promise<RecoveredSession> {
    if (killed) {
      await this.#fault(sites, killed.system, { kind: 'crash', step: killed.step });
      const victim = sites.servers.get(killed.system);
      await sites.recover().catch(() => undefined);
      if (victim?.shell.isAlive === false) this.totals.struck += 1;
      await this.#revive(sites, sites.remotes);
    }
    return sites.recover();
  }

  /** No fault is left, and every system is served. */
  async #revive(
    sites: SessionSites,
    systems: readonly string[] = [...sites.primaries, ...sites.remotes],
  ): Promise<void> {
    const gone = () => systems.filter((system) => !sites.servers.get(system)?.shell.isAlive);
    // A step of its start, or of what it does first, may still lie before it.
    const revived = gone();
    await Promise.allSettled(revived.map((system) => sites.serve(system)));
    const alive = systems.filter((system) => this.#faulty.has(system) && !gone().includes(system));
    await Promise.all(alive.map((system) => askAt(sites, system, 'fault.clear', {}).catch(() => undefined)));
    await settled(sites, systems);
    // What strikes at the start would strike `fault clear` as well.
    for (const system of gone()) rmSync(join(sites.root, system, 'faults.json'), { force: true });
    await sites.serve(...gone());
    for (const system of systems) this.#faulty.delete(system);
  }

  async #startWriter(stage: Stage, side: readonly string[], means: Means): Promise<CountingWriter> {
    const { sites, writes, k } = stage;
    const writer = new CountingWriter(sites.root, writes, targetsOf(sites, side), means, k);
    await writer.start();
    return writer;
  }
}

/**
 * Waits until every server is seen to have ended, or owns its system. Who asked one to clear its fault may have been answered before it had
 * ended, or have been its system's owner himself, while nobody has noticed yet that the process is gone.
 */
async function settled({ root, servers }: SessionSites, systems: readonly string[]): Promise<void> {
  const owners = lockfileOwners();
  const isSettled = (system: string) => {
    const shell = servers.get(system)?.shell;
    return !shell?.isAlive || owners.current(join(root, system))?.pid === shell.child.pid;
  };
  for (let waitedMs = 0; waitedMs < STEP_LIMIT_MS; waitedMs += ENDING_MS) {
    await new Promise((resolve) => setTimeout(resolve, ENDING_MS));
    if (systems.every(isSettled)) return;
  }
}
