import { failure } from '../../foundation/foundation.js';
import type { GroupMember, GroupSheet, MasterTable, PracticeRow, SystemRef } from '../../group/group.js';
import type { Answered, Requests } from '../control/requests.js';
import type { Controller } from '../open-controller.js';
import { changeMaster, quietly } from './admin.js';
import { admitMembers } from './master.js';
import type { GroupWireRequests } from './wire.js';

type Input = Requests['cg.practice']['input'];
type Order = GroupWireRequests['group.practice']['input']['order'];
type Mastered = GroupSheet & { readonly master: MasterTable };

/**
 * Orders drill copies, or drops them (DESIGN.md 5.2). They are paired at every remote first; only then the master's next formation
 * carries the order to freeze them, so that all drills of a group show one and the same group.
 */
export async function practiceGroup(controller: Controller, input: Input): Promise<Answered<'cg.practice'>> {
  const { groups } = controller;
  const { id, name } = groups.sheets.mastered(input.group);
  return quietly(controller, id, name, async () => ({
    output: input.drop ? await drop(controller, name) : await order(controller, name, input.to),
  }));
}

async function drop(controller: Controller, name: string): Promise<Answered<'cg.practice'>['output']> {
  const sheet = controller.groups.sheets.mastered(name);
  const had = await ask(controller, sheet, 'show', 'auto');
  await changeMaster(controller, sheet.id, ({ practice: _, ...table }) => table);
  await ask(controller, sheet, 'drop', 'auto');
  return { group: name, outcome: had.length === 0 ? 'nothing' : 'dropped', practice: [] };
}

async function order(
  controller: Controller,
  name: string,
  to: Input['to'],
): Promise<Answered<'cg.practice'>['output']> {
  const { groups } = controller;
  await admitMembers(controller, groups.sheets.mastered(name).id);
  const sheet = groups.sheets.mastered(name);
  demandOrderable(sheet, to);
  const before = await ask(controller, sheet, 'show', 'auto');
  if (before.some(({ sequence }) => sequence !== null))
    return { group: name, outcome: 'nothing', practice: made(sheet, before) };
  const practice = await ask(controller, sheet, 'reserve', to);
  if (sheet.master.practice) return { group: name, outcome: 'nothing', practice };
  await changeMaster(controller, sheet.id, (table) => ({ ...table, practice: true }));
  return { group: name, outcome: 'ordered', practice };
}

/** Drills that were made are left as they are: all of one group, for every member. Anything else is dropped before it is made anew. */
function made({ name, master }: Mastered, rows: readonly PracticeRow[]): readonly PracticeRow[] {
  const sequences = new Set(rows.map(({ sequence }) => sequence));
  if (sequences.size === 1 && rows.length === master.members.length && rows.every(({ lost }) => !lost)) return rows;
  throw failure(
    'group-refuses',
    `The drill copies of group ${name} are not whole: not every member has one of the same group.`,
    `copyset cg practice ${name} --drop drops them; order them again then.`,
  );
}

function demandOrderable({ name, master: { members } }: Mastered, to: Input['to']): void {
  const [first] = members;
  if (!first) throw failure('member-not-ready', `Group ${name} has no members.`, `copyset cg add ${name} adds one.`);
  const waiting = members.find(({ joined }) => joined === 'waiting');
  if (waiting)
    throw failure(
      'member-not-ready',
      `${waiting.primary.system.name}:${waiting.primary.name} of group ${name} was not yet copied to its remote.`,
      'Drill copies show all members; order them when each has been in duplex.',
    );
  if (to === 'auto') return;
  if (members.length > 1)
    throw failure(
      'usage',
      `Group ${name} has ${members.length} members, and --to names one volume.`,
      'Leave --to out: reserved, unpaired volumes that fit are taken.',
    );
  if (to.system.id === first.secondary.system.id) return;
  throw failure(
    'usage',
    `A drill copy lies beside its remote volume, in storage system ${first.secondary.system.name}.`,
    `Name a volume there: --to ${first.secondary.system.name}:VOLUME.`,
  );
}

/** One system after another, in the order of their ids: where one cannot be reached, running it again does the rest. */
async function ask(
  controller: Controller,
  { id, master }: Mastered,
  what: Order,
  to: Input['to'],
): Promise<readonly PracticeRow[]> {
  const rows: PracticeRow[] = [];
  for (const system of remotesOf(master.members)) {
    const input = { group: id, term: master.term, order: what, to };
    const { drills } = await controller.peers.ask(system, 'group.practice', input);
    for (const { relationshipId, volume, sequence, lost } of drills) {
      const member = master.members.find((one) => one.relationshipId === relationshipId);
      if (!member) continue;
      const address = (name: string) => `${member.secondary.system.name}:${name}`;
      rows.push({
        relationshipId,
        secondary: address(member.secondary.name),
        backup: address(member.backup.name),
        practice: address(volume.name),
        sequence,
        lost,
      });
    }
  }
  return rows.sort((a, b) => a.relationshipId - b.relationshipId);
}

function remotesOf(members: readonly GroupMember[]): readonly SystemRef[] {
  const found = new Map(members.map(({ secondary }) => [secondary.system.id, secondary.system]));
  return [...found.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}
