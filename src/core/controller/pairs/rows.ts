import { plural, type VolumeNumber } from '../../foundation/foundation.js';
import { mapCounts } from '../../hostio/hostio.js';
import {
  geometryVolume,
  isReturning,
  type MapName,
  type PairChange,
  type PairRecord,
  type PairStatus,
  rolesOf,
} from '../../pair/pair.js';
import type { PairActionRow, PairPlanRow } from '../control/requests.js';
import type { Controller } from '../open-controller.js';
import type { Step } from './steps.js';

/** Bytes written at the losing side since the split, which the operation gives up: at S for a resync, at P for a restore. */
export function bytesAtStake(controller: Controller, record: PairRecord, kind: 'resync' | 'resync-reverse'): number {
  const counts = mapCounts(controller.catalog, record);
  // A former primary gives up all that its secondary, which counts now, may not have.
  if (kind === 'resync-reverse' && record.remote?.displaced && !isReturning(record))
    return (counts.outOfSync + counts.changed) * trackSizeOf(controller, record);
  return (kind === 'resync' ? counts.secondary : counts.changed) * trackSizeOf(controller, record);
}

/** What would vanish, for a refusal; a killed owner leaves tracks of which nobody knows whether they were written. */
export function lossTold(
  controller: Controller,
  record: PairRecord,
  kind: 'resync' | 'resync-reverse',
  where: string,
): { message: string; details: Readonly<Record<string, number>> } {
  const bytesLost = bytesAtStake(controller, record, kind);
  const map = kind === 'resync' ? 'secondary' : 'changed';
  const doubtfulTracks = Math.min(record.doubtful?.[map] ?? 0, mapCounts(controller.catalog, record)[map]);
  const details = { bytesLost, doubtfulTracks };
  if (doubtfulTracks === 0) return { message: `${bytesLost} bytes written at ${where} would vanish.`, details };
  const doubt = `${plural(doubtfulTracks, 'track')} of these were marked only because the process that owned the system was killed`;
  return { message: `${bytesLost} bytes that may have been written at ${where} would vanish: ${doubt}.`, details };
}

/** Tracks that are left to copy once a change is made. Counted on the maps as they are before it. */
export function tracksToCopy(controller: Controller, record: PairRecord, change: PairChange | undefined): number {
  const { drain } = rolesOf(change?.next ?? record.state);
  if (!drain) return 0;
  const map = (name: MapName) => controller.catalog.pairMap(record.number, name).map;
  if ((change?.steps ?? []).length === 0) return map(drain.map).count;
  const union = map('outOfSync').countUnion(map('changed'), map('secondary'));
  const gathersAll = change?.steps.some((step) => step.step === 'fold' && step.from === 'outOfSync') ?? false;
  return drain.map === 'outOfSync' || gathersAll ? union : union - map('outOfSync').count;
}

function tracksAfter(controller: Controller, { record, change, drops }: Step): number {
  // A pair that is made by this very step has no maps yet.
  if (drops) return 0;
  if (!controller.catalog.pairs.has(record.number)) return newTracks(controller, record);
  return tracksToCopy(controller, record, change);
}

/** What a new pair has to copy: everything that either side holds. */
function newTracks(controller: Controller, { primary, secondary }: PairRecord): number {
  const allocated = (volume: VolumeNumber) => controller.catalog.volumeMap(volume, 'allocated').map;
  return controller.catalog.volumes.has(primary) ? allocated(primary).countUnion(allocated(secondary)) : 0;
}

export function actionRow(controller: Controller, step: Step, changed: boolean): PairActionRow {
  const { record, change } = step;
  const tracks = tracksAfter(controller, step);
  return {
    number: record.number,
    primary: controller.address(record.primary),
    secondary: controller.address(record.secondary),
    before: statusBefore(controller, record),
    after: step.drops ? 'simplex' : (change?.next.status ?? record.state.status),
    outcome: changed ? 'done' : 'nothing',
    tracks,
    bytes: tracks * trackSizeOf(controller, record),
    bytesLost: lostBy(controller, step),
    ...uncopied(controller, step),
  };
}

/** What a suspended pair would go on copying; of a virtual one, what lies at its primary alone. */
function uncopied(controller: Controller, { record, change, drops }: Step) {
  const state = change?.next ?? record.state;
  if (drops || state.status !== 'suspended') return {};
  const map = rolesOf(state.from).drain?.map ?? 'outOfSync';
  const { count } = controller.catalog.pairMap(record.number, map).map;
  return { uncopiedTracks: count, uncopiedBytes: count * trackSizeOf(controller, record) };
}

export function planRow(controller: Controller, step: Step): PairPlanRow {
  const { record, change } = step;
  const tracks = tracksAfter(controller, step);
  const next = change?.next ?? record.state;
  const { drain } = rolesOf(next);
  return {
    primary: controller.address(record.primary),
    secondary: controller.address(record.secondary),
    from: statusBefore(controller, record),
    to: step.drops ? 'simplex' : next.status,
    direction:
      !drain || step.drops || tracks === 0
        ? 'none'
        : drain.source === 'primary'
          ? 'primary -> secondary'
          : 'secondary -> primary',
    tracks,
    bytes: tracks * trackSizeOf(controller, record),
    bytesLost: lostBy(controller, step),
    ...(step.refusedUnless && { refusedUnless: step.refusedUnless }),
  };
}

/** A pair that is made by this very step was none before. */
function statusBefore(controller: Controller, record: PairRecord): PairStatus {
  return controller.catalog.pairs.has(record.number) ? record.state.status : 'simplex';
}

function lostBy(controller: Controller, { record, change, drops }: Step): number {
  if (drops || !change) return 0;
  if (change.next.status === 'resync' || change.next.status === 'pending')
    return bytesAtStake(controller, record, 'resync');
  return change.next.status === 'resync-reverse' && change.steps.length > 0
    ? bytesAtStake(controller, record, 'resync-reverse')
    : 0;
}

export function trackSizeOf(controller: Controller, record: PairRecord): number {
  return controller.catalog.volumes.get(geometryVolume(record))?.trackSizeBytes ?? 0;
}
