import { resolve } from 'node:path';
import { demandNewName, findGroup, refOf } from '../cli/group-finding.js';
import { absolutePath } from '../cli/named-files.js';
import type { Toolkit } from '../cli/open-toolkit.js';
import { sessionHome } from '../cli/pair-journal.js';
import { isSelected, selectorOfPair } from '../cli/pair-selectors.js';
import { demandNewSession, findSession } from '../cli/session-finding.js';
import type { RequestCode, Requests, SystemClient, SystemPlace, VolumeListing } from '../core/controller/controller.js';
import { failure, MIB } from '../core/foundation/foundation.js';
import { formatAddress, matchesVolume, numberOf, parseAddress, parseNumber, quoted } from '../core/volume/volume.js';
import type {
  Fault,
  Group,
  GroupPolicySettings,
  ImportOptions,
  Pair,
  PairInfo,
  PairSettings,
  Session,
  SessionSettings,
  Size,
  SplitOptions,
  StorageSystem,
  VolumeInfo,
  VolumeSettings,
} from './api.js';
import { translated, waitError } from './boundary.js';
import { OpenedGroup } from './group.js';
import { OpenedPair, pairInfo } from './pair.js';
import { OpenedSession } from './session.js';
import { bytesIf, bytesOf } from './size.js';

/** One request carries at most so much. */
const PIECE_BYTES = 4 * MIB;

export class OpenedSystem implements StorageSystem {
  readonly name: string;
  readonly id: string;
  readonly path: string;
  readonly #newToolkit: () => Toolkit;
  #client: SystemClient | undefined;

  /** `newToolkit` looks below the roots afresh: systems may have been made since this one was opened. */
  constructor(place: SystemPlace, client: SystemClient, newToolkit: () => Toolkit) {
    this.#client = client;
    this.#newToolkit = newToolkit;
    this.name = place.name;
    this.id = place.info.id;
    this.path = place.path;
  }

  createVolume(name: string, settings: VolumeSettings): Promise<VolumeInfo> {
    return translated(async () => {
      const { size, number, trackSize, reserve, pool, emulation } = settings;
      const { volumes } = await this.#ask('volume.create', {
        name,
        sizeBytes: bytesOf(size),
        number,
        trackSizeBytes: bytesIf(trackSize),
        reserve,
        pool: pool === undefined ? undefined : resolve(pool),
        emulation,
      });
      return volumeInfo(this.#only(volumes, name));
    });
  }

  volumes(): Promise<readonly VolumeInfo[]> {
    return translated(async () => (await this.#ask('volume.list', {})).volumes.map(volumeInfo));
  }

  volume(volume: string): Promise<VolumeInfo> {
    return translated(async () => volumeInfo(await this.#find(volume)));
  }

  deleteVolume(volume: string): Promise<void> {
    return translated(async () => {
      await this.#ask('volume.delete', { volumes: [volume] });
    });
  }

  reserveVolume(volume: string, reserve = true): Promise<VolumeInfo> {
    return translated(async () => {
      await this.#ask(reserve ? 'volume.reserve' : 'volume.unreserve', { volumes: [volume] });
      return volumeInfo(await this.#find(volume));
    });
  }

  importVolume(
    volume: string,
    file: string,
    { create = false, overwrite = false }: ImportOptions = {},
  ): Promise<VolumeInfo> {
    return translated(async () => {
      const input = { volume, file: await absolutePath(file), create, overwrite };
      return volumeInfo((await this.#ask('volume.import', input)).volume);
    });
  }

  exportVolume(volume: string, file: string): Promise<void> {
    return translated(async () => {
      await this.#ask('volume.export', { volume, file: await absolutePath(file) });
    });
  }

  write(
    volume: string,
    data: Uint8Array | string,
    { offset = 0 }: { readonly offset?: Size | undefined } = {},
  ): Promise<void> {
    return translated(async () => {
      const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data;
      const from = bytesOf(offset);
      await this.#demandRange(volume, from, bytes.length);
      for (let done = 0; done < bytes.length; done += PIECE_BYTES) {
        const piece = bytes.subarray(done, done + PIECE_BYTES);
        const input = { volume, offsetBytes: from + done, durable: done + piece.length === bytes.length };
        await this.#opened().request('volume.write', input, { data: piece });
      }
    });
  }

  read(
    volume: string,
    { offset = 0, length }: { readonly offset?: Size | undefined; readonly length?: Size | undefined } = {},
  ): Promise<Uint8Array> {
    return translated(async () => {
      const from = bytesOf(offset);
      const lengthBytes = bytesIf(length) ?? Math.max(0, (await this.#find(volume)).sizeBytes - from);
      await this.#demandRange(volume, from, lengthBytes);
      const whole = new Uint8Array(lengthBytes);
      for (let done = 0; done < lengthBytes; done += PIECE_BYTES) {
        const input = { volume, offsetBytes: from + done, lengthBytes: Math.min(PIECE_BYTES, lengthBytes - done) };
        const { data = new Uint8Array(0) } = await this.#opened().request('volume.read', input);
        whole.set(data, done);
      }
      return whole;
    });
  }

  pairs(): Promise<readonly PairInfo[]> {
    return translated(async () => {
      const { pairs } = await this.#ask('pair.list', {});
      return pairs.filter(({ half }) => half?.side !== 'secondary').map(pairInfo);
    });
  }

  pair(primary: string, secondary: string): Promise<Pair> {
    return translated(async () => {
      const wanted = { primary: this.#address(primary), secondary: this.#address(secondary) };
      const { pairs } = await this.#ask('pair.list', {});
      const found = pairs.find((pair) => isSelected(pair, [selectorOfPair(wanted)]));
      if (!found) throw failure('pair-not-found', `There is no pair ${wanted.primary} -> ${wanted.secondary}.`);
      return this.#pair(found);
    });
  }

  createPair(primary: string, secondary: string, options: PairSettings = {}): Promise<Pair> {
    return translated(async () => {
      const to = parseAddress(this.#address(secondary));
      const isLocal = to.system === this.name;
      const { pace, rate, split, virtual, mode = isLocal ? 'local' : 'async', ...rest } = options;
      const row = {
        primary: parseAddress(this.#address(primary)).volume,
        secondary: to.volume,
        secondarySystem: isLocal ? undefined : refOf(await this.#newToolkit().find(to.system)),
        pace,
        rateBytesPerSecond: bytesIf(rate),
        split: split === true || virtual === true,
        virtual,
      };
      const isJournal = mode === 'journal' && rest.session !== undefined;
      const home = isJournal ? { sessionHome: await sessionHome(this.#newToolkit(), rest.session ?? '') } : {};
      const { pairs } = await this.#ask('pair.create', { ...rest, ...home, mode, pairs: [row] });
      const [made] = pairs;
      if (!made) throw new Error('A pair was made and not answered.');
      return this.#pair(made);
    });
  }

  split(pairs: readonly Pair[], options: SplitOptions = {}): Promise<void> {
    return translated(async () => {
      const foreign = pairs.find(({ primary }) => parseAddress(primary).system !== this.name);
      if (foreign) throw failure('usage', `${quoted(foreign.primary)} is not in storage system ${this.name}.`);
      await this.#ask('pair.split', { ...options, pairs: pairs.map(selectorOfPair) });
    });
  }

  createGroup(name: string, policy: GroupPolicySettings = {}): Promise<Group> {
    return translated(async () => {
      await demandNewName(this.#newToolkit(), name);
      const { rate, ...spans } = policy;
      await this.#ask('cg.create', { group: name, policy: { ...spans, rateBytesPerSecond: bytesIf(rate) } });
      return this.#group(name);
    });
  }

  group(name: string): Promise<Group> {
    return translated(async () => this.#group((await findGroup(this.#newToolkit(), name)).group.name));
  }

  createSession(name: string, settings: SessionSettings = {}): Promise<Session> {
    return translated(async () => {
      await demandNewSession(this.#newToolkit(), name);
      const { order = 'clock', enableAtSecondary = false, intervalMs, resignAfterMs } = settings;
      await this.#ask('session.create', {
        session: name,
        order,
        policy: { intervalMs, resignAfterMs },
        enableAtSecondary,
      });
      return this.#session(name);
    });
  }

  session(name: string): Promise<Session> {
    return translated(async () => this.#session((await findSession(this.#newToolkit(), name)).session.name));
  }

  drain({ timeoutMs }: { readonly timeoutMs?: number | undefined } = {}): Promise<void> {
    return translated(async () => {
      const { verdict } = await this.#ask('copier.drain', timeoutMs === undefined ? {} : { timeoutMs });
      if (verdict !== 'drained') throw waitError(verdict, `storage system ${this.name} is not copied out`);
    });
  }

  setFault(fault: Fault): Promise<void> {
    return translated(async () => {
      await this.#ask('fault.set', fault);
    });
  }

  clearFaults(kind?: Fault['kind']): Promise<void> {
    return translated(async () => {
      await this.#ask('fault.clear', { kind });
    });
  }

  close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    return translated(async () => client?.close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #opened(): SystemClient {
    if (this.#client) return this.#client;
    throw failure('usage', `Storage system ${this.name} was closed.`, 'Open it again with openSystem.');
  }

  async #ask<Code extends RequestCode>(code: Code, input: Requests[Code]['input']): Promise<Requests[Code]['output']> {
    return (await this.#opened().request(code, input)).output;
  }

  #address(volume: string): string {
    return volume.includes(':') && !isNumber(volume) ? volume : formatAddress(this.name, volume);
  }

  #pair(pair: { readonly primary: string; readonly secondary: string }): OpenedPair {
    return new OpenedPair(() => this.#opened(), pair);
  }

  #group(name: string): OpenedGroup {
    return new OpenedGroup(name, this.#newToolkit, (place, work) => this.#use(place, work));
  }

  #session(name: string): OpenedSession {
    return new OpenedSession(name, this.#newToolkit, (place, work) => this.#use(place, work));
  }

  #use<T>(place: SystemPlace, work: (client: SystemClient) => Promise<T>): Promise<T> {
    return place.path === this.path ? work(this.#opened()) : this.#newToolkit().use(place, work);
  }

  async #find(volume: string): Promise<VolumeListing> {
    return this.#only((await this.#ask('volume.list', {})).volumes, volume);
  }

  #only(volumes: readonly VolumeListing[], volume: string): VolumeListing {
    const found = volumes.find(({ name, number }) => matchesVolume(volume, { name, number: parseNumber(number) }));
    if (found) return found;
    throw failure('volume-not-found', `There is no volume ${quoted(volume)} in storage system ${this.name}.`);
  }

  async #demandRange(volume: string, offsetBytes: number, lengthBytes: number): Promise<void> {
    const { sizeBytes } = await this.#find(volume);
    if (offsetBytes >= 0 && offsetBytes + lengthBytes <= sizeBytes) return;
    const range = `${lengthBytes} bytes from offset ${offsetBytes}`;
    throw failure('bad-range', `${range} do not lie inside the ${sizeBytes} bytes of ${this.#address(volume)}.`);
  }
}

function isNumber(volume: string): boolean {
  return numberOf(volume) !== undefined;
}

export function volumeInfo(volume: VolumeListing): VolumeInfo {
  return {
    address: formatAddress(volume.system, volume.name),
    system: volume.system,
    name: volume.name,
    number: volume.number,
    sizeBytes: volume.sizeBytes,
    trackSizeBytes: volume.trackSizeBytes,
    tracks: volume.tracks,
    allocatedTracks: volume.allocatedTracks,
    reserved: volume.reserved,
    status: volume.status,
    emulation: volume.emulation,
    path: volume.path,
    imageComplete: volume.imageComplete,
    pairCount: volume.pairCount,
    secondaryOf: volume.secondaryOf,
    readable: volume.readable,
    writable: volume.writable,
  };
}
