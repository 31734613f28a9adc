import type { Change } from '../../catalog/catalog.js';
import { failure, isToolkitError } from '../../foundation/foundation.js';
import type { GroupSheet, NamedVolume, Practice, RemoteMember, RemoteTable } from '../../group/group.js';
import { lossesDownstream, pairChanges, refusedJump } from '../../hostio/hostio.js';
import { changedRecord, decide, judgeCreate, type PairRecord, pointInTimeLost } from '../../pair/pair.js';
import type { VolumeRecord } from '../../volume/volume.js';
import type { Answered } from '../control/requests.js';
import type { Controller, RequestContext } from '../open-controller.js';
import { creationChanges, demandNotRestored, newPair, pickSecondary } from '../pairs/create.js';
import { changePairs } from '../pairs/transaction.js';
import { findVolume } from '../volumes/finding.js';
import type { GroupWireRequests } from './wire.js';

type Input = GroupWireRequests['group.practice']['input'];

/**
 * Drill copies at a remote (DESIGN.md 5.2, H13). One is a second virtual copy of the remote volume, beside the backup and not of it:
 * the backup moves on with every formation, and what a drill has not yet read must not move with it. It is paired when it is
 * ordered, so that its volume is taken; it copies nothing and no host sees it until the COMMIT that freezes it with the backup.
 */
export async function practiceAtRemote(
  controller: Controller,
  input: Input,
  context: RequestContext,
): Promise<Answered<'group.practice'>> {
  const table = demandTable(controller, input);
  if (input.order === 'reserve') for (const row of table.volumes) await reserve(controller, input, row, context);
  if (input.order === 'drop') for (const row of table.volumes) await dropDrill(controller, input.group, row);
  return { output: { drills: drillsHere(controller, input.group) } };
}

export interface DrillFrozen {
  readonly relationshipId: number;
  readonly changes: readonly Change[];
}

/** The changes that freeze an ordered drill copy; undefined where it cannot be frozen, which must not hold up a group. */
export function drillFrozen(controller: Controller, row: RemoteMember, timeMs: number): DrillFrozen | undefined {
  const { practice, relationshipId } = row;
  const pair = practice?.sequence === null ? drillPair(controller, practice) : undefined;
  if (!pair) return undefined;
  const frozen = decide(pair.state, { kind: 'split', atMs: timeMs, virtual: true, readOnly: false });
  if (frozen.kind !== 'do' || refusedJump(controller.catalog, pair, frozen.change)) return undefined;
  return {
    relationshipId,
    changes: pairChanges(controller.catalog, changedRecord(pair, frozen.change), frozen.change),
  };
}

/** Drops the drill copy of a member, if there is one. Its volume stays reserved and counts as incomplete where it is. */
export async function dropDrill(controller: Controller, group: string, { relationshipId, practice }: RemoteMember) {
  if (!practice) return;
  const { catalog, fabric, groups } = controller;
  await controller.exclusively(() =>
    catalog.change(() => {
      const pair = drillPair(controller, practice);
      const sheet = groups.sheets.change(group, (present) => withPractice(present, relationshipId, null));
      return pair ? [...pairDropped(controller, pair), ...sheet] : sheet;
    }),
  );
  fabric.pairsChanged();
  await catalog.durable();
  await controller.removeLeftovers();
}

function pairDropped(controller: Controller, pair: PairRecord): Change[] {
  const { catalog } = controller;
  const volume = catalog.volumes.get(pair.secondary);
  const missingTracks = catalog.pairMap(pair.number, 'outOfSync').map.count;
  const incomplete = { missingTracks, reason: `it was a drill copy of group ${pair.practiceOf}` };
  const lacks = volume && missingTracks > 0;
  return [
    ...lossesDownstream(catalog, pair, 'the drill copy above it was dropped'),
    { do: 'drop-pair', number: pair.number },
    ...(lacks ? [{ do: 'put-volume' as const, record: { ...volume, incomplete } }] : []),
  ];
}

async function reserve(
  controller: Controller,
  { group, to }: Input,
  { relationshipId, practice }: RemoteMember,
  context: RequestContext,
): Promise<void> {
  const { groups, place } = controller;
  const sheet = groups.sheets.byId(group);
  const member = sheet?.remote?.members.find((one) => one.relationshipId === relationshipId);
  if (!sheet || !member) return;
  if (practice) return demandSame(controller, practice, to);
  await controller.exclusively(async () => {
    const secondary = findVolume(controller, member.secondary.name);
    const volume = drillVolume(controller, secondary, to);
    const record = newDrill(controller, sheet.name, secondary, volume);
    const { number, name } = volume;
    const drill: Practice = {
      volume: { system: { ...member.secondary.system, name: place.name }, number, name },
      sequence: null,
    };
    // A context of its own: the answer that is kept by an id is that of the whole request.
    const own = { ...context, id: controller.ports.random.id('drill') };
    await changePairs(controller, own, [], [secondary.number, number], () => ({
      output: null,
      changes: [
        ...creationChanges(controller, record, false),
        ...groups.sheets.change(group, (present) => withPractice(present, relationshipId, drill)),
      ],
    }));
  });
}

function newDrill(controller: Controller, group: string, primary: VolumeRecord, secondary: VolumeRecord): PairRecord {
  const pairs = [...controller.catalog.pairs.values()];
  // What an incomplete volume holds is of no use to anybody.
  const secondaryHoldsData = !controller.catalog.volumeMap(secondary.number, 'allocated').map.isEmpty;
  const overwrite = secondary.incomplete !== null;
  const verdict = judgeCreate({ primary, secondary, pairs, secondaryHoldsData, overwrite, noCopy: false });
  if (verdict.kind === 'refuse') throw failure(verdict.code, verdict.why, verdict.hint);
  if (verdict.kind === 'nothing')
    throw failure(
      'volume-paired',
      `${controller.address(secondary.number)} is a secondary of ${controller.address(primary.number)} already.`,
      'Name another volume, or delete that pair.',
    );
  demandNotRestored(controller, secondary);
  const fresh = newPair(controller, controller.catalog.pairNumberNext, primary.number, secondary.number);
  return { ...fresh, pace: 'hold', practiceOf: group };
}

/** A volume that was a drill copy before is taken again: what it lacks makes its contents worthless. */
function drillVolume(controller: Controller, secondary: VolumeRecord, to: NamedVolume | 'auto'): VolumeRecord {
  if (to !== 'auto') return findVolume(controller, to.volume);
  const kept = [...controller.catalog.volumes.values()].filter(({ incomplete }) => incomplete === null);
  try {
    return pickSecondary(controller, secondary, true, new Set(kept.map(({ number }) => number)));
  } catch (error) {
    if (!isToolkitError(error, 'no-candidate')) throw error;
    return pickSecondary(controller, secondary, false, new Set());
  }
}

function demandSame(controller: Controller, { volume }: Practice, to: NamedVolume | 'auto'): void {
  if (to === 'auto' || findVolume(controller, to.volume).number === volume.number) return;
  throw failure(
    'group-refuses',
    `The drill copy of this member is ${controller.address(volume.number)} already.`,
    'copyset cg practice NAME --drop drops it first.',
  );
}

function drillsHere(controller: Controller, group: string) {
  const table = controller.groups.sheets.byId(group)?.remote;
  return (table?.volumes ?? []).flatMap(({ relationshipId, practice }) => {
    if (!practice) return [];
    const pair = drillPair(controller, practice);
    const lost = practice.sequence !== null && (!pair || pointInTimeLost(pair.state));
    return [{ relationshipId, volume: practice.volume, sequence: practice.sequence, lost }];
  });
}

export function drillPair({ catalog }: Controller, { volume }: Practice): PairRecord | undefined {
  return [...catalog.pairs.values()].find(
    ({ secondary, practiceOf }) => secondary === volume.number && practiceOf !== undefined,
  );
}

function withPractice(sheet: GroupSheet, relationshipId: number, practice: Practice | null): GroupSheet {
  const { remote } = sheet;
  if (!remote) return sheet;
  const volumes = remote.volumes.map((row) => (row.relationshipId === relationshipId ? { ...row, practice } : row));
  return { ...sheet, remote: { ...remote, volumes } };
}

function demandTable(controller: Controller, { group, term, order }: Input): RemoteTable {
  const { name } = controller.place;
  const table = controller.groups.sheets.byId(group)?.remote;
  if (!table) throw failure('group-not-found', `${name} is no remote of this group.`);
  if (term < table.term)
    throw failure('term-superseded', `${name} knows term ${table.term} of the group; this is of ${term}.`);
  if (table.recovered && order === 'reserve') throw failure('displaced', `The group was recovered at ${name}.`);
  return table;
}
