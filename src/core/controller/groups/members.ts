import { failure } from '../../foundation/foundation.js';
import { GROUP_MEMBERS_MAX, type GroupMember, type MasterTable, type NamedVolume } from '../../group/group.js';
import { matchesVolume } from '../../volume/volume.js';
import type { Answered, Requests } from '../control/requests.js';
import type { Controller } from '../open-controller.js';
import { changeMaster, listed, quietly } from './admin.js';
import { systemsOf, tellAll } from './telling.js';

type Input<Code extends keyof Requests> = Requests[Code]['input'];

export async function addMember(controller: Controller, input: Input<'cg.add'>): Promise<Answered<'cg.add'>> {
  const { id, name, master } = controller.groups.sheets.mastered(input.group);
  if (master.members.length >= GROUP_MEMBERS_MAX)
    throw failure('limit-reached', `Group ${name} has ${GROUP_MEMBERS_MAX} members, the most that it can have.`);
  return quietly(controller, id, name, () => add(controller, input));
}

async function add(controller: Controller, input: Input<'cg.add'>): Promise<Answered<'cg.add'>> {
  const { groups, peers } = controller;
  const { id, name, master } = groups.sheets.mastered(input.group);
  const { primary, secondary, backup } = input;
  if (primary.system.id === secondary.system.id)
    throw failure('usage', 'A member is a pair between two systems.', 'Name a secondary in another system.');
  const wanted = {
    groupName: name,
    secondary: secondary.volume,
    backup: backup === 'auto' ? 'auto' : backup.volume,
  };
  // Looked at before anything is made: a wrong name leaves no pair behind.
  await peers.ask(secondary.system, 'group.backup', { ...wanted, checkOnly: true });
  const found = await peers.ask(primary.system, 'group.enlist', {
    groupName: name,
    primary: primary.volume,
    secondarySystem: secondary.system,
    secondary: secondary.volume,
  });
  const present = master.members.find(({ pairId }) => pairId === found.pairId);
  if (present) {
    demandSameBackup(present, backup);
    // Whoever was not reached the first time hears of it now.
    await tellAll(controller, { id, name }, master);
    return memberAdded(controller, name, present.relationshipId, false, 'nothing');
  }
  const backed = await peers.ask(secondary.system, 'group.backup', wanted);
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
  const table = groups.sheets.mastered(name).master;
  await tellAll(controller, { id, name }, table);
  return memberAdded(controller, name, member.relationshipId, found.paired, 'done');
}

function demandSameBackup({ backup }: GroupMember, wanted: NamedVolume | 'auto'): void {
  if (wanted === 'auto' || matchesVolume(wanted.volume, backup)) return;
  throw failure(
    'group-refuses',
    `The member is there with another backup, ${backup.system.name}:${backup.name}.`,
    'copyset cg remove takes the member out; add it anew then.',
  );
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
  const { id, name } = controller.groups.sheets.mastered(input.group);
  return quietly(controller, id, name, () => remove(controller, input));
}

async function remove(controller: Controller, input: Input<'cg.remove'>): Promise<Answered<'cg.remove'>> {
  const { groups, peers } = controller;
  const { id, name, master } = groups.sheets.mastered(input.group);
  const { system, volume } = input.primary;
  const member = master.members.find(
    ({ primary }) => primary.system.id === system.id && matchesVolume(volume, primary),
  );
  if (!member) return { output: { group: listed(controller, name), outcome: 'nothing' } };
  demandSettled(master, name);
  await peers.ask(member.secondary.system, 'group.unback', { groupName: name, secondary: member.secondary.number });
  // The others first: where one cannot be reached the member is still there, and running it again does the rest.
  await tellAll(controller, { id, name }, without(master, member), [member.primary.system, member.secondary.system]);
  await changeMaster(controller, id, (table) => without(table, member));
  return { output: { group: listed(controller, name), outcome: 'done' } };
}

/** A removed member leaves every list. */
function without(table: MasterTable, { relationshipId }: GroupMember): MasterTable {
  const stays = (one: { readonly relationshipId: number }): boolean => one.relationshipId !== relationshipId;
  return {
    ...table,
    members: table.members.filter(stays),
    last: table.last && { ...table.last, memberList: table.last.memberList.filter(stays) },
  };
}

/** What is prepared at a remote belongs to a formation that is not over; its members stay until it is. */
function demandSettled({ last }: MasterTable, name: string): void {
  if (last?.phase !== 'open') return;
  throw failure(
    'undecided',
    `Formation ${last.sequence} of group ${name} is not settled.`,
    `copyset cg start ${name} settles it first, as soon as all its systems can be reached.`,
  );
}

export async function deleteGroup(controller: Controller, input: Input<'cg.delete'>): Promise<Answered<'cg.delete'>> {
  const { id, name } = controller.groups.sheets.mastered(input.group);
  return quietly(controller, id, name, () => removeGroup(controller, input));
}

async function removeGroup(controller: Controller, input: Input<'cg.delete'>): Promise<Answered<'cg.delete'>> {
  const { groups, peers } = controller;
  const { id, name, master } = groups.sheets.mastered(input.group);
  demandSettled(master, name);
  for (const { secondary } of master.members)
    await peers.ask(secondary.system, 'group.unback', { groupName: name, secondary: secondary.number });
  for (const system of systemsOf(controller, master.members))
    await peers.ask(system, 'group.drop', { group: id, term: master.term });
  await groups.sheets.update(id, (sheet) => ({ ...sheet, master: null, subordinate: null, remote: null }));
  return { output: { name, members: master.members.length } };
}
