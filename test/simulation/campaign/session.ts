import { Controller, type RequestCode, type Requests, readPlace } from '../../../src/core/controller/controller.js';
import { isToolkitError } from '../../../src/core/foundation/foundation.js';
import { type PairRecord, pointInTimeLost } from '../../../src/core/pair/pair.js';
import { portsOf, SimSystem, TRACK } from '../system/sim-system.js';
import { type FaultFiles, Rng, type SimDisk, World } from '../world/world.js';
import {
  ANYTHING,
  type Contents,
  DOMAIN,
  differingTracks,
  logicalOf,
  SECTOR,
  SECTOR_OFFSETS,
  sectorsOf,
  stamped,
  VOLUME_BYTES,
} from './domain.js';
import {
  ahead,
  contentsAfter,
  keyOf,
  Oracle,
  overwrite,
  type PairModel,
  type PendingWrite,
  type Transition,
  type VolumeModel,
} from './oracle.js';

const FAULTS: ReadonlySet<string> = new Set([
  'io-error',
  'no-space',
  'volume-blocked',
  'file-not-found',
  'limit-reached',
  'metadata-damaged',
]);
/** One of these at a time is under way. */
const CHANGES_PAIRS: ReadonlySet<RequestCode> = new Set<RequestCode>([
  'pair.create',
  'pair.split',
  'pair.resync',
  'pair.suspend',
  'pair.delete',
  'pair.rotate',
  'pair.pace',
]);
export const SYSTEM = '/sys/tokyo';

/** Something that must not be. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** A request met an injected fault, so the script cannot go on. */
export class GaveUp extends Error {
  override readonly name = 'GaveUp';
}

export type Outcome<Code extends RequestCode> = {
  readonly output?: Requests[Code]['output'];
  readonly refused?: string;
};

/** A storage system in the simulated world, used by hosts and by a person, with an oracle that follows every step. */
export class Session {
  readonly world: World;
  readonly oracle: Oracle;
  readonly rng: Rng;
  controller!: Controller;
  /** Where faults are injected: requests may fail cleanly, and the script then ends. */
  faults: FaultFiles | undefined;
  /** Faults struck before the system was opened: pairs may be suspended. */
  afterFaults = false;

  constructor(world: World, oracle: Oracle, seed: number) {
    this.world = world;
    this.oracle = oracle;
    this.rng = new Rng(seed, 7);
  }

  /** A new, empty system. */
  static async create(seed: number): Promise<Session> {
    const world = new World(seed);
    const system = await SimSystem.create(world);
    await system.close();
    const session = new Session(world, new Oracle(), seed);
    await world.run(session.open());
    return session;
  }

  /** The system as a crash left it; not opened yet. */
  static after(disk: SimDisk, oracle: Oracle, seed: number): Session {
    // A request that had changed nothing yet is no more.
    if (oracle.transition?.after === undefined) oracle.transition = undefined;
    // Every incarnation draws identifiers of its own: a request with a known one would be answered from memory.
    return new Session(new World(seed * 1_009 + oracle.epoch * 1_000_003, { disk, incarnation: 2 }), oracle, seed);
  }

  async open(): Promise<void> {
    const ports = { ...portsOf(this.world), files: this.faults ?? this.world.files };
    const answer = await this.world.owners.acquire(SYSTEM, 'test');
    if (answer.kind !== 'granted') throw new Violation(`the system is ${answer.kind} although its owner is gone`);
    this.controller = await Controller.open(ports, readPlace(this.world.files, SYSTEM), answer.grant);
    this.oracle.epoch = this.controller.catalog.epoch;
    this.oracle.epochShown = false;
    this.controller.step = (name) => this.#onStep(name);
  }

  /** Ends the controller as a command does that is done. */
  async close(): Promise<void> {
    await this.controller.close();
    this.oracle.epochShown = true;
  }

  volumeNumber(name: string): number {
    for (const record of this.controller.catalog.volumes.values()) if (record.name === name) return record.number;
    throw new Violation(`volume ${name} is not there`);
  }

  nameOf(number: number): string {
    return this.controller.catalog.volumes.get(number)?.name ?? `#${number}`;
  }

  logical(name: string): Contents {
    return logicalOf(this.controller.fabric, this.volumeNumber(name));
  }

  record(primary: string, secondary: string): PairRecord | undefined {
    for (const pair of this.controller.catalog.pairs.values()) {
      if (this.nameOf(pair.primary) === primary && this.nameOf(pair.secondary) === secondary) return pair;
    }
    return undefined;
  }

  async createVolumes(...names: string[]): Promise<void> {
    for (const name of names) {
      const model = this.oracle.addVolume(name, 'create');
      await this.#request('volume.create', { name, sizeBytes: VOLUME_BYTES, reserve: name.startsWith('r') });
      model.changing = undefined;
      this.oracle.epochShown = true;
    }
  }

  async deleteVolume(name: string): Promise<void> {
    const model = this.oracle.volume(name);
    model.changing = 'delete';
    await this.#request('volume.delete', { volumes: [name] });
    this.oracle.volumes.delete(name);
  }

  async formatVolume(name: string): Promise<void> {
    const model = this.oracle.volume(name);
    model.changing = 'format';
    await this.#request('volume.format', { volumes: [name], force: true });
    model.changing = undefined;
    model.contents = new Uint32Array(SECTOR_OFFSETS.length);
    model.older.clear();
  }

  /** A host writes sectors of the domain: a whole track, or some sectors of one. Answers whether it was taken. */
  async write(
    volume: string,
    track: number,
    options: { from?: number; sectors?: number; durable?: boolean } = {},
  ): Promise<boolean> {
    const from = track * TRACK + (options.from ?? 0) * SECTOR;
    const bytes = Math.min((options.sectors ?? TRACK / SECTOR) * SECTOR, VOLUME_BYTES - from);
    return this.#write(volume, from, bytes, options.durable ?? true);
  }

  /** A host writes several neighbouring tracks at once, beginning and ending inside tracks, where no other write is under way. */
  async writeLong(volume: string, tracks: number): Promise<boolean> {
    const busy = this.#busySectors(volume);
    const starts = DOMAIN.slice(0, -tracks).filter(
      (track) => !sectorsOf(track * TRACK, tracks * TRACK).some((sector) => busy.has(sector)),
    );
    if (starts.length === 0) return false;
    return this.#write(volume, this.rng.pick(starts) * TRACK + 3 * SECTOR, tracks * TRACK - 5 * SECTOR, true);
  }

  #busySectors(volume: string): Set<number> {
    return new Set([...this.oracle.volume(volume).writes].flatMap((write) => write.sectors));
  }

  /** Some host writes, one after the other, at random places that no other write is at. */
  async host(volume: string, writes: number): Promise<void> {
    for (let left = writes; left > 0; left -= 1) {
      const busy = this.#busySectors(volume);
      const free = DOMAIN.filter((track) => !sectorsOf(track * TRACK, TRACK).some((sector) => busy.has(sector)));
      if (free.length === 0) return;
      const track = this.rng.pick(free);
      if (this.rng.chance(0.5)) await this.write(volume, track);
      else
        await this.write(volume, track, {
          from: this.rng.below(4),
          sectors: 1 + this.rng.below(4),
          durable: this.rng.chance(0.8),
        });
    }
  }

  async #write(volume: string, from: number, bytes: number, durable: boolean): Promise<boolean> {
    const model = this.oracle.volume(volume);
    this.oracle.stamp += 1;
    const write: PendingWrite = { sectors: sectorsOf(from, bytes), stamp: this.oracle.stamp, unsure: false };
    const settled = new Map([...model.older.keys()].map((sector) => [sector, model.contents?.[sector]]));
    model.writes.add(write);
    const data = stamped(bytes, write.stamp);
    try {
      await this.controller.request('volume.write', { volume, offsetBytes: from, durable }, { data });
    } catch (error) {
      if (!isToolkitError(error)) throw error;
      if (FAULTS.has(error.code) && model.contents !== null) this.#failed(model, write);
      else this.#landed(volume, model, write);
      return false;
    }
    this.#landed(volume, model, write);
    if (durable) {
      this.oracle.epochShown = true;
      // The flush came after the write was begun: what completed before is durable where it was not written again.
      for (const [sector, value] of settled) if (model.contents?.[sector] === value) model.older.delete(sector);
      for (const sector of write.sectors) model.older.delete(sector);
    }
    return true;
  }

  /** The medium failed: the write may have landed in part. */
  #failed(model: VolumeModel, write: PendingWrite): void {
    if (this.faults === undefined) throw new Violation('a write met a fault that nobody injected');
    model.writes.delete(write);
    overwrite(model, write.sectors, ANYTHING);
  }

  /** The write was answered: the sectors hold it, or, where a gate or a refusal came between, what is there decides. */
  #landed(volume: string, model: VolumeModel, write: PendingWrite): void {
    model.writes.delete(write);
    this.noteLosses();
    if (model.contents === null) return;
    const now = this.logical(volume);
    const old = model.contents;
    for (const sector of write.sectors) {
      if (now[sector] === write.stamp) overwrite(model, [sector], write.stamp);
      else if (!write.unsure && old[sector] !== now[sector] && old[sector] !== ANYTHING)
        throw new Violation(
          `sector ${sector} of ${volume} holds ${now[sector]} after ${write.stamp} was written over ${old[sector]}`,
        );
    }
  }

  /** A host reads and compares what it gets. */
  async read(volume: string): Promise<void> {
    const model = this.oracle.volume(volume);
    const before = model.contents;
    const bytes = 6 * TRACK;
    const answered = await this.#request('volume.read', { volume, offsetBytes: 0, lengthBytes: bytes });
    if (before === null || model.contents !== before || model.writes.size > 0) return;
    const words = new Uint32Array((answered.data as Uint8Array).slice().buffer);
    for (const sector of sectorsOf(0, bytes)) {
      const found = words[(SECTOR_OFFSETS[sector] as number) / 4];
      if (found !== before[sector] && before[sector] !== ANYTHING)
        throw new Violation(`a host reads ${found} in sector ${sector} of ${volume} instead of ${before[sector]}`);
    }
  }

  async #request<Code extends RequestCode>(
    code: Code,
    input: Requests[Code]['input'],
  ): Promise<{ data?: Uint8Array | undefined }> {
    try {
      return await this.controller.request(code, input);
    } catch (error) {
      if (this.faults !== undefined && isToolkitError(error)) throw new GaveUp(`${code}: ${error.message}`);
      throw error;
    }
  }

  /** A request that may change pairs. A refusal is told, and must have changed nothing. */
  async ask<Code extends RequestCode>(code: Code, input: Requests[Code]['input']): Promise<Outcome<Code>> {
    try {
      const { output } = await this.controller.request(code, input);
      if (CHANGES_PAIRS.has(code)) this.oracle.transition = undefined;
      return { output };
    } catch (error) {
      if (!isToolkitError(error)) throw error;
      if (this.faults !== undefined) throw new GaveUp(`${code}: ${error.message}`);
      this.noteTransition();
      if (!CHANGES_PAIRS.has(code)) return { refused: error.code };
      const changed = this.oracle.transition?.after !== undefined;
      this.oracle.transition = undefined;
      if (changed) throw new Violation(`${code} was refused (${error.code}) after it had changed something`);
      return { refused: error.code };
    }
  }

  /** A request that must be carried out. */
  async must<Code extends RequestCode>(code: Code, input: Requests[Code]['input']): Promise<Requests[Code]['output']> {
    const { output, refused } = await this.ask(code, input);
    if (output === undefined) throw new Violation(`${code} ${JSON.stringify(input)} was refused: ${refused}`);
    return output;
  }

  async pair(
    primary: string,
    secondary: string,
    more: Partial<Requests['pair.create']['input']> & { row?: object } = {},
  ): Promise<void> {
    const { row, ...rest } = more;
    await this.must('pair.create', { pairs: [{ primary, secondary, ...row }], ...rest });
  }

  async split(primary: string, secondary?: string, more: Partial<Requests['pair.split']['input']> = {}): Promise<void> {
    await this.must('pair.split', { pairs: [{ primary, secondary }], ...more });
  }

  async resync(
    primary: string,
    secondary: string,
    more: Partial<Requests['pair.resync']['input']> = {},
  ): Promise<void> {
    await this.must('pair.resync', { pairs: [{ primary, secondary }], discard: true, ...more });
  }

  async delete(primary: string, secondary: string): Promise<void> {
    await this.must('pair.delete', { pairs: [{ primary, secondary }], force: true });
  }

  /** Copies until the pair has the status, which then stays through a crash. */
  async wait(
    primary: string,
    secondary: string,
    ...statuses: Requests['pair.wait']['input']['statuses']
  ): Promise<void> {
    const { verdict } = await this.must('pair.wait', { pairs: [{ primary, secondary }], statuses });
    if (verdict !== 'reached' && this.faults !== undefined) throw new GaveUp(`waiting ended: ${verdict}`);
    if (verdict !== 'reached')
      throw new Violation(
        `${keyOf(primary, secondary)} did not become ${statuses.join(' or ')}: ${verdict}, it is ${JSON.stringify(this.record(primary, secondary)?.state)}`,
      );
    const record = this.record(primary, secondary);
    if (record) this.oracle.pairs.set(keyOf(primary, secondary), modelOf(record));
    this.oracle.epochShown = true;
  }

  /** Whether a request has changed pairs in memory; to be asked before anything is snapped. */
  noteTransition(): void {
    const { transition } = this.oracle;
    if (transition === undefined || transition.after !== undefined) return;
    const now = this.#records();
    const keys = [...new Set([...transition.before.keys(), ...now.keys()])];
    const changed = keys.filter((key) => isChanged(transition.before.get(key), now.get(key)));
    if (changed.length === 0) return;
    transition.after = new Map(changed.map((key) => [key, now.get(key) && modelOf(now.get(key) as PairRecord)]));
    // In a chain split at one instant the far end shows what its primary shows from that instant on.
    const above = (key: string) => keys.filter((other) => other.split('>')[1] === key.split('>')[0]);
    const depth = (key: string): number => Math.max(0, ...above(key).map((other) => 1 + depth(other)));
    for (const key of changed.sort((one, other) => depth(one) - depth(other)))
      this.#foresee(transition, key, now.get(key));
  }

  /** A fault may have cost a secondary its point in time; it promises nothing any more. */
  noteLosses(): void {
    if (this.faults === undefined && !this.afterFaults) return;
    for (const record of this.controller.catalog.pairs.values()) {
      const secondary = this.oracle.volumes.get(this.nameOf(record.secondary));
      if (secondary !== undefined && losesSecondary(record)) secondary.contents = null;
    }
  }

  #foresee(transition: Transition, key: string, after: PairRecord | undefined): void {
    const [primary = '', secondary = ''] = key.split('>');
    const held = {
      primary: (transition.contents.get(primary) ?? transition.samples.get(primary)) as Contents,
      secondary: transition.samples.get(secondary) as Contents,
    };
    if (held.primary === undefined || held.secondary === undefined) return;
    const incomplete = { primary: this.#isIncomplete(primary), secondary: this.#isIncomplete(secondary) };
    const effect = contentsAfter(transition.before.get(key), after, held, incomplete);
    if (effect.primary !== undefined) transition.contents.set(primary, effect.primary.slice());
    if (effect.secondary !== undefined) transition.contents.set(secondary, effect.secondary?.slice() ?? null);
  }

  #isIncomplete(name: string): boolean {
    return this.controller.catalog.volumes.get(this.volumeNumber(name))?.incomplete != null;
  }

  #records(): Map<string, PairRecord> {
    return new Map(
      [...this.controller.catalog.pairs.values()].map((pair) => [
        keyOf(this.nameOf(pair.primary), this.nameOf(pair.secondary)),
        pair,
      ]),
    );
  }

  #onStep(name: string): void {
    if (name === 'pair.gated') this.#sample();
    else if (name === 'pair.logged') this.#compare();
    else if (name === 'pair.durable') this.#acknowledge();
  }

  /** All gates are closed: what the volumes hold now is the instant. */
  #sample(): void {
    const { fabric } = this.controller;
    const samples = new Map<string, Contents>();
    this.noteLosses();
    for (const [name, model] of this.oracle.volumes) {
      const records = [...this.controller.catalog.volumes.values()];
      const number = records.find((record) => record.name === name && record.status === 'normal')?.number;
      if (number === undefined || !fabric.volume(number).gate.isClosed) continue;
      const sample = logicalOf(fabric, number);
      samples.set(name, sample);
      for (const write of model.writes) write.unsure = true;
      if (model.contents === null) continue;
      this.#demandSample(name, model, sample);
      model.contents = sample.map((value, sector) => (model.contents?.[sector] === ANYTHING ? ANYTHING : value));
    }
    this.oracle.transition = { before: this.#records(), samples, after: undefined, contents: new Map() };
  }

  #demandSample(name: string, model: VolumeModel, sample: Contents): void {
    const contents = model.contents as Contents;
    for (let sector = 0; sector < sample.length; sector += 1) {
      const expected = contents[sector];
      if (sample[sector] === expected || expected === ANYTHING) continue;
      const own = [...model.writes].some((write) => write.stamp === sample[sector] && write.sectors.includes(sector));
      if (!own)
        throw new Violation(`at a gate sector ${sector} of ${name} holds ${sample[sector]} instead of ${expected}`);
      overwrite(model, [sector], sample[sector] as number);
    }
  }

  /** The change is made, the gates still closed: the volumes hold what the change promises. */
  #compare(): void {
    this.noteTransition();
    const { transition } = this.oracle;
    if (transition === undefined) return;
    for (const [name, contents] of transition.contents) {
      if (contents === null || contents.includes(ANYTHING)) continue;
      const differing = differingTracks(this.logical(name), contents);
      if (differing.length > 0)
        throw new Violation(`at the instant of a change tracks ${differing.join(', ')} of ${name} are wrong`);
    }
  }

  /** From now on nothing may take the change back, although nobody was answered yet. */
  #acknowledge(): void {
    this.noteTransition();
    const { transition } = this.oracle;
    this.oracle.transition = undefined;
    if (transition === undefined) return;
    this.oracle.epochShown ||= transition.after !== undefined;
    takeTransition(this.oracle, transition);
  }
}

/** The transition's outcome is what must hold. */
export function takeTransition(oracle: Oracle, transition: Transition): void {
  for (const [key, model] of transition.after ?? []) {
    if (model === undefined) oracle.pairs.delete(key);
    else oracle.pairs.set(key, model);
  }
  for (const [name, contents] of transition.contents) {
    const volume = oracle.volumes.get(name);
    if (volume === undefined) continue;
    volume.contents = contents;
    volume.older.clear();
  }
}

/** Whether a request made this difference; copying that came to its end did not. */
function isChanged(before: PairRecord | undefined, after: PairRecord | undefined): boolean {
  if (before === undefined || after === undefined) return before !== after;
  if (before.state === after.state) return false;
  return (
    before.generation !== after.generation ||
    !ahead(before.state.status).includes(after.state.status) ||
    before.state.status === after.state.status
  );
}

function losesSecondary({ state }: PairRecord): boolean {
  if (state.status !== 'suspended') return false;
  return pointInTimeLost(state) || (state.from.status === 'resync-reverse' && state.from.backup === null);
}

export function modelOf(record: PairRecord): PairModel {
  return { status: record.state.status, generation: record.generation };
}
