import { failure, isToolkitError, type Milliseconds } from '../../foundation/foundation.js';
import type { SystemRef } from '../../group/group.js';
import {
  type ActiveRow,
  judgeWait,
  type Mark,
  parseMark,
  type RoundDecision,
  type SessionSheet,
  type WaitAnswer,
} from '../../session/session.js';
import type { Answered, RequestExtras, Requests } from '../control/requests.js';
import type { Controller } from '../open-controller.js';
import { advanceSession, demandMaster, otherMaster } from './rounds.js';

type Input<Code extends keyof Requests> = Requests[Code]['input'];
type Active = Requests['session.active']['output'];

const LOOK_MS = 100;
/** A mark that is not shown by then is followed by another checkpoint, and it is asked again whether its session was stopped. */
const FOLLOW_MS = 1_000;
/** Beyond the span of a wait that another system keeps. */
const FAR_MS = 30_000;
/** What is shown is looked at meanwhile. */
const ASK_LIMIT_MS = 1_000;

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
  const stopped = new StoppedPrimaries(controller, id);
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
    const degraded = await why(controller, id, decision, await stopped.areWaitedFor(decision, leftMs));
    const answer = standing(sessions.sheets.demand(session), asked, degraded);
    if (answer.verdict !== null) return { output: { ...answer, mark, verdict: answer.verdict } };
    if (signal?.aborted) throw failure('interrupted', `Stopped waiting for mark ${mark}; nothing was undone.`);
    if (leftMs <= 0) return { output: { ...answer, mark, verdict: 'timed-out' } };
    if (ports.clock.monotonicMs() - followedAtMs >= FOLLOW_MS) {
      await followMark(controller, id);
      followedAtMs = ports.clock.monotonicMs();
    }
    await controller.changed(Math.min(leftMs, LOOK_MS), signal);
  }
}

/** Why nobody knows when it will be shown; undefined where it is only a matter of time. */
async function why(
  controller: Controller,
  id: string,
  decision: RoundDecision,
  isStopped: boolean,
): Promise<string | undefined> {
  if (isStopped) return 'the session is stopped, and what was not sent before is not sent in this run any more';
  if (decision.kind !== 'wait' || decision.why !== 'degraded') return undefined;
  return (await isAway(controller, id, decision.who)) ? 'a pair sends its differences' : undefined;
}

/** Whether a secondary tells the truth of its primary's pairs: it hears a moment later that one follows again. Who cannot be asked is away. */
async function isAway(controller: Controller, id: string, who: readonly string[]): Promise<boolean> {
  const rows = (controller.sessions.sheets.byId(id)?.secondary?.table ?? []).filter(({ primary }) =>
    who.includes(primary.id),
  );
  for (const { primary, secondary } of rows) {
    const answer = await activeAt(controller, id, primary);
    if (!answer || answer.away.includes(secondary.id)) return true;
  }
  return false;
}

/** How a primary stands; undefined where it cannot be asked. */
async function activeAt(
  { sessions, peers }: Controller,
  id: string,
  primary: SystemRef,
  limitMs?: Milliseconds,
): Promise<Active | undefined> {
  const input = { session: id, term: sessions.sheets.byId(id)?.term ?? 0, from: peers.self, anchor: null };
  try {
    return await peers.ask(primary, 'session.active', input, limitMs);
  } catch (error) {
    if (!isToolkitError(error)) throw error;
    return undefined;
  }
}

/**
 * Of a session that was stopped nothing more is sent in its run. A moment is left for what was on its way: they are asked twice, unless it
 * is not waited at all.
 */
class StoppedPrimaries {
  readonly #controller: Controller;
  readonly #session: string;
  #seen = 0;
  #nextMs = 0;

  constructor(controller: Controller, session: string) {
    this.#controller = controller;
    this.#session = session;
  }

  async areWaitedFor(decision: RoundDecision, leftMs: Milliseconds): Promise<boolean> {
    const who = this.#waitedFor(decision);
    const { clock } = this.#controller.ports;
    if (who.length === 0) this.#seen = 0;
    if (who.length === 0 || clock.monotonicMs() < this.#nextMs) return false;
    const states = await Promise.all(
      who.map((primary) => activeAt(this.#controller, this.#session, primary, ASK_LIMIT_MS)),
    );
    this.#seen = states.some((answer) => answer?.state === 'stopped') ? this.#seen + 1 : 0;
    this.#nextMs = clock.monotonicMs() + (this.#seen > 0 ? LOOK_MS : FOLLOW_MS);
    return this.#seen > (leftMs > 0 ? 1 : 0);
  }

  /** Primaries without whose next whole checkpoint nothing more is shown. */
  #waitedFor(decision: RoundDecision): readonly SystemRef[] {
    const { table = [] } = this.#controller.sessions.sheets.byId(this.#session)?.secondary ?? {};
    const rows = table.filter(({ resigned }) => resigned === null);
    const primaries = [...new Map(rows.map(({ primary }) => [primary.id, primary])).values()];
    if (decision.kind === 'nothing') return primaries;
    if (decision.kind !== 'wait' || (decision.why !== 'late' && decision.why !== 'degraded')) return [];
    return primaries.filter(({ id }) => decision.who.includes(id));
  }
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

type Standing = Pick<WaitAnswer, 'session' | 'applied' | 'reason'> & {
  readonly verdict: Exclude<WaitAnswer['verdict'], 'timed-out'> | null;
};

function standing({ name: session, run, secondary }: SessionSheet, mark: Mark, degraded: string | undefined): Standing {
  const applied = secondary?.resetTo ?? 0;
  const missing = notShowing(secondary?.table ?? [], applied);
  // A stream that does not count yet shows nothing of the mark, whatever the others show.
  const shown = missing ? 0 : applied;
  const { verdict } = judgeWait({ mark, run, applied: shown, complete: applied, degraded: degraded !== undefined });
  const waitsFor =
    missing && `What comes from ${missing.primary.name} does not count yet; it is shown with a later checkpoint.`;
  return { session, applied: applied === 0 ? null : applied, reason: degraded ?? waitsFor ?? null, verdict };
}

/** A stream that has not resigned, and does not show what was applied. */
function notShowing(table: readonly ActiveRow[], applied: number): ActiveRow | undefined {
  return table.find((row) => row.resigned === null && (row.enteredAt === null || row.enteredAt > applied));
}
