import { failure } from '../foundation/foundation.js';
import type {
  FormationRecord,
  ListedMember,
  NumberedGroup,
  RecoveryVerdict,
  RemoteTable,
  SystemRef,
  VolumeRef,
} from './record.js';

/** What one reached remote holds of the group. */
export interface FoundSystem {
  readonly system: SystemRef;
  readonly table: RemoteTable;
}

export interface RecoveryQuestion {
  readonly found: readonly FoundSystem[];
  /** The master's own record, where the master can be read. */
  readonly master: FormationRecord | null;
  /** Relationship ids of members that were given up (`--without`). */
  readonly without: readonly number[];
}

/**
 * How a member stands to n, the highest number seen. `odd` fits no schedule of formations: prepared at another number than n, prepared
 * and committed at once, or no row where there must be one.
 */
export type Standing = 'committed' | 'prepared' | 'behind' | 'odd';

export interface FoundMember {
  readonly relationshipId: number;
  readonly secondary: VolumeRef;
  readonly backup: VolumeRef | null;
  readonly committed: number | null;
  readonly revertible: number | null;
  /** In n's list and not given up. */
  readonly listed: boolean;
  readonly standing: Standing;
}

/** All that the rows of the decision table look at. */
export interface Facts {
  /** The highest number seen, and the highest committed one below it. */
  readonly n: number | null;
  readonly m: number | null;
  readonly members: readonly FoundMember[];
  /** Of n's list, those given up left out. */
  readonly committed: number;
  readonly prepared: number;
  readonly behind: number;
  /** Anything odd, at any member, or lists of one number that differ. */
  readonly odd: boolean;
  /** Whether m's list is known and all of it, those given up left out, stands at m or is prepared beside it. */
  readonly wholeAtM: boolean;
  readonly listOfM: ReadonlySet<number>;
  readonly decision: 'commit' | 'revert' | 'unknown';
  readonly groups: ReadonlyMap<number, NumberedGroup>;
  /** Given up, out of the lists of n and m. */
  readonly missing: readonly ListedMember[];
}

interface Row {
  readonly relationshipId: number;
  readonly committed: number | null;
  readonly revertible: number | null;
}

/** Throws `peer-missing` where a listed system is neither reached nor given up: it may hold what decides (H6). */
export function factsOf(question: RecoveryQuestion): Facts {
  const { found, without } = question;
  const givenUp = new Set(without);
  const { groups, removed, differ } = listsOf(found);
  const all = found.flatMap(({ table }) => table.volumes).filter(({ relationshipId }) => !givenUp.has(relationshipId));
  const rows = all.filter(({ relationshipId }) => !removed.has(relationshipId));
  const n = highest(rows.flatMap(({ committed, revertible }) => [committed, revertible]));
  const m = highest(rows.map(({ committed }) => (committed === n ? null : committed)));
  const listN = listOf(groups, n);
  const listM = listOf(groups, m);
  demandReached(question, [...listN, ...listM], givenUp);
  const members = membersOf(found, all, { listN, givenUp, removed, n });
  const counted = (standing: Standing): number =>
    members.filter((member) => member.listed && member.standing === standing).length;
  const atM = (id: number): boolean => rows.some((row) => row.relationshipId === id && row.committed === m);
  const wanted = listM.filter(({ relationshipId }) => !givenUp.has(relationshipId));
  return {
    n,
    m,
    members,
    committed: counted('committed'),
    prepared: counted('prepared'),
    behind: counted('behind'),
    odd: differ || members.some(({ standing }) => standing === 'odd'),
    wholeAtM: wanted.length > 0 && wanted.every(({ relationshipId }) => atM(relationshipId)),
    listOfM: new Set(wanted.map(({ relationshipId }) => relationshipId)),
    decision: decisionOn(question, n === null ? undefined : groups.get(n)),
    groups,
    missing: givenUpOf([...listN, ...listM], givenUp),
  };
}

function highest(numbers: readonly (number | null)[]): number | null {
  const present = numbers.filter((number) => number !== null);
  return present.length === 0 ? null : Math.max(...present);
}

function listOf(groups: ReadonlyMap<number, NumberedGroup>, sequence: number | null): readonly ListedMember[] {
  return sequence === null ? [] : (groups.get(sequence)?.memberList ?? []);
}

interface Lists {
  readonly groups: ReadonlyMap<number, NumberedGroup>;
  /** Members that only some of the remotes still list. */
  readonly removed: ReadonlySet<number>;
  /** Two formations of one number, of which one is no group. */
  readonly differ: boolean;
}

/**
 * The remotes' lists by number. A formation gives the same list to all, and only a removal shortens it; a remote that was not
 * reached then still has the longer one. So what all of them list is the list.
 */
function listsOf(found: readonly FoundSystem[]): Lists {
  const groups = new Map<number, NumberedGroup>();
  const removed = new Set<number>();
  let differ = false;
  for (const group of found.flatMap(({ table }) => table.groups)) {
    const known = groups.get(group.sequence);
    if (known && known.term !== group.term) differ = true;
    if (known) for (const id of differing(known, group)) removed.add(id);
    groups.set(group.sequence, known ?? group);
  }
  for (const [sequence, group] of groups) {
    const memberList = group.memberList.filter(({ relationshipId }) => !removed.has(relationshipId));
    groups.set(sequence, { ...group, memberList });
  }
  return { groups, removed, differ };
}

function differing(a: NumberedGroup, b: NumberedGroup): number[] {
  const [inA, inB] = [a, b].map(({ memberList }) => new Set(memberList.map(({ relationshipId }) => relationshipId)));
  return [...(inA ?? []), ...(inB ?? [])].filter((id) => !(inA?.has(id) && inB?.has(id)));
}

interface Looked {
  readonly listN: readonly ListedMember[];
  readonly givenUp: ReadonlySet<number>;
  readonly removed: ReadonlySet<number>;
  readonly n: number | null;
}

function membersOf(
  found: readonly FoundSystem[],
  rows: readonly Row[],
  { listN, givenUp, removed, n }: Looked,
): readonly FoundMember[] {
  const inList = new Set(listN.map(({ relationshipId }) => relationshipId));
  const told = new Map(found.flatMap(({ table }) => table.members.map((one) => [one.relationshipId, one])));
  const known: FoundMember[] = rows.flatMap((row) => {
    const listed = inList.has(row.relationshipId);
    const secondary =
      told.get(row.relationshipId)?.secondary ??
      listN.find(({ relationshipId }) => relationshipId === row.relationshipId)?.secondary;
    if (!secondary) return [];
    const backup = told.get(row.relationshipId)?.backup ?? null;
    const standing = removed.has(row.relationshipId) ? 'behind' : standingOf(row, n, listed);
    return [{ ...row, secondary, backup, listed, standing }];
  });
  const rowless = listN
    .filter(({ relationshipId }) => !givenUp.has(relationshipId))
    .filter(({ relationshipId }) => !known.some((member) => member.relationshipId === relationshipId))
    .map((member) => ({ ...member, ...NOTHING, backup: null, listed: true, standing: 'odd' as const }));
  return [...known, ...rowless].sort((a, b) => a.relationshipId - b.relationshipId);
}

const NOTHING = { committed: null, revertible: null };

function standingOf({ committed, revertible }: Row, n: number | null, listed: boolean): Standing {
  if (revertible === null && (committed === null || committed !== n)) return 'behind';
  // A member that n's list does not name cannot stand at n.
  if (!listed) return 'odd';
  if (revertible === null) return 'committed';
  return revertible === n && (committed === null || committed < revertible) ? 'prepared' : 'odd';
}

function demandReached({ found }: RecoveryQuestion, list: readonly ListedMember[], givenUp: ReadonlySet<number>): void {
  const reached = new Set(found.map(({ system }) => system.id));
  const lost = list.find(
    ({ relationshipId, secondary }) => !givenUp.has(relationshipId) && !reached.has(secondary.system.id),
  );
  if (!lost) return;
  const { system, name } = lost.secondary;
  throw failure(
    'peer-missing',
    `Storage system ${system.name}, which holds ${system.name}:${name} of the group, is not reached.`,
    `Name it with --at, or give it up with --without '${system.name}:*'.`,
  );
}

/**
 * A verdict that a former recovery made durable counts before the master's own record: it was made under a higher term. A record of
 * another formation says nothing about this one.
 */
function decisionOn({ found, master }: RecoveryQuestion, group: NumberedGroup | undefined): Facts['decision'] {
  if (group === undefined) return 'unknown';
  const verdict = found
    .flatMap(({ table }) => table.verdict ?? [])
    .filter(({ settled, settle }) => settled === group.sequence && settle !== 'nothing')
    .reduce<RecoveryVerdict | undefined>((best, one) => (best && best.term >= one.term ? best : one), undefined);
  if (verdict) return verdict.settle === 'commit' ? 'commit' : 'revert';
  if (master === null || master.sequence !== group.sequence || master.term !== group.term) return 'unknown';
  return master.decision === 'commit' ? 'commit' : 'revert';
}

function givenUpOf(lists: readonly ListedMember[], givenUp: ReadonlySet<number>): readonly ListedMember[] {
  const found = new Map(lists.map((member) => [member.relationshipId, member]));
  return [...found.values()].filter(({ relationshipId }) => givenUp.has(relationshipId));
}
