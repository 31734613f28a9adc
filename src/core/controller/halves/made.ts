import type { Change } from '../../catalog/catalog.js';
import { failure, sentence } from '../../foundation/foundation.js';
import {
  foreignVolume,
  type HalfRecord,
  isHalf,
  judgeCreate,
  type PairRecord,
  type RemoteHalf,
} from '../../pair/pair.js';
import type { VolumeRecord } from '../../volume/volume.js';
import type { Answered } from '../control/requests.js';
import type { Controller } from '../open-controller.js';
import { leads } from '../pairs/circles.js';
import { newPair, pickSecondary } from '../pairs/create.js';
import { findVolume } from '../volumes/finding.js';
import { secondaryJournal } from './journal.js';
import { secondaryHalf } from './orders.js';
import type { HalfRequests } from './requests.js';

type CreateInput = HalfRequests['remote.create']['input'];

export const FIRST_TERM = 1;

/** Answers at the secondary's system. */
export async function makeSecondaryHalf(
  controller: Controller,
  input: CreateInput,
): Promise<Answered<'remote.create'>> {
  return controller.exclusively(async () => {
    const primary = asVolume(input);
    const forgotten = leftOver(controller, input);
    const secondary = chosen(controller, input, primary, forgotten);
    // One that was begun with another volume is not this pair's; it stays until somebody deletes it.
    const left = forgotten?.secondary === secondary.number ? forgotten : undefined;
    judge(controller, input, primary, secondary, left);
    const { map } = controller.catalog.volumeMap(secondary.number, 'allocated');
    const { number: volume, name } = secondary;
    const output = { volume, name, allocatedTracks: map.count, leads: leads(controller, volume) };
    const journal = secondaryJournal(controller, input.journal, secondary, left);
    if (input.plan) return { output };
    const number = left?.number ?? controller.catalog.pairNumberNext;
    const record: PairRecord = {
      ...newPair(controller, number, foreignVolume(number), secondary.number),
      mode: input.mode,
      remote: { ...newHalf(input, input.pair, 'secondary'), peer: input.primary, taken: null, journal },
    };
    const changes: Change[] = [{ do: 'put-pair', record }];
    const backup = journal?.backup == null ? undefined : controller.catalog.volumes.get(journal.backup);
    if (backup && !backup.reserved) changes.push({ do: 'put-volume', record: { ...backup, reserved: true } });
    if (!secondary.reserved || secondary.incomplete)
      changes.push({ do: 'put-volume', record: { ...secondary, reserved: true, incomplete: null } });
    await controller.catalog.change(() => changes, true);
    controller.halves.forget(number);
    controller.fabric.pairsChanged();
    await controller.catalog.durable();
    controller.step('half.made');
    return { output };
  });
}

/** Answers at the secondary's system: the half goes, whatever its state. */
export async function dropSecondaryHalf(
  controller: Controller,
  input: HalfRequests['remote.drop']['input'],
): Promise<Answered<'remote.drop'>> {
  return controller.exclusively(async () => {
    if (![...controller.catalog.pairs.values()].some((row) => row.remote?.id === input.pair))
      return { output: { dropped: false } };
    const half = secondaryHalf(controller, input.pair);
    if (input.mark.term < half.remote.term)
      throw failure(
        'term-superseded',
        'The secondary was made a primary; it is deleted there.',
        'copyset pair list shows it.',
      );
    const volume = volumeOf(controller, half.secondary);
    const incomplete =
      input.missingTracks === 0
        ? volume.incomplete
        : { missingTracks: input.missingTracks, reason: `its pair was deleted while it was ${half.state.status}` };
    const row = { ...volume, incomplete, reserved: volume.reserved && !input.unreserve };
    await controller.catalog.change(
      () => [
        { do: 'drop-pair', number: half.number },
        { do: 'put-volume', record: row },
      ],
      true,
    );
    controller.halves.forget(half.number);
    controller.fabric.pairsChanged();
    await controller.catalog.durable();
    await controller.removeLeftovers();
    return { output: { dropped: true } };
  });
}

function chosen(
  controller: Controller,
  input: CreateInput,
  primary: VolumeRecord,
  left: HalfRecord | undefined,
): VolumeRecord {
  if (input.secondary !== 'auto') return findVolume(controller, input.secondary);
  return left ? volumeOf(controller, left.secondary) : pickSecondary(controller, primary, input.overwrite, new Set());
}

/** A volume that copies to what is to become its primary would go round in a circle. */
function demandNoCircle(controller: Controller, { primary }: CreateInput, secondary: VolumeRecord): void {
  const back = controller.catalog
    .pairsOf(secondary.number)
    .map((number) => controller.catalog.pairs.get(number)?.remote)
    .find(
      (half) =>
        half?.side === 'primary' && half.peer.system.id === primary.system.id && half.peer.number === primary.number,
    );
  if (!back) return;
  throw failure(
    'cycle',
    `${controller.address(secondary.number)} is itself the primary of ${primary.system.name}:${primary.name}.`,
    'Delete that pair first, or name another volume.',
  );
}

function judge(
  controller: Controller,
  input: CreateInput,
  primary: VolumeRecord,
  secondary: VolumeRecord,
  left: HalfRecord | undefined,
): void {
  const { catalog } = controller;
  demandNoCircle(controller, input, secondary);
  const verdict = judgeCreate({
    primary,
    secondary,
    pairs: [...catalog.pairs.values()].filter((pair) => pair !== left),
    secondaryHoldsData: !catalog.volumeMap(secondary.number, 'allocated').map.isEmpty,
    overwrite: input.overwrite || left !== undefined,
    noCopy: input.noCopy,
  });
  if (verdict.kind === 'refuse')
    throw failure(verdict.code, sentence(`${controller.address(secondary.number)}: ${verdict.why}`), verdict.hint);
}

/** A half of the same primary whose primary's half was never made: a creation that was interrupted. */
function leftOver(controller: Controller, { primary, known }: CreateInput): HalfRecord | undefined {
  return [...controller.catalog.pairs.values()]
    .filter(isHalf)
    .find(
      ({ remote }) =>
        remote.side === 'secondary' &&
        !known.includes(remote.id) &&
        remote.takenOver === null &&
        remote.peer.system.id === primary.system.id &&
        remote.peer.number === primary.number,
    );
}

export function newHalf(
  { manual, session }: { manual?: boolean | undefined; session?: string | null | undefined },
  id: string,
  side: RemoteHalf['side'],
): Omit<RemoteHalf, 'peer'> {
  return {
    id,
    side,
    term: FIRST_TERM,
    taken: null,
    manual: manual ?? false,
    session: session ?? null,
    group: null,
    toldAtMs: null,
    toldMissingTracks: null,
    takenOver: null,
    displaced: false,
  };
}

/** The primary as the secondary's system sees it: a volume of no table of its own. */
function asVolume(input: CreateInput): VolumeRecord {
  return {
    number: foreignVolume(0),
    name: `${input.primary.system.name}:${input.primary.name}`,
    sizeBytes: input.sizeBytes,
    trackSizeBytes: input.trackSizeBytes,
    emulation: input.emulation,
    reserved: false,
    imagePath: '',
    status: 'normal',
    blockedReason: null,
    incomplete: null,
    createdAtMs: 0,
  };
}

export function volumeOf(controller: Controller, number: number): VolumeRecord {
  const volume = controller.catalog.volumes.get(number);
  if (!volume) throw failure('volume-not-found', `Volume ${number} is not there.`);
  return volume;
}
