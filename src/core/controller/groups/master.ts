import { failure, isToolkitError } from '../../foundation/foundation.js';
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
  noFormation,
  owedByOwnRecord,
  planOfSettling,
  resumeFormation,
  standingNow,
} from '../../group/group.js';
import type { Controller } from '../open-controller.js';
import { FormationRun } from './formation-run.js';

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
  if (isBusy(groups, id)) {
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
    return await conclude(controller, name, begun, end, { actor: options.actor, superseded: run.superseded });
  } finally {
    groups.forming.delete(id);
  }
}

/** A verb that waits for its turn comes before another formation. */
export function isBusy({ forming, awaited }: Controller['groups'], id: string): boolean {
  return forming.has(id) || (awaited.get(id) ?? 0) > 0;
}

/** Waiting members take part from their first duplex on. One whose system cannot be asked goes on waiting. */
export async function admitMembers(controller: Controller, id: string): Promise<void> {
  const { groups, peers } = controller;
  const waiting = groups.sheets.byId(id)?.master?.members.filter(({ joined }) => joined === 'waiting') ?? [];
  const ready = new Set<number>();
  for (const { relationshipId, primary, pairId } of waiting) {
    const { pairs } = await peers.ask(primary.system, 'group.probe', { pairs: [pairId] }).catch(noPairs);
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
  const run = new FormationRun(controller, id, plan, resumed);
  const end = await run.end(options.signal);
  const told = { actor: options.actor, superseded: run.superseded };
  const answer = await conclude(controller, name, { plan, table: master }, end, told);
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
async function announce({ peers }: Controller, id: string, { sequence, term, parts }: FormationPlan): Promise<void> {
  const input = { group: id, term, sequence };
  await Promise.allSettled(parts.map(({ system }) => peers.ask(system, 'group.announce', input, ANNOUNCE_LIMIT_MS)));
}

async function conclude(
  controller: Controller,
  name: string,
  { plan }: Begun,
  end: FormationEnd,
  { actor, superseded }: { readonly actor: string; readonly superseded: boolean },
): Promise<FormationAnswer> {
  const { groups, ports } = controller;
  const { id, master } = groups.sheets.mastered(name);
  // A recovery may have ended meanwhile, under a higher term: what this run was told then says nothing of the row as it is now.
  await groups.sheets.update(id, (sheet) =>
    sheet.master?.term === plan.term
      ? { ...sheet, master: afterEnd(handedOver(sheet.master, superseded), end, ports.clock.nowMs()) }
      : sheet,
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
    id: ports.random.id('formation'),
    group: event,
  });
  return answer;
}

/** A former master that returns learns so that it was replaced while it was away. */
function handedOver(table: MasterTable, superseded: boolean): MasterTable {
  return superseded ? { ...table, handedOver: true } : table;
}

const ANNOUNCE_LIMIT_MS = 1_000;
