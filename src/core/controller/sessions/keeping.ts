import { isToolkitError, type Milliseconds } from '../../foundation/foundation.js';
import { primaryMaster, type SessionSheet, secondaryMaster } from '../../session/session.js';
import { keepForming } from '../groups/keeping.js';
import type { Controller } from '../open-controller.js';
import { tellRest, untoldOf } from './coming-home.js';
import { noteSession } from './history.js';
import { issueCheckpoint } from './marks.js';
import { resignSystemOf } from './resigning.js';
import { advanceSession } from './rounds.js';
import { agreeAnchor, isAnchored } from './start.js';

/** How often whoever keeps sessions looks after them when nobody wakes it. */
const LOOK_MS: Milliseconds = 250;
/** From a mark that was not whole everywhere to the next checkpoint. */
const AGAIN_MS: Milliseconds = 500;
/** After a fault, or where systems cannot be reached, it is not tried again at once. */
const REST_MS: Milliseconds = 500;

interface Kept {
  issuedAtMs: number;
  /** Not before then. */
  restUntilMs: number;
  roundAtMs: number;
  /** What had arrived when the last round began. */
  news: number;
  /** Systems that were out of reach at the way home are not told before then. */
  tellAtMs: number;
}

/** Forms groups and keeps sessions until `stop` fires. Where one ends with a fault of ours the other ends as well, and it is told. */
export async function keepAll(controller: Controller, stop: AbortController): Promise<void> {
  const kept = [keepForming(controller, stop.signal), keepSessions(controller, stop.signal)];
  for (const one of kept) one.catch(() => stop.abort());
  await Promise.all(kept);
}

/**
 * Keeps the sessions that this system is master of, for as long as its controller lives: issues checkpoints at the interval, runs rounds
 * as they arrive, and resigns a primary that is lost for too long, where the policy says so.
 */
async function keepSessions(controller: Controller, signal: AbortSignal): Promise<void> {
  const kept = new Map<string, Kept>();
  while (!signal.aborted) {
    const { sessions, ports } = controller;
    let nextMs = ports.clock.monotonicMs() + LOOK_MS;
    for (const sheet of sessions.sheets.all()) {
      const nowMs = ports.clock.monotonicMs();
      const own = kept.get(sheet.id) ?? { issuedAtMs: nowMs, restUntilMs: 0, roundAtMs: 0, news: -1, tellAtMs: 0 };
      kept.set(sheet.id, own);
      if (nowMs >= own.restUntilMs) await quietly(controller, own, () => keep(controller, sheet, own));
      if (issues(controller, sheet)) nextMs = Math.min(nextMs, own.issuedAtMs + untilNextMs(controller, sheet));
    }
    const restMs = Math.max(1, nextMs - ports.clock.monotonicMs());
    if (!signal.aborted) await sessions.rest(restMs, signal);
  }
}

async function keep(controller: Controller, sheet: SessionSheet, own: Kept): Promise<void> {
  const { sessions, ports } = controller;
  if (issues(controller, sheet)) {
    if (!isAnchored(controller, sheet)) await agreeAnchor(controller, sheet.id);
    if (ports.clock.monotonicMs() - own.issuedAtMs >= untilNextMs(controller, sheet)) {
      own.issuedAtMs = ports.clock.monotonicMs();
      await issueCheckpoint(controller, sheet.id);
    }
  }
  const table = sheet.secondary;
  if (!table || table.recovered) return;
  tell(controller, sheet, own);
  await resignLost(controller, sheet);
  if (secondaryMaster(table.table)?.id !== controller.peers.self.id) return;
  const news = sessions.news(sheet.id);
  const nowMs = ports.clock.monotonicMs();
  if (news === own.news && nowMs - own.roundAtMs < LOOK_MS) return;
  own.news = news;
  own.roundAtMs = nowMs;
  await advanceSession(controller, sheet.id);
}

/** Beside all else: who is out of reach still answers late. */
function tell(controller: Controller, { id, secondary }: SessionSheet, own: Kept): void {
  const { clock } = controller.ports;
  if (clock.monotonicMs() < own.tellAtMs || untoldOf(secondary).length === 0) return;
  own.tellAtMs = Number.POSITIVE_INFINITY;
  const told = tellRest(controller, id).finally(() => {
    own.tellAtMs = clock.monotonicMs() + REST_MS;
  });
  controller.sessions.behind(told);
}

/** By mark alone, a checkpoint that was not whole everywhere is followed by another: what it stands for is applied without a person. */
function untilNextMs({ sessions }: Controller, { id, policy }: SessionSheet): Milliseconds {
  return policy.intervalMs === 0 && sessions.isOwed(id) ? AGAIN_MS : policy.intervalMs;
}

function issues({ peers, sessions }: Controller, { id, primary, policy }: SessionSheet): boolean {
  if (primary?.state !== 'running' || (policy.intervalMs === 0 && !sessions.isOwed(id))) return false;
  return primaryMaster(primary.config)?.id === peers.self.id;
}

/** A secondary resigns only for its own counterpart, and only where the policy says so. */
async function resignLost(controller: Controller, { id, name, policy }: SessionSheet): Promise<void> {
  const { sessions, ports, peers } = controller;
  if (policy.resignAfterMs === null) return;
  const rows = sessions.sheets.byId(id)?.secondary?.table ?? [];
  for (const { primary, secondary, enteredAt, resigned } of rows) {
    if (secondary.id !== peers.self.id || enteredAt === null || resigned !== null) continue;
    const stream = await sessions.stream(id, primary.id);
    if (ports.clock.monotonicMs() - stream.heardAtMs < policy.resignAfterMs) continue;
    if ((await resignSystemOf(controller, { session: name, system: primary })) === 'nothing') continue;
    const reason = 'nothing was heard of it for as long as its session waits';
    noteSession(controller, { id, name }, 'resign', { about: primary.name, reason });
  }
}

/** What systems out of reach refuse is tried again; a fault of ours ends the keeping. */
async function quietly(controller: Controller, own: Kept, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isToolkitError(error)) throw error;
    own.restUntilMs = controller.ports.clock.monotonicMs() + REST_MS;
  }
}
