import type { Change } from '../../catalog/catalog.js';
import { failure } from '../../foundation/foundation.js';
import type { GroupMember, GroupSheet, NumberedGroup, RemoteMember, RemoteTable } from '../../group/group.js';
import { pairChanges } from '../../hostio/hostio.js';
import { activeState, changedRecord, type HalfRecord, moveVirtualCopy, type PairRecord } from '../../pair/pair.js';
import type { Controller } from '../open-controller.js';
import { type DrillFrozen, drillFrozen } from './drills.js';
import type { GroupWireRequests } from './wire.js';

type CopyInput = GroupWireRequests['group.copy']['input'];

/** One member whose secondary and virtual copy lie here. */
interface Here {
  readonly member: GroupMember;
  readonly row: RemoteMember;
  readonly half: HalfRecord;
  readonly copy: PairRecord;
}

/**
 * The virtual copies of a formation at a remote (DESIGN.md 5.1, 4). Each step is one frame for all the members named, whatever their
 * sizes: PREPARE and REVERT change a number, COMMIT moves the virtual copies on.
 */
export async function copyStep(controller: Controller, input: CopyInput): Promise<void> {
  const { catalog, groups } = controller;
  const here = demandMembers(controller, input);
  switch (input.step) {
    case 'prepare':
      // Judged in the very step: while a checkpoint is waited for, later data may arrive.
      await catalog.change(() => {
        for (const one of demandMembers(controller, input)) demandPreparable(controller, one, input);
        return groups.sheets.change(input.group, (sheet) => prepared(sheet, input));
      });
      break;
    case 'commit':
      demandCommittable(controller, here, input);
      // With the marks: what the old generation's maps hold is folded into the new one, also after a kill.
      await catalog.change(() => committing(controller, here, input), true);
      break;
    case 'revert':
      // Whatever was complete is complete no more: a late PREPARE of this number is refused.
      for (const { half } of here) controller.fabric.pair(half.number).completeFor = undefined;
      await catalog.change(() => groups.sheets.change(input.group, (sheet) => reverted(sheet, input)));
      break;
  }
  controller.step(`group.${input.step}`);
  await catalog.durable();
  controller.notify();
}

/** Between its PREPARE and its own COMMIT or REVERT, each durable, nothing may be written to the remote volume (H7). */
export function demandUninhibited(controller: Controller, half: HalfRecord): void {
  if (half.remote.group === null) return;
  for (const { remote } of controller.groups.sheets.all()) {
    const member = remote?.members.find(({ pairId }) => pairId === half.remote.id);
    const row = remote?.volumes.find(({ relationshipId }) => relationshipId === member?.relationshipId);
    if (row?.revertible == null) continue;
    throw failure(
      'inhibited',
      `${controller.address(half.secondary)} waits for group ${row.revertible} to be settled.`,
    );
  }
}

/** The changes that carry a member's commit out: the virtual copy stands at what the remote volume holds now. */
export function committing(
  controller: Controller,
  here: readonly Pick<Here, 'copy' | 'row'>[],
  input: Pick<CopyInput, 'group' | 'sequence' | 'relationshipIds'>,
): Change[] {
  const sheet = controller.groups.sheets.byId(input.group);
  const numbered = sheet?.remote?.groups.find(({ sequence }) => sequence === input.sequence);
  const due = here.filter(({ row }) => row.revertible === input.sequence);
  if (!numbered || due.length === 0) return [];
  const drills = numbered.practice ? due.flatMap(({ row }) => drillFrozen(controller, row, numbered.timeMs) ?? []) : [];
  return [
    ...due.flatMap(({ copy }) => {
      const change = moveVirtualCopy(numbered.timeMs);
      return pairChanges(controller.catalog, changedRecord(copy, change), change);
    }),
    ...drills.flatMap(({ changes }) => changes),
    ...controller.groups.sheets.change(input.group, (present) =>
      withRows(present, input, (row) =>
        row.revertible === input.sequence ? committedRow(row, input.sequence, drills) : row,
      ),
    ),
  ];
}

function committedRow(row: RemoteMember, sequence: number, drills: readonly DrillFrozen[]): RemoteMember {
  const { practice } = row;
  const made = drills.some(({ relationshipId }) => relationshipId === row.relationshipId);
  const drill = practice && made ? { ...practice, sequence } : practice;
  return { ...row, committed: sequence, revertible: null, practice: drill };
}

/** The same sheet with nothing revertible at this number. */
export function reverted(sheet: GroupSheet, input: Pick<CopyInput, 'sequence' | 'relationshipIds'>): GroupSheet {
  return withRows(sheet, input, (row) => (row.revertible === input.sequence ? { ...row, revertible: null } : row));
}

function prepared(sheet: GroupSheet, input: CopyInput): GroupSheet {
  return withRows(sheet, input, (row) => ({ ...row, revertible: input.sequence }), input.numbered);
}

function demandPreparable(controller: Controller, { row, half, copy }: Here, { sequence, numbered }: CopyInput): void {
  if (row.revertible === sequence) return;
  const address = controller.address(half.secondary);
  if (!numbered) throw failure('usage', 'A prepare order carries its member list.');
  if (row.revertible !== null)
    throw failure('formation-failed', `${address} is still prepared at group ${row.revertible}.`);
  if (row.committed !== null && row.committed >= sequence)
    throw failure('formation-failed', `${address} stands at group ${row.committed} already.`);
  if (controller.fabric.pair(half.number).completeFor !== sequence)
    throw failure('formation-failed', `${address} does not hold all of group ${sequence}, or was written since.`);
  // Moved on, the virtual copy would forget which tracks of the remote volume still lie on it.
  if (activeState(copy.state).status === 'resync-reverse')
    throw failure(
      'formation-failed',
      `${address} is still being brought back from ${controller.address(copy.secondary)}; copyset copier run ${controller.place.name} --once ends that.`,
    );
}

/** Every member of the number's list was prepared at it here, or committed already: else "formed" would be said of less. */
function demandCommittable(controller: Controller, here: readonly Here[], { group, sequence }: CopyInput): void {
  const numbered = controller.groups.sheets.byId(group)?.remote?.groups.find((one) => one.sequence === sequence);
  for (const { row, half } of here) {
    const listed = numbered?.memberList.some(({ relationshipId }) => relationshipId === row.relationshipId) ?? true;
    if (!listed || row.revertible === sequence || (row.committed ?? 0) >= sequence) continue;
    throw failure('formation-failed', `${controller.address(half.secondary)} was not prepared at group ${sequence}.`);
  }
}

/** The members that an order names, with all that belongs to them. Throws where one of them is not here. */
function demandMembers(controller: Controller, input: CopyInput): Here[] {
  const table = demandRemote(controller, input.group, input.term);
  return input.relationshipIds.map((id) => memberHere(controller, table, id));
}

export function memberHere(controller: Controller, table: RemoteTable, id: number): Here {
  const member = table.members.find(({ relationshipId }) => relationshipId === id);
  const row = table.volumes.find(({ relationshipId }) => relationshipId === id);
  if (!member || !row) throw failure('group-not-found', `${controller.place.name} holds no member ${id} of the group.`);
  const half = controller.halves.find(member.pairId);
  const copy = [...controller.catalog.pairs.values()].find(
    ({ primary, secondary }) => primary === half.secondary && secondary === member.backup.number,
  );
  if (!copy) throw failure('pair-not-found', `${controller.address(half.secondary)} has lost its virtual copy.`);
  return { member, row, half, copy };
}

export function demandRemote(controller: Controller, group: string, term: number): RemoteTable {
  const { name } = controller.place;
  const table = controller.groups.sheets.byId(group)?.remote;
  if (!table) throw failure('group-not-found', `${name} is no remote of this group.`);
  if (term < table.term)
    throw failure('term-superseded', `${name} knows term ${table.term} of the group; this is of ${term}.`);
  if (table.recovered) throw failure('displaced', `The group was recovered at ${name}.`);
  return table;
}

function withRows(
  sheet: GroupSheet,
  { relationshipIds }: Pick<CopyInput, 'relationshipIds'>,
  next: (row: RemoteMember) => RemoteMember,
  numbered?: NumberedGroup,
): GroupSheet {
  const { remote } = sheet;
  if (!remote) return sheet;
  const volumes = remote.volumes.map((row) => (relationshipIds.includes(row.relationshipId) ? next(row) : row));
  const known = remote.groups.filter(({ sequence }) => sequence !== numbered?.sequence);
  const all = numbered ? [...known, numbered] : known;
  const named = new Set(volumes.flatMap(({ committed, revertible }) => [committed, revertible]));
  return { ...sheet, remote: { ...remote, volumes, groups: all.filter(({ sequence }) => named.has(sequence)) } };
}
