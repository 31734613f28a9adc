import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  openClient,
  openedController,
  readPlace,
  type SystemClient,
  type SystemPlace,
} from '../../src/core/controller/controller.js';
import { isToolkitError } from '../../src/core/foundation/foundation.js';
import type { PairStatus } from '../../src/core/pair/pair.js';
import { nodeFiles } from '../../src/platform/platform.js';
import { machinePorts } from '../e2e/machine-client.js';
import { Rng } from '../simulation/world/rng.js';
import { type Order, ordersFor } from './orders.js';
import { BLOCK_BYTES, type BlockWrite, notAPrefix, Shadow, stampedBytes, stampsOf } from './shadow.js';
import { Victim, type VictimEnd } from './victim.js';

export const SECONDARIES = ['s1', 's2'] as const;
export type Secondary = (typeof SECONDARIES)[number];
export type Status = PairStatus | 'simplex';

const SYSTEM = 't';
const VOLUME_BYTES = 32 * 1_048_576;
const BLOCKS = VOLUME_BYTES / BLOCK_BYTES;
const READ_BYTES = 8 * 1_048_576;
/** How long the next command may wait for the lock of a killed one. */
const LOCK_LIMIT_MS = 1_000;
const FOLLOWING: readonly Status[] = ['pending', 'duplex', 'resync'];
const FROZEN: readonly Status[] = ['sp-pending', 'split'];

const ports = machinePorts('torture');

/** What one round did, as the checks need it. */
interface Round {
  readonly order: Order;
  readonly before: Readonly<Record<Secondary, Status>>;
  readonly primaryBefore: Shadow;
  readonly secondaryBefore: Readonly<Record<Secondary, Shadow | undefined>>;
  /** What the writer wrote into the primary beside the victim, one after the other. */
  readonly writes: (BlockWrite & { startedAtMs: number })[];
  victim: Victim;
  end: VictimEnd;
}

export interface Totals {
  kills: number;
  rounds: number;
  refused: number;
  writes: number;
  lockWaitMaxMs: number;
  recoveryMaxMs: number;
  writerWaitMaxMs: number;
  drains: number;
}

/** One storage system with a primary and two secondaries, and what it must hold. */
export class Campaign {
  readonly totals: Totals = {
    kills: 0,
    rounds: 0,
    refused: 0,
    writes: 0,
    lockWaitMaxMs: 0,
    recoveryMaxMs: 0,
    writerWaitMaxMs: 0,
    drains: 0,
  };
  readonly failures: string[] = [];
  readonly #rng: Rng;
  readonly #root: string;
  readonly #verbose: boolean;
  readonly #usualMs = new Map<string, number>();
  #place!: SystemPlace;
  #stamp = 0;
  #primary = Shadow.zeros(BLOCKS);
  /** Undefined while a secondary follows or lacks tracks, and so shows hosts nothing. */
  readonly #images: Record<Secondary, Shadow | undefined> = { s1: undefined, s2: undefined };
  /** What a secondary held when it began to be restored from. */
  readonly #closed: Record<Secondary, Shadow | undefined> = { s1: undefined, s2: undefined };
  #statuses: Record<Secondary, Status> = { s1: 'simplex', s2: 'simplex' };

  constructor(root: string, seed: number, verbose = false) {
    this.#root = root;
    this.#verbose = verbose;
    this.#rng = new Rng(seed);
  }

  async prepare(durability: 'power' | 'none'): Promise<void> {
    await this.#must(['system', 'create', SYSTEM, '--track-size', '16KiB', '--durability', durability]);
    for (const name of ['p', ...SECONDARIES])
      await this.#must(['volume', 'create', `${SYSTEM}:${name}`, '--size', String(VOLUME_BYTES)]);
    this.#place = readPlace(nodeFiles, join(this.#root, SYSTEM));
    await this.#withClient(async (client) => {
      for (let first = 0; first < BLOCKS * 0.75; first += 512) await this.#write(client, { first, count: 512 });
    });
  }

  /** One command, most often killed at a random moment; then everything is looked at. */
  async round(): Promise<void> {
    const order = this.#chooseOrder();
    const round = await this.#play(order);
    this.totals.rounds += 1;
    if (round.end.code === undefined) this.totals.kills += 1;
    else this.#judgeExit(round);
    await this.#inspect(round);
  }

  /** Everything is copied to its end, and every byte compared. */
  async finish(): Promise<void> {
    for (let tries = 0; tries < 4; tries += 1)
      for (const secondary of SECONDARIES)
        for (const order of this.#lastOrders(secondary)) await this.#inspect(await this.#play(order, false));
    await this.#drain();
    for (const [secondary, status] of Object.entries(this.#statuses))
      if (status !== 'duplex' && status !== 'simplex') this.#fail(`at the end ${secondary} is ${status}, not duplex`);
  }

  /** What brings a pair back to duplex; of a suspended one it depends on where it came from, and the other way is refused. */
  #lastOrders(secondary: Secondary): Order[] {
    const status = this.#statuses[secondary];
    const pair = [`${SYSTEM}:p`, `${SYSTEM}:${secondary}`];
    const order = (kind: Order['kind'], ...words: string[]): Order => ({
      kind,
      secondaries: [secondary],
      words,
      label: `last ${kind}`,
    });
    const resync = order('resync', 'pair', 'resync', ...pair, '--discard', '--wait');
    const restore = order('restore', 'pair', 'resync', ...pair, '--reverse', '--discard', '--wait');
    if (FROZEN.includes(status)) return [resync];
    if (status === 'suspended') return this.#closed[secondary] ? [restore] : [resync];
    if (status === 'duplex' || status === 'simplex') return [];
    return [order('wait', 'pair', 'wait', ...pair, '--status', 'duplex,split', '--timeout', '60s')];
  }

  #chooseOrder(): Order {
    const secondary = this.#rng.pick(SECONDARIES);
    const orders = ordersFor(this.#statuses, secondary, this.#rng, SYSTEM);
    return this.#rng.pick(orders);
  }

  async #play(order: Order, mayKill = true): Promise<Round> {
    const write = order.write ? this.#nextWrite(order.write.blocksMax) : undefined;
    const words = write ? [...order.words, '--offset', String(write.first * BLOCK_BYTES)] : order.words;
    const victim = new Victim(words, this.#root, write && stampedBytes(write.stamp, write.count));
    const round: Round = {
      order,
      before: { ...this.#statuses },
      primaryBefore: this.#primary.copy(),
      secondaryBefore: { ...this.#images },
      writes: [],
      victim,
      end: { code: 0, text: '' },
    };
    const writer = order.long && this.#rng.chance(0.5) ? this.#writeBeside(round) : undefined;
    if (mayKill) await this.#killLater(victim, order);
    round.end = await victim.ended;
    await writer;
    if (round.end.code !== undefined) this.#noteDuration(order.label, victim);
    if (write) {
      write.acknowledged = round.end.code === 0;
      const volume = order.write?.volume === 'p' ? this.#primary : this.#images[order.secondaries[0] ?? 's1'];
      if (round.end.code === 0 || round.end.code === undefined) volume?.wrote(write);
      this.totals.writes += 1;
    }
    return round;
  }

  /** Half of the kills strike shortly after the victim became the owner, the others anywhere in its life as such; a few before. */
  async #killLater(victim: Victim, order: Order): Promise<void> {
    const early = this.#rng.chance(0.05);
    const soon = this.#rng.chance(0.5);
    const usualMs = this.#usualMs.get(order.label) ?? 200;
    const afterMs = this.#rng.unit() * (soon ? 40 : usualMs);
    if (!early) victim.ownedAtMs = (await this.#untilOwner(victim)) ? performance.now() : undefined;
    await Promise.race([victim.ended, sleep(early ? afterMs * 4 : afterMs)]);
    victim.kill();
  }

  async #untilOwner(victim: Victim): Promise<boolean> {
    while (victim.isAlive) {
      if (ports.owners.current(this.#place.path)?.pid === victim.pid) return true;
      await sleep(1);
    }
    return false;
  }

  #noteDuration(label: string, victim: Victim): void {
    if (victim.ownedAtMs === undefined) return;
    const tookMs = (victim.endedAtMs ?? 0) - victim.ownedAtMs;
    const usualMs = this.#usualMs.get(label);
    this.#usualMs.set(label, usualMs === undefined ? tookMs : usualMs * 0.7 + tookMs * 0.3);
  }

  /** A host beside the victim: write after write into the primary, until shortly after the victim is gone. */
  async #writeBeside(round: Round): Promise<void> {
    if (!(await this.#untilOwner(round.victim))) return;
    await sleep(30); // Now it serves, if it lives that long.
    const client = await openClient(ports, this.#place, { purpose: 'torture writer' });
    try {
      for (let more = 3; more > 0; ) {
        if (!round.victim.isAlive) more -= 1;
        const { killedAtMs } = round.victim;
        await this.#writeOnce(client, round);
        if (killedAtMs === undefined && round.victim.killedAtMs !== undefined)
          this.#noteMax('writerWaitMaxMs', performance.now() - round.victim.killedAtMs);
      }
    } finally {
      await client.close();
    }
  }

  async #writeOnce(client: SystemClient, round: Round): Promise<void> {
    const write = Object.assign(this.#nextWrite(16), { startedAtMs: performance.now() });
    try {
      await this.#write(client, write);
    } catch (error) {
      if (isToolkitError(error, 'not-writable')) return;
      if (!isToolkitError(error, 'outcome-unknown')) this.#fail(`write ${write.stamp} failed: ${error}`);
      this.#primary.wrote(write);
    }
    round.writes.push(write);
  }

  #nextWrite(blocksMax: number): BlockWrite {
    const count = 1 + this.#rng.below(blocksMax);
    this.#stamp += 1;
    return { stamp: this.#stamp, first: this.#rng.below(BLOCKS - count + 1), count, acknowledged: false };
  }

  async #write(client: SystemClient, write: BlockWrite | { first: number; count: number }): Promise<void> {
    const whole: BlockWrite = 'stamp' in write ? write : { ...write, stamp: ++this.#stamp, acknowledged: false };
    const input = { volume: 'p', offsetBytes: whole.first * BLOCK_BYTES, durable: true };
    await client.request('volume.write', input, { data: stampedBytes(whole.stamp, whole.count) });
    whole.acknowledged = true;
    this.#primary.wrote(whole);
    this.totals.writes += 1;
  }

  #judgeExit({ end, victim }: Round): void {
    if (end.code === 3) this.totals.refused += 1;
    else if (end.code !== 0) this.#fail(`${victim.words.join(' ')} ended with ${end.code}: ${end.text.trim()}`);
  }

  #tell({ victim, end, before, writes }: Round): void {
    const tookMs = ((victim.endedAtMs ?? 0) - victim.startedAtMs).toFixed(0);
    const moves = SECONDARIES.map((one) => `${one} ${before[one]} -> ${this.#statuses[one]}`).join(', ');
    const what = `${victim.words.join(' ')}: ${end.code ?? 'killed'} after ${tookMs} ms`;
    console.log(`${this.totals.rounds} ${what}; ${moves}; ${writes.length} writes beside it`);
    if (end.code !== undefined && end.code !== 0) console.log(end.text.trim());
  }

  /** The next command after a kill: it must get the lock at once, and find everything that was acknowledged. */
  async #inspect(round: Round): Promise<void> {
    await this.#measureLock();
    await this.#withClient(async (client) => {
      const { pairs } = (await client.request('pair.list', {})).output;
      const after: Record<Secondary, Status> = { s1: 'simplex', s2: 'simplex' };
      const virtual = new Set<Secondary>();
      for (const pair of pairs) {
        const secondary = pair.secondary.split(':')[1] as Secondary;
        after[secondary] = pair.status;
        if (pair.virtual) virtual.add(secondary);
        if (pair.status === 'suspended' && round.before[secondary] !== 'suspended' && round.order.kind !== 'suspend')
          this.#fail(`${secondary} was suspended by itself: ${pair.reason}`);
      }
      this.#statuses = after;
      if (this.#verbose) this.#tell(round);
      this.#judgeOutcome(round, after, virtual);
      const seen = await this.#compareAll(client, round);
      this.#judgeTogether(round, after, seen);
      await this.#verify(client);
    });
    if (this.#rng.chance(0.3)) await this.#drain();
  }

  /** What the new statuses say about the contents of the volumes. */
  #judgeOutcome(round: Round, after: Readonly<Record<Secondary, Status>>, virtual: ReadonlySet<Secondary>): void {
    const { order, before } = round;
    for (const secondary of SECONDARIES) {
      const [was, is] = [before[secondary], after[secondary]];
      const isRestored = was === 'resync-reverse' && is === 'split' && virtual.has(secondary);
      if (!order.secondaries.includes(secondary) && kin(was) !== kin(is) && !isRestored)
        this.#fail(`${secondary} went from ${was} to ${is}, which nobody asked for`);
      if (!this.#keepsRestoring(secondary, was, is)) this.#judgeImage(round, secondary, was, is);
    }
    if (order.kind === 'restore') this.#judgeRestore(round, after);
    if (round.end.code !== 0 || !order.reaches) return;
    for (const secondary of order.secondaries)
      if (!order.reaches.includes(after[secondary]))
        this.#fail(`${round.victim.words.join(' ')} exited 0, and ${secondary} is ${after[secondary]}`);
  }

  /** What a secondary shows hosts now: nothing, what it showed before, or the primary as it was during the round. */
  #judgeImage({ order, primaryBefore, writes }: Round, secondary: Secondary, was: Status, is: Status): void {
    const fromPrimary = withWrites(primaryBefore, writes);
    if (FOLLOWING.includes(is)) this.#images[secondary] = undefined;
    else if (FROZEN.includes(is)) {
      const keeps = FROZEN.includes(was) || (was === 'suspended' && this.#images[secondary]);
      if (!keeps) this.#images[secondary] = fromPrimary;
    } else if (is === 'simplex' && was !== 'simplex') {
      if (order.force || (was !== 'duplex' && !FROZEN.includes(was))) this.#images[secondary] = undefined;
      else if (was === 'duplex') this.#images[secondary] = fromPrimary;
    }
  }

  /** A secondary that is restored from is closed meanwhile; a virtual one comes back as it was (H30). True: nothing else to judge. */
  #keepsRestoring(secondary: Secondary, was: Status, is: Status): boolean {
    const image = this.#images[secondary] ?? this.#closed[secondary];
    const isRestoring = is === 'resync-reverse' || (is === 'suspended' && this.#closed[secondary] !== undefined);
    this.#closed[secondary] = isRestoring ? image : undefined;
    if (isRestoring) this.#images[secondary] = undefined;
    else if (FROZEN.includes(is) && (was === 'resync-reverse' || was === 'suspended')) this.#images[secondary] = image;
    else return false;
    return true;
  }

  #judgeRestore(round: Round, after: Readonly<Record<Secondary, Status>>): void {
    for (const secondary of round.order.secondaries) {
      const source = round.secondaryBefore[secondary];
      if (!source || round.end.code === 3) continue;
      const restored = withWrites(source, round.writes);
      const isSure = round.end.code === 0 || [...FOLLOWING, 'resync-reverse'].includes(after[secondary]);
      if (isSure) this.#primary = restored;
      else this.#primary.mayBe(restored);
    }
  }

  /** Reads every volume that hosts may read and compares it with what it must hold. */
  async #compareAll(client: SystemClient, round: Round): Promise<Partial<Record<Secondary, Int32Array>>> {
    const seen: Partial<Record<Secondary, Int32Array>> = {};
    this.#report('the primary', this.#primary.settle(await this.#read(client, 'p')), round);
    for (const secondary of SECONDARIES) {
      const image = this.#images[secondary];
      if (!image) continue;
      const stamps = await this.#read(client, secondary);
      seen[secondary] = stamps;
      this.#report(secondary, image.settle(stamps), round);
      const isNew = round.secondaryBefore[secondary] === undefined;
      if (isNew) this.#report(`the point in time of ${secondary}`, notAPrefix(stamps, round.writes), round);
    }
    return seen;
  }

  /** Pairs split by one command show one and the same instant, or none was split. */
  #judgeTogether(
    round: Round,
    after: Readonly<Record<Secondary, Status>>,
    seen: Partial<Record<Secondary, Int32Array>>,
  ): void {
    if (round.order.kind !== 'split' || round.order.secondaries.length < 2) return;
    if (!SECONDARIES.every((secondary) => FOLLOWING.includes(round.before[secondary]))) return;
    const split = SECONDARIES.filter((secondary) => FROZEN.includes(after[secondary]));
    if (split.length === 1) this.#fail(`one command split ${split[0]} and not the other`);
    if (split.length === 2 && seen.s1 && seen.s2 && Buffer.compare(bytesOf(seen.s1), bytesOf(seen.s2)) !== 0)
      this.#fail('two pairs split by one command show two different instants');
  }

  async #verify(client: SystemClient): Promise<void> {
    if (Object.values(this.#statuses).every((status) => status === 'simplex')) return;
    const { output } = await client.request('pair.verify', { pairs: [{ primary: 'p' }], repair: false });
    for (const { secondary, same, differingTracks } of output.pairs)
      if (!same)
        this.#fail(`${secondary} differs in tracks that no map holds: ${differingTracks.slice(0, 10).join(', ')}`);
  }

  /** Lets every copy come to its end, and compares the images themselves. */
  async #drain(): Promise<void> {
    this.totals.drains += 1;
    const going = SECONDARIES.filter((one) => !['simplex', 'suspended'].includes(this.#statuses[one]));
    await this.#withClient(async (client) => {
      const pairs = going.map((secondary) => ({ primary: 'p', secondary }));
      if (pairs.length === 0) return;
      await client.request('pair.pace', { pairs, pace: 'fast', rateBytesPerSecond: 0 });
      const wait = { pairs, statuses: ['duplex', 'split'] as const, timeoutMs: 60_000 };
      const { output } = await client.request('pair.wait', wait);
      if (output.verdict !== 'reached') this.#fail(`copying does not come to an end: ${output.verdict}`);
      for (const pair of output.pairs) {
        const secondary = pair.secondary.split(':')[1] as Secondary;
        this.#keepsRestoring(secondary, this.#statuses[secondary], pair.status);
        this.#statuses[secondary] = pair.status;
      }
    });
    await this.#followUp();
    await this.#withClient(async (client) => {
      await this.#verify(client);
      for (const secondary of SECONDARIES) {
        const image = this.#images[secondary];
        if (image) this.#report(secondary, image.settle(await this.#read(client, secondary)));
      }
    });
    const primary = this.#image('p');
    // What a restore that was suspended had not copied yet is read from its secondary.
    if (SECONDARIES.some((one) => this.#statuses[one] === 'suspended' && this.#closed[one])) return;
    this.#report('the image of the primary', this.#primary.settle(stampsOf(primary)));
    for (const secondary of going)
      if (this.#statuses[secondary] === 'duplex' && !primary.equals(this.#image(secondary)))
        this.#fail(`${secondary} is duplex, and its image differs from the primary's`);
  }

  /** A duplex pair lags behind the hosts as long as nobody copies: this copies the rest. */
  async #followUp(): Promise<void> {
    const answer = await ports.owners.acquire(this.#place.path, 'torture');
    if (answer.kind !== 'granted') throw new Error(`the system is owned by process ${answer.owner.pid}`);
    const controller = await openedController(ports, this.#place, answer.grant);
    controller.startCopying();
    try {
      const deadlineMs = performance.now() + 60_000;
      const lags = () =>
        controller.listing.pairs().some(({ status, outOfSyncTracks }) => status === 'duplex' && outOfSyncTracks > 0);
      while (lags() && performance.now() < deadlineMs) await controller.changed(20);
      if (lags()) this.#fail('a duplex pair stays out of sync although its copier runs');
    } finally {
      await controller.stopCopying();
      await controller.close();
    }
  }

  #image(volume: string): Buffer {
    return readFileSync(join(this.#place.path, 'images', `${volume}.img`));
  }

  async #read(client: SystemClient, volume: string): Promise<Int32Array> {
    const stamps = new Int32Array(BLOCKS);
    for (let at = 0; at < VOLUME_BYTES; at += READ_BYTES) {
      const { data } = await client.request('volume.read', { volume, offsetBytes: at, lengthBytes: READ_BYTES });
      stamps.set(stampsOf(data ?? new Uint8Array(0)), at / BLOCK_BYTES);
    }
    return stamps;
  }

  async #measureLock(): Promise<void> {
    const startedMs = performance.now();
    for (;;) {
      const answer = await ports.owners.acquire(this.#place.path, 'torture');
      const tookMs = performance.now() - startedMs;
      if (answer.kind === 'granted') {
        this.#noteMax('lockWaitMaxMs', tookMs);
        await answer.grant.release();
        if (tookMs >= LOCK_LIMIT_MS) this.#fail(`the lock of a killed process was waited for ${Math.round(tookMs)} ms`);
        return;
      }
      if (tookMs > 10 * LOCK_LIMIT_MS)
        throw new Error(`the lock is ${answer.kind} by process ${answer.owner.pid} and stays so`);
      await sleep(2);
    }
  }

  async #withClient(work: (client: SystemClient) => Promise<void>): Promise<void> {
    const startedMs = performance.now();
    const client = await openClient(ports, this.#place, { purpose: 'torture' });
    this.#noteMax('recoveryMaxMs', performance.now() - startedMs);
    try {
      await work(client);
    } finally {
      await client.close();
    }
  }

  async #must(words: readonly string[]): Promise<void> {
    const { code, text } = await new Victim(words, this.#root).ended;
    if (code !== 0) throw new Error(`${words.join(' ')} ended with ${code}: ${text}`);
  }

  #noteMax(key: 'lockWaitMaxMs' | 'recoveryMaxMs' | 'writerWaitMaxMs', valueMs: number): void {
    this.totals[key] = Math.max(this.totals[key], valueMs);
  }

  #report(what: string, wrong: readonly string[], round?: Round): void {
    if (wrong.length === 0) return;
    const after = round ? ` after ${round.victim.words.join(' ')} (${round.end.code ?? 'killed'})` : '';
    this.#fail(`${what} is wrong${after}: ${wrong.length} times, first: ${wrong.slice(0, 3).join('; ')}`);
  }

  #fail(text: string): void {
    this.failures.push(`round ${this.totals.rounds}: ${text}`);
  }
}

/** What a volume may hold after these writes, each of which may or may not be in it. */
function withWrites(base: Shadow, writes: readonly BlockWrite[]): Shadow {
  const shadow = base.copy();
  for (const write of writes) shadow.wrote({ ...write, acknowledged: false });
  return shadow;
}

/** Copying alone moves a pair between statuses of one kin; the restore of a virtual copy is the one exception (H30). */
function kin(status: Status): string {
  if (FOLLOWING.includes(status) || status === 'resync-reverse') return 'following';
  return FROZEN.includes(status) ? 'frozen' : status;
}

function bytesOf(stamps: Int32Array): Uint8Array {
  return new Uint8Array(stamps.buffer, stamps.byteOffset, stamps.byteLength);
}

function sleep(spanMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, spanMs));
}
