import { failure } from '../../foundation/foundation.js';
import type { SystemRef } from '../../group/group.js';
import type { HalfRecord } from '../../pair/pair.js';
import { compareCheckpoints, millisecondsOf, timeOf } from '../../sequence/sequence.js';
import {
  type ActiveTable,
  judgeSession,
  type RoundReport,
  roundReport,
  type SecondaryTable,
  type SessionJudgement,
  type SessionRecoveryAnswer,
  type SessionSheet,
  sessionEvent,
  sessionRecoveryAnswer,
  sessionVerdict,
  type Weighed,
} from '../../session/session.js';
import { recorded } from '../control/recorded.js';
import type { Answered, Requests } from '../control/requests.js';
import { takenBack } from '../groups/recovery.js';
import { takeOverHalf } from '../halves/roles.js';
import type { Controller, RequestContext } from '../open-controller.js';
import { changePairs } from '../pairs/transaction.js';
import { finishApply } from './apply.js';
import { backupOf } from './backup.js';
import { reportHere } from './orders.js';
import { atSecondary } from './sheets.js';
import { countsAt, withTable } from './tables.js';

type Input<Code extends keyof Requests> = Requests[Code]['input'];

/** Applying all that is held may take long. */
const CARRY_MS = 30 * 60_000;

interface Seen {
  readonly system: SystemRef;
  readonly sheet: SessionSheet & { readonly secondary: SecondaryTable };
  readonly report: RoundReport;
}

/**
 * Brings the secondaries of lost primaries to the last checkpoint that is complete at all of them, and makes them primaries (DESIGN.md 6).
 * Needs the secondaries alone. First the fence, then the verdict, each durable everywhere before the next; running it again goes on
 * where it stopped.
 */
export async function recoverSession(
  controller: Controller,
  input: Input<'session.recover'>,
  context: RequestContext,
): Promise<Answered<'session.recover'>> {
  const { session: name, at, to, plan } = input;
  const seen = await look(controller, name, at);
  const judged = judge(seen, to);
  const isDone = seen.every(({ sheet }) => sheet.secondary.recovered?.done === true);
  if (plan || isDone) return { output: await answered(controller, name, seen, judged) };
  const subject = { operation: 'checkpoint recover', primary: name, before: null };
  const output = await recorded(
    controller,
    context,
    [subject],
    () => carryOut(controller, input, seen, judged),
    (answer) => ({
      after: answer.number === null ? answer.case : String(answer.number),
      message: answer.verdict,
      session: recoveryEvent(seen, answer),
    }),
  );
  return { output };
}

function recoveryEvent([first]: readonly Seen[], { number, time, verdict }: SessionRecoveryAnswer) {
  return first && { ...sessionEvent(first.sheet, 'recovery', { reason: verdict }), number, time };
}

async function carryOut(
  controller: Controller,
  { session: name, to }: Input<'session.recover'>,
  seen: readonly Seen[],
  first: SessionJudgement,
): Promise<SessionRecoveryAnswer> {
  const { peers } = controller;
  const session = seen[0]?.sheet.id ?? '';
  const present = Math.max(...seen.map(({ sheet }) => sheet.term));
  // One that was begun goes on under its own term.
  const begun = seen.find(({ sheet }) => sheet.secondary.recovered)?.sheet.secondary.recovered;
  const term = begun?.term ?? present + 1;
  // What comes to nothing is told without fencing a site that may be alive.
  if (!begun && (first.case === 'none' || first.case === 'mixed')) return answered(controller, name, seen, first);
  const fenced: Seen[] = [];
  for (const { system } of seen) {
    const { sheet, report } = await peers.ask(system, 'session.fence', { session, term });
    if (sheet?.secondary && report) fenced.push({ system, sheet: { ...sheet, secondary: sheet.secondary }, report });
  }
  controller.step('recovery.fenced');
  const judged = judge(fenced, begun ? { by: 'number', number: begun.checkpoint.number } : to);
  const answer = await answered(controller, name, fenced, judged);
  const verdict = begun ?? sessionVerdict(judged, term);
  if (!verdict) return { ...answer, term };
  const { term: tableTerm, rows: table } = latestTable(fenced);
  const told = { session, term, verdict, tableTerm, table };
  for (const { system } of fenced) await peers.ask(system, 'session.verdict', told);
  controller.step('recovery.judged');
  for (const { system } of fenced) await peers.ask(system, 'session.carry', { session, term }, CARRY_MS);
  controller.notify();
  return { ...answer, term };
}

/** What the systems named know of the session. Throws `session-not-found` where one of them is no secondary of it. */
async function look(controller: Controller, name: string, at: readonly SystemRef[]): Promise<readonly Seen[]> {
  const seen: Seen[] = [];
  for (const system of at) {
    const { sheets, reports } = await controller.peers.ask(system, 'session.list', {});
    const sheet = sheets.find((one) => one.name === name);
    if (!sheet?.secondary)
      throw failure(
        'session-not-found',
        `Storage system ${system.name} is no secondary of a session ${name}.`,
        `copyset checkpoint status ${name} shows its systems.`,
      );
    const { secondary } = sheet;
    const streams = reports.find(({ session }) => session === sheet.id)?.streams ?? [];
    const received = streams.filter(({ role }) => role === 'secondary');
    seen.push({ system, sheet: { ...sheet, secondary }, report: roundReport(system.id, secondary, received) });
  }
  return seen;
}

function judge(seen: readonly Seen[], to: Input<'session.recover'>['to']): SessionJudgement {
  const { rows } = latestTable(seen);
  return judgeSession({ rows, reports: seen.map(({ report }) => report), to });
}

function latestTable(seen: readonly Seen[]): ActiveTable {
  return seen
    .map(({ sheet: { secondary } }) => ({ term: secondary.tableTerm, rows: secondary.table }))
    .reduce((best, one) => (best.term >= one.term ? best : one));
}

async function answered(
  controller: Controller,
  name: string,
  seen: readonly Seen[],
  judged: SessionJudgement,
): Promise<SessionRecoveryAnswer> {
  const { peers } = controller;
  const term = Math.max(...seen.map(({ sheet }) => sheet.term));
  const weighed: Weighed[] = [];
  const { target: checkpoint } = judged;
  if (checkpoint)
    for (const { system, sheet } of seen) {
      const asked = { session: sheet.id, term: sheet.term, checkpoint };
      weighed.push((await peers.ask(system, 'session.weigh', asked)).weighed);
    }
  return sessionRecoveryAnswer(
    name,
    term,
    judged,
    seen.map(({ report }) => report),
    weighed,
  );
}

/** From now on nothing of a lower term is taken here: neither orders of the session nor records of its primaries (H5). */
export async function fenceSession(
  controller: Controller,
  input: Input<'session.fence'>,
): Promise<Answered<'session.fence'>> {
  const { sessions, catalog } = controller;
  const sheet = sessions.sheets.byId(input.session);
  if (!sheet?.secondary) return { output: { sheet: null, report: null } };
  if (input.term < sheet.term)
    throw failure('term-superseded', `${controller.place.name} knows term ${sheet.term} of the session.`);
  if (input.term > sheet.term || !sheet.secondary.fenced) {
    await catalog.change(() => [
      ...secondaryHalves(controller, input.session).map((half) => ({
        do: 'put-pair' as const,
        record: { ...half, remote: { ...half.remote, term: half.remote.term + 1 } },
      })),
      ...sessions.sheets.change(input.session, (present) => ({
        ...atSecondary((table) => ({ ...table, fenced: true }))(present),
        term: input.term,
      })),
    ]);
    await catalog.durable();
  }
  controller.step('session.fenced');
  const report = await reportHere(controller, input.session);
  return { output: { sheet: sessions.sheets.byId(input.session) ?? null, report } };
}

/** What would be applied, and what dropped, for a checkpoint; nothing is changed. */
export async function weigh(
  controller: Controller,
  { session, checkpoint }: Input<'session.weigh'>,
): Promise<Answered<'session.weigh'>> {
  const { sessions, peers } = controller;
  const weighed = { records: 0, bytes: 0, droppedRecords: 0, droppedUpTo: 0n };
  for (const { primary } of sessions.sheets.byId(session)?.secondary?.streams ?? []) {
    const stream = await sessions.stream(session, primary.id);
    const held = stream.holding(checkpoint);
    const { appliedSequence, shownSequence = appliedSequence } = stream.row;
    const end = held ? stream.lastOf(held) : shownSequence;
    for (const record of stream.journal.records(shownSequence + 1)) {
      if (record.kind !== 'write') continue;
      if (record.sequence <= end) {
        weighed.records += 1;
        weighed.bytes += record.data.length;
        continue;
      }
      weighed.droppedRecords += 1;
      if (record.time > weighed.droppedUpTo) weighed.droppedUpTo = record.time;
    }
  }
  const droppedUpTo = weighed.droppedRecords > 0 ? weighed.droppedUpTo.toString() : null;
  return { output: { weighed: { ...weighed, droppedUpTo, system: peers.self.id } } };
}

export async function keepSessionVerdict(
  controller: Controller,
  input: Input<'session.verdict'>,
): Promise<Answered<'session.verdict'>> {
  demandFenced(controller, input);
  await controller.sessions.sheets.update(
    input.session,
    atSecondary((table) => {
      const later = { term: input.tableTerm, rows: input.table };
      const known = table.tableTerm < later.term ? withTable(controller, table, later) : table;
      return { ...known, recovered: known.recovered ?? input.verdict };
    }),
  );
  controller.step('session.judged');
  return { output: {} };
}

/**
 * Carries the verdict out here: what is held up to its checkpoint is applied, or a secondary to which differences were coming back goes
 * back to its backup; then the secondaries are primaries; last, what came later is dropped.
 */
export async function carrySession(
  controller: Controller,
  input: Input<'session.carry'>,
  context: RequestContext,
): Promise<Answered<'session.carry'>> {
  const { sessions } = controller;
  const { recovered, applied, table } = demandFenced(controller, input);
  if (!recovered) throw failure('session-refuses', 'There is no verdict to carry out.');
  if (recovered.done) return { output: { restored: [], records: 0, bytes: 0 } };
  const { checkpoint } = recovered;
  const own = table.filter((row) => row.secondary.id === controller.peers.self.id && countsAt(row, checkpoint.number));
  if (own.length > 0 && (applied === null || compareCheckpoints(checkpoint, applied) > 0))
    await sessions.sheets.update(
      input.session,
      atSecondary((present) => ({ ...present, releasing: present.releasing ?? checkpoint })),
    );
  const { records, bytes } = await finishApply(controller, input.session);
  // What was released before the fence was finished first; the verdict may lie above it.
  const more = own.length > 0 ? await applyUpTo(controller, input.session) : { records: 0, bytes: 0 };
  controller.step('session.settled');
  const counted = new Set(own.map(({ primary }) => primary.id));
  const halves = secondaryHalves(controller, input.session).filter(({ remote }) => counted.has(remote.peer.system.id));
  for (const half of halves) await makePrimary(controller, half, millisecondsOf(timeOf(checkpoint)), context);
  await dropLater(controller, input.session);
  controller.step('session.carried');
  controller.notify();
  const restored = halves.map(({ secondary }) => controller.address(secondary));
  return { output: { restored, records: records + more.records, bytes: bytes + more.bytes } };
}

async function applyUpTo(controller: Controller, id: string) {
  const { sessions } = controller;
  const table = sessions.sheets.byId(id)?.secondary;
  const { recovered, applied } = table ?? {};
  if (!recovered || !applied || compareCheckpoints(recovered.checkpoint, applied) <= 0) return { records: 0, bytes: 0 };
  await sessions.sheets.update(
    id,
    atSecondary((present) => ({ ...present, releasing: recovered.checkpoint })),
  );
  return finishApply(controller, id);
}

/** Whole as it is, or taken back to its backup in the frame that makes it a primary. */
async function makePrimary(
  controller: Controller,
  half: HalfRecord,
  timeMs: number,
  context: RequestContext,
): Promise<void> {
  const copy = half.remote.journal?.withdrawn ? backupOf(controller, half) : undefined;
  if (copy && !half.remote.takenOver) {
    const own = { ...context, id: controller.ports.random.id('recovery') };
    await changePairs(controller, own, [copy], [copy.primary, copy.secondary], () => ({
      output: null,
      changes: takenBack(controller, half, controller.catalog.pairs.get(copy.number) ?? copy, timeMs),
    }));
    controller.halves.receiver(half.number).close();
    return;
  }
  await takeOverHalf(controller, half.remote.id);
}

/** Hosts are let in with the frame that says that it is done. */
async function dropLater(controller: Controller, id: string): Promise<void> {
  const { sessions } = controller;
  const ends = new Map<string, number>();
  for (const { primary } of sessions.sheets.byId(id)?.secondary?.streams ?? []) {
    const { journal } = await sessions.stream(id, primary.id);
    ends.set(primary.id, journal.nextSequence - 1);
  }
  await sessions.sheets.update(id, (sheet) => ({
    ...atSecondary((table) => ({
      ...table,
      releasing: null,
      resetTo: table.applied?.number ?? 0,
      recovered: table.recovered && { ...table.recovered, done: true },
      streams: table.streams.map((row) => ({
        ...row,
        appliedSequence: ends.get(row.primary.id) ?? row.appliedSequence,
        heldFrom: (ends.get(row.primary.id) ?? row.appliedSequence) + 1,
      })),
    }))(sheet),
    run: sheet.run + 1,
  }));
  for (const primary of ends.keys()) await (await sessions.stream(id, primary)).dropAll();
}

function secondaryHalves({ catalog, halves }: Controller, session: string): readonly HalfRecord[] {
  return [...catalog.pairs.values()]
    .filter(({ remote }) => remote?.side === 'secondary' && remote.journal?.session === session)
    .map(({ remote }) => halves.find(remote?.id ?? ''));
}

function demandFenced(controller: Controller, { session, term }: { session: string; term: number }): SecondaryTable {
  const sheet = controller.sessions.sheets.byId(session);
  if (!sheet?.secondary) throw failure('session-not-found', 'No secondary of the session lies here.');
  if (sheet.term === term) return sheet.secondary;
  throw failure(
    'term-superseded',
    `${controller.place.name} knows term ${sheet.term} of session ${sheet.name}; this is of ${term}.`,
  );
}
