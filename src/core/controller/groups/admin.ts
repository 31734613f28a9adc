import { failure, GROUPS_MAX } from '../../foundation/foundation.js';
import {
  changePolicy,
  decideState,
  type GroupListing,
  type GroupState,
  type GroupVerb,
  listGroup,
  locateGroups,
  type MasterTable,
  POLICY_DEFAULT,
  type SystemView,
  samePolicy,
} from '../../group/group.js';
import { parseName, quoted } from '../../volume/volume.js';
import type { Answered, Requests } from '../control/requests.js';
import type { Controller } from '../open-controller.js';
import { holdMembers } from './keeping.js';
import { emptySheet, isLeftOver } from './sheets.js';
import { tellAll } from './telling.js';

type Input<Code extends keyof Requests> = Requests[Code]['input'];

const FIRST_TERM = 1;

export async function createGroup(controller: Controller, input: Input<'cg.create'>): Promise<Answered<'cg.create'>> {
  const { groups, ports } = controller;
  const name = parseName(input.group, 'group');
  const policy = changePolicy(POLICY_DEFAULT, input.policy);
  const known = groups.sheets.all();
  if (known.some((sheet) => sheet.name === name && !isLeftOver(sheet)))
    throw failure(
      'already-exists',
      `There is a consistency group ${quoted(name)} already.`,
      `copyset cg status ${name} shows it.`,
    );
  if (known.length >= GROUPS_MAX)
    throw failure(
      'limit-reached',
      `This system knows ${GROUPS_MAX} groups, the most that it can.`,
      'Delete one first.',
    );
  const master: MasterTable = {
    term: FIRST_TERM,
    policy,
    state: { status: 'stopped' },
    members: [],
    relationshipIdNext: 1,
    sequence: 0,
    last: null,
    lastFormed: null,
    formedCount: 0,
    failedCount: 0,
    lastFailure: null,
    handedOver: false,
  };
  const id = ports.random.id('group');
  await groups.sheets.update(id, (sheet) => ({ ...sheet, master }), emptySheet(id, name));
  return { output: { group: listed(controller, name) } };
}

export async function setPolicy(controller: Controller, input: Input<'cg.policy'>): Promise<Answered<'cg.policy'>> {
  const { id, name, master } = controller.groups.sheets.mastered(input.group);
  const policy = changePolicy(master.policy, input.change);
  const outcome = samePolicy(policy, master.policy) ? 'nothing' : 'done';
  if (outcome === 'done') await changeMaster(controller, id, (table) => ({ ...table, policy }));
  // Also where it is the same: whoever was not reached the first time hears of it now.
  await tellAll(controller, { id, name }, { ...master, policy });
  await holdNow(controller, id);
  return { output: { group: listed(controller, name), outcome } };
}

/** The verbs that change how a group runs; the change is durable, and the members learn at once what they hold back. */
export async function changeState(
  controller: Controller,
  group: string,
  verb: GroupVerb,
): Promise<{ group: GroupListing; outcome: 'done' | 'nothing' }> {
  const { id, name, master } = controller.groups.sheets.mastered(group);
  const decided = decideState(master.state, verb);
  if (decided.kind === 'refuse') throw failure(decided.code, `Group ${name}: ${decided.why}`, decided.hint);
  if (decided.kind === 'do') {
    const state: GroupState = decided.next;
    await changeMaster(controller, id, (table) => ({ ...table, state }));
    await holdNow(controller, id);
    controller.notify();
  }
  return { group: listed(controller, name), outcome: decided.kind === 'do' ? 'done' : 'nothing' };
}

/** The group as this system alone can tell; `cg status` asks the others, too. */
export function listed(controller: Controller, name: string): GroupListing {
  const { groups, peers, ports } = controller;
  const nowMs = ports.clock.nowMs();
  const view: SystemView = {
    system: peers.self,
    sheets: groups.sheets.all(),
    members: groups.reports(),
    asOfMs: nowMs,
  };
  const located = locateGroups([view]).find((group) => group.name === name);
  if (!located) throw failure('group-not-found', `Group ${quoted(name)} is not known here.`);
  return listGroup(located, [view], nowMs);
}

export async function changeMaster(
  controller: Controller,
  id: string,
  next: (table: MasterTable) => MasterTable,
): Promise<void> {
  await controller.groups.sheets.update(id, (sheet) =>
    sheet.master ? { ...sheet, master: next(sheet.master) } : sheet,
  );
}

/** A verb waits so long for the formation under way; that of a slow link goes on for longer. */
const QUIET_LIMIT_MS = 5_000;
const QUIET_LOOK_MS = 2;

/**
 * Does work during which nothing is formed: the formation under way is waited for, and the next of a running group, which would follow
 * at once, lets the work pass. What the work needs to know of the group it reads itself.
 */
export async function quietly<T>(
  { groups, ports }: Controller,
  id: string,
  name: string,
  work: () => Promise<T>,
): Promise<T> {
  const { clock } = ports;
  const untilMs = clock.monotonicMs() + QUIET_LIMIT_MS;
  groups.awaited.set(id, (groups.awaited.get(id) ?? 0) + 1);
  try {
    while (groups.forming.has(id)) {
      if (clock.monotonicMs() >= untilMs)
        throw failure(
          'group-forming',
          `Group ${name} is forming now.`,
          'Try again in a moment, or stop it: copyset cg stop.',
        );
      await clock.sleep(QUIET_LOOK_MS);
    }
    groups.forming.add(id);
  } finally {
    groups.awaited.set(id, (groups.awaited.get(id) ?? 1) - 1);
  }
  try {
    return await work();
  } finally {
    groups.forming.delete(id);
  }
}

async function holdNow(controller: Controller, id: string): Promise<void> {
  const table = controller.groups.sheets.byId(id)?.master;
  if (table) await holdMembers(controller, id, table);
}
