import type { PairListing, PortListing, SystemPlace, VolumeListing } from '../../core/controller/controller.js';
import { failure } from '../../core/foundation/foundation.js';
import { type LocatedGroup, locateGroups, type SystemView, type VolumeRef } from '../../core/group/group.js';
import { type LocatedSession, locateSessions, type SessionView } from '../../core/session/session.js';
import { formatAddress } from '../../core/volume/volume.js';
import { refOf } from '../group-finding.js';
import { openInput } from '../named-files.js';
import { nowMs } from '../now.js';
import type { Toolkit } from '../open-toolkit.js';
import type { DesiredTopology } from './desired.js';

/** All that a topology can name, as it is. */
export interface PresentTopology {
  /** In the order of their names, which are all different. */
  readonly systems: readonly PresentSystem[];
  /** Without the pairs that a group makes for its backups. Each stands here once. */
  readonly pairs: readonly PresentPair[];
  readonly groups: readonly LocatedGroup[];
  readonly sessions: readonly LocatedSession[];
  /** Images of the file that hold nothing but zeros; an empty volume is filled with them already. */
  readonly emptyImages: ReadonlySet<string>;
}

export type PresentPair = PairListing;

export interface PresentSystem {
  readonly place: SystemPlace;
  readonly volumes: readonly VolumeListing[];
  readonly ports: readonly PortListing[];
}

/** Reads everything below the roots, owning nothing. Throws where a system cannot be read: what it holds would be missed. */
export async function readPresent(toolkit: Toolkit, desired?: DesiredTopology): Promise<PresentTopology> {
  const { places, troubles } = await toolkit.discover();
  const [trouble] = troubles;
  if (trouble) throw trouble.error;
  demandOneOfEachName(places);
  const systems: PresentSystem[] = [];
  const pairs: PairListing[] = [];
  const views: SystemView[] = [];
  const sessionViews: SessionView[] = [];
  for (const place of places) {
    await toolkit.read(place, async (reader) => {
      const { volumes } = (await reader.request('volume.list')).output;
      const { ports } = (await reader.request('port.list')).output;
      systems.push({ place, volumes, ports });
      pairs.push(...(await reader.request('pair.list')).output.pairs);
      const seen = { system: refOf(place), asOfMs: nowMs() };
      views.push({ ...seen, ...(await reader.request('cg.list')).output });
      sessionViews.push({ ...seen, ...(await reader.request('session.list')).output });
    });
  }
  const groups = locateGroups(views);
  const merged = withFarSide(pairs);
  const own = new Set([...pairsOfGroups(views), ...merged.flatMap(backupPair)]);
  const present = merged.filter((pair) => !own.has(keyOf(pair)));
  const sessions = locateSessions(sessionViews);
  return { systems, pairs: present, groups, sessions, emptyImages: await emptyImages(systems, desired) };
}

/** The primary's half of each pair, with what only the secondary's knows: what was written there, and its backup. */
function withFarSide(pairs: readonly PairListing[]): PairListing[] {
  const far = new Map(
    pairs.flatMap((pair) => (pair.half?.side === 'secondary' ? [[pair.half.id, pair] as const] : [])),
  );
  const near = pairs.filter(({ half }) => half?.side !== 'secondary');
  return near.map((pair) => {
    const other = far.get(pair.half?.id ?? '');
    const secondaryChangedTracks = Math.max(pair.secondaryChangedTracks, other?.secondaryChangedTracks ?? 0);
    return { ...pair, secondaryChangedTracks, backup: other?.backup ?? null };
  });
}

/** On which a session keeps a secondary while differences come back to it. */
function backupPair({ secondary, backup }: PairListing): string[] {
  return backup === null ? [] : [keyOf({ primary: secondary, secondary: backup })];
}

/** `primary -> secondary`, by which a pair is found again. */
export function keyOf(pair: { readonly primary: string; readonly secondary: string }): string {
  return `${pair.primary} -> ${pair.secondary}`;
}

export function addressOfRef({ system, name }: VolumeRef): string {
  return formatAddress(system.name, name);
}

/** Virtual copies for backups and drills come and go with their groups. */
function pairsOfGroups(views: readonly SystemView[]): ReadonlySet<string> {
  const own = new Set<string>();
  for (const { remote } of views.flatMap(({ sheets }) => sheets)) {
    for (const { relationshipId, secondary, backup } of remote?.members ?? []) {
      const primary = addressOfRef(secondary);
      own.add(keyOf({ primary, secondary: addressOfRef(backup) }));
      const practice = remote?.volumes.find((row) => row.relationshipId === relationshipId)?.practice;
      if (practice) own.add(keyOf({ primary, secondary: addressOfRef(practice.volume) }));
    }
  }
  return own;
}

async function emptyImages(systems: readonly PresentSystem[], desired?: DesiredTopology): Promise<ReadonlySet<string>> {
  const empty = new Set<string>();
  for (const { system, name, image } of desired?.systems.flatMap(({ volumes }) => volumes) ?? []) {
    const volumes = systems.find(({ place }) => place.name === system)?.volumes;
    const there = volumes?.find((volume) => volume.name === name);
    if (image !== undefined && there?.allocatedTracks === 0 && (await holdsZerosOnly(image))) empty.add(image);
  }
  return empty;
}

async function holdsZerosOnly(image: string): Promise<boolean> {
  for await (const chunk of (await openInput(image)).chunks) if (chunk.some((byte) => byte !== 0)) return false;
  return true;
}

function demandOneOfEachName(places: readonly SystemPlace[]): void {
  const seen = new Map<string, string>();
  for (const { name, path } of places) {
    const other = seen.get(name);
    if (other !== undefined)
      throw failure(
        'usage',
        `There are two systems named ${name}: ${other} and ${path}.`,
        'Name one folder with --root.',
      );
    seen.set(name, path);
  }
}
