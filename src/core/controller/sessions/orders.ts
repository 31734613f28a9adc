import { failure, isToolkitError, type Milliseconds } from '../../foundation/foundation.js';
import { compareCheckpoints, sameCheckpoint } from '../../sequence/sequence.js';
import { type RoundReport, roundReport, type SecondaryTable } from '../../session/session.js';
import type { Answered, Requests } from '../control/requests.js';
import type { Controller } from '../open-controller.js';
import { finishApply } from './apply.js';
import { atSecondary } from './sheets.js';
import { countsAt, demandSecondary, sessionGone, withTable } from './tables.js';

type Input<Code extends keyof Requests> = Requests[Code]['input'];

/** A master that asks while records are applied hears of their end, where it comes soon. */
const APPLYING_MS: Milliseconds = 2_000;

/**
 * What a secondary does for its master. Every order carries the session's term and that of the table: one of a lower is refused, so that
 * a replaced master orders nothing (H22).
 */
export async function collectHere(
  controller: Controller,
  input: Input<'session.collect'>,
): Promise<Answered<'session.collect'>> {
  const { sessions } = controller;
  const present = demandSecondary(controller, input);
  if (present.tableTerm < input.tableTerm)
    await sessions.sheets.update(
      input.session,
      atSecondary((table) =>
        table.tableTerm < input.tableTerm
          ? withTable(controller, table, { term: input.tableTerm, rows: input.table })
          : table,
      ),
    );
  if (input.instant && isApplying(present)) sessions.views.wish(input.session);
  await soon(controller, finishApply(controller, input.session));
  const report = await reportHere(controller, input.session);
  const { tableTerm, table } = demandSecondary(controller, input);
  return { output: { report, tableTerm, table, work: sessions.ownWork(input.session) } };
}

/** The release is durable here when it is answered; it is applied behind. */
export async function releaseHere(
  controller: Controller,
  input: Input<'session.release'>,
): Promise<Answered<'session.release'>> {
  const { sessions } = controller;
  const { checkpoint } = input;
  const known = demandMaster(controller, input);
  if (known.applied && compareCheckpoints(known.applied, checkpoint) >= 0) return { output: {} };
  await demandHeld(controller, input);
  await sessions.sheets.update(
    input.session,
    atSecondary((table) => {
      demandMaster(controller, input);
      const { releasing, applied } = table;
      // The same order came twice, and the first was carried out to its end while this one looked at what is held.
      if (applied && compareCheckpoints(applied, checkpoint) >= 0) return table;
      // What is released is finished first; a master that did not know of it asks again. One that resigned meanwhile was never reset.
      const isFinished = releasing !== null && applied !== null && sameCheckpoint(releasing, applied);
      if (releasing && !isFinished && !sameCheckpoint(releasing, checkpoint))
        throw failure('session-refuses', `Checkpoint ${releasing.number} is being applied here.`);
      if (table.fenced && !releasing)
        throw failure('session-refuses', `The session is being recovered at ${controller.place.name}.`);
      return { ...table, releasing: checkpoint };
    }),
  );
  controller.step('session.released');
  controller.notify();
  if (input.instant) sessions.views.wish(input.session);
  sessions.behind(finishApply(controller, input.session));
  return { output: {} };
}

/** Every system has applied it: hosts may read again. */
export async function resetHere(
  controller: Controller,
  input: Input<'session.reset'>,
): Promise<Answered<'session.reset'>> {
  const { sessions } = controller;
  demandMaster(controller, input);
  await sessions.sheets.update(
    input.session,
    atSecondary((table) => {
      const { applied, releasing, resetTo } = table;
      if (!applied || applied.number < input.checkpoint.number) return table;
      // An order that comes late ends no later update.
      const isOver =
        releasing !== null && sameCheckpoint(releasing, applied) && sameCheckpoint(applied, input.checkpoint);
      if (resetTo >= input.checkpoint.number && !isOver) return table;
      return { ...table, releasing: isOver ? null : releasing, resetTo: Math.max(resetTo, input.checkpoint.number) };
    }),
  );
  controller.step('session.reset');
  controller.notify();
  return { output: {} };
}

function isApplying({ releasing, applied }: SecondaryTable): boolean {
  return releasing !== null && !(applied && sameCheckpoint(releasing, applied));
}

/** What this secondary holds, has released, applied and reset. */
export async function reportHere(controller: Controller, id: string): Promise<RoundReport> {
  const { sessions, peers } = controller;
  const streams = [];
  for (const { primary } of sessions.sheets.byId(id)?.secondary?.streams ?? []) {
    const stream = await sessions.stream(id, primary.id);
    const held = stream.held.map(({ number, time, issuer }) => ({ number, time, issuer }));
    streams.push({ peer: primary, held, ...stream.standing() });
  }
  const table = sessions.sheets.byId(id)?.secondary;
  if (!table) throw sessionGone();
  return roundReport(peers.self.id, table, streams);
}

function demandMaster(controller: Controller, input: Input<'session.release'>): SecondaryTable {
  const table = demandSecondary(controller, input);
  if (input.tableTerm >= table.tableTerm) return table;
  throw failure('term-superseded', `${controller.place.name} knows a later copy-active table of the session.`);
}

/** A stream that counts at this number, and does not hold it, would be left behind. */
async function demandHeld(controller: Controller, { session, checkpoint }: Input<'session.release'>): Promise<void> {
  const { sessions, peers } = controller;
  for (const row of sessions.sheets.byId(session)?.secondary?.table ?? []) {
    if (row.secondary.id !== peers.self.id || !countsAt(row, checkpoint.number)) continue;
    const stream = await sessions.stream(session, row.primary.id);
    if (stream.holding(checkpoint)) continue;
    throw failure(
      'session-refuses',
      `${controller.place.name} does not hold checkpoint ${checkpoint.number} of ${row.primary.name}.`,
    );
  }
}

async function soon(controller: Controller, work: Promise<unknown>): Promise<void> {
  const stop = new AbortController();
  controller.sessions.behind(work);
  try {
    await Promise.race([work, controller.ports.clock.sleep(APPLYING_MS, stop.signal)]);
  } catch (error) {
    // It is told by what is not applied.
    if (!isToolkitError(error)) throw error;
  } finally {
    stop.abort();
  }
}
