import { failure, GROUPS_MAX } from '../foundation/foundation.js';
import {
  changePolicy,
  decideState,
  GROUP_MEMBERS_MAX,
  type GroupListing,
  type GroupMember,
  type GroupSheet,
  type GroupState,
  type GroupVerb,
  listGroup,
  locateGroups,
  type MasterTable,
  POLICY_DEFAULT,
  rateShares,
  type SystemRef,
  type SystemView,
  samePolicy,
} from '../group/group.js';
import { parseName, quoted } from '../volume/volume.js';
import { holdMembers } from './group-keeping.js';
import { emptySheet, isLeftOver } from './group-sheets.js';
import type { Controller } from './open-controller.js';
import type { Answered, Requests } from './requests.js';

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
  const id = ports.random.id();
  await groups.sheets.update(id, (sheet) => ({ ...sheet, master }), emptySheet(id, name));
  return { output: { group: listed(controller, name) } };
}

export async function addMember(controller: Controller, input: Input<'cg.add'>): Promise<Answered<'cg.add'>> {
  const { groups } = controller;
  const { id, name, master } = groups.sheets.mastered(input.group);
  if (master.members.length >= GROUP_MEMBERS_MAX)
    throw failure('limit-reached', `Group ${name} has ${GROUP_MEMBERS_MAX} members, the most that it can have.`);
  demandQuiet(controller, id, name);
  const { primary, secondary, backup } = input;
  if (primary.system.id === secondary.system.id)
    throw failure('usage', 'A member is a pair between two systems.', 'Name a secondary in another system.');
  const found = await groups.ask(primary.system, 'group.enlist', {
    groupName: name,
    primary: primary.volume,
    secondarySystem: secondary.system,
    secondary: secondary.volume,
  });
  const present = master.members.find(({ pairId }) => pairId === found.pairId);
  if (present) return memberAdded(controller, name, present.relationshipId, false, 'nothing');
  const backed = await groups.ask(secondary.system, 'group.backup', {
    groupName: name,
    secondary: secondary.volume,
    backup: backup === 'auto' ? 'auto' : backup.volume,
  });
  const member: GroupMember = {
    relationshipId: master.relationshipIdNext,
    pairId: found.pairId,
    primary: { system: primary.system, ...found.primary },
    secondary: { system: secondary.system, ...backed.secondary },
    backup: { system: secondary.system, ...backed.backup },
    joined: 'waiting',
  };
  await changeMaster(controller, id, (table) => ({
    ...table,
    members: [...table.members, member],
    relationshipIdNext: table.relationshipIdNext + 1,
  }));
  await tellAll(controller, id, []);
  return memberAdded(controller, name, member.relationshipId, found.paired, 'done');
}

function memberAdded(
  controller: Controller,
  name: string,
  relationshipId: number,
  paired: boolean,
  outcome: 'done' | 'nothing',
): Answered<'cg.add'> {
  const group = listed(controller, name);
  const member = group.members.find((one) => one.relationshipId === relationshipId);
  if (!member) throw failure('group-not-found', `Group ${name} lost its member ${relationshipId}.`);
  return { output: { group, outcome, member, paired } };
}

export async function removeMember(controller: Controller, input: Input<'cg.remove'>): Promise<Answered<'cg.remove'>> {
  const { groups } = controller;
  const { id, name, master } = groups.sheets.mastered(input.group);
  demandQuiet(controller, id, name);
  const { system, volume } = input.primary;
  const member = master.members.find(
    ({ primary }) => primary.system.id === system.id && (primary.name === volume || String(primary.number) === volume),
  );
  if (!member) return { output: { group: listed(controller, name), outcome: 'nothing' } };
  await groups.ask(member.secondary.system, 'group.unback', { groupName: name, secondary: member.secondary.number });
  await changeMaster(controller, id, (table) => ({
    ...table,
    members: table.members.filter((one) => one.relationshipId !== member.relationshipId),
    last: table.last && {
      ...table.last,
      memberList: table.last.memberList.filter((one) => one.relationshipId !== member.relationshipId),
    },
  }));
  await tellAll(controller, id, [member.primary.system, member.secondary.system]);
  return { output: { group: listed(controller, name), outcome: 'done' } };
}

export async function deleteGroup(controller: Controller, input: Input<'cg.delete'>): Promise<Answered<'cg.delete'>> {
  const { groups } = controller;
  const { id, name, master } = groups.sheets.mastered(input.group);
  demandQuiet(controller, id, name);
  for (const { secondary } of master.members)
    await groups.ask(secondary.system, 'group.unback', { groupName: name, secondary: secondary.number });
  for (const system of systemsOf(controller, master.members))
    await groups.ask(system, 'group.drop', { group: id, term: master.term });
  await groups.sheets.update(id, (sheet) => ({ ...sheet, master: null, subordinate: null, remote: null }));
  return { output: { name, members: master.members.length } };
}

export async function setPolicy(controller: Controller, input: Input<'cg.policy'>): Promise<Answered<'cg.policy'>> {
  const { id, name, master } = controller.groups.sheets.mastered(input.group);
  const policy = changePolicy(master.policy, input.change);
  if (samePolicy(policy, master.policy)) return { output: { group: listed(controller, name), outcome: 'nothing' } };
  await changeMaster(controller, id, (table) => ({ ...table, policy }));
  await tellAll(controller, id, []);
  await holdNow(controller, id);
  return { output: { group: listed(controller, name), outcome: 'done' } };
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

/** Tells every system of the group, and those that left it, the group as it is now. Throws where one cannot be reached. */
export async function tellAll(controller: Controller, id: string, left: readonly SystemRef[]): Promise<void> {
  const sheet = controller.groups.sheets.byId(id);
  if (!sheet?.master) return;
  const { term, members, policy, sequence } = sheet.master;
  const primaries = new Set(members.map(({ primary }) => primary.system.id));
  const shares = rateShares(policy.rateBytesPerSecond, Math.max(1, primaries.size));
  const ids = [...primaries].sort();
  for (const system of systemsOf(controller, members, left)) {
    const share = shares[ids.indexOf(system.id)] ?? null;
    const input = {
      group: id,
      name: sheet.name,
      term,
      master: controller.peers.self,
      members,
      policy,
      share,
      sequence,
    };
    await controller.groups.ask(system, 'group.put', input);
  }
}

/** A system takes the tables of its roles; what it knows beyond them stays. */
export async function putGroup(controller: Controller, input: Input<'group.put'>): Promise<Answered<'group.put'>> {
  const { groups, peers } = controller;
  await groups.sheets.update(
    input.group,
    (sheet) => {
      demandTerm(controller, sheet, input.term);
      return withTables(sheet, input, peers.self.id);
    },
    emptySheet(input.group, input.name),
  );
  await markPairs(controller, input.group, input.name);
  return { output: {} };
}

function withTables(sheet: GroupSheet, input: Input<'group.put'>, self: string): GroupSheet {
  const { term, master, members, policy, share } = input;
  const own = members.filter(({ primary }) => primary.system.id === self);
  const here = members.filter(({ secondary }) => secondary.system.id === self);
  const { subordinate, remote } = sheet;
  return {
    ...sheet,
    subordinate:
      own.length === 0
        ? null
        : {
            term,
            master,
            members: own,
            highestSequence: Math.max(subordinate?.highestSequence ?? 0, input.sequence),
            policy,
            shareBytesPerSecond: share,
            failedOver: subordinate?.failedOver ?? false,
          },
    remote:
      here.length === 0
        ? null
        : {
            term,
            master,
            members,
            volumes: here.map(
              ({ relationshipId }) =>
                remote?.volumes.find((row) => row.relationshipId === relationshipId) ?? {
                  relationshipId,
                  committed: null,
                  revertible: null,
                  practice: null,
                },
            ),
            groups: (remote?.groups ?? []).map((group) => ({
              ...group,
              memberList: group.memberList.filter(({ relationshipId }) =>
                members.some((member) => member.relationshipId === relationshipId),
              ),
            })),
            verdict: remote?.verdict ?? null,
            recovered: remote?.recovered ?? false,
          },
  };
}

export async function dropGroup(controller: Controller, input: Input<'group.drop'>): Promise<Answered<'group.drop'>> {
  await controller.groups.sheets.update(input.group, (sheet) => {
    demandTerm(controller, sheet, input.term);
    const master = sheet.master?.handedOver ? null : sheet.master;
    return { ...sheet, master, subordinate: null, remote: null };
  });
  controller.groups.holds.set(input.group, null, 0);
  await markPairs(controller, input.group, null);
  return { output: {} };
}

/** Which pairs belong to the group stands in their rows, so that the verbs for pairs need not look for it. */
async function markPairs(controller: Controller, id: string, name: string | null): Promise<void> {
  const { catalog, groups } = controller;
  const sheet = groups.sheets.byId(id);
  const members = [...(sheet?.subordinate?.members ?? []), ...(sheet?.remote?.members ?? [])];
  const ids = new Set(members.map(({ pairId }) => pairId));
  const known = sheet?.name ?? name;
  await catalog.change(() =>
    [...catalog.pairs.values()].flatMap((record) => {
      if (!record.remote) return [];
      const group = ids.has(record.remote.id) ? known : record.remote.group === known ? null : record.remote.group;
      if (group === record.remote.group) return [];
      // An end mark of another group, whose numbers may be the same, counts no more.
      controller.fabric.pair(record.number).completeFor = undefined;
      return [{ do: 'put-pair' as const, record: { ...record, remote: { ...record.remote, group } } }];
    }),
  );
  await catalog.durable();
}

export function demandTerm(controller: Controller, { subordinate, remote }: GroupSheet, term: number): void {
  const known = Math.max(subordinate?.term ?? 0, remote?.term ?? 0);
  if (term >= known) return;
  throw failure('term-superseded', `${controller.place.name} knows term ${known} of the group; this is of ${term}.`);
}

/** Nothing about the members changes while a formation is under way. */
export function demandQuiet(controller: Controller, id: string, name: string): void {
  if (!controller.groups.forming.has(id)) return;
  throw failure(
    'group-forming',
    `Group ${name} is forming now.`,
    'Try again in a moment, or stop it: copyset cg stop.',
  );
}

async function holdNow(controller: Controller, id: string): Promise<void> {
  const table = controller.groups.sheets.byId(id)?.master;
  if (table) await holdMembers(controller, id, table);
}

function systemsOf(
  controller: Controller,
  members: readonly GroupMember[],
  more: readonly SystemRef[] = [],
): readonly SystemRef[] {
  const found = new Map<string, SystemRef>();
  for (const system of [...members.flatMap(({ primary, secondary }) => [primary.system, secondary.system]), ...more])
    found.set(system.id, system.id === controller.peers.self.id ? controller.peers.self : system);
  return [...found.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}
