import type { PairSelector, SystemPlace } from '../core/controller/controller.js';
import { failure } from '../core/foundation/foundation.js';
import {
  type LocatedGroup,
  locateGroup,
  locateGroups,
  type NamedVolume,
  type SystemRef,
  type SystemView,
} from '../core/group/group.js';
import { parseAddress, parseName, quoted } from '../core/volume/volume.js';
import { nowMs } from './now.js';
import { byId, type Toolkit } from './open-toolkit.js';

/** What all systems below the roots know of groups, read without owning one of them. */
export interface GroupViews {
  readonly views: readonly SystemView[];
  readonly places: readonly SystemPlace[];
  /** Sentences about systems that could not be read. */
  readonly troubles: readonly string[];
}

export async function readGroupViews(toolkit: Toolkit): Promise<GroupViews> {
  const { places, troubles } = await toolkit.discover();
  const told = troubles.map(({ error }) => `Not seen: ${error.message}`);
  const views = await Promise.all(
    places.map(async (place): Promise<SystemView[]> => {
      try {
        const { sheets, members } = (await toolkit.read(place, (reader) => reader.request('cg.list'))).output;
        return [{ system: refOf(place), sheets, members, asOfMs: nowMs() }];
      } catch (error) {
        told.push(`Not seen: ${error instanceof Error ? error.message : String(error)}`);
        return [];
      }
    }),
  );
  return { views: views.flat(), places, troubles: told };
}

export interface FoundGroup extends GroupViews {
  readonly group: LocatedGroup;
}

/** The group of this name below the roots. Throws `group-not-found`. */
export async function findGroup(toolkit: Toolkit, name: string): Promise<FoundGroup> {
  parseName(name, 'group');
  const seen = await readGroupViews(toolkit);
  return { ...seen, group: locateGroup(seen.views, name) };
}

/** The system that is the group's master. Throws `peer-missing` where it is not below the roots, `group-refuses` in a recovered group. */
export function masterPlace({ group, places }: FoundGroup): SystemPlace {
  const place = places.find(({ info }) => info.id === group.master.id);
  if (place && group.table) return place;
  const [at] = group.recovered;
  if (at)
    throw failure(
      'group-refuses',
      `Group ${group.name} was recovered at ${at.name}; its old primaries do not count until it is brought back.`,
      `copyset cg failback ${group.name} --wait brings it back once the old site has returned.`,
    );
  throw failure(
    'peer-missing',
    `The master of group ${group.name}, storage system ${group.master.name}, is not reached.`,
    `copyset cg master ${group.name} SYSTEM makes another system its master; copyset cg recover needs only the remotes.`,
  );
}

/** A remote that was made a primary. Throws `group-refuses` where none was. */
export function recoveredPlace({ group, places }: FoundGroup): SystemPlace {
  const [first] = byId(places.filter(({ info }) => group.recovered.some(({ id }) => id === info.id)));
  if (first) return first;
  throw failure(
    'group-refuses',
    `Group ${group.name} was not recovered at its remotes, so there is nothing to bring back.`,
    `copyset cg status ${group.name} shows how it stands.`,
  );
}

/** The group's pairs, by the systems of their primaries, in the order of the systems' ids. */
export async function groupPairs(
  toolkit: Toolkit,
  name: string,
): Promise<readonly { place: SystemPlace; pairs: readonly PairSelector[]; mayBeEmpty: boolean }[]> {
  const { group, places } = await findGroup(toolkit, name);
  if (group.members.length === 0) throw failure('nothing-matches', `Group ${quoted(name)} has no members.`);
  const gathered = new Map<string, PairSelector[]>();
  for (const { primary, secondary } of group.members) {
    const pairs = gathered.get(primary.system.id) ?? [];
    pairs.push({ primary: primary.name, secondary: secondary.name, secondarySystem: secondary.system.name });
    gathered.set(primary.system.id, pairs);
  }
  return [...gathered].sort().map(([id, pairs]) => {
    const place = places.find(({ info }) => info.id === id);
    if (place) return { place, pairs, mayBeEmpty: false };
    const lost = group.members.find(({ primary }) => primary.system.id === id)?.primary.system.name ?? id;
    throw failure('peer-missing', `Storage system ${lost}, which holds primaries of group ${name}, is not reached.`);
  });
}

/** Looks the system of an address up; its volume is looked up there. */
export async function namedVolume(toolkit: Toolkit, address: string): Promise<NamedVolume> {
  const { system, volume } = parseAddress(address);
  return { system: refOf(await toolkit.find(system)), volume };
}

export function refOf({ name, path, info }: SystemPlace): SystemRef {
  return { id: info.id, name, path };
}

/** Throws `already-exists` where a system below the roots knows a group of this name. */
export async function demandNewName(toolkit: Toolkit, name: string): Promise<void> {
  parseName(name, 'group');
  const { views } = await readGroupViews(toolkit);
  const known = locateGroups(views).find((group) => group.name === name);
  if (!known) return;
  throw failure(
    'already-exists',
    `There is a consistency group ${name} already, with master ${known.master.name}.`,
    `copyset cg status ${name} shows it.`,
  );
}
