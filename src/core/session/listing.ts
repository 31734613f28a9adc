import { exposureSeconds, type SystemRef } from '../group/group.js';
import { type Checkpoint, greatestCheckpoint, isoOf, millisecondsOf, timeOf } from '../sequence/sequence.js';
import { type LocatedSession, locateSessions, type SessionPart, type SessionView } from './locate.js';
import type { ActiveRow, SecondaryTable } from './record.js';
import { greatestHeldByAll, greatestReleased, roundReport } from './rendezvous.js';
import type { SessionListing, SessionReport, SessionSystemListing, StreamListing, StreamReport } from './requests.js';
import { decideRound } from './rounds.js';
import { countingSystems, isOf, primaryMaster, secondaryMaster } from './tables.js';
import type { RoundReport } from './wire.js';

/** `checkpoint status`: the sessions as the sheets of all systems tell them. */
export function listSessions(views: readonly SessionView[], nowMs: number): readonly SessionListing[] {
  return locateSessions(views).map((session) => listSession(session, views, nowMs));
}

/** What is seen of a session, put together once. */
interface Seen {
  readonly session: LocatedSession;
  readonly reports: readonly RoundReport[];
  readonly streams: ReadonlyMap<string, readonly StreamReport[]>;
  readonly journals: ReadonlyMap<string, SessionReport['journals']>;
  /** The ids of the systems that the next release waits for. */
  readonly late: readonly string[];
  /** What the secondaries that count would all show now. */
  readonly shown: Checkpoint | null;
}

export function listSession(session: LocatedSession, views: readonly SessionView[], nowMs: number): SessionListing {
  const seen = see(session, views);
  const tables = secondaries(session);
  const systems = [...primaryRows(seen), ...secondaryRows(seen)];
  const recoverable = systems.every((one) => one.role === 'primary' || one.recoverable);
  const times = tables.length === 0 || !recoverable ? [] : recoverableTimes(seen);
  const lowest = times.some((one) => one === null) || times.length === 0 ? null : lowestOf(times);
  const applied = appliedByAll(seen);
  return {
    name: session.name,
    id: session.id,
    term: session.term,
    run: session.run,
    home: session.home.name,
    state: stateOf(seen, systems),
    order: session.sheet.order,
    policy: session.sheet.policy,
    issued: greatestCheckpoint(session.parts.map(({ sheet }) => sheet.primary?.issued ?? null))?.number ?? null,
    released: greatestReleased(session.table, seen.reports)?.number ?? null,
    applied: applied?.number ?? null,
    appliedTime: label(applied),
    recoverableTime: label(lowest),
    recoverable: recoverable && lowest !== null,
    exposureSeconds: lowest === null ? null : exposureSeconds(millisecondsOf(timeOf(lowest)), nowMs),
    late: seen.late.map((id) => nameOf(session, id)),
    systems,
  };
}

/** Whether `checkpoint status` has nothing to warn of: it exits 21 otherwise. */
export function isSessionWell({ state }: SessionListing): boolean {
  return state === 'running' || state === 'starting' || state === 'stopped';
}

function see(session: LocatedSession, views: readonly SessionView[]): Seen {
  const streams = new Map(
    views.map(({ system, reports }) => [
      system.id,
      reports.find(({ session: id }) => id === session.id)?.streams ?? [],
    ]),
  );
  const journals = new Map(
    views.map(({ system, reports }) => [
      system.id,
      reports.find(({ session: id }) => id === session.id)?.journals ?? null,
    ]),
  );
  const reports = secondaries(session).map(({ system, table }) =>
    roundReport(
      system.id,
      table,
      (streams.get(system.id) ?? []).filter(({ role }) => role === 'secondary'),
    ),
  );
  const term = Math.max(0, ...reports.map(({ tableTerm }) => tableTerm));
  const decision = decideRound({ active: { term, rows: session.table }, reports });
  const released = greatestReleased(session.table, reports);
  const heard = countingSystems(session.table).every((id) => reports.some(({ system }) => system === id));
  const next = heard ? greatestHeldByAll(session.table, reports, released?.number ?? 0) : null;
  return {
    session,
    reports,
    streams,
    journals,
    late: decision.kind === 'wait' ? decision.who : [],
    shown: next ?? released,
  };
}

function stateOf({ session, reports, late }: Seen, systems: readonly SessionSystemListing[]): SessionListing['state'] {
  if (session.recovered.length > 0) return 'recovered';
  const primaries = session.parts.flatMap(({ sheet }) => sheet.primary ?? []);
  const isSeen = primaries.length > 0 || session.config.length === 0;
  if (isSeen && primaries.every(({ state }) => state === 'stopped')) return 'stopped';
  const gone = session.table.some(({ resigned }) => resigned !== null);
  if (gone || session.config.some(({ resignedAt }) => resignedAt !== null)) return 'resigned';
  const unheard = late.some((id) => !reports.some(({ system }) => system === id) && isSecondary(session.table, id));
  const troubled = systems.some(
    ({ state }) => state === 'degraded' || state === 'returning' || state === 'unreachable',
  );
  if (unheard || troubled) return 'degraded';
  return session.table.length === 0 || session.table.some(({ enteredAt }) => enteredAt === null)
    ? 'starting'
    : 'running';
}

function primaryRows(seen: Seen): readonly SessionSystemListing[] {
  const { session, streams, late } = seen;
  const master = primaryMaster(session.config)?.id;
  return session.config.map(({ system, resignedAt }) => {
    const table = partOf(session, system)?.sheet.primary;
    const own = (streams.get(system.id) ?? []).filter(({ role }) => role === 'primary');
    const active = resignedAt === null && table?.state === 'running';
    return {
      system: system.name,
      role: 'primary',
      master: system.id === master,
      active,
      state:
        table == null ? 'unreachable' : resignedAt !== null ? 'resigned' : !active ? 'stopped' : stateOfStreams(own),
      lastCheckpoint: lowestNumber(own.map(({ lastCheckpoint }) => lastCheckpoint)),
      recoverableTime: null,
      recoverable: true,
      bufferedBytes: table == null ? null : bufferedIn(own),
      journals: seen.journals.get(system.id) ?? null,
      streams: streamListings(own),
      updateInProgress: false,
      late: late.includes(system.id),
      reason: reasonOf(own),
    };
  });
}

function secondaryRows(seen: Seen): readonly SessionSystemListing[] {
  const { session, streams, late } = seen;
  const master = secondaryMaster(session.table)?.id;
  const systems = new Map(session.table.map(({ secondary }) => [secondary.id, secondary]));
  return [...systems.values()].map((system) => {
    const table = partOf(session, system)?.sheet.secondary;
    const own = (streams.get(system.id) ?? []).filter(({ role }) => role === 'secondary');
    const rows = session.table.filter((row) => row.secondary.id === system.id);
    const state = table == null ? 'unreachable' : stateOfRows(rows, own);
    const shown = shownBy(seen, system);
    const recoverable = shown !== null && !own.some(({ returning }) => returning === 'bare');
    return {
      system: system.name,
      role: 'secondary',
      master: system.id === master,
      active: rows.every(({ enteredAt, resigned }) => enteredAt !== null && resigned === null),
      state,
      lastCheckpoint: lastOf(own, table ?? null),
      recoverableTime: recoverable ? label(shown) : null,
      recoverable,
      bufferedBytes: table == null ? null : bufferedIn(own),
      journals: seen.journals.get(system.id) ?? null,
      streams: streamListings(own),
      updateInProgress: table?.releasing != null,
      late: late.includes(system.id),
      reason: reasonOf(own),
    };
  });
}

function stateOfRows(rows: readonly ActiveRow[], own: readonly StreamReport[]): SessionSystemListing['state'] {
  if (rows.some(({ resigned }) => resigned !== null)) return 'resigned';
  const state = stateOfStreams(own);
  return state === 'active' && rows.some(({ enteredAt }) => enteredAt === null) ? 'waiting' : state;
}

function stateOfStreams(own: readonly StreamReport[]): SessionSystemListing['state'] {
  if (own.some(({ returning }) => returning !== 'no')) return 'returning';
  return own.some(({ degraded }) => degraded) ? 'degraded' : 'active';
}

/** A resigned system shows what it has applied, however old; the others show what they all hold. */
function shownBy({ session, shown }: Seen, system: SystemRef): Checkpoint | null {
  const rows = session.table.filter(({ secondary }) => secondary.id === system.id);
  if (rows.every(({ resigned, enteredAt }) => resigned === null && enteredAt !== null)) return shown;
  return partOf(session, system)?.sheet.secondary?.applied ?? null;
}

function recoverableTimes(seen: Seen): readonly (Checkpoint | null)[] {
  const systems = new Map(seen.session.table.map(({ secondary }) => [secondary.id, secondary]));
  return [...systems.values()].map((system) => shownBy(seen, system));
}

/** The lowest that a system which counts has applied; null while one has applied none. */
function appliedByAll({ session, reports }: Seen): Checkpoint | null {
  const counted = countingSystems(session.table);
  const applied = counted.map((id) => reports.find(({ system }) => system === id)?.applied ?? null);
  return applied.includes(null) ? null : lowestOf(applied);
}

/** Of one system's streams: the last checkpoint that all of them hold or have applied. */
function lastOf(own: readonly StreamReport[], table: SecondaryTable | null): number | null {
  if (table === null) return null;
  const last = own.map(({ held }) => greatestCheckpoint([table.applied, ...held]));
  return last.length === 0 ? (table.applied?.number ?? null) : lowestNumber(last);
}

function lowestNumber(some: readonly (Checkpoint | null)[]): number | null {
  return some.includes(null) ? null : (lowestOf(some)?.number ?? null);
}

function lowestOf(some: readonly (Checkpoint | null)[]): Checkpoint | null {
  return some.reduce((least, one) => (least && one && least.number > one.number ? one : (least ?? one)), null);
}

function streamListings(own: readonly StreamReport[]): readonly StreamListing[] {
  return own.flatMap(({ peer, journal }) => (journal ? [{ system: peer.name, ...journal }] : []));
}

function bufferedIn(own: readonly StreamReport[]): number | null {
  return own.reduce<number | null>(
    (sum, { bufferedBytes }) => (sum === null || bufferedBytes === null ? null : sum + bufferedBytes),
    0,
  );
}

function reasonOf(own: readonly StreamReport[]): string | null {
  return own.find(({ reason }) => reason !== null)?.reason ?? null;
}

function secondaries({ parts }: LocatedSession): readonly { system: SystemRef; table: SecondaryTable }[] {
  return parts.flatMap(({ system, sheet }) => (sheet.secondary ? [{ system, table: sheet.secondary }] : []));
}

function partOf({ parts }: LocatedSession, { id }: SystemRef): SessionPart | undefined {
  return parts.find(({ system }) => system.id === id);
}

function isSecondary(rows: readonly ActiveRow[], id: string): boolean {
  return rows.some(({ secondary }) => secondary.id === id);
}

function nameOf({ config, table }: LocatedSession, id: string): string {
  const row = table.find((one) => isOf(one, id));
  const named = [row?.primary, row?.secondary, ...config.map(({ system }) => system)].find((one) => one?.id === id);
  return named?.name ?? id;
}

function label(checkpoint: Checkpoint | null): string | null {
  return checkpoint === null ? null : isoOf(timeOf(checkpoint));
}
