import { mapCounts } from '../hostio/hostio.js';
import type { PairRecord } from '../pair/pair.js';
import { rolesOf } from '../pair/pair.js';
import type { Controller } from './open-controller.js';
import type { Step } from './pair-steps.js';
import type { PairActionRow, PairPlanRow } from './requests.js';

/** Bytes written at the losing side since the split, which the operation gives up: at S for a resync, at P for a restore. */
export function bytesAtStake(controller: Controller, record: PairRecord, kind: 'resync' | 'resync-reverse'): number {
  const counts = mapCounts(controller.catalog, record);
  return (kind === 'resync' ? counts.secondary : counts.changed) * trackSizeOf(controller, record);
}

/** Tracks that are left to copy once the step is made. Counted on the maps as they are before it. */
function tracksAfter(controller: Controller, step: Step): number {
  const { record, change } = step;
  if (step.drops) return 0;
  const state = change?.next ?? record.state;
  const { drain } = rolesOf(state);
  if (!drain) return 0;
  const map = (name: 'outOfSync' | 'changed' | 'secondary') => controller.catalog.pairMap(record.number, name).map;
  const steps = change?.steps ?? [];
  if (steps.length === 0) return map(drain.map).count;
  if (drain.map === 'outOfSync') return map('outOfSync').countUnion(map('changed'), map('secondary'));
  return map('outOfSync').countUnion(map('changed'), map('secondary')) - map('outOfSync').count;
}

export function actionRow(controller: Controller, step: Step, changed: boolean): PairActionRow {
  const { record, change } = step;
  const tracks = tracksAfter(controller, step);
  return {
    number: record.number,
    primary: controller.address(record.primary),
    secondary: controller.address(record.secondary),
    before: record.state.status,
    after: step.drops ? 'simplex' : (change?.next.status ?? record.state.status),
    outcome: changed ? 'done' : 'nothing',
    tracks,
    bytes: tracks * trackSizeOf(controller, record),
    bytesLost: lostBy(controller, step),
  };
}

export function planRow(controller: Controller, step: Step): PairPlanRow {
  const { record, change } = step;
  const tracks = tracksAfter(controller, step);
  const next = change?.next ?? record.state;
  const { drain } = rolesOf(next);
  return {
    primary: controller.address(record.primary),
    secondary: controller.address(record.secondary),
    from: record.state.status,
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
  };
}

function lostBy(controller: Controller, { record, change, drops }: Step): number {
  if (drops || !change) return 0;
  if (change.next.status === 'resync' || change.next.status === 'pending')
    return bytesAtStake(controller, record, 'resync');
  return change.next.status === 'resync-reverse' && change.steps.length > 0
    ? bytesAtStake(controller, record, 'resync-reverse')
    : 0;
}

function trackSizeOf(controller: Controller, record: PairRecord): number {
  return controller.catalog.volumes.get(record.primary)?.trackSizeBytes ?? 0;
}
