import { type ByteCount, failure, isToolkitError, type Milliseconds } from '../../foundation/foundation.js';
import type { SystemRef } from '../../group/group.js';
import { type Checkpoint, type Wanted, wantedOf } from '../../sequence/sequence.js';
import {
  type ActiveTable,
  decideRound,
  enterStream,
  type RoundDecision,
  type RoundReport,
  type SecondaryTable,
  type SessionSheet,
  secondaryMaster,
} from '../../session/session.js';
import type { Answered, RequestExtras, Requests } from '../control/requests.js';
import type { Controller } from '../open-controller.js';
import { tellRest, untoldOf } from './coming-home.js';
import { noteSession } from './history.js';
import { atSecondary } from './sheets.js';
import { tellTable, unique, withTable } from './tables.js';

type Input<Code extends keyof Requests> = Requests[Code]['input'];

/** A round that goes on by itself stops after so many steps; whoever wants more asks again. */
const STEPS_MAX = 64;
/** How often a follower looks again when nobody wakes it. */
const LOOK_MS: Milliseconds = 200;
/** Applying all that is held may take long. */
const APPLYING_MS: Milliseconds = 30 * 60_000;

/** What a person may want of a round. */
export interface Wish {
  readonly to?: Wanted | undefined;
  /** Shown from the journals at once, and applied behind. */
  readonly instant?: boolean | undefined;
}

/** Where rounds came to: the last decision, and what stands between it and the next release. */
export interface Advanced {
  readonly decision: RoundDecision;
  readonly released: readonly Checkpoint[];
}

/**
 * The secondary master's one procedure, until nothing is left to do: it asks every secondary of the table, decides by the table of
 * rounds, makes the decision durable here before anybody else hears of it, and has it carried out. Killed anywhere, the next one goes on.
 */
export async function advanceSession(controller: Controller, id: string, wish: Wish = {}): Promise<Advanced> {
  const { sessions } = controller;
  const released: Checkpoint[] = [];
  let last: RoundDecision | undefined;
  for (let steps = 0; steps < STEPS_MAX; steps += 1) {
    const release = await sessions.rounds(id).acquire();
    try {
      const decision = await round(controller, id, wish);
      last = decision;
      if (decision.kind === 'release') released.push(decision.checkpoint);
      if (decision.kind === 'wait' || decision.kind === 'nothing') break;
      if (decision.kind === 'enter' && otherMaster(controller, id)) break;
    } finally {
      release();
    }
  }
  if (!last) throw failure('session-not-found', 'The session was deleted here.');
  return { decision: last, released };
}

/** One round. Held under the session's mutex: whatever withdraws comes before it or behind it (H20). */
async function round(controller: Controller, id: string, { to, instant }: Wish): Promise<RoundDecision> {
  const { sheet, active, reports, works } = await ask(controller, id, instant);
  const decided = decideRound({ active, reports: limited(reports, to) });
  // Of a recovery that has begun only what was released before is finished: it judges by what it found.
  const isShut = sheet.secondary.fenced === true && (decided.kind === 'release' || decided.kind === 'enter');
  const decision: RoundDecision = isShut ? { label: decided.label, kind: 'nothing' } : decided;
  if (decision.kind === 'reset') controller.sessions.shown(id, decision.checkpoint.number, works);
  await carryOut(controller, sheet, decision, instant);
  return decision;
}

/** What every secondary says now, and the table as it is then. Throws `not-master`. Held under the session's mutex. */
export async function ask(controller: Controller, id: string, instant?: boolean) {
  const answers = await collect(controller, demandMaster(controller, id), instant);
  const sheet = demandMaster(controller, id);
  const reports = answers.map(({ report }) => report);
  return { sheet, active: activeOf(sheet), reports, works: answers.map(({ work }) => work) };
}

/** A person may want an earlier one than the last that all hold. */
function limited(reports: readonly RoundReport[], wanted: Wanted | undefined): readonly RoundReport[] {
  if (!wanted) return reports;
  return reports.map((report) => ({
    ...report,
    streams: report.streams.map((stream) => {
      const meant = wantedOf(stream.held, wanted);
      return { ...stream, held: meant ? stream.held.filter(({ number }) => number <= meant.number) : [] };
    }),
  }));
}

function activeOf({ secondary }: MasterSheet): ActiveTable {
  return { term: secondary.tableTerm, rows: secondary.table };
}

type MasterSheet = SessionSheet & { readonly secondary: SecondaryTable };

/** The master of the session's secondaries, where it is another system. */
export function otherMaster({ sessions, peers }: Controller, id: string): SystemRef | undefined {
  const master = secondaryMaster(sessions.sheets.byId(id)?.secondary?.table ?? []);
  return master?.id === peers.self.id ? undefined : master;
}

/** Throws `not-master`, `session-not-found`. */
export function demandMaster({ sessions, peers }: Controller, id: string): MasterSheet {
  const sheet = sessions.sheets.byId(id);
  if (!sheet?.secondary) throw failure('session-not-found', 'No secondary of the session lies here.');
  const { secondary } = sheet;
  const master = secondaryMaster(secondary.table);
  if (master?.id === peers.self.id) return { ...sheet, secondary };
  throw failure(
    'not-master',
    `The checkpoints of session ${sheet.name} are applied by ${master?.name ?? 'nobody yet'}.`,
    undefined,
    { details: { master: master?.name ?? null } },
  );
}

/** What every secondary that can be reached says; the table is durable there. One that knows a later table has its word. */
async function collect(
  controller: Controller,
  { id, term, secondary }: MasterSheet,
  instant: boolean | undefined,
): Promise<readonly Requests['session.collect']['output'][]> {
  const { sessions, peers } = controller;
  const { tableTerm, table } = secondary;
  const input = { session: id, term, tableTerm, table, instant };
  const asked = secondariesOf(controller, secondary).map(async (system) => {
    try {
      return await peers.ask(system, 'session.collect', input);
    } catch (error) {
      // The decision's table says what one means that did not answer.
      if (isToolkitError(error)) return undefined;
      throw error;
    }
  });
  const all = (await Promise.all(asked)).flatMap((answer) => answer ?? []);
  // What one says that does not know yet that the session is home is of before: it is heard once it knows.
  const away = new Set(untoldOf(secondary).map((system) => system.id));
  const answers = all.filter(({ report }) => !away.has(report.system));
  if (answers.length < all.length) await tellRest(controller, id);
  const later = answers.find((answer) => answer.tableTerm > tableTerm);
  if (later)
    await sessions.sheets.update(
      id,
      atSecondary((own) =>
        own.tableTerm < later.tableTerm
          ? withTable(controller, own, { term: later.tableTerm, rows: later.table })
          : own,
      ),
    );
  return answers;
}

/** The systems of the table that take part. */
export function secondariesOf(controller: Controller, { table }: SecondaryTable): readonly SystemRef[] {
  return unique(
    controller,
    table.filter(({ resigned }) => resigned === null).map(({ secondary }) => secondary),
  );
}

async function carryOut(
  controller: Controller,
  sheet: MasterSheet,
  decision: RoundDecision,
  instant: boolean | undefined,
): Promise<void> {
  switch (decision.kind) {
    case 'enter':
      await enter(controller, sheet, decision);
      return;
    case 'finish':
    case 'release':
      await order(controller, sheet, 'session.release', decision, instant);
      return;
    case 'reset':
      await order(controller, sheet, 'session.reset', decision);
      return;
    case 'wait':
    case 'nothing':
  }
}

/**
 * The others first: with it another of them may be the master, who has to know. Durable here then, and before anything is released over
 * it by the next asking everywhere (H21).
 */
async function enter(
  controller: Controller,
  sheet: MasterSheet,
  { streams }: RoundDecision & { kind: 'enter' },
): Promise<void> {
  const next = streams.reduce((table, stream) => enterStream(table, stream, stream.number), activeOf(sheet));
  const master = secondaryMaster(next.rows);
  await tellTable(controller, sheet, next, master ? [master.id] : []);
  await controller.sessions.sheets.update(
    sheet.id,
    atSecondary((own) => (own.tableTerm < next.term ? withTable(controller, own, next) : own)),
  );
  controller.step('session.entered');
  for (const { secondary, number } of streams) {
    const about = next.rows.find((row) => row.secondary.id === secondary)?.secondary.name;
    noteSession(controller, sheet, 'enter', { about, number });
  }
}

/** The master first, durably: what it told another is never unknown to itself. */
async function order(
  controller: Controller,
  { id, term, secondary }: MasterSheet,
  code: 'session.release' | 'session.reset',
  { to, checkpoint }: RoundDecision & { kind: 'finish' | 'release' | 'reset' },
  instant?: boolean,
): Promise<void> {
  const { peers } = controller;
  const input = { session: id, term, tableTerm: secondary.tableTerm, checkpoint, instant };
  const all = secondariesOf(controller, secondary).filter((system) => to.includes(system.id));
  const own = all.filter((system) => system.id === peers.self.id);
  const others = all.filter((system) => system.id !== peers.self.id);
  for (const system of own) await peers.ask(system, code, input);
  controller.step(code === 'session.release' ? 'session.decided' : 'session.resetting');
  const told = await Promise.allSettled(others.map((system) => peers.ask(system, code, input)));
  // One that could not be told is told by the next round.
  for (const one of told) if (one.status === 'rejected' && !isToolkitError(one.reason)) throw one.reason;
}

/** `checkpoint apply`: rounds until what is meant is shown, or, with `follow`, until the caller stops. */
export async function applyHere(
  controller: Controller,
  input: Input<'session.apply'>,
  { signal, onProgress }: RequestExtras,
): Promise<Answered<'session.apply'>> {
  const { sessions, peers } = controller;
  const { session, to, follow, instant } = input;
  const { id, secondary } = sessions.sheets.demand(session);
  demandMaster(controller, id);
  let from = secondary?.applied?.number ?? null;
  let before = sessions.work(id);
  for (;;) {
    const { decision } = await advanceSession(controller, id, { to, instant });
    // With a stream that entered another secondary became master: it goes on from here.
    const master = otherMaster(controller, id);
    if (decision.kind === 'enter' && master)
      return { output: { ...(await peers.ask(master, 'session.apply', input, APPLYING_MS)), from } };
    const shown = sessions.sheets.byId(id)?.secondary?.applied?.number ?? null;
    const answer = { session, from, to: shown, ...worked(before, sessions.work(id)) };
    if (!follow || signal?.aborted) {
      demandShown(decision, shown, to);
      return { output: answer };
    }
    if (shown !== from) {
      const { records } = answer;
      onProgress?.({ operation: 'checkpoint apply', done: records, total: records, unit: 'records', applied: answer });
      from = shown;
      before = sessions.work(id);
    }
    await controller.changed(LOOK_MS, signal);
  }
}

interface Work {
  readonly records: number;
  readonly bytes: ByteCount;
}

function worked(before: Work, after: Work): Work {
  return { records: after.records - before.records, bytes: after.bytes - before.bytes };
}

function demandShown(decision: RoundDecision, shown: number | null, to: Wanted | undefined): void {
  if (to?.by === 'number' && shown !== to.number)
    throw failure(
      'session-refuses',
      `Checkpoint ${to.number} was not applied${decision.kind === 'wait' ? `: ${decision.why}` : ''}.`,
      'copyset checkpoint status shows what the secondaries hold.',
    );
}
