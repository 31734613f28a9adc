import { resolve } from 'node:path';
import { isToolkitError } from '../../core/foundation/foundation.js';
import { type PolicyChange, parseWindow } from '../../core/group/group.js';
import { checkJournalLimit } from '../../core/journal/journal.js';
import { changeSessionPolicy, SESSION_POLICY_DEFAULT, type SessionPolicyChange } from '../../core/session/session.js';
import {
  checkTrackSize,
  checkVolumeSize,
  parseAddress,
  parseDuration,
  parseName,
  parseSize,
} from '../../core/volume/volume.js';
import { absolutePath } from '../named-files.js';
import { nowMs } from '../now.js';
import type {
  DesiredGroup,
  DesiredPair,
  DesiredPort,
  DesiredSession,
  DesiredSystem,
  DesiredTopology,
  DesiredVolume,
  Place,
} from './desired.js';
import type { Problems } from './problems.js';
import type {
  GroupDocument,
  PairDocument,
  PortDocument,
  SessionDocument,
  SystemDocument,
  TopologyDocument,
  VolumeDocument,
} from './schema.js';

type ImageSize = (path: string) => Promise<number>;

/** Words become numbers, and paths absolute. What cannot be is added to the problems. */
export async function settleTopology(
  document: TopologyDocument,
  folder: string,
  imageSize: ImageSize,
  problems: Problems,
): Promise<DesiredTopology> {
  const settler = new Settler(folder, imageSize, problems);
  const systems: DesiredSystem[] = [];
  for (const [name, system] of Object.entries(document.systems ?? {}))
    systems.push(await settler.system(name, system, ['systems', name]));
  return {
    systems,
    pairs: (document.pairs ?? []).map((pair, index) => settler.pair(pair, ['pairs', index])),
    groups: (document.groups ?? []).map((group, index) => settler.group(group, ['groups', index])),
    sessions: (document.sessions ?? []).map((session, index) =>
      settler.session(session, ['sessions', index], document.pairs ?? []),
    ),
  };
}

class Settler {
  readonly #folder: string;
  readonly #imageSize: ImageSize;
  readonly #problems: Problems;

  constructor(folder: string, imageSize: ImageSize, problems: Problems) {
    this.#folder = folder;
    this.#imageSize = imageSize;
    this.#problems = problems;
  }

  async system(name: string, system: SystemDocument, place: Place): Promise<DesiredSystem> {
    this.#try(place, () => parseName(name, 'system'));
    const { site, durability, sharedMount, fixture } = system;
    const trackSizeBytes = this.#size(system.trackSize, [...place, 'trackSize']);
    if (trackSizeBytes !== undefined) this.#try([...place, 'trackSize'], () => checkTrackSize(trackSizeBytes));
    const journalLimitBytes = this.#size(system.journalLimit, [...place, 'journalLimit']);
    if (journalLimitBytes !== undefined)
      this.#try([...place, 'journalLimit'], () => checkJournalLimit(journalLimitBytes));
    const volumes: DesiredVolume[] = [];
    for (const [volume, wishes] of Object.entries(system.volumes ?? {}))
      volumes.push(await this.#volume(name, volume, wishes, [...place, 'volumes', volume]));
    return {
      place,
      name,
      wishes: {
        name,
        site,
        durability,
        sharedMount,
        fixture,
        trackSizeBytes,
        journalLimitBytes,
        saveLimitBytes: this.#size(system.saveLimit, [...place, 'saveLimit']),
        linkLimitMs: this.#duration(system.linkLimit, [...place, 'linkLimit']),
      },
      volumes,
      ports: Object.entries(system.ports ?? {}).map(([port, wishes]) =>
        this.#port(name, port, wishes, [...place, 'ports', port]),
      ),
    };
  }

  async #volume(system: string, name: string, wishes: VolumeDocument, place: Place): Promise<DesiredVolume> {
    this.#try(place, () => parseName(name, 'volume'));
    const trackSizeBytes = this.#size(wishes.trackSize, [...place, 'trackSize']);
    if (trackSizeBytes !== undefined) this.#try([...place, 'trackSize'], () => checkTrackSize(trackSizeBytes));
    const image = await this.#image(wishes.image, place);
    return {
      place,
      system,
      name,
      sizeBytes: await this.#volumeSize(wishes, image, place),
      number: wishes.number?.toUpperCase(),
      trackSizeBytes,
      emulation: wishes.emulation,
      reserve: wishes.reserve,
      pool: wishes.pool === undefined ? undefined : resolve(this.#folder, wishes.pool),
      image,
    };
  }

  /** Absolute, with links followed: a controller follows none. */
  async #image(named: string | undefined, place: Place): Promise<string | undefined> {
    if (named === undefined) return undefined;
    const path = resolve(this.#folder, named);
    return (await this.#wait([...place, 'image'], () => absolutePath(path))) ?? path;
  }

  /** An image without a size says how large the volume is; one beside a size must fit into it. */
  async #volumeSize(wishes: VolumeDocument, image: string | undefined, place: Place): Promise<number> {
    const said = this.#size(wishes.size, [...place, 'size']);
    if (said !== undefined) this.#try([...place, 'size'], () => checkVolumeSize(said));
    if (image === undefined) {
      if (wishes.size === undefined) this.#problems.add(place, 'it needs a size, or an image');
      return said ?? 0;
    }
    const found = await this.#wait([...place, 'image'], () => this.#imageSize(image));
    if (said === undefined && found !== undefined) this.#try([...place, 'image'], () => checkVolumeSize(found));
    if (said !== undefined && found !== undefined && found > said)
      this.#problems.add([...place, 'image'], `the image has ${found} bytes and the volume ${said}`);
    return said ?? found ?? 0;
  }

  #port(system: string, name: string, port: PortDocument, place: Place): DesiredPort {
    this.#try(place, () => parseName(name, 'port'));
    const luns = Object.entries(port.luns ?? {}).map(([lun, volume]) => ({ lun: Number(lun), volume }));
    return {
      place,
      system,
      name,
      listen: port.listen,
      tlsDir: port.tlsDir === undefined ? undefined : resolve(this.#folder, port.tlsDir),
      insecure: port.insecure ?? false,
      luns: luns.sort((a, b) => a.lun - b.lun),
    };
  }

  pair(pair: PairDocument, place: Place): DesiredPair {
    const { primary, secondary, status, pace, session, backup } = pair;
    const isLocal = parseAddress(primary).system === parseAddress(secondary).system;
    return {
      place,
      primary,
      secondary,
      mode: pair.mode ?? (isLocal ? 'local' : 'async'),
      status,
      virtual: pair.virtual ?? false,
      pace,
      rateBytesPerSecond: this.#size(pair.rate, [...place, 'rate']),
      manual: pair.manual ?? false,
      session,
      backup,
    };
  }

  group(group: GroupDocument, place: Place): DesiredGroup {
    const { name, master, window, started } = group;
    this.#try([...place, 'name'], () => parseName(name, 'group'));
    const policy: PolicyChange = {
      intervalMs: this.#duration(group.interval, [...place, 'interval']),
      coordinationLimitMs: this.#duration(group.coordinationLimit, [...place, 'coordinationLimit']),
      drainLimitMs: this.#duration(group.drainLimit, [...place, 'drainLimit']),
      holdLimitMs: this.#duration(group.holdLimit, [...place, 'holdLimit']),
      rateBytesPerSecond: this.#size(group.rate, [...place, 'rate']),
      window: window === undefined ? undefined : this.#try([...place, 'window'], () => parseWindow(window, nowMs())),
    };
    const members = (group.members ?? []).map((member, index) => ({ ...member, place: [...place, 'members', index] }));
    return { place, name, master, policy, members, started };
  }

  session(session: SessionDocument, place: Place, pairs: readonly PairDocument[]): DesiredSession {
    const { name, order, enableAtSecondary, started } = session;
    this.#try([...place, 'name'], () => parseName(name, 'session'));
    const first = pairs.find((pair) => pair.mode === 'journal' && pair.session === name);
    const at = session.at ?? (first && parseAddress(first.primary).system);
    if (at === undefined) this.#problems.add(place, 'it needs at: SYSTEM, for it has no pair here');
    const policy: SessionPolicyChange = {
      intervalMs: this.#duration(session.interval, [...place, 'interval']),
      resignAfterMs: this.#duration(session.resignAfter, [...place, 'resignAfter']),
    };
    this.#try(place, () => changeSessionPolicy(SESSION_POLICY_DEFAULT, policy));
    return { place, name, at, order, policy, enableAtSecondary, started };
  }

  #size(value: string | number | undefined, place: Place): number | undefined {
    return typeof value === 'string' ? this.#try(place, () => parseSize(value)) : value;
  }

  #duration(value: string | number | undefined, place: Place): number | undefined {
    return value === undefined ? undefined : this.#try(place, () => parseDuration(String(value)));
  }

  #try<T>(place: Place, work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      return this.#noted(place, error);
    }
  }

  async #wait<T>(place: Place, work: () => Promise<T>): Promise<T | undefined> {
    return work().catch((error: unknown) => this.#noted(place, error));
  }

  #noted(place: Place, error: unknown): undefined {
    if (!isToolkitError(error)) throw error;
    this.#problems.add(place, error.message);
    return undefined;
  }
}
