import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { HostConnection } from '../e2e/hosts-client.js';
import { type RecoveredSession, SESSION, type SessionPlan, SessionSites } from '../e2e/session-sites.js';
import { eventually } from '../e2e/shell.js';
import { Rng } from '../simulation/world/rng.js';
import { CountedWrites, CountingWriter, type Means, type Target } from './counting-writer.js';
import { describedDisaster, type SessionDisaster, SessionDisasters, type SessionStep } from './session-disasters.js';
import { type Shown, shownAt } from './session-shown.js';

const VOLUME_BYTES = 2 * 1_048_576;
/** What the writer has done before anything may strike, at least and at most. */
const WRITES_BEFORE = [20, 400] as const;
const COMMANDS_BEFORE = [2, 4] as const;
/** How long after that a kill strikes, at most. */
const STRIKE_MS_MAX = 400;
/** A step that is not reached in this time is not waited for. */
const STEP_LIMIT_MS = 3_000;
/** Longer than the link limit of the systems. */
const LINK_CUT_MS = 1_500;
/** The clock of a checkpoint and this process's clock may have been set apart by so much meanwhile. */
const CLOCKS_APART_MS = 20;
/** A process that has killed itself is known to be gone after so long. */
const ENDING_MS = 50;
const LOOK_TRIES = 20;
const LOOK_MS = 25;
/** So many rounds are made on the systems of one before others are begun. */
const ROUNDS_OF_ONE = 12;

type Shape = 'one remote' | 'two remotes';
const volume = (system: string, remote: string, name: string) => ({ system, remote, name, sizeBytes: VOLUME_BYTES });
const SHAPES: Readonly<Record<Shape, SessionPlan['volumes']>> = {
  'one remote': [volume('tokyo', 'osaka', 'a'), volume('kyoto', 'osaka', 'b'), volume('tokyo', 'osaka', 'c')],
  'two remotes': [volume('tokyo', 'osaka', 'a'), volume('kyoto', 'kobe', 'b')],
};

export interface SessionTotals {
  kills: number;
  struck: number;
  writes: number;
  lostWrites: number;
  looks: number;
  recoveries: number;
}

/** The systems of some rounds, with what their volumes must hold. */
interface Stage {
  readonly sites: SessionSites;
  readonly writes: CountedWrites;
  readonly disasters: SessionDisasters;
  rounds: number;
  /** The last write that the primaries hold. */
  k: number;
  /** The last one that any checkpoint showed. */
  shown: number;
}

/**
 * A writer whose writes depend on each other over two primary systems, while processes of both sides are killed and started again. At
 * every applied checkpoint the secondaries show a prefix of the writes, never an older one than before, and never an older one than its time.
 */
export class SessionCampaign {
  readonly totals: SessionTotals = { kills: 0, struck: 0, writes: 0, lostWrites: 0, looks: 0, recoveries: 0 };
  readonly #rng: Rng;
  readonly #folder: string;
  readonly #tell: (line: string) => void;
  #stage: Stage | undefined;
  #stages = 0;

  constructor(folder: string, seed: number, tell: (line: string) => void) {
    this.#folder = folder;
    this.#rng = new Rng(seed);
    this.#tell = tell;
  }

  /** One strike, and all that comes after it. Throws what is wrong. */
  async round(): Promise<void> {
    const stage = await this.#staged();
    const means: Means = this.#rng.pick(['nbd', 'nbd', 'nbd', 'nbd', 'nbd', 'both', 'both', 'command']);
    const disaster = stage.disasters.next();
    this.#tell(`kill ${this.totals.kills + 1}: ${means}, ${describedDisaster(disaster)}`);
    const writer = await this.#startWriter(stage, stage.sites.primaries, means);
    const [least, most] = means === 'command' ? COMMANDS_BEFORE : WRITES_BEFORE;
    await writer.more(least + this.#rng.below(most - least));
    await this.#look(stage, writer);
    await this.#strike(stage, disaster, writer);
    await writer.stop();
    this.totals.writes += writer.answered - stage.k;
    if (disaster.kind === 'disaster') await this.#takeOver(stage, writer, disaster.recovery);
    else await this.#goOn(stage, writer);
    stage.rounds += 1;
    this.totals.kills += 1;
    this.#tell(`  ${stage.k} writes, ${stage.shown} shown`);
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
    const rng = this.#rng;
    const shape = this.#stages % 2 === 0 ? 'one remote' : 'two remotes';
    const order = rng.chance(0.7) ? 'clock' : 'arrival';
    const root = join(this.#folder, `stage-${this.#stages}`);
    this.#stages += 1;
    execFileSync('mkdir', ['-p', root]);
    const durability = rng.chance(0.15) ? 'power' : 'none';
    this.#tell(`stage ${this.#stages}: ${shape}, ${order}, ${durability}`);
    const sites = new SessionSites(root, {
      volumes: SHAPES[shape],
      durability,
      order,
      interval: '200ms',
      system: ['--link-limit', '1s'],
    });
    const writes = new CountedWrites(rng.next(), SHAPES[shape].length, VOLUME_BYTES);
    const disasters = new SessionDisasters(rng.fork(), sites.primaries, sites.remotes);
    const stage = { sites, writes, disasters, rounds: 0, k: 0, shown: 0 };
    this.#stage = stage;
    await sites.prepare();
    await sites.applied(1);
    return stage;
  }

  async #strike(stage: Stage, disaster: SessionDisaster, writer: CountingWriter): Promise<void> {
    const { sites } = stage;
    if (disaster.kind === 'crash') await this.#armed(sites, disaster, disaster.nth);
    if (disaster.kind === 'link') await this.#cutLink(stage, disaster, writer);
    await new Promise((resolve) => setTimeout(resolve, this.#rng.below(STRIKE_MS_MAX)));
    if (disaster.kind === 'kill') await sites.kill(...disaster.systems);
    else if (disaster.kind === 'crash') await sites.kill(disaster.system);
    else if (disaster.kind === 'disaster') await sites.kill(...sites.primaries);
    // Where only one was lost the others live on a little.
    await writer.more(this.#rng.below(20));
  }

  /** Waits until the process has ended at the step; a step that does not come is no reason to wait for long. */
  async #armed(sites: SessionSites, { system, step }: SessionStep, nth: number): Promise<void> {
    // It may end before it has answered.
    await sites.run('fault', 'set', system, 'crash', '--step', step, '--nth', String(nth));
    const victim = sites.servers.get(system);
    await Promise.race([victim?.shell.ended, new Promise((resolve) => setTimeout(resolve, STEP_LIMIT_MS))]);
    if (victim?.shell.isAlive === false) this.totals.struck += 1;
  }

  async #cutLink({ sites }: Stage, disaster: SessionDisaster & { kind: 'link' }, writer: CountingWriter) {
    const remotes = sites.plan.volumes.filter(({ system }) => system === disaster.system).map(({ remote }) => remote);
    const { killed } = disaster;
    if (killed) await sites.run('fault', 'set', killed.system, 'crash', '--step', killed.step);
    for (const remote of new Set(remotes))
      await sites.run('fault', 'set', disaster.system, 'link-down', '--peer', remote);
    await new Promise((resolve) => setTimeout(resolve, LINK_CUT_MS));
    await writer.more(this.#rng.below(100));
    await sites.run('fault', 'clear', disaster.system, 'link-down');
    const victim = killed && sites.servers.get(killed.system);
    if (!victim) return;
    await Promise.race([victim.shell.ended, new Promise((resolve) => setTimeout(resolve, STEP_LIMIT_MS))]);
    if (!victim.shell.isAlive) this.totals.struck += 1;
  }

  /** Everybody comes back: the primaries lost nothing that was answered, and the secondaries follow to the end. */
  async #goOn(stage: Stage, writer: CountingWriter): Promise<void> {
    const { sites } = stage;
    await this.#revive(sites);
    const k = this.#prefix(stage, await this.#images(stage, sites.primaries), 'the primaries');
    demand(k >= writer.answered, `the primaries hold ${k} writes, ${writer.answered} were answered`);
    demand(k <= writer.answered + 1, `the primaries hold ${k} writes, ${writer.answered} were answered`);
    stage.k = k;
    await this.#look(stage, writer);
    await this.#followed(stage);
  }

  /** What is there now is applied, and the secondaries show all of it. */
  async #followed(stage: Stage): Promise<void> {
    const { sites, k } = stage;
    await sites.duplex();
    const deadlineMs = performance.now() + 60_000;
    for (;;) {
      const { stdout } = await sites.ok('checkpoint', 'mark', SESSION);
      const ended = await sites.run('checkpoint', 'wait', SESSION, stdout.trim(), '--timeout', '20s');
      if (ended.code === 0) break;
      // One that was placed before a pair was whole again is never applied; the next is.
      demand(performance.now() < deadlineMs, `no mark is applied: ${ended.code} ${ended.stdout}${ended.stderr}`);
    }
    // Nothing is written any more; a host is refused for as long as the next checkpoint is being applied.
    const images = await eventually(() => this.#images(stage, sites.remotes).catch(() => undefined));
    const shown = this.#prefix(stage, images, 'the secondaries after a mark');
    demand(shown === k, `the secondaries show ${shown} writes of ${k} after a mark was applied`);
    stage.shown = shown;
  }

  /** The secondaries at an applied checkpoint, where they stand at one long enough to be read. */
  async #look(stage: Stage, writer: CountingWriter): Promise<void> {
    for (let tries = 0; tries < LOOK_TRIES; tries += 1) {
      const before = await shownAt(stage.sites);
      const images = before && (await this.#images(stage, stage.sites.remotes).catch(() => undefined));
      const after = await shownAt(stage.sites);
      if (images && before.number === after?.number) {
        const shown = this.#prefix(stage, images, `checkpoint ${before.number}`);
        this.#judge(stage, writer, shown, before);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  #judge(stage: Stage, writer: CountingWriter, shown: number, of: Shown) {
    const due = writer.answeredBefore(Date.parse(of.time) - CLOCKS_APART_MS);
    demand(shown >= due, `checkpoint ${of.number} shows ${shown} writes; ${due} were answered before it`);
    demand(shown >= stage.shown, `checkpoint ${of.number} shows ${shown} writes; ${stage.shown} were shown before`);
    demand(shown <= writer.answered + 1, `${shown} writes are shown, ${writer.answered} were answered`);
    stage.shown = shown;
    this.totals.looks += 1;
  }

  /** The secondaries alone; then the old primaries come back, and take what was written since. */
  async #takeOver(stage: Stage, writer: CountingWriter, killed: SessionStep | undefined): Promise<void> {
    const { sites } = stage;
    const recovered = await this.#recover(sites, killed);
    const shown = this.#prefix(stage, await this.#images(stage, sites.remotes), `recovery to ${recovered.number}`);
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
    const k = this.#prefix(stage, await this.#images(stage, sites.primaries), 'the primaries after the failback');
    demand(k >= there.answered, `after the failback ${k} writes are shown, ${there.answered} were answered`);
    stage.k = k;
    stage.shown = k;
    await sites.ok('checkpoint', 'start', SESSION);
    await this.#followed(stage);
  }

  /** Now and then it is killed at one of its steps, and run again. */
  async #recover(sites: SessionSites, killed: SessionStep | undefined): Promise<RecoveredSession> {
    if (killed) {
      await sites.ok('fault', 'set', killed.system, 'crash', '--step', killed.step);
      const victim = sites.servers.get(killed.system);
      await sites.recover().catch(() => undefined);
      if (victim?.shell.isAlive === false) this.totals.struck += 1;
      await this.#revive(sites, sites.remotes);
    }
    const recovered = await sites.recover();
    demand(recovered.number !== null, `nothing was recovered: ${recovered.verdict}`);
    this.#tell(`  ${recovered.case}: ${recovered.verdict}`);
    return recovered;
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
    const alive = systems.filter((system) => !gone().includes(system));
    await Promise.all(alive.map((system) => sites.run('fault', 'clear', system)));
    // Who asked it to clear the fault may have been told so before it had ended.
    await new Promise((resolve) => setTimeout(resolve, ENDING_MS));
    // What strikes at the start would strike `fault clear` as well.
    for (const system of gone()) rmSync(join(sites.root, system, 'faults.json'), { force: true });
    await sites.serve(...gone());
  }

  async #startWriter(stage: Stage, side: readonly string[], means: Means): Promise<CountingWriter> {
    const { sites, writes, k } = stage;
    const writer = new CountingWriter(sites.root, writes, this.#targets(sites, side), means, k);
    await writer.start();
    return writer;
  }

  #prefix({ writes }: Stage, images: readonly Buffer[], what: string): number {
    const { k, wrong } = writes.prefixIn(images);
    const few = wrong.slice(0, 6).join('; ');
    demand(wrong.length === 0, `${what} show no prefix of ${k} writes: ${wrong.length} blocks, ${few}`);
    return k;
  }

  async #images({ sites }: Stage, side: readonly string[]): Promise<Buffer[]> {
    const hosts: HostConnection[] = [];
    try {
      for (const { socket, volume: name } of this.#targets(sites, side))
        hosts.push(await HostConnection.open(socket, name));
      return await Promise.all(hosts.map((host) => host.read(0, VOLUME_BYTES)));
    } finally {
      for (const host of hosts) host.close();
    }
  }

  #targets(sites: SessionSites, side: readonly string[]): Target[] {
    return sites.plan.volumes.map(({ system, remote, name }) => {
      const at = side.includes(system) ? system : remote;
      return { system: at, volume: name, socket: sites.socketOf(at) };
    });
  }
}

function demand(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}
