import { failure } from '../../foundation/foundation.js';
import { type GroupMember, type GroupSheet, type MasterTable, rateShares, type SystemRef } from '../../group/group.js';
import { isLoss } from '../../transfer/transfer.js';
import type { Answered, Requests } from '../control/requests.js';
import type { Controller } from '../open-controller.js';
import { emptySheet } from './sheets.js';

type Input<Code extends keyof Requests> = Requests[Code]['input'];

/**
 * Tells every system of the group, and those that left it, the group as this table has it. Throws where one cannot be reached; one that
 * left is lost to the group in any case.
 */
export async function tellAll(
  controller: Controller,
  { id, name }: Pick<GroupSheet, 'id' | 'name'>,
  { term, members, policy, sequence }: MasterTable,
  left: readonly SystemRef[] = [],
): Promise<void> {
  const primaries = new Set(members.map(({ primary }) => primary.system.id));
  const shares = rateShares(policy.rateBytesPerSecond, Math.max(1, primaries.size));
  const ids = [...primaries].sort();
  for (const system of systemsOf(controller, members, left)) {
    const share = shares[ids.indexOf(system.id)] ?? null;
    const input = {
      group: id,
      name,
      term,
      master: controller.peers.self,
      members,
      policy,
      share,
      sequence,
    };
    try {
      await controller.peers.ask(system, 'group.put', input);
    } catch (error) {
      const stays = members.some(({ primary, secondary }) =>
        [primary.system.id, secondary.system.id].includes(system.id),
      );
      if (stays || !isLoss(error)) throw error;
    }
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
  const name = controller.groups.sheets.byId(input.group)?.name ?? null;
  await controller.groups.sheets.update(input.group, (sheet) => {
    demandTerm(controller, sheet, input.term);
    const master = sheet.master?.handedOver ? null : sheet.master;
    return { ...sheet, master, subordinate: null, remote: null };
  });
  controller.groups.holds.set(input.group, null, 0);
  if (name !== null) await markPairs(controller, input.group, name);
  return { output: {} };
}

/** Which pairs belong to the group stands in their rows, so that the verbs for pairs need not look for it. */
async function markPairs(controller: Controller, id: string, name: string): Promise<void> {
  const { catalog, groups } = controller;
  const sheet = groups.sheets.byId(id);
  const members = [...(sheet?.subordinate?.members ?? []), ...(sheet?.remote?.members ?? [])];
  const ids = new Set(members.map(({ pairId }) => pairId));
  await catalog.change(() =>
    [...catalog.pairs.values()].flatMap((record) => {
      if (!record.remote) return [];
      const group = ids.has(record.remote.id) ? name : record.remote.group === name ? null : record.remote.group;
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

/** The systems that hold members, and more, in the order of their ids. */
export function systemsOf(
  controller: Controller,
  members: readonly GroupMember[],
  more: readonly SystemRef[] = [],
): readonly SystemRef[] {
  const found = new Map<string, SystemRef>();
  for (const system of [...members.flatMap(({ primary, secondary }) => [primary.system, secondary.system]), ...more])
    found.set(system.id, system.id === controller.peers.self.id ? controller.peers.self : system);
  return [...found.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}
