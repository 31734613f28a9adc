import { failure } from '../../foundation/foundation.js';
import type { SystemRef } from '../../group/group.js';
import {
  type ActiveRow,
  type ActiveTable,
  counting,
  type PrimaryTable,
  type ReceiveRow,
  type SecondaryTable,
  type SessionSheet,
} from '../../session/session.js';
import { isLoss } from '../../transfer/transfer.js';
import type { Requests } from '../control/requests.js';
import type { Controller } from '../open-controller.js';

/** What is read from a session's sheet, and made of its tables. */

/** Whether a rendezvous of this number is held over the stream. */
export function countsAt(row: ActiveRow | undefined, number: number): boolean {
  return row !== undefined && counting([row], number).length > 0;
}

/** The table with another copy-active table, and a row for each stream that comes here. */
export function withTable(
  { peers }: Controller,
  secondary: SecondaryTable,
  { term: tableTerm, rows: table }: ActiveTable,
): SecondaryTable {
  const own = table.filter((row) => row.secondary.id === peers.self.id);
  const streams = own.map(({ primary }) => {
    const known = secondary.streams.find((row) => row.primary.id === primary.id);
    return known ? { ...known, primary } : newRow(primary);
  });
  return { ...secondary, tableTerm, table, streams };
}

function newRow(primary: ReceiveRow['primary']): ReceiveRow {
  return { primary, voidBefore: {}, appliedSequence: 0, heldFrom: 0, generation: 0, remadeIn: null };
}

export function emptySecondary(enabled: boolean): SecondaryTable {
  return {
    enabled,
    tableTerm: 0,
    table: [],
    streams: [],
    releasing: null,
    applied: null,
    resetTo: 0,
    recovered: null,
  };
}

/** This system's side of the session as a secondary. Throws `session-not-found`, `term-superseded`. */
export function demandSecondary(
  controller: Controller,
  { session, term }: { readonly session: string; readonly term: number },
): SecondaryTable {
  const sheet = controller.sessions.sheets.byId(session);
  if (!sheet?.secondary) throw sessionGone();
  demandSessionTerm(controller, sheet, term);
  return sheet.secondary;
}

export function demandSessionTerm({ place }: Controller, sheet: SessionSheet, term: number): void {
  if (term >= sheet.term) return;
  throw failure(
    'term-superseded',
    `${place.name} knows term ${sheet.term} of session ${sheet.name}; this is of ${term}.`,
    `copyset checkpoint status ${sheet.name} shows who is master.`,
  );
}

/** What a system needs to know of a session to take part in it. */
export function partsOf({
  primary,
  id,
  name,
  term,
  run,
  home,
  order,
  policy,
}: SessionSheet): Requests['session.put']['input'] {
  const config = primary ? { term: primary.configTerm, rows: primary.config } : undefined;
  return { session: id, name, term, run, home, order, policy, config };
}

/** All systems of a session as its configuration table names them, in the order of their ids. */
export function systemsOf(controller: Controller, { home, primary }: SessionSheet): readonly SystemRef[] {
  const rows = primary?.config ?? [];
  return unique(controller, [home, ...rows.flatMap(({ system, coupled }) => [system, ...coupled])]);
}

export function unique({ peers }: Controller, systems: readonly SystemRef[]): readonly SystemRef[] {
  const found = new Map(systems.map((system) => [system.id, system.id === peers.self.id ? peers.self : system]));
  return [...found.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

export function primariesOf(controller: Controller, { home, primary }: SessionSheet): readonly SystemRef[] {
  const rows = (primary?.config ?? []).filter(({ resignedAt }) => resignedAt === null);
  return unique(controller, [home, ...rows.map(({ system }) => system)]);
}

export function emptyPrimary(): PrimaryTable {
  return { state: 'stopped', configTerm: 0, config: [], anchor: null, issued: null, seen: 0, streams: [] };
}

/** The sheet with another configuration table, and a row for each stream that goes from here. */
export function withPrimary(
  { peers }: Controller,
  sheet: SessionSheet,
  { config }: Pick<Requests['session.put']['input'], 'config'>,
): SessionSheet {
  if (!config) return sheet;
  const own = config.rows.find(({ system }) => system.id === peers.self.id);
  const present = sheet.primary ?? (own || sheet.home.id === peers.self.id ? emptyPrimary() : null);
  if (!present || present.configTerm > config.term) return { ...sheet, primary: present };
  const streams = (own?.coupled ?? []).map((secondary) => {
    const known = present.streams.find((row) => row.secondary.id === secondary.id);
    return known ? { ...known, secondary } : { secondary, sentUpTo: 0, appliedTime: null, generation: 0 };
  });
  return { ...sheet, primary: { ...present, configTerm: config.term, config: config.rows, streams } };
}

/** Tells a table to all its secondaries. Throws where one of those that have to record it cannot be reached. */
export async function tellTable(
  controller: Controller,
  sheet: SessionSheet,
  active: ActiveTable,
  needed: readonly string[],
): Promise<void> {
  const { peers } = controller;
  const input = { ...partsOf(sheet), keepsPolicy: true, config: undefined, active };
  const systems = active.rows.map(({ secondary }) => secondary);
  for (const system of unique(controller, systems)) {
    if (system.id === peers.self.id) continue;
    try {
      await peers.ask(system, 'session.put', input);
    } catch (error) {
      if (needed.includes(system.id) || !isLoss(error)) throw error;
    }
  }
}

/** The session was deleted here meanwhile. */
export function sessionGone(): Error {
  return failure('session-not-found', 'The session was deleted here.', 'copyset checkpoint status shows the sessions.');
}
