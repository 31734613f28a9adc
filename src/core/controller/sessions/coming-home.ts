import { isToolkitError } from '../../foundation/foundation.js';
import type { SystemRef } from '../../group/group.js';
import { degradePair } from '../../hostio/hostio.js';
import { type HalfRecord, isHalf } from '../../pair/pair.js';
import type { ActiveTable, SecondaryTable, SessionSheet } from '../../session/session.js';
import { isLoss } from '../../transfer/transfer.js';
import type { Answered, Requests } from '../control/requests.js';
import { leadAgain } from '../halves/roles.js';
import type { Controller } from '../open-controller.js';
import { atSecondary } from './sheets.js';
import { unique, withTable } from './tables.js';

type Input<Code extends keyof Requests> = Requests[Code]['input'];

/**
 * The end of a failback. This system comes last: until then it can be run again. What did not count is told as well, for a recovery may have
 * fenced it; where it is not there it is not waited for, and hears of it from here once it is in reach.
 */
export async function goHome(
  controller: Controller,
  { id: session, term, run, secondary }: SessionSheet,
  systems: readonly SystemRef[],
): Promise<void> {
  const { peers } = controller;
  const input = { session, term: term + 1, run: run + 1 };
  const needed = new Set(systems.map(({ id }) => id));
  const table = secondary?.table ?? [];
  // Secondaries first: of what is dropped there a primary hears nothing before it has marked it.
  const secondaries = unique(
    controller,
    table.map((row) => row.secondary),
  );
  const all = unique(controller, [...table.map((row) => row.primary), ...systems]);
  const others = [...secondaries, ...all.filter(({ id }) => !secondaries.some((one) => one.id === id))];
  const untold: SystemRef[] = [];
  for (const system of others.filter(({ id }) => id !== peers.self.id))
    await peers.ask(system, 'session.home', input).catch((error: unknown) => {
      if (!isLoss(error) || needed.has(system.id)) throw error;
      untold.push(system);
    });
  await peers.ask(peers.self, 'session.home', { ...input, untold: listed(untold) });
}

function listed(systems: readonly SystemRef[]): readonly SystemRef[] | undefined {
  return systems.length === 0 ? undefined : systems;
}

/** Tells those that were out of reach when the session came home. Who cannot be reached now either is told another time. */
export async function tellRest(controller: Controller, id: string): Promise<void> {
  const { sessions, peers } = controller;
  for (const system of untoldOf(sessions.sheets.byId(id)?.secondary ?? null)) {
    const sheet = sessions.sheets.byId(id);
    if (!sheet?.secondary || untoldOf(sheet.secondary).length === 0) return;
    const { homeTerm: term = sheet.term, tableTerm, table } = sheet.secondary;
    const input = { session: id, term, run: sheet.run, active: { term: tableTerm, rows: table } };
    try {
      await peers.ask(system, 'session.home', input);
    } catch (error) {
      if (!isToolkitError(error)) throw error;
      continue;
    }
    await sessions.sheets.update(
      id,
      atSecondary((own) => ({ ...own, untold: listed((own.untold ?? []).filter((one) => one.id !== system.id)) })),
    );
  }
}

/** Systems that do not know yet that the session is home. A recovery that has begun since is told by its own way home. */
export function untoldOf(table: SecondaryTable | null): readonly SystemRef[] {
  return table?.fenced || table?.recovered ? [] : (table?.untold ?? []);
}

/** Answers at every system of the session: the recovery is over, under this term. Its pairs begin with nothing that counts. */
export async function comeHomeSession(
  controller: Controller,
  { session, term, run, untold, active }: Input<'session.home'>,
): Promise<Answered<'session.home'>> {
  const { sessions, catalog } = controller;
  const present = sessions.sheets.byId(session);
  if (!present || present.term > term) return { output: {} };
  const back = { term, run: Math.max(run, present.run) };
  await leadSession(controller, session);
  // The term alone proves nothing: whoever is home already, and runs, may have told it first.
  if (present.secondary ? (present.secondary.homeTerm ?? 0) >= term : present.term === term) return { output: {} };
  const halves = () =>
    [...catalog.pairs.values()].filter(isHalf).filter(({ remote }) => remote.journal?.session === session);
  // Of one that the recovery never came to nothing was dropped: its streams go on where they are.
  const isFenced = () => sessions.sheets.byId(session)?.secondary?.fenced === true;
  await catalog.change(() => [
    ...(isFenced() ? halves() : []).map((half) => ({ do: 'put-pair' as const, record: anew(half) })),
    ...sessions.sheets.change(session, (sheet) => ({
      ...atSecondary((table) => withLater(controller, { ...atHome(table, term), untold }, active))(sheet),
      ...back,
    })),
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
async function leadSession(controller: Controller, session: string): Promise<void> {
  const { catalog, fabric } = controller;
  for (const half of [...catalog.pairs.values()].filter(isHalf)) {
    if (half.remote.side !== 'primary' || half.remote.journal?.session !== session) continue;
    await leadAgain(controller, half, () =>
      degradePair(fabric, fabric.pair(half.number), 'its session was recovered without it'),
    );
  }
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

/** The others may have gone on meanwhile, and some of them have entered. */
function withLater(controller: Controller, table: SecondaryTable, active: ActiveTable | undefined): SecondaryTable {
  return active && active.term + 1 >= table.tableTerm ? withTable(controller, table, active) : table;
}
