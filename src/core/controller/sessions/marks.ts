import { failure, isToolkitError } from '../../foundation/foundation.js';
import type { SystemRef } from '../../group/group.js';
import { type Checkpoint, isoOf, timeAt, timeOf } from '../../sequence/sequence.js';
import {
  type ActiveRow,
  formatMark,
  issuedIn,
  judgeIssue,
  judgeWait,
  type Mark,
  type Placed,
  type PrimaryTable,
  parseMark,
  type SessionSheet,
} from '../../session/session.js';
import { isLoss } from '../../transfer/transfer.js';
import type { Answered, RequestExtras, Requests } from '../control/requests.js';
import type { Controller } from '../open-controller.js';
import { advanceSession, demandMaster, otherMaster } from './rounds.js';
import { atPrimary } from './sheets.js';
import { agreeAnchor, clockRefused, isAnchored, lookAt } from './start.js';

type Input<Code extends keyof Requests> = Requests[Code]['input'];

/** A new master may have to pass what its predecessors issued, once. */
const TRIES = 3;
const LOOK_MS = 100;
/** A mark that is not shown by then is followed by another checkpoint. */
const FOLLOW_MS = 1_000;
/** Beyond the span of a wait that another system keeps. */
const FAR_MS = 30_000;

/** Answers at the primary master. Throws `not-primary-master` elsewhere. */
export async function markHere(
  controller: Controller,
  { session }: Input<'session.mark'>,
): Promise<Answered<'session.mark'>> {
  const { id, run } = controller.sessions.sheets.demand(session);
  const { number, time } = await issueCheckpoint(controller, id);
  return { output: { session, mark: formatMark({ run, number }), number, time: isoOf(timeOf({ time })) } };
}

/** Issues a checkpoint to every primary that answers. Its number is durable here before it leaves, and never used again. */
export async function issueCheckpoint(controller: Controller, id: string): Promise<Checkpoint> {
  const { sessions } = controller;
  const release = await sessions.issuing(id).acquire();
  try {
    for (let tries = 0; tries < TRIES; tries += 1) {
      const sheet = demandRunning(controller, id);
      const { checkpoint, to } = await judged(controller, sheet);
      await sessions.sheets.update(
        id,
        atPrimary((table) => issuedIn(table, checkpoint)),
      );
      controller.step('session.issued');
      const { seen, whole } = await placeEverywhere(controller, sheet, checkpoint, to);
      sessions.noteIssued(id, whole && to.length === takingPart(sheet).length);
      if (seen === null) return checkpoint;
      await sessions.sheets.update(
        id,
        atPrimary((table) => ({ ...table, seen: Math.max(table.seen, seen) })),
      );
    }
    throw failure('session-refuses', 'Another primary issues checkpoints of the session.', 'Try again in a moment.');
  } finally {
    release();
  }
}

type Running = SessionSheet & { readonly primary: PrimaryTable };

function demandRunning({ sessions }: Controller, id: string): Running {
  const sheet = sessions.sheets.byId(id);
  if (!sheet?.primary) throw failure('session-not-found', 'No primary of the session lies here.');
  return { ...sheet, primary: sheet.primary };
}

function takingPart({ primary }: Running): readonly SystemRef[] {
  return primary.config.filter(({ resignedAt }) => resignedAt === null).map(({ system }) => system);
}

/** The time is drawn before the others are asked for theirs, so that their clocks are seen to be right behind it (H24). */
async function judged(controller: Controller, sheet: Running) {
  const { ports, peers } = controller;
  const { name, order, primary } = sheet;
  const { anchor } = primary;
  const time = anchor && isAnchored(controller, sheet) ? timeAt(anchor, ports.clock.sequenceNs()) : null;
  const rows = primary.config.filter(({ system, resignedAt }) => resignedAt === null && system.id !== peers.self.id);
  const asked = rows.map(async ({ system }) => {
    try {
      return await lookAt(controller, sheet, system);
    } catch (error) {
      if (isLoss(error)) return undefined;
      throw error;
    }
  });
  const others = (await Promise.all(asked)).flatMap((answer) => answer ?? []);
  // One that knew more has told it.
  const table = demandRunning(controller, sheet.id).primary;
  const verdict = judgeIssue({ self: peers.self.id, order, table, time, others });
  // One that was restarted, or was away when an anchor was agreed, records nothing before it has one.
  if (verdict.kind === 'issue' && others.some(({ anchor }) => anchor === null)) await agreeAnchor(controller, sheet.id);
  if (verdict.kind === 'issue') return verdict;
  if (verdict.kind === 'untrusted')
    throw clockRefused(name, rows.find(({ system }) => verdict.who.includes(system.id))?.system.name ?? '?');
  if (verdict.kind === 'not-master')
    throw failure(
      'not-primary-master',
      `The checkpoints of session ${name} are issued by ${verdict.master ?? 'nobody yet'}.`,
      undefined,
      { details: { master: verdict.master } },
    );
  throw failure(
    'session-refuses',
    verdict.kind === 'stopped'
      ? `Session ${name} is stopped.`
      : `The primaries of session ${name} agree on no clock yet.`,
    `copyset checkpoint start ${name} starts it.`,
  );
}

/** Places it in every stream. Answers with the highest number seen where one has seen as high a number, and whether it is whole in all. */
async function placeEverywhere(
  controller: Controller,
  sheet: Running,
  checkpoint: Checkpoint,
  to: readonly string[],
): Promise<{ readonly seen: number | null; readonly whole: boolean }> {
  const systems = sheet.primary.config.map(({ system }) => system).filter(({ id }) => to.includes(id));
  const steps = sheet.order === 'arrival' ? (['close', 'run', 'confirm'] as const) : ([undefined] as const);
  let whole = true;
  for (const gates of steps) {
    const placed = await Promise.all(systems.map((system) => placeAt(controller, sheet, system, checkpoint, gates)));
    const seen = placed.flatMap((one) => (one.kind === 'passed' ? [one.seen] : []));
    if (seen.length > 0) return { seen: Math.max(...seen), whole: false };
    whole &&= placed.every((one) => one.kind === 'placed' && one.whole);
    // Only a checkpoint at which every gate was opened by run counts (H2).
    if (gates === 'run' && !placed.every((one) => one.kind === 'placed' && one.whole)) return { seen: null, whole };
  }
  return { seen: null, whole };
}

type Gates = Input<'session.checkpoint'>['gates'];

async function placeAt(
  { peers }: Controller,
  { id, term, primary }: Running,
  system: SystemRef,
  checkpoint: Checkpoint,
  gates: Gates,
): Promise<Placed> {
  const input = { session: id, term, configTerm: primary.configTerm, checkpoint, gates };
  try {
    return (await peers.ask(system, 'session.checkpoint', input)).placed;
  } catch (error) {
    // It is held at one place less, so that nothing is released over it; the next one may be.
    if (isLoss(error)) return { kind: 'placed', whole: false };
    throw error;
  }
}

/** Answers at the secondary master: waits until a mark is shown at every secondary. */
export async function waitHere(
  controller: Controller,
  input: Input<'session.wait'>,
  { signal }: RequestExtras,
): Promise<Answered<'session.wait'>> {
  const { sessions, ports, peers } = controller;
  const { session, mark, timeoutMs } = input;
  const { id } = sessions.sheets.demand(session);
  const asked = parseMark(mark);
  const deadlineMs = timeoutMs === undefined ? Number.POSITIVE_INFINITY : ports.clock.monotonicMs() + timeoutMs;
  demandMaster(controller, id);
  let followedAtMs = ports.clock.monotonicMs();
  for (;;) {
    const leftMs = deadlineMs - ports.clock.monotonicMs();
    const master = otherMaster(controller, id);
    if (master) {
      const left = Number.isFinite(leftMs) ? Math.max(0, leftMs) : undefined;
      return {
        output: await peers.ask(master, 'session.wait', { ...input, timeoutMs: left }, (left ?? 0) + FAR_MS),
      };
    }
    const { decision } = await advanceSession(controller, id);
    const degraded =
      decision.kind === 'wait' && decision.why === 'degraded' && (await isAway(controller, id, decision.who));
    const { answer, verdict } = standing(sessions.sheets.demand(session), asked, degraded);
    if (verdict !== null) return { output: { ...answer, mark, verdict } };
    if (leftMs <= 0 || signal?.aborted) return { output: { ...answer, mark, verdict: 'timed-out' } };
    if (ports.clock.monotonicMs() - followedAtMs >= FOLLOW_MS) {
      await followMark(controller, id);
      followedAtMs = ports.clock.monotonicMs();
    }
    await controller.changed(Math.min(leftMs, LOOK_MS), signal);
  }
}

/** Whether a secondary tells the truth of its primary's pairs: it hears a moment later that one follows again. Who cannot be asked is away. */
async function isAway({ sessions, peers }: Controller, id: string, who: readonly string[]): Promise<boolean> {
  const sheet = sessions.sheets.byId(id);
  const rows = (sheet?.secondary?.table ?? []).filter(({ primary }) => who.includes(primary.id));
  for (const { primary, secondary } of rows) {
    const input = { session: id, term: sheet?.term ?? 0, from: peers.self, anchor: null };
    try {
      const { away } = await peers.ask(primary, 'session.active', input);
      if (away.includes(secondary.id)) return true;
    } catch (error) {
      if (!isToolkitError(error)) throw error;
      return true;
    }
  }
  return false;
}

/**
 * A stream that could not take the mark whole shows it with a later checkpoint, and so does one that enters behind it. Where none is issued
 * by itself, who waits has one issued.
 */
async function followMark(controller: Controller, id: string): Promise<void> {
  const { sessions, peers } = controller;
  const sheet = sessions.sheets.byId(id);
  if (!sheet?.secondary || sheet.policy.intervalMs > 0) return;
  const primaries = sheet.secondary.table.filter(({ resigned }) => resigned === null).map(({ primary }) => primary);
  // The lowest id issues; one that does not is passed over, as is whoever cannot be reached now.
  for (const primary of primaries.sort((a, b) => (a.id < b.id ? -1 : 1)))
    try {
      await peers.ask(primary, 'session.mark', { session: sheet.name });
      return;
    } catch (error) {
      if (!isToolkitError(error)) throw error;
    }
}

function standing({ name: session, run, secondary }: SessionSheet, mark: Mark, degraded: boolean) {
  const applied = secondary?.resetTo ?? 0;
  const missing = notShowing(secondary?.table ?? [], applied);
  // A stream that does not count yet shows nothing of the mark, whatever the others show.
  const shown = missing ? 0 : applied;
  const { verdict } = judgeWait({ mark, run, applied: shown, complete: applied, degraded });
  const waitsFor =
    missing && `What comes from ${missing.primary.name} does not count yet; it is shown with a later checkpoint.`;
  const reason = degraded ? 'a pair sends its differences' : (waitsFor ?? null);
  return { answer: { session, applied: applied === 0 ? null : applied, reason }, verdict };
}

/** A stream that has not resigned, and does not show what was applied. */
function notShowing(table: readonly ActiveRow[], applied: number): ActiveRow | undefined {
  return table.find((row) => row.resigned === null && (row.enteredAt === null || row.enteredAt > applied));
}
