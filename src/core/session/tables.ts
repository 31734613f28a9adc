import { assert } from '../foundation/foundation.js';
import type { SystemRef } from '../group/group.js';
import type { ActiveRow, ConfigRow } from './record.js';

/** A stream by the ids of its systems. */
export interface StreamName {
  readonly secondary: string;
  readonly primary: string;
}

/** A table and its term, which rises with each change, so that of two tables the newer one is known. */
export interface Termed<Row> {
  readonly term: number;
  readonly rows: readonly Row[];
}

export type ActiveTable = Termed<ActiveRow>;
export type ConfigTable = Termed<ConfigRow>;

export function streamOf({ secondary, primary }: ActiveRow): StreamName {
  return { secondary: secondary.id, primary: primary.id };
}

/** The streams over which the rendezvous of this number is held: reachable or not, only a resign takes one out (H22). */
export function counting(rows: readonly ActiveRow[], number: number): readonly ActiveRow[] {
  return rows.filter(({ enteredAt, resigned }) => resigned === null && enteredAt !== null && enteredAt <= number);
}

/** The ids of the systems that have entered and not resigned, in order. */
export function countingSystems(rows: readonly ActiveRow[], number = Number.POSITIVE_INFINITY): readonly string[] {
  return [...new Set(counting(rows, number).map(({ secondary }) => secondary.id))].sort();
}

/**
 * The lowest id of those that have entered and not resigned; before the first has entered, of those that have not resigned. Nobody is replaced for
 * being unreachable: two halves would elect one each (H22).
 */
export function secondaryMaster(rows: readonly ActiveRow[]): SystemRef | undefined {
  const present = rows.filter(({ resigned }) => resigned === null);
  const entered = present.filter(({ enteredAt }) => enteredAt !== null);
  return lowest((entered.length > 0 ? entered : present).map(({ secondary }) => secondary));
}

/** Who issues the checkpoints, by the same rule. */
export function primaryMaster(rows: readonly ConfigRow[]): SystemRef | undefined {
  return lowest(rows.filter(({ resignedAt }) => resignedAt === null).map(({ system }) => system));
}

function lowest(systems: readonly SystemRef[]): SystemRef | undefined {
  return systems.reduce<SystemRef | undefined>((first, one) => (first && first.id <= one.id ? first : one), undefined);
}

/** A stream that comes anew is not counted: it first has to be copied whole (H21). */
export function addStream(table: ActiveTable, primary: SystemRef, secondary: SystemRef): ActiveTable {
  const known = table.rows.some((row) => row.primary.id === primary.id && row.secondary.id === secondary.id);
  if (known) return table;
  return changed(table, [...table.rows, { secondary, primary, enteredAt: null, resigned: null }]);
}

/** From `number` on the stream counts. It lies above everything that was released without it (H21). */
export function enterStream(table: ActiveTable, { secondary, primary }: StreamName, number: number): ActiveTable {
  return changed(
    table,
    table.rows.map((row) => {
      if (row.secondary.id !== secondary || row.primary.id !== primary) return row;
      assert(row.enteredAt === null && row.resigned === null, 'a stream enters once, and not while it is resigned');
      return { ...row, enteredAt: number };
    }),
  );
}

/** Every stream of the system, a primary or a secondary, counts no more. `shows`: the number that it last showed, 0 for none. */
export function resignSystem(table: ActiveTable, system: string, shows: number): ActiveTable {
  return changed(
    table,
    table.rows.map((row) => (isOf(row, system) && row.resigned === null ? { ...row, resigned: shows } : row)),
  );
}

/** The system's streams take part again; each enters anew once it was copied whole (H21). */
export function joinSystem(table: ActiveTable, system: string): ActiveTable {
  return changed(
    table,
    table.rows.map((row) => (isOf(row, system) ? { ...row, enteredAt: null, resigned: null } : row)),
  );
}

export function isOf({ secondary, primary }: ActiveRow, system: string): boolean {
  return secondary.id === system || primary.id === system;
}

export function resignPrimary(table: ConfigTable, system: string, lastNumber: number): ConfigTable {
  return changed(
    table,
    table.rows.map((row) =>
      row.system.id === system && row.resignedAt === null ? { ...row, resignedAt: lastNumber } : row,
    ),
  );
}

export function joinPrimary(table: ConfigTable, system: string): ConfigTable {
  return changed(
    table,
    table.rows.map((row) => (row.system.id === system ? { ...row, resignedAt: null } : row)),
  );
}

/** A primary with the secondaries that it has streams to. */
export function putPrimary(table: ConfigTable, system: SystemRef, coupled: readonly SystemRef[]): ConfigTable {
  const known = table.rows.find((row) => row.system.id === system.id);
  const row: ConfigRow = { system, coupled, resignedAt: known?.resignedAt ?? null };
  return changed(
    table,
    [...table.rows.filter((one) => one !== known), row].sort((a, b) => compareIds(a.system, b.system)),
  );
}

/** A change that changes nothing keeps its term. */
function changed<Row>(table: Termed<Row>, rows: readonly Row[]): Termed<Row> {
  return JSON.stringify(rows) === JSON.stringify(table.rows) ? table : { term: table.term + 1, rows };
}

function compareIds(a: SystemRef, b: SystemRef): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

export type Adoption = { readonly label: string; readonly kind: 'adopt' | 'same' | 'superseded' | 'conflict' };

/**
 * What a system does with a table that it is told. A change is recorded at every other system before its maker goes by it, so two makers of one
 * term cannot both succeed: the second one meets the first one's table, and makes its change again on top of that.
 *
 * @A adopt       its term is higher: durable here before the answer.
 * @B superseded  its term is lower: refused, and the newer one is told.
 * @C same        told again.
 * @D conflict    the same term from another maker: refused.
 */
export function judgeTable<Row>(own: Termed<Row>, told: Termed<Row>): Adoption {
  if (told.term > own.term) return { label: '@A', kind: 'adopt' };
  if (told.term < own.term) return { label: '@B', kind: 'superseded' };
  const same = JSON.stringify(own.rows) === JSON.stringify(told.rows);
  return same ? { label: '@C', kind: 'same' } : { label: '@D', kind: 'conflict' };
}

/** Who must have recorded a change before its maker goes by it: every other system of the table but the one that goes. */
export function mustRecord(rows: readonly ActiveRow[], maker: string, leaving?: string): readonly string[] {
  const systems = rows.filter(({ resigned }) => resigned === null).map(({ secondary }) => secondary.id);
  return [...new Set(systems)].filter((id) => id !== maker && id !== leaving).sort();
}
