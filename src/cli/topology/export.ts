import type { VolumeListing } from '../../core/controller/controller.js';
import {
  JOURNAL_LIMIT_DEFAULT_BYTES,
  LINK_LIMIT_ASYNC_MS,
  SAVE_LIMIT_DEFAULT_BYTES,
  TRACK_SIZE_DEFAULT_BYTES,
} from '../../core/foundation/foundation.js';
import { formatWindow, type GroupPolicy, type LocatedGroup, POLICY_DEFAULT } from '../../core/group/group.js';
import type { PairStatus } from '../../core/pair/pair.js';
import type { LocatedSession } from '../../core/session/session.js';
import { parseAddress } from '../../core/volume/volume.js';
import type { EndStatus } from './desired.js';
import { isRunning, isStarted } from './plan-starts.js';
import { addressOfRef, type PresentPair, type PresentSystem, type PresentTopology } from './present.js';
import type {
  GroupDocument,
  PairDocument,
  PortDocument,
  SessionDocument,
  SystemDocument,
  TopologyDocument,
  VolumeDocument,
} from './schema.js';
import { poolOf } from './sight.js';
import { exactSize, exactSpan } from './words.js';

/** What is there as a topology: applied here it finds nothing to do, applied elsewhere it makes the same without the data. */
export function exportTopology(present: PresentTopology): { document: TopologyDocument; notes: readonly string[] } {
  const systems = Object.fromEntries(present.systems.map((system) => [system.place.name, systemOf(system, present)]));
  const known = (address: string): boolean => parseAddress(address).system in systems;
  const pairs = present.pairs.filter(({ primary, secondary }) => known(primary) && known(secondary));
  const lost = present.pairs.filter((pair) => !pairs.includes(pair));
  const groups = present.groups.flatMap((group) => groupOf(group) ?? []);
  const sessions = present.sessions.map(sessionOf);
  const unseen = present.groups.filter(({ table }) => table === null);
  return {
    document: {
      systems,
      ...(pairs.length === 0 ? {} : { pairs: pairs.map(pairOf) }),
      ...(groups.length === 0 ? {} : { groups }),
      ...(sessions.length === 0 ? {} : { sessions }),
    },
    notes: [
      ...lost.map(({ primary, secondary }) => `Left out: ${primary} -> ${secondary}, a system of which is not here.`),
      ...unseen.map(({ name, master }) => `Left out: group ${name}, whose master ${master.name} is not here.`),
    ],
  };
}

/** A copy of an object without the keys that say nothing. */
function said<T extends object>(document: { [Key in keyof T]: T[Key] | undefined }): T {
  return Object.fromEntries(Object.entries(document).filter(([, value]) => value !== undefined)) as T;
}

function unless<T>(usual: unknown, value: T | null | undefined): T | undefined {
  return value === usual || value === null ? undefined : value;
}

function systemOf({ place, volumes, ports }: PresentSystem, present: PresentTopology): SystemDocument {
  const { info } = place;
  const sizeUnless = (usual: number, size: number) => (size === usual ? undefined : exactSize(size));
  const span = unless(LINK_LIMIT_ASYNC_MS, info.linkLimitMs);
  return said<SystemDocument>({
    site: unless(null, info.site),
    fixture: unless(false, info.fixture),
    durability: unless('power', info.durability),
    sharedMount: unless(false, info.sharedMount),
    trackSize: sizeUnless(TRACK_SIZE_DEFAULT_BYTES, info.trackSizeBytes),
    journalLimit: sizeUnless(JOURNAL_LIMIT_DEFAULT_BYTES, info.journalLimitBytes),
    saveLimit: sizeUnless(SAVE_LIMIT_DEFAULT_BYTES, info.saveLimitBytes),
    linkLimit: span === undefined ? undefined : exactSpan(span),
    volumes:
      volumes.length === 0
        ? undefined
        : Object.fromEntries(volumes.map((one) => [one.name, volumeOf(one, place, present)])),
    ports: ports.length === 0 ? undefined : Object.fromEntries(ports.map((port) => [port.name, portOf(port)])),
  });
}

function volumeOf(volume: VolumeListing, { info }: PresentSystem['place'], present: PresentTopology): VolumeDocument {
  const system = (name: string) => present.systems.find(({ place }) => place.name === name);
  return said<VolumeDocument>({
    size: exactSize(volume.sizeBytes),
    number: volume.number,
    trackSize: volume.trackSizeBytes === info.trackSizeBytes ? undefined : exactSize(volume.trackSizeBytes),
    emulation: unless('OPEN-V', volume.emulation),
    // A secondary is reserved because of its pair.
    reserve: volume.reserved && volume.secondaryOf === null ? true : undefined,
    pool: poolOf(volume, { system }),
  });
}

function portOf({ listen, tlsDir, insecure, luns }: PresentSystem['ports'][number]): PortDocument {
  return said<PortDocument>({
    listen,
    tlsDir: unless(null, tlsDir),
    insecure: unless(false, insecure),
    luns: luns.length === 0 ? undefined : Object.fromEntries(luns.map(({ lun, volume }) => [String(lun), volume])),
  });
}

/** Copying that is under way is written as what it comes to; a restore comes to one of two, so nothing is asked of it. */
const ENDS: Readonly<Record<PairStatus, EndStatus | undefined>> = {
  simplex: undefined,
  pending: 'duplex',
  duplex: 'duplex',
  'sp-pending': 'split',
  split: 'split',
  resync: 'duplex',
  'resync-reverse': undefined,
  suspended: 'suspended',
};

function pairOf(pair: PresentPair): PairDocument {
  const { primary, secondary, mode, status, virtual, pace, rateBytesPerSecond, manual, session, backup } = pair;
  const isHeld = pace === 'hold' && status !== 'suspended' && !virtual;
  return said<PairDocument>({
    primary,
    secondary,
    mode: mode === 'local' || mode === 'async' ? undefined : mode,
    status: isHeld ? undefined : ENDS[status],
    virtual: virtual && status === 'split' ? true : undefined,
    pace: unless('medium', pace),
    rate: rateBytesPerSecond === null ? undefined : exactSize(rateBytesPerSecond),
    manual: unless(false, manual),
    session: unless(null, session),
    backup: unless(null, backup),
  });
}

function groupOf({ name, master, table, members }: LocatedGroup): GroupDocument | undefined {
  if (table === null) return undefined;
  const rows = members.map(({ primary, secondary, backup }) => ({
    primary: addressOfRef(primary),
    secondary: addressOfRef(secondary),
    backup: addressOfRef(backup),
  }));
  return {
    name,
    master: master.name,
    ...policyOf(table.policy),
    ...(rows.length === 0 ? {} : { members: rows }),
    ...(isRunning(table) ? { started: true } : {}),
  };
}

function policyOf(policy: GroupPolicy): Partial<GroupDocument> {
  const span = (key: 'intervalMs' | 'coordinationLimitMs' | 'drainLimitMs' | 'holdLimitMs') =>
    policy[key] === POLICY_DEFAULT[key] ? undefined : exactSpan(policy[key]);
  return said<Partial<GroupDocument>>({
    interval: span('intervalMs'),
    coordinationLimit: span('coordinationLimitMs'),
    drainLimit: span('drainLimitMs'),
    holdLimit: span('holdLimitMs'),
    rate: policy.rateBytesPerSecond === null ? undefined : exactSize(policy.rateBytesPerSecond),
    window: policy.window === null ? undefined : formatWindow(policy.window),
  });
}

function sessionOf(session: LocatedSession): SessionDocument {
  const { name, home, sheet } = session;
  const { intervalMs, resignAfterMs, enableAtSecondary } = sheet.policy;
  return said<SessionDocument>({
    name,
    at: home.name,
    order: sheet.order,
    interval: exactSpan(intervalMs),
    resignAfter: resignAfterMs === null ? undefined : exactSpan(resignAfterMs),
    enableAtSecondary: unless(false, enableAtSecondary),
    started: isStarted(session) ? true : undefined,
  });
}
