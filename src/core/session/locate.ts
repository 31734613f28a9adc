import { failure } from '../foundation/foundation.js';
import type { SystemRef } from '../group/group.js';
import { quoted } from '../volume/volume.js';
import type { ActiveRow, ConfigRow, SessionSheet } from './record.js';
import type { SessionReport } from './requests.js';

/** What one system told of its sessions. */
export interface SessionView {
  readonly system: SystemRef;
  readonly sheets: readonly SessionSheet[];
  readonly reports: readonly SessionReport[];
  readonly asOfMs: number;
}

/** One system's part of a session. */
export interface SessionPart {
  readonly system: SystemRef;
  readonly sheet: SessionSheet;
}

/** A session as all the systems that were seen know it. */
export interface LocatedSession {
  readonly name: string;
  readonly id: string;
  /** The highest term and run that any of them knows. */
  readonly term: number;
  readonly run: number;
  readonly home: SystemRef;
  /** The sheet of whoever knows it best: of the highest term and run, the home's before the others'. */
  readonly sheet: SessionSheet;
  /** The configuration table of the highest term; empty until a pair is made. */
  readonly config: readonly ConfigRow[];
  /** The copy-active table of the highest term. */
  readonly table: readonly ActiveRow[];
  /** The systems seen that keep a sheet of it, in the order of their ids. */
  readonly parts: readonly SessionPart[];
  /** Secondaries that were made primaries and not brought back. */
  readonly recovered: readonly SystemRef[];
}

/** All sessions of these systems, by name. */
export function locateSessions(views: readonly SessionView[]): readonly LocatedSession[] {
  const byId = new Map<string, SessionPart[]>();
  for (const { system, sheets } of views)
    for (const sheet of sheets) byId.set(sheet.id, [...(byId.get(sheet.id) ?? []), { system, sheet }]);
  const sessions = [...byId.values()].flatMap((parts) => locate(parts) ?? []);
  return sessions.sort((a, b) => a.name.localeCompare(b.name, 'en') || (a.id < b.id ? -1 : 1));
}

/** The session of this name. Throws `session-not-found`, and `usage` where there are several. */
export function locateSession(views: readonly SessionView[], name: string): LocatedSession {
  const found = locateSessions(views).filter((session) => session.name === name);
  const [first] = found;
  if (!first) {
    throw failure(
      'session-not-found',
      `No system below the root knows a checkpoint session ${quoted(name)}.`,
      'copyset checkpoint status shows the sessions there are.',
    );
  }
  if (found.length === 1) return first;
  const homes = found.map(({ home }) => home.name).join(' and ');
  const hint = 'Name the folder of the one you mean with --root.';
  throw failure('usage', `There are ${found.length} sessions named ${quoted(name)}, made at ${homes}.`, hint);
}

function locate(parts: readonly SessionPart[]): LocatedSession | undefined {
  const ordered = [...parts].sort((a, b) => (a.system.id < b.system.id ? -1 : 1));
  const [first] = ordered;
  if (!first) return undefined;
  const { sheet } = ordered.reduce((best, one) => (knowsBetter(one, best) ? one : best), first);
  const config = ordered.flatMap(({ sheet: { primary } }) =>
    primary ? [{ term: primary.configTerm, rows: primary.config }] : [],
  );
  const tables = ordered.flatMap(({ sheet: { secondary } }) =>
    secondary ? [{ term: secondary.tableTerm, rows: secondary.table }] : [],
  );
  const table = rowsOfHighest(tables);
  return {
    name: sheet.name,
    id: sheet.id,
    term: sheet.term,
    run: Math.max(...ordered.map((part) => part.sheet.run)),
    home: sheet.home,
    sheet,
    config: config.length > 0 ? rowsOfHighest(config) : primariesOf(table),
    table,
    parts: ordered,
    recovered: ordered.flatMap((part) => (part.sheet.secondary?.recovered ? [part.system] : [])),
  };
}

/** Of primaries that are all out of sight the secondaries know at least who they are. */
function primariesOf(table: readonly ActiveRow[]): readonly ConfigRow[] {
  const ids = [...new Set(table.map(({ primary }) => primary.id))].sort();
  return ids.flatMap((id): ConfigRow[] => {
    const rows = table.filter(({ primary }) => primary.id === id);
    const [first] = rows;
    return first ? [{ system: first.primary, coupled: rows.map(({ secondary }) => secondary), resignedAt: null }] : [];
  });
}

function knowsBetter({ system, sheet }: SessionPart, best: SessionPart): boolean {
  if (sheet.term !== best.sheet.term) return sheet.term > best.sheet.term;
  if (sheet.run !== best.sheet.run) return sheet.run > best.sheet.run;
  return sheet.home.id === system.id && best.sheet.home.id !== best.system.id;
}

function rowsOfHighest<Row>(tables: readonly { term: number; rows: readonly Row[] }[]): readonly Row[] {
  return tables.reduce((best, one) => (one.term > best.term ? one : best), { term: -1, rows: [] as readonly Row[] })
    .rows;
}
