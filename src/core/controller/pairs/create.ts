import { type Change, pairMapKey, volumeMapKey } from '../../catalog/catalog.js';
import { failure, type PairNumber, sentence, type VolumeNumber } from '../../foundation/foundation.js';
import { mapCounts, pairChanges } from '../../hostio/hostio.js';
import {
  changedRecord,
  completed,
  decide,
  isForeign,
  judgeCreate,
  jumpRefusal,
  type MapName,
  PACE_DEFAULT,
  type PairRecord,
} from '../../pair/pair.js';
import { isGlob, quoted, type VolumeRecord } from '../../volume/volume.js';
import { recorded } from '../control/recorded.js';
import type {
  Answered,
  PairActionRow,
  PairCreateRow,
  PairPlanRow,
  RequestExtras,
  Requests,
} from '../control/requests.js';
import type { Controller, RequestContext } from '../open-controller.js';
import { findVolume, findVolumes } from '../volumes/finding.js';
import { demandNoCircle, leads } from './circles.js';
import { leavesCopying, withPacing } from './steps.js';
import { changePairs } from './transaction.js';
import { differingTracks } from './verify.js';

type Input = Requests['pair.create']['input'];

/** One pair to be made, or one that is there and follows already. */
interface Creation {
  readonly primary: VolumeRecord;
  readonly secondary: VolumeRecord;
  readonly row: PairCreateRow;
  readonly record: PairRecord;
  readonly existing: PairRecord | undefined;
}

export async function createPairs(
  controller: Controller,
  input: Input,
  _extras: RequestExtras,
  context: RequestContext,
): Promise<Answered<'pair.create'>> {
  demandLocal(input);
  for (const { primary, secondary, existing } of planCreations(controller, input))
    if (!existing && leads(controller, secondary.number))
      await demandNoCircle(controller, primary.number, { system: controller.peers.self, number: secondary.number });
  return controller.exclusively(async () => {
    const creations = planCreations(controller, input);
    if (!input.plan) controller.splits.demandFree(creations.map(({ record }) => record));
    if (input.plan)
      return {
        output: { pairs: [], plan: creations.map((creation) => planned(controller, creation, input)), copying: [] },
      };
    const subjects = creations.map(({ primary, secondary, existing }) => ({
      operation: 'pair create',
      primary: controller.address(primary.number),
      secondary: controller.address(secondary.number),
      before: existing?.state.status ?? 'simplex',
    }));
    const volumes = creations.flatMap(({ primary, secondary }) => [primary.number, secondary.number]);
    const result = await recorded(
      controller,
      context,
      subjects,
      () =>
        changePairs(controller, context, existingOf(creations), volumes, () =>
          decideCreations(controller, creations, input),
        ),
      ({ output }, index) => ({
        after: output.pairs[index]?.after ?? null,
        tracks: output.pairs[index]?.tracks ?? null,
      }),
    );
    return { output: { ...result.output, pauseMs: result.pauseMs } };
  });
}

/** The volume that `auto` takes: the lowest-numbered reserved, unpaired one that fits and holds no data (with `overwrite`, any). */
export function pickSecondary(
  controller: Controller,
  primary: VolumeRecord,
  overwrite: boolean,
  taken: ReadonlySet<VolumeNumber>,
): VolumeRecord {
  const candidates = [...controller.catalog.volumes.values()]
    .filter((volume) => volume.reserved && volume.number !== primary.number && !taken.has(volume.number))
    .filter((volume) => controller.catalog.pairsOf(volume.number).length === 0 && volume.status === 'normal')
    .filter((volume) => fits(primary, volume) && (overwrite || !holdsData(controller, volume)))
    .sort((a, b) => a.number - b.number);
  const [picked] = candidates;
  if (picked) return picked;
  throw failure(
    'no-candidate',
    `No reserved, unpaired volume of storage system ${controller.place.name} fits ${controller.address(primary.number)}${overwrite ? '' : ' and holds no data'}.`,
    `Make one: copyset volume create ${controller.place.name}:NAME --size ${primary.sizeBytes} --reserve.`,
  );
}

/** The changes that make a new pair: its row, its out-of-sync map, S reserved and no longer incomplete. */
export function creationChanges(controller: Controller, record: PairRecord, noCopy: boolean): Change[] {
  const secondary = controller.catalog.volumes.get(record.secondary);
  const outOfSync = pairMapKey(record.number, 'outOfSync');
  const changes: Change[] = [{ do: 'put-pair', record }];
  if (!noCopy) {
    changes.push({ do: 'unite', from: volumeMapKey(record.primary, 'allocated'), into: outOfSync });
    if (!isForeign(record.secondary))
      changes.push({ do: 'unite', from: volumeMapKey(record.secondary, 'allocated'), into: outOfSync });
    // What P reads from the other side of a pair of its own is P's contents too, allocated or not (H11).
    for (const { pair, map } of lackingLegs(controller, record.primary)) {
      changes.push({ do: 'unite', from: pairMapKey(pair, map), into: outOfSync });
    }
  }
  if (secondary && (!secondary.reserved || secondary.incomplete)) {
    changes.push({ do: 'put-volume', record: { ...secondary, reserved: true, incomplete: null } });
  }
  return changes;
}

/** A pair that is split as it is made changes its secondary's tracks at once; the secondary's own pairs must take that (H11). */
function demandJumpTaken(controller: Controller, secondary: VolumeRecord): void {
  for (const { pair, side } of controller.fabric.legs(secondary.number)) {
    if (!pair.record) continue;
    const why = jumpRefusal(pair.record, side, mapCounts(controller.catalog, pair.record));
    if (why !== undefined)
      throw failure(
        'jump-refused',
        `${controller.address(secondary.number)} would change at once: ${why}.`,
        'Finish or delete that pair first.',
      );
  }
}

/** What a restore brings to a volume while another pair copies into it would be a change that nothing copies away again (H11). */
export function demandNotRestored(controller: Controller, secondary: VolumeRecord): void {
  const restoring = controller.fabric.legs(secondary.number).some(({ pair, side }) => {
    return side === 'primary' && pair.roles.primaryLacks !== null;
  });
  if (!restoring) return;
  throw failure(
    'jump-refused',
    `${controller.address(secondary.number)} is being restored from its own secondary.`,
    'Wait until the restore is finished, or delete that pair first.',
  );
}

/** The maps of tracks that a volume lacks and reads from the other side of a pair. */
function lackingLegs(controller: Controller, volume: VolumeNumber): { pair: PairNumber; map: MapName }[] {
  return controller.fabric.legs(volume).flatMap(({ pair, side }) => {
    const map = side === 'primary' ? pair.roles.primaryLacks : pair.roles.secondaryLacks;
    return map === null ? [] : [{ pair: pair.number, map }];
  });
}

export function newPair(
  controller: Controller,
  number: number,
  primary: VolumeNumber,
  secondary: VolumeNumber,
): PairRecord {
  return {
    number,
    primary,
    secondary,
    mode: 'local',
    state: { status: 'pending' },
    pace: PACE_DEFAULT,
    rateBytesPerSecond: null,
    copyPointer: 0,
    generation: 0,
    createdAtMs: Math.floor(controller.ports.clock.nowMs()),
    splitAtMs: null,
  };
}

function demandLocal(input: Input): void {
  if (input.mode === undefined || input.mode === 'local') return;
  throw failure(
    'mode-not-here',
    `Mode ${input.mode} is for pairs between two storage systems; both volumes of these lie in one.`,
    'Leave --mode out, or say --mode local.',
  );
}

function planCreations(controller: Controller, input: Input): Creation[] {
  const creations: Creation[] = [];
  const pairs = [...controller.catalog.pairs.values()];
  const taken = new Set<VolumeNumber>();
  for (const row of input.pairs) {
    for (const primary of primariesOf(controller, row)) {
      const creation = planCreation(
        controller,
        input,
        row,
        primary,
        pairs,
        taken,
        creations.filter((one) => !one.existing).length,
      );
      creations.push(creation);
      taken.add(creation.secondary.number);
      if (!creation.existing) pairs.push(creation.record);
    }
  }
  return creations;
}

function primariesOf(controller: Controller, row: PairCreateRow): VolumeRecord[] {
  if (!isGlob(row.primary)) return [findVolume(controller, row.primary)];
  if (row.secondary !== 'auto')
    throw failure(
      'usage',
      `A pattern of primaries needs "auto" as the secondary, not ${row.secondary}.`,
      'Or name one primary.',
    );
  // Free reserved volumes are what `auto` takes from; every other match is meant, a secondary of another pair too.
  const meant = findVolumes(controller, [row.primary]).filter(
    ({ reserved, number }) => !reserved || controller.catalog.pairsOf(number).length > 0,
  );
  if (meant.length > 0) return meant;
  throw failure(
    'nothing-matches',
    `All that ${quoted(row.primary)} matches are free reserved volumes, which are kept as secondaries.`,
    'copyset volume unreserve makes them primaries.',
  );
}

function planCreation(
  controller: Controller,
  input: Input,
  row: PairCreateRow,
  primary: VolumeRecord,
  pairs: readonly PairRecord[],
  taken: ReadonlySet<VolumeNumber>,
  ahead: number,
): Creation {
  const overwrite = input.overwrite ?? false;
  const secondary =
    row.secondary === 'auto'
      ? pickSecondary(controller, primary, overwrite, taken)
      : findVolume(controller, row.secondary);
  const question = {
    primary,
    secondary,
    pairs,
    secondaryHoldsData: holdsData(controller, secondary),
    overwrite,
    noCopy: input.noCopy ?? false,
    split: row.split || row.virtual,
  };
  const verdict = judgeCreate(question);
  if (verdict.kind === 'refuse') {
    const isThere = pairs.some((pair) => pair.primary === primary.number && pair.secondary === secondary.number);
    const pair = `${controller.address(primary.number)} -> ${controller.address(secondary.number)}: `;
    throw failure(verdict.code, sentence(`${isThere ? pair : ''}${verdict.why}`), verdict.hint);
  }
  const existing = verdict.kind === 'nothing' ? verdict.existing : undefined;
  if (!existing) demandNotRestored(controller, secondary);
  if (!existing && (row.split || row.virtual)) demandJumpTaken(controller, secondary);
  const fresh = newPair(controller, controller.catalog.pairNumberNext + ahead, primary.number, secondary.number);
  return { primary, secondary, row, record: withPacing(existing ?? fresh, row), existing };
}

async function decideCreations(controller: Controller, creations: readonly Creation[], input: Input) {
  if (input.verify) for (const creation of creations) await demandEqual(controller, creation);
  const changes: Change[] = [];
  const rows: PairActionRow[] = [];
  const copying: number[] = [];
  for (const creation of creations) {
    const own = creationFrame(controller, creation, input);
    changes.push(...own.changes);
    rows.push(rowOf(controller, creation, own.after, own.changes.length > 0));
    if (leavesCopying(own.after.state)) copying.push(own.after.number);
  }
  return { changes, output: { pairs: rows, copying } };
}

function creationFrame(
  controller: Controller,
  creation: Creation,
  input: Input,
): { changes: Change[]; after: PairRecord } {
  const { record, existing, row } = creation;
  if (existing) return { changes: record === existing ? [] : [{ do: 'put-pair', record }], after: record };
  const noCopy = input.noCopy ?? false;
  const nothingToCopy = noCopy || tracksToCopy(controller, creation) === 0;
  const made: PairRecord = nothingToCopy ? { ...record, state: { status: 'duplex' } } : record;
  const changes = creationChanges(controller, made, noCopy);
  if (!row.split && !row.virtual) return { changes, after: made };
  const split = decide(made.state, {
    kind: 'split',
    atMs: Math.floor(controller.ports.clock.nowMs()),
    virtual: row.virtual ?? false,
  });
  if (split.kind !== 'do') return { changes, after: made };
  const frozen = changedRecord(made, split.change);
  const after = nothingToCopy ? { ...frozen, state: completed(frozen.state, BOTH_EMPTY) } : frozen;
  return { changes: [...changes, ...pairChanges(controller.catalog, after, split.change)], after };
}

const BOTH_EMPTY = { outOfSyncEmpty: true, secondaryEmpty: true };

async function demandEqual(controller: Controller, { primary, secondary }: Creation): Promise<void> {
  const differing = await differingTracks(controller, primary.number, secondary.number, undefined, 1);
  if (differing.tracks.length === 0) return;
  throw failure(
    'holds-data',
    `${controller.address(primary.number)} and ${controller.address(secondary.number)} are not equal; track ${differing.tracks[0]} differs.`,
    'Leave --no-copy out, so that they become equal.',
  );
}

function rowOf(controller: Controller, creation: Creation, after: PairRecord, changed: boolean): PairActionRow {
  const tracks = leavesCopying(after.state) ? tracksToCopy(controller, creation) : 0;
  return {
    number: after.number,
    primary: controller.address(creation.primary.number),
    secondary: controller.address(creation.secondary.number),
    before: creation.existing?.state.status ?? 'simplex',
    after: after.state.status,
    outcome: changed ? 'done' : 'nothing',
    tracks,
    bytes: tracks * creation.primary.trackSizeBytes,
    bytesLost: 0,
  };
}

function planned(controller: Controller, creation: Creation, input: Input): PairPlanRow {
  const { after } = creationFrame(controller, creation, input);
  const { before: from, ...row } = rowOf(controller, creation, after, true);
  const { primary, secondary, tracks, bytes, bytesLost } = row;
  return {
    primary,
    secondary,
    from,
    to: after.state.status,
    direction: tracks > 0 ? 'primary -> secondary' : 'none',
    tracks,
    bytes,
    bytesLost,
    // Comparing may take long: it is left to the command itself.
    ...(input.verify && !creation.existing && { refusedUnless: 'equal' as const }),
  };
}

function tracksToCopy(controller: Controller, { primary, secondary, existing }: Creation): number {
  const { catalog } = controller;
  if (existing) return catalog.pairMap(existing.number, 'outOfSync').map.count;
  const others = [
    catalog.volumeMap(secondary.number, 'allocated').map,
    ...lackingLegs(controller, primary.number).map(({ pair, map }) => catalog.pairMap(pair, map).map),
  ];
  return catalog.volumeMap(primary.number, 'allocated').map.countUnion(...others);
}

function existingOf(creations: readonly Creation[]): PairRecord[] {
  return creations.flatMap(({ existing }) => existing ?? []);
}

function fits(primary: VolumeRecord, secondary: VolumeRecord): boolean {
  return (
    primary.sizeBytes === secondary.sizeBytes &&
    primary.trackSizeBytes === secondary.trackSizeBytes &&
    primary.emulation === secondary.emulation
  );
}

function holdsData(controller: Controller, volume: VolumeRecord): boolean {
  return !controller.catalog.volumeMap(volume.number, 'allocated').map.isEmpty;
}
