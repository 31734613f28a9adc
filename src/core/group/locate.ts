import { failure } from '../foundation/foundation.js';
import { quoted } from '../volume/volume.js';
import type { GroupMember, GroupSheet, MasterTable, SystemRef } from './record.js';
import type { MemberReport } from './requests.js';

/** What one system told of its groups. */
export interface SystemView {
  readonly system: SystemRef;
  readonly sheets: readonly GroupSheet[];
  readonly members: readonly MemberReport[];
  readonly asOfMs: number;
}

/** A group as all the systems that were seen know it. */
export interface LocatedGroup {
  readonly name: string;
  readonly id: string;
  /** The highest term that any of them knows. */
  readonly term: number;
  /** As the sheets of that term name it. */
  readonly master: SystemRef;
  /** Its row, where the master itself was seen. */
  readonly table: MasterTable | null;
  /** The relationship table as the one who knows it best tells it. */
  readonly members: readonly GroupMember[];
  /** The systems seen that keep a sheet of it, in the order of their ids. */
  readonly systems: readonly SystemRef[];
  /** Remotes that were made primaries and not brought back. */
  readonly recovered: readonly SystemRef[];
}

interface Seen {
  readonly system: SystemRef;
  readonly sheet: GroupSheet;
}

/** All groups of these systems, by name. */
export function locateGroups(views: readonly SystemView[]): readonly LocatedGroup[] {
  const byGroup = new Map<string, Seen[]>();
  for (const { system, sheets } of views) {
    for (const sheet of sheets) {
      const seen = byGroup.get(sheet.id) ?? [];
      seen.push({ system, sheet });
      byGroup.set(sheet.id, seen);
    }
  }
  const groups = [...byGroup.values()].flatMap((seen) => locate(seen) ?? []);
  return groups.sort((a, b) => a.name.localeCompare(b.name, 'en') || (a.id < b.id ? -1 : 1));
}

/** The group of this name. Throws `group-not-found`, and `usage` where there are several. */
export function locateGroup(views: readonly SystemView[], name: string): LocatedGroup {
  const found = locateGroups(views).filter((group) => group.name === name);
  const [first] = found;
  if (!first) {
    throw failure(
      'group-not-found',
      `No system below the root knows a consistency group ${quoted(name)}.`,
      'copyset cg list shows the groups there are.',
    );
  }
  if (found.length === 1) return first;
  const masters = found.map(({ master }) => master.name).join(' and ');
  const hint = 'Name the folder of the one you mean with --root.';
  throw failure('usage', `There are ${found.length} groups named ${quoted(name)}, with masters ${masters}.`, hint);
}

function locate(seen: readonly Seen[]): LocatedGroup | undefined {
  const [first] = seen;
  if (!first) return undefined;
  const told = seen.flatMap(({ system, sheet }) => tellings(system, sheet));
  const best = told.reduce<Telling | undefined>(
    (known, one) => (known && atLeast(known, one) ? known : one),
    undefined,
  );
  if (!best) return undefined;
  return {
    name: first.sheet.name,
    id: first.sheet.id,
    term: best.term,
    master: best.master,
    table: best.table,
    members: best.members,
    systems: seen.map(({ system }) => system).sort((a, b) => (a.id < b.id ? -1 : 1)),
    recovered: seen.flatMap(({ system, sheet }) => (sheet.remote?.recovered ? [system] : [])),
  };
}

interface Telling {
  readonly term: number;
  /** The master itself knows best, a remote has the whole relationship table, a subordinate its own rows. */
  readonly weight: number;
  readonly master: SystemRef;
  readonly table: MasterTable | null;
  readonly members: readonly GroupMember[];
}

function tellings(system: SystemRef, { master, remote, subordinate }: GroupSheet): Telling[] {
  const told: Telling[] = [];
  if (master && !master.handedOver)
    told.push({ term: master.term, weight: 2, master: system, table: master, members: master.members });
  if (remote) told.push({ ...remote, weight: 1, table: null });
  if (subordinate) told.push({ ...subordinate, weight: 0, table: null });
  return told.map(({ term, weight, master: named, table, members }) => ({
    term,
    weight,
    master: named,
    table,
    members,
  }));
}

function atLeast(known: Telling, one: Telling): boolean {
  return known.term !== one.term ? known.term > one.term : known.weight >= one.weight;
}
