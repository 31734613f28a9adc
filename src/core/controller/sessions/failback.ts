import { failure } from '../../foundation/foundation.js';
import type { FailbackRow, SystemRef } from '../../group/group.js';
import { degradePair, mapCounts } from '../../hostio/hostio.js';
import { type HalfRecord, isHalf, isReturning } from '../../pair/pair.js';
import { type SecondaryTable, type SessionSheet, sessionEvent } from '../../session/session.js';
import { isLoss } from '../../transfer/transfer.js';
import { recorded } from '../control/recorded.js';
import type { Answered, RequestExtras, Requests } from '../control/requests.js';
import { bringBack, failbackRow, type JointWayBack, partsOf, tracksAtPrimaries } from '../halves/way-back.js';
import type { Controller, RequestContext } from '../open-controller.js';
import { atSecondary } from './sheets.js';
import { unique } from './tables.js';

type Input<Code extends keyof Requests> = Requests[Code]['input'];

interface Way extends JointWayBack {
  readonly sheet: SessionSheet;
  readonly systems: readonly SystemRef[];
}

/**
 * Brings a recovered session back: the differences go to the old primaries while the recovered side serves; when little is left it is shut
 * out at all its systems, the rest follows, and all pairs turn their roles back. Run again, it goes on where it stopped.
 */
export async function failBackSession(
  controller: Controller,
  input: Input<'session.failback'>,
  extras: RequestExtras,
  context: RequestContext,
): Promise<Answered<'session.failback'>> {
  const { session: name } = input;
  const way = await wayOf(controller, demandRecovered(controller, name));
  const pairs = await rowsOf(controller, way);
  const answer = { session: name, term: way.sheet.term, pairs };
  if (input.plan) return { output: { ...answer, outcome: 'planned' } };
  const subject = { operation: 'checkpoint failback', primary: name, before: 'recovered' };
  const outcome = await recorded(
    controller,
    context,
    [subject],
    () =>
      bringBack(controller, way, { wait: input.wait, signal: extras.signal, goHome: () => goHome(controller, way) }),
    (end) => ({ after: end, session: end === 'returned' ? sessionEvent(way.sheet, 'failback') : undefined }),
  );
  const term = controller.sessions.sheets.byId(way.sheet.id)?.term ?? way.sheet.term;
  return { output: { ...answer, term, outcome } };
}

/**
 * This one comes last: until then it can be run again. What did not count is told as well, for a recovery may have fenced it; where it is not
 * there it is not waited for.
 */
async function goHome(controller: Controller, { sheet, systems, parts }: Way): Promise<void> {
  const { id: session, term, run, home, secondary } = sheet;
  const self = controller.peers.self.id;
  const input = { session, term: term + 1, run: run + 1 };
  const needed = unique(controller, [...systems, ...parts.map((part) => part.system), home]);
  const table = secondary?.table ?? [];
  const others = [...table.map((row) => row.secondary), ...table.map((row) => row.primary)];
  // Secondaries first: of what is dropped there a primary hears nothing before it has marked it.
  const all = unique(controller, [...systems, ...others, ...needed]);
  for (const system of [...all.filter(({ id }) => id !== self), ...all.filter(({ id }) => id === self)])
    await controller.peers.ask(system, 'session.home', input).catch((error: unknown) => {
      if (!isLoss(error) || needed.includes(system)) throw error;
    });
}

/** Answers at every system of the session: the recovery is over, under this term. Its pairs begin with nothing that counts. */
export async function comeHomeSession(
  controller: Controller,
  { session, term, run }: Input<'session.home'>,
): Promise<Answered<'session.home'>> {
  const { sessions, catalog } = controller;
  const present = sessions.sheets.byId(session);
  if (!present || present.term > term) return { output: {} };
  const back = { term, run: Math.max(run, present.run) };
  await leadAgain(controller, session);
  // The term alone proves nothing: whoever is home already, and runs, may have told it first.
  if (present.secondary ? (present.secondary.homeTerm ?? 0) >= term : present.term === term) return { output: {} };
  const halves = () =>
    [...catalog.pairs.values()].filter(isHalf).filter(({ remote }) => remote.journal?.session === session);
  await catalog.change(() => [
    ...halves().map((half) => ({ do: 'put-pair' as const, record: anew(half) })),
    ...sessions.sheets.change(session, (sheet) => ({ ...atSecondary((table) => atHome(table, term))(sheet), ...back })),
  ]);
  await catalog.durable();
  for (const { remote } of halves()) sessions.returning.delete(remote.id);
  controller.step('session.home');
  controller.notify();
  return { output: {} };
}

/**
 * Halves here whose secondaries were fenced by the recovery and not made primaries, for nothing of theirs counted: they go on as they were.
 * What was recorded was dropped there, so that it is marked.
 */
async function leadAgain(controller: Controller, session: string): Promise<void> {
  const { catalog, halves, fabric } = controller;
  for (const half of [...catalog.pairs.values()].filter(isHalf)) {
    if (half.remote.side !== 'primary' || half.remote.journal?.session !== session || isReturning(half)) continue;
    const { takenOver, term } = await halves.link(half.number).show();
    if (takenOver || (half.remote.term >= term && !half.remote.displaced)) continue;
    await degradePair(fabric, fabric.pair(half.number), 'its session was recovered without it');
    await catalog.change(() => {
      const row = catalog.pairs.get(half.number);
      return row && isHalf(row) ? [{ do: 'put-pair', record: leading(row, term + 1) }] : [];
    }, true);
    await catalog.durable();
    halves.link(half.number).giveUp();
  }
}

function leading(row: HalfRecord, term: number): HalfRecord {
  const remote = { ...row.remote, displaced: false, term };
  if (row.state.status !== 'suspended' || row.state.reason !== 'takeover') return { ...row, remote };
  const { from } = row.state;
  return { ...row, state: from.status === 'duplex' ? { status: 'resync' } : from, remote };
}

/**
 * What a secondary holds is what its hosts wrote: it counts for no checkpoint, and shows none. What a primary says stays: its writes may be
 * recorded again since the roles were turned back, and before it copies directly the secondary has to let go of those (H20).
 */
function anew(half: HalfRecord): HalfRecord {
  const { remote } = half;
  if (remote.side === 'primary' || !remote.journal) return half;
  return { ...half, remote: { ...remote, journal: { ...remote.journal, entered: false, withdrawn: false } } };
}

/** Every stream enters anew: its secondaries were primaries, and hold what no checkpoint says. */
function atHome(table: SecondaryTable, homeTerm: number): SecondaryTable {
  return {
    ...table,
    fenced: undefined,
    homeTerm,
    recovered: null,
    releasing: null,
    tableTerm: table.tableTerm + 1,
    table: table.table.map((row) => ({ ...row, enteredAt: null, resigned: null })),
  };
}

function demandRecovered({ sessions, place }: Controller, name: string): SessionSheet {
  const sheet = sessions.sheets.demand(name);
  if (sheet.secondary?.recovered?.done) return sheet;
  throw failure(
    'session-refuses',
    `Session ${name} was not recovered at ${place.name}, so there is nothing to bring back.`,
    `copyset checkpoint status ${name} shows how it stands.`,
  );
}

/** The pairs whose secondaries were made primaries, at all the systems of the table. */
async function wayOf(controller: Controller, sheet: SessionSheet): Promise<Way> {
  const table = sheet.secondary?.table ?? [];
  const systems = unique(
    controller,
    table.filter(({ resigned }) => resigned === null).map(({ secondary }) => secondary),
  );
  const returning: { readonly pair: string; readonly primary: SystemRef }[] = [];
  for (const system of systems) {
    const { pairs } = await controller.peers.ask(system, 'session.taken', { session: sheet.id });
    for (const { id: pair, primary } of pairs) returning.push({ pair, primary });
  }
  return { of: sheet.id, sheet, systems, parts: partsOf(returning) };
}

/** Answers at a secondary: which of its halves were made primaries, and are not given back as a whole. */
export async function takenHere(
  controller: Controller,
  { session }: Input<'session.taken'>,
): Promise<Answered<'session.taken'>> {
  const halves = [...controller.catalog.pairs.values()].filter(
    (half): half is HalfRecord => isHalf(half) && half.remote.journal?.session === session,
  );
  const pairs = halves
    .filter(({ remote }) => remote.side === 'secondary')
    // One that was shut out already is on its way back.
    .filter(({ remote, state }) => remote.takenOver !== null || state.status === 'resync-reverse')
    .map((half) => ({
      id: half.remote.id,
      primary: half.remote.peer.system,
      primaryName: half.remote.peer.name,
      secondary: controller.address(half.secondary),
      tracks: mapCounts(controller.catalog, half).secondary,
      trackSizeBytes: controller.catalog.volumes.get(half.secondary)?.trackSizeBytes ?? 0,
    }));
  return { output: { pairs } };
}

async function rowsOf(controller: Controller, way: Way): Promise<FailbackRow[]> {
  const there = await tracksAtPrimaries(controller, way);
  const rows: FailbackRow[] = [];
  for (const system of way.systems) {
    const { pairs } = await controller.peers.ask(system, 'session.taken', { session: way.sheet.id });
    for (const { id, primary, primaryName, secondary, tracks, trackSizeBytes } of pairs) {
      const addresses = { primary: `${primary.name}:${primaryName}`, secondary };
      rows.push(failbackRow(addresses, tracks + (there.get(id) ?? 0), trackSizeBytes));
    }
  }
  return rows;
}
