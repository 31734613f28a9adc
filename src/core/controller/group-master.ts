import { failure, isToolkitError } from '../foundation/foundation.js';
import {
  afterEnd,
  type Begun,
  beginFormation,
  beginNext,
  type FormationAnswer,
  type FormationEnd,
  type FormationPlan,
  formationAnswer,
  formationEvent,
  formationSentence,
  type GroupSheet,
  type MasterTable,
  nextFormationAt,
  noFormation,
  owedByOwnRecord,
  planOfSettling,
  resumeFormation,
  STOP_LEASE_MS,
  standingNow,
} from '../group/group.js';
import { FormationRun } from './formation-run.js';
import type { Controller } from './open-controller.js';

export interface FormingOptions {
  readonly actor: string;
  /** A single formation refuses where a member is not ready; a running group goes on with the others. */
  readonly single: boolean;
  readonly skipIfBusy?: boolean | undefined;
  readonly thenStopSending?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One formation, to its end. What it came to is an answer; only what kept it from beginning is thrown. */
export async function formGroup(
  controller: Controller,
  name: string,
  options: FormingOptions,
): Promise<FormationAnswer> {
  const { groups, ports } = controller;
  const { id, master } = groups.sheets.mastered(name);
  const standing = standingNow(master, ports.clock.nowMs());
  if (!standing.forms) {
    const why = standing.why === 'window' ? "the policy's window is closed" : 'the group is paused';
    return noFormation(name, 'paused', why);
  }
  if (groups.forming.has(id)) {
    if (options.skipIfBusy) return noFormation(name, 'skipped', 'another formation is under way');
    throw failure('group-forming', `Group ${name} is forming already.`, 'Wait for it, or give --skip-if-busy.');
  }
  groups.forming.add(id);
  try {
    await admitMembers(controller, id);
    const owed = await settleLast(controller, name, options);
    if (owed) return owed;
    const begun = await begin(controller, name, options);
    await announce(controller, id, begun.plan);
    const run = new FormationRun(controller, id, begun.plan, beginFormation(begun.plan));
    const end = await run.end(options.signal);
    return await conclude(controller, name, begun, end, options.actor);
  } finally {
    groups.forming.delete(id);
  }
}

/** Waiting members take part from their first duplex on. One whose system cannot be asked goes on waiting. */
export async function admitMembers(controller: Controller, id: string): Promise<void> {
  const { groups } = controller;
  const waiting = groups.sheets.byId(id)?.master?.members.filter(({ joined }) => joined === 'waiting') ?? [];
  const ready = new Set<number>();
  for (const { relationshipId, primary, pairId } of waiting) {
    const { pairs } = await groups.ask(primary.system, 'group.probe', { pairs: [pairId] }).catch(noPairs);
    if (pairs.some(({ status }) => status === 'duplex')) ready.add(relationshipId);
  }
  if (ready.size === 0) return;
  await groups.sheets.update(id, (sheet) => {
    if (!sheet.master) return sheet;
    const members = sheet.master.members.map((member) =>
      ready.has(member.relationshipId) ? { ...member, joined: 'member' as const } : member,
    );
    return { ...sheet, master: { ...sheet.master, members } };
  });
}

function noPairs(error: unknown): { pairs: readonly [] } {
  if (isToolkitError(error)) return { pairs: [] };
  throw error;
}

/** What the last formation still owes its remotes comes before the next. An answer where it cannot be settled now. */
async function settleLast(
  controller: Controller,
  name: string,
  options: FormingOptions,
): Promise<FormationAnswer | undefined> {
  // After a log that failed the record in memory may say more than the one on disk.
  controller.catalog.demandSound();
  const { id, master } = controller.groups.sheets.mastered(name);
  const owed = owedByOwnRecord(master.last);
  if (owed.kind === 'nothing' || !master.last) return undefined;
  const plan = planOfSettling(master.last, master.members, master.policy, master.term);
  if (plan.parts.length === 0) {
    await controller.groups.sheets.update(id, withRecordSettled);
    return undefined;
  }
  const resumed = resumeFormation(plan, master.last.timeMs, owed.decision, owed.failure);
  const end = await new FormationRun(controller, id, plan, resumed).end(options.signal);
  const answer = await conclude(controller, name, { plan, table: master }, end, options.actor);
  return end.settled ? undefined : answer;
}

function withRecordSettled(sheet: GroupSheet): GroupSheet {
  if (!sheet.master?.last) return sheet;
  return { ...sheet, master: { ...sheet.master, last: { ...sheet.master.last, phase: 'settled' } } };
}

/** The number is durable before the first order leaves. */
async function begin(controller: Controller, name: string, options: FormingOptions): Promise<Begun> {
  const { id, master } = controller.groups.sheets.mastered(name);
  const { single, thenStopSending } = options;
  const begun = beginNext(master, { name, single, thenStopSending });
  await controller.groups.sheets.update(id, (sheet) => ({ ...sheet, master: begun.table }));
  return begun;
}

/** No formation waits long for it: who has not heard of the number learns it from the first order, and a lost system voids that. */
async function announce({ groups }: Controller, id: string, { sequence, term, parts }: FormationPlan): Promise<void> {
  const input = { group: id, term, sequence };
  await Promise.allSettled(parts.map(({ system }) => groups.ask(system, 'group.announce', input, ANNOUNCE_LIMIT_MS)));
}

async function conclude(
  controller: Controller,
  name: string,
  { plan }: Begun,
  end: FormationEnd,
  actor: string,
): Promise<FormationAnswer> {
  const { groups, ports } = controller;
  const { id, master } = groups.sheets.mastered(name);
  await groups.sheets.update(id, (sheet) =>
    sheet.master ? { ...sheet, master: afterEnd(sheet.master, end, ports.clock.nowMs()) } : sheet,
  );
  const answer = formationAnswer(name, plan, master.members, end);
  const event = formationEvent(id, answer);
  controller.record({
    code: end.outcome,
    phase: end.outcome === 'formed' ? 'end' : 'abnormal',
    operation: 'cg formation',
    primary: name,
    secondary: null,
    before: null,
    after: end.outcome === 'formed' ? String(end.sequence) : null,
    tracks: end.tracks,
    seconds: end.drainMs === null ? null : Math.round(end.drainMs) / 1000,
    message: formationSentence(event),
    actor,
    id: ports.random.id(),
    group: event,
  });
  return answer;
}

/** Forms the running groups that this system masters, at their intervals and within their windows, until `signal` fires. */
export async function keepForming(
  controller: Controller,
  signal: AbortSignal,
  report: (answer: FormationAnswer) => void = () => undefined,
): Promise<void> {
  const { groups, ports } = controller;
  const lasts = new Map<string, { endedMs: number; formed: boolean }>();
  while (!signal.aborted) {
    const now = ports.clock.nowMs();
    let nextMs = now + LOOK_MS;
    for (const { id, name, master } of groups.sheets.all()) {
      if (!master || master.handedOver) continue;
      await holdMembers(controller, id, master, now);
      if (master.state.status !== 'running' || groups.forming.has(id)) continue;
      const dueMs = nextFormationAt(master.policy, lasts.get(id) ?? null, now);
      if (dueMs > now) {
        nextMs = Math.min(nextMs, dueMs);
        continue;
      }
      const formed = await formQuietly(controller, name, signal, report);
      lasts.set(id, { endedMs: ports.clock.nowMs(), formed });
      nextMs = ports.clock.nowMs();
    }
    await ports.clock.sleep(Math.max(1, nextMs - ports.clock.nowMs()), signal);
  }
}

const LOOK_MS = 500;
const ANNOUNCE_LIMIT_MS = 1_000;
/** A hold is renewed when less than this is left of it. */
const RENEW_MS = STOP_LEASE_MS / 3;

async function formQuietly(
  controller: Controller,
  name: string,
  signal: AbortSignal,
  report: (answer: FormationAnswer) => void,
): Promise<boolean> {
  try {
    const answer = await formGroup(controller, name, { actor: 'group', single: false, signal });
    report(answer);
    return answer.outcome === 'formed';
  } catch (error) {
    if (!isToolkitError(error)) throw error;
    report(noFormation(name, 'skipped', error.message));
    return false;
  }
}

/** Tells the members what they hold back now. A hold carries its end; a manual one is renewed while the master lives (H31). */
export async function holdMembers(
  controller: Controller,
  id: string,
  master: MasterTable,
  nowMs: number,
): Promise<void> {
  const { stop } = standingNow(master, nowMs);
  const { toldHolds: told } = controller.groups;
  const last = told.get(id);
  const what = stop?.what ?? 'nothing';
  if ((last?.what ?? 'nothing') === what && (what === 'nothing' || nowMs - (last?.atMs ?? 0) < RENEW_MS)) return;
  told.set(id, { what, atMs: nowMs });
  const leaseMs = stop ? Math.max(0, Math.min(stop.untilMs - nowMs, STOP_LEASE_MS)) : 0;
  const systems = new Map(master.members.map(({ primary }) => [primary.system.id, primary.system]));
  const input = { group: id, term: master.term, what: stop?.what ?? null, leaseMs };
  await Promise.allSettled([...systems.values()].map((system) => controller.groups.ask(system, 'group.hold', input)));
}
