import {
  openedController,
  type RequestCode,
  type Requests,
  readPlace,
} from '../../../src/core/controller/controller.js';
import { isToolkitError } from '../../../src/core/foundation/foundation.js';
import { portsOf, SimSystem, TRACK } from '../system/sim-system.js';
import { type SimDisk, World } from '../world/world.js';
import { ANYTHING, DOMAIN, SECTOR, SECTOR_OFFSETS, sectorsOf, stamped, VOLUME_BYTES } from './domain.js';
import { keyOf, Oracle, overwrite, type PendingWrite, type VolumeModel } from './oracle.js';
import { GaveUp, modelOf, Violation, WatchedSystem } from './watched-system.js';

export { GaveUp, modelOf, takeTransition, Violation } from './watched-system.js';

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

export type Outcome<Code extends RequestCode> = {
  readonly output?: Requests[Code]['output'];
  readonly refused?: string;
};

/** A storage system in the simulated world, used by hosts and by a person, with an oracle that follows every step. */
export class Session extends WatchedSystem {
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
    this.controller = await openedController(ports, readPlace(this.world.files, SYSTEM), answer.grant);
    this.oracle.epoch = this.controller.catalog.epoch;
    this.oracle.epochShown = false;
    this.controller.step = (name) => this.onStep(name);
  }

  /** Ends the controller as a command does that is done. */
  async close(): Promise<void> {
    await this.controller.close();
    this.oracle.epochShown = true;
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
}
