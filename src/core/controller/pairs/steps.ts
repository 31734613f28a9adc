import type { Change } from '../../catalog/catalog.js';
import { failure, plural, sentence, type VolumeNumber } from '../../foundation/foundation.js';
import { mapCounts, pairChanges, refusedJump } from '../../hostio/hostio.js';
import {
  changedRecord,
  completed,
  decide,
  ownVolumes,
  type Pace,
  type PairChange,
  type PairOperation,
  type PairRecord,
  type PairState,
  rolesOf,
} from '../../pair/pair.js';
import { recorded } from '../control/recorded.js';
import type { PacingInput, PairActionAnswer, PairActionRow, RefusedUnless } from '../control/requests.js';
import type { Controller, RequestContext } from '../open-controller.js';
import { actionRow, tracksToCopy } from './rows.js';
import { changePairs, type Decided } from './transaction.js';

/** What one pair of an operation comes to, worked out before anything is changed. */
export interface Step {
  readonly record: PairRecord;
  /** Undefined where there is nothing to do. */
  readonly change: PairChange | undefined;
  readonly pacing: PacingInput;
  /** Further changes in the same frame. */
  readonly more?: readonly Change[];
  /** The pair goes. */
  readonly drops?: boolean;
  /** In a plan: the flag without which the command is refused. */
  readonly refusedUnless?: RefusedUnless | undefined;
}

/** Carries out the steps of all pairs as one frame; `plan` is asked again under the gates. */
export async function carryOut(
  controller: Controller,
  context: RequestContext,
  operation: string,
  records: readonly PairRecord[],
  plan: () => Step[],
): Promise<PairActionAnswer> {
  const subjects = records.map((record) => ({
    operation,
    primary: controller.address(record.primary),
    secondary: controller.address(record.secondary),
    before: record.state.status,
  }));
  const volumes = records.flatMap(ownVolumes);
  const result = await recorded(
    controller,
    context,
    subjects,
    () => changePairs(controller, context, records, volumes, () => decideAll(controller, plan())),
    ({ output }, index) => ({ after: output.pairs[index]?.after ?? null, tracks: output.pairs[index]?.tracks ?? null }),
  );
  await controller.removeLeftovers();
  return { ...result.output, pauseMs: result.pauseMs };
}

export function decideAll(controller: Controller, steps: readonly Step[]): Decided<PairActionAnswer> {
  const ownOf = new Map(steps.map((step) => [step, stepChanges(controller, step)]));
  const changes = inOrderOfJumps(controller, steps).flatMap((step) => ownOf.get(step) ?? []);
  const rows: PairActionRow[] = [];
  const copying: number[] = [];
  for (const step of steps) {
    rows.push(actionRow(controller, step, (ownOf.get(step) ?? []).length > 0));
    const next = step.change?.next ?? step.record.state;
    if (!step.drops && leavesCopying(next)) copying.push(step.record.number);
  }
  return { changes, output: { pairs: rows, copying } };
}

/**
 * In a chain of pairs that change in one frame, the tracks that jump go from pair to pair: from the top down where secondaries jump,
 * from the bottom up where primaries do (H11).
 */
function inOrderOfJumps(controller: Controller, steps: readonly Step[]): readonly Step[] {
  const pairs = [...controller.catalog.pairs.values()];
  const depth = (volume: VolumeNumber): number => {
    const above = pairs.find((pair) => pair.secondary === volume);
    return above ? 1 + depth(above.primary) : 0;
  };
  const upwards = steps.some(({ change }) => change?.jumps.some(({ side }) => side === 'primary'));
  const sign = upwards ? -1 : 1;
  return [...steps].sort((a, b) => sign * (depth(a.record.primary) - depth(b.record.primary)));
}

function stepChanges(controller: Controller, step: Step): Change[] {
  const { record, change, pacing } = step;
  const more = step.more ?? [];
  const paced = withPacing(record, pacing);
  if (step.drops)
    return [
      ...(change ? pairChanges(controller.catalog, record, change) : []),
      { do: 'drop-pair', number: record.number },
      ...more,
    ];
  if (change) return [...pairChanges(controller.catalog, changedRecord(paced, change), change), ...more];
  return paced === record ? [...more] : [{ do: 'put-pair', record: paced }, ...more];
}

/** Decides one pair's part of an operation. Throws what refuses it. */
export function planStep(
  controller: Controller,
  record: PairRecord,
  operation: PairOperation,
  pacing: PacingInput,
): Step {
  const decision = decide(record.state, operation);
  if (decision.kind === 'refuse') {
    const pair = `${controller.address(record.primary)} -> ${controller.address(record.secondary)}`;
    throw failure(decision.code, sentence(`${pair} is ${record.state.status}: ${decision.why}`), decision.hint, {
      details: { status: record.state.status },
    });
  }
  if (decision.kind === 'nothing') return { record, change: undefined, pacing };
  demandDrained(controller, record, operation);
  const refused = refusedJump(controller.catalog, record, decision.change);
  if (refused && operation.kind !== 'delete') {
    const other = `${controller.address(refused.other.primary)} -> ${controller.address(refused.other.secondary)}`;
    throw failure(
      'jump-refused',
      `Tracks of a volume of this pair would change at once, which the pair ${other} cannot take: ${refused.why}.`,
      `Finish or delete ${other} first: copyset pair wait, or copyset pair delete.`,
    );
  }
  return { record, change: settled(controller, record, decision.change), pacing };
}

/** A restore over a link begins with the whole point in time at the secondary: nothing is read through a link. */
function demandDrained(controller: Controller, record: PairRecord, operation: PairOperation): void {
  if (!record.remote || operation.kind !== 'resync-reverse' || record.state.status === 'suspended') return;
  const { outOfSync } = mapCounts(controller.catalog, record);
  if (outOfSync === 0) return;
  const pair = `${controller.address(record.primary)} ${controller.address(record.secondary)}`;
  throw failure(
    'status-refuses',
    `${plural(outOfSync, 'track')} of the point in time are not at the secondary yet.`,
    `Let them arrive first: copyset pair wait ${pair} --status split.`,
  );
}

/** A change that leaves nothing to copy goes straight to the status that copying would reach. */
export function settled(controller: Controller, record: PairRecord, change: PairChange): PairChange {
  const { drain } = rolesOf(change.next);
  if (!drain || tracksToCopy(controller, record, change) > 0) return change;
  const { fabric } = controller;
  const pair = fabric.pair(record.number);
  // What a journalled pair's records hold is marked in the step of the change itself.
  if (pair.isJournalled || fabric.follower(pair)?.owes) return change;
  const outOfSyncEmpty = drain.map === 'outOfSync' || mapCounts(controller.catalog, record).outOfSync === 0;
  return { ...change, next: completed(change.next, { outOfSyncEmpty, secondaryEmpty: true }) };
}

export function withPacing(record: PairRecord, { pace, rateBytesPerSecond }: PacingInput): PairRecord {
  const wanted: { pace: Pace; rate: number | null } = {
    pace: pace ?? record.pace,
    rate: rateBytesPerSecond ?? record.rateBytesPerSecond,
  };
  if (wanted.pace === record.pace && wanted.rate === record.rateBytesPerSecond) return record;
  return { ...record, pace: wanted.pace, rateBytesPerSecond: wanted.rate === 0 ? null : wanted.rate };
}

export function leavesCopying(state: PairState): boolean {
  return state.status !== 'duplex' && rolesOf(state).drain !== null;
}
