import { POLICY_DEFAULT } from './policy.js';
import type {
  FormationRecord,
  GroupMember,
  GroupSheet,
  LastFormed,
  MasterTable,
  NumberedGroup,
  SystemRef,
} from './record.js';
import type { RecoveryJudgement } from './recovery.js';

/** A system's sheet of the group, as it was found when another master was designated. */
export interface SeenSheet {
  readonly system: SystemRef;
  readonly sheet: GroupSheet;
}

/** The row of the master that counts: of the highest term, whether or not it has handed over. */
export function formerMaster(seen: readonly SeenSheet[]): (SeenSheet & { readonly master: MasterTable }) | undefined {
  const rows = seen.flatMap(({ system, sheet }) => (sheet.master ? [{ system, sheet, master: sheet.master }] : []));
  return rows.reduce<(typeof rows)[number] | undefined>(
    (best, row) => (best && best.master.term >= row.master.term ? best : row),
    undefined,
  );
}

/** The highest term that anybody knows. */
export function highestTermOf(seen: readonly SeenSheet[]): number {
  return highest(seen.flatMap(({ sheet }) => [sheet.master?.term, sheet.subordinate?.term, sheet.remote?.term]));
}

/** The systems that the sheets name as holding members, in the order of their ids. */
export function systemsNamed(members: readonly GroupMember[]): readonly SystemRef[] {
  const found = new Map(
    members.flatMap(({ primary, secondary }) => [primary.system, secondary.system]).map((one) => [one.id, one]),
  );
  return [...found.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/**
 * The relationship table without its master: of each member its own remote tells, because it is the first to learn of a new one and
 * keeps no row of a removed one. Remotes that were not seen have told others of their members.
 */
export function membersAsTold(seen: readonly SeenSheet[]): readonly GroupMember[] {
  const remotes = seen.flatMap(({ system, sheet }) => (sheet.remote ? [{ system, table: sheet.remote }] : []));
  const reached = new Set(remotes.map(({ system }) => system.id));
  const told = new Map<number, GroupMember>();
  for (const { system, table } of remotes)
    for (const member of table.members) {
      const own = member.secondary.system.id === system.id;
      if (own || !reached.has(member.secondary.system.id)) told.set(member.relationshipId, member);
    }
  // Only a master notes that a member has joined; one that stood in a formation has.
  const rows = remotes.flatMap(({ table }) => table.volumes);
  const joined = new Set(
    rows.filter(({ committed, revertible }) => (committed ?? revertible) !== null).map((row) => row.relationshipId),
  );
  return [...told.values()]
    .map((member) => (joined.has(member.relationshipId) ? { ...member, joined: 'member' as const } : member))
    .sort((a, b) => a.relationshipId - b.relationshipId);
}

export interface Designation {
  readonly seen: readonly SeenSheet[];
  /** The former master's row, where it could be read. */
  readonly former: MasterTable | null;
  readonly members: readonly GroupMember[];
  readonly term: number;
  /** What the remotes were brought to. */
  readonly judged: RecoveryJudgement | null;
}

/** The new master's row: what the former one knew, as far as it can be read, and numbers above all that anybody has seen. */
export function designatedTable({ seen, former, members, term, judged }: Designation): MasterTable {
  const numbered = seen.flatMap(({ sheet }) => sheet.remote?.groups ?? []);
  const lastFormed = lastFormedOf(former, numbered, judged);
  const settled: FormationRecord | null = former?.last ? { ...former.last, phase: 'settled' } : null;
  const ids = [...members, ...numbered.flatMap(({ memberList }) => memberList)].map((member) => member.relationshipId);
  const known = seen.flatMap(({ sheet }) => sheet.subordinate ?? []);
  const newest = known.reduce<(typeof known)[number] | undefined>((a, b) => (a && a.term >= b.term ? a : b), undefined);
  const { practice: _, ...kept } = former ?? EMPTY;
  return {
    ...kept,
    term,
    policy: former?.policy ?? newest?.policy ?? POLICY_DEFAULT,
    members,
    relationshipIdNext: Math.max(former?.relationshipIdNext ?? 1, highest(ids) + 1),
    sequence: highest(seen.flatMap(({ sheet }) => numbersOf(sheet))),
    last: settled,
    lastFormed,
    formedCount: former?.formedCount ?? (lastFormed === null ? 0 : 1),
    handedOver: false,
  };
}

const EMPTY: Pick<MasterTable, 'state' | 'failedCount' | 'lastFailure' | 'practice'> = {
  state: { status: 'stopped' },
  failedCount: 0,
  lastFailure: null,
};

function lastFormedOf(
  former: MasterTable | null,
  numbered: readonly NumberedGroup[],
  judged: RecoveryJudgement | null,
): LastFormed | null {
  const known = former?.lastFormed ?? null;
  const sequence = judged?.sequence ?? null;
  if (sequence === null || known?.sequence === sequence) return known;
  const timeMs = numbered.find((group) => group.sequence === sequence)?.timeMs ?? judged?.timeMs ?? 0;
  return { sequence, timeMs, pauseMs: 0, drainMs: 0, tracks: 0 };
}

function numbersOf({ master, subordinate, remote }: GroupSheet): number[] {
  const rows = remote?.volumes.flatMap(({ committed, revertible }) => [committed ?? 0, revertible ?? 0]) ?? [];
  const groups = remote?.groups.map(({ sequence }) => sequence) ?? [];
  return [master?.sequence ?? 0, subordinate?.highestSequence ?? 0, ...rows, ...groups];
}

function highest(numbers: readonly (number | undefined)[]): number {
  return Math.max(0, ...numbers.map((number) => number ?? 0));
}
