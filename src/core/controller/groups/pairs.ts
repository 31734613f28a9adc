import { failure } from '../../foundation/foundation.js';
import type { GroupMember } from '../../group/group.js';
import { moveVirtualCopy, type PairRecord } from '../../pair/pair.js';
import { matchesVolume } from '../../volume/volume.js';
import type { Answered, Requests } from '../control/requests.js';
import { createRemotePairs } from '../halves/create.js';
import type { Controller, RequestContext } from '../open-controller.js';
import { createPairs, pickSecondary } from '../pairs/create.js';
import { findVolume } from '../volumes/finding.js';
import { dropDrill } from './drills.js';

type Input<Code extends keyof Requests> = Requests[Code]['input'];

/** The pair of a member at the system of its primary: made, mode async, where there is none (CLI.md `cg add`). */
export async function enlistPair(
  controller: Controller,
  input: Input<'group.enlist'>,
  context: RequestContext,
): Promise<Answered<'group.enlist'>> {
  const primary = findVolume(controller, input.primary);
  const { number, name } = primary;
  const known = pairTo(controller, number, input);
  demandUngrouped(controller, number, input.groupName);
  if (known) {
    demandAsync(controller, known);
    return { output: { pairId: known.remote?.id ?? '', primary: { number, name }, paired: false } };
  }
  const row = { primary: name, secondary: input.secondary, secondarySystem: input.secondarySystem };
  await createRemotePairs(controller, { pairs: [row], mode: 'async' }, context);
  const made = pairTo(controller, number, input);
  if (!made?.remote) throw failure('pair-not-found', `The pair of ${controller.address(number)} was not made.`);
  return { output: { pairId: made.remote.id, primary: { number, name }, paired: true } };
}

function pairTo(controller: Controller, primary: number, input: Input<'group.enlist'>): PairRecord | undefined {
  return controller.catalog
    .pairsOf(primary)
    .flatMap((number) => controller.catalog.pairs.get(number) ?? [])
    .find(({ remote }) => {
      if (remote?.side !== 'primary' || remote.peer.system.id !== input.secondarySystem.id) return false;
      return matchesVolume(input.secondary, remote.peer);
    });
}

/** A volume is in one group at most. */
function demandUngrouped(controller: Controller, primary: number, group: string): void {
  for (const number of controller.catalog.pairsOf(primary)) {
    const other = controller.catalog.pairs.get(number)?.remote?.group ?? null;
    if (other === null || other === group) continue;
    throw failure(
      'in-group',
      `${controller.address(primary)} is in group ${other} already.`,
      `copyset cg remove ${other} ${controller.address(primary)} takes it out.`,
    );
  }
}

function demandAsync(controller: Controller, { primary, mode }: PairRecord): void {
  if (mode === 'async') return;
  throw failure(
    'mode-not-here',
    `The pair of ${controller.address(primary)} is of mode ${mode}; a group's pairs are async.`,
    'Delete the pair and make it anew with --mode async.',
  );
}

/** The virtual copy of a member's secondary, which only the group changes from then on. */
export async function backUp(
  controller: Controller,
  input: Input<'group.backup'>,
  context: RequestContext,
): Promise<Answered<'group.backup'>> {
  const { catalog } = controller;
  const secondary = findVolume(controller, input.secondary);
  const present = virtualCopyOf(controller, secondary.number, input.groupName);
  const backup = present
    ? catalog.volumes.get(present.secondary)
    : input.backup === 'auto'
      ? pickSecondary(controller, secondary, false, new Set())
      : findVolume(controller, input.backup);
  if (!backup) throw failure('volume-not-found', 'The backup volume is gone.');
  const output = {
    secondary: { number: secondary.number, name: secondary.name },
    backup: { number: backup.number, name: backup.name },
  };
  if (present) return { output };
  const pairs = [{ primary: secondary.name, secondary: backup.name, virtual: true, split: true }];
  await createPairs(controller, { pairs, plan: input.checkOnly }, {}, context);
  if (input.checkOnly) return { output };
  await catalog.change(() => {
    const made = [...catalog.pairs.values()].find(
      (pair) => pair.primary === secondary.number && pair.secondary === backup.number,
    );
    if (!made) return [];
    const { next } = moveVirtualCopy(Math.floor(controller.ports.clock.nowMs()));
    return [{ do: 'put-pair', record: { ...made, state: next, virtualCopyOf: input.groupName } }];
  });
  await catalog.durable();
  return { output };
}

export async function unbackUp(
  controller: Controller,
  input: Input<'group.unback'>,
): Promise<Answered<'group.unback'>> {
  const { catalog, fabric } = controller;
  demandUnprepared(controller, input);
  await dropDrillOf(controller, input);
  const copy = virtualCopyOf(controller, input.secondary, input.groupName);
  if (!copy) return { output: {} };
  const backup = catalog.volumes.get(copy.secondary);
  const missingTracks = catalog.pairMap(copy.number, 'outOfSync').map.count;
  await catalog.change(() => [
    { do: 'drop-pair', number: copy.number },
    ...(backup && missingTracks > 0
      ? [
          {
            do: 'put-volume' as const,
            record: {
              ...backup,
              incomplete: { missingTracks, reason: `it was the virtual copy of group ${input.groupName}` },
            },
          },
        ]
      : []),
  ]);
  fabric.pairsChanged();
  await catalog.durable();
  await controller.removeLeftovers();
  return { output: {} };
}

/** A volume that is prepared waits for its COMMIT or REVERT, and takes nothing until then. */
function demandUnprepared(controller: Controller, input: Input<'group.unback'>): void {
  const row = rowOf(controller, input)?.row;
  if (row?.revertible == null) return;
  throw failure(
    'group-refuses',
    `${controller.address(input.secondary)} is prepared at group ${row.revertible}, which is not settled.`,
    `copyset cg start ${input.groupName} settles it.`,
  );
}

async function dropDrillOf(controller: Controller, input: Input<'group.unback'>): Promise<void> {
  const found = rowOf(controller, input);
  if (found) await dropDrill(controller, found.id, found.row);
}

function rowOf(controller: Controller, { secondary, groupName }: Input<'group.unback'>) {
  const sheet = controller.groups.sheets.all().find(({ name, remote }) => name === groupName && remote !== null);
  const member = sheet?.remote?.members.find((one) => isHere(controller, one) && one.secondary.number === secondary);
  const row = sheet?.remote?.volumes.find(({ relationshipId }) => relationshipId === member?.relationshipId);
  return sheet && row ? { id: sheet.id, row } : undefined;
}

function isHere({ peers }: Controller, { secondary }: GroupMember): boolean {
  return secondary.system.id === peers.self.id;
}

function virtualCopyOf(controller: Controller, secondary: number, group: string): PairRecord | undefined {
  return [...controller.catalog.pairs.values()].find(
    (pair) => pair.primary === secondary && pair.virtualCopyOf === group,
  );
}
