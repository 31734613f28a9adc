import type { Change } from '../catalog/catalog.js';
import { failure } from '../foundation/foundation.js';
import { lossesDownstream, mapCounts, pairChanges, refusedJump } from '../hostio/hostio.js';
import {
  changedRecord,
  decide,
  incompleteAfterDelete,
  type Pace,
  type PairChange,
  type PairOperation,
  type PairRecord,
  type PairState,
  rolesOf,
  secondaryComplete,
} from '../pair/pair.js';
import type { VolumeRecord } from '../volume/volume.js';
import type { Controller, RequestContext } from './open-controller.js';
import { actionRow, bytesAtStake, planRow } from './pair-rows.js';
import { selectPairs } from './pair-selection.js';
import { changePairs, type Decided } from './pair-transaction.js';
import { recorded } from './recorded.js';
import type { Answered, PacingInput, PairActionAnswer, PairActionRow, PairPlanRow, RequestExtras, Requests } from './requests.js';

type Answer<Code extends 'pair.split' | 'pair.resync' | 'pair.suspend' | 'pair.delete' | 'pair.pace'> = Promise<Answered<Code>>;

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
}

export async function splitPairs(controller: Controller, input: Requests['pair.split']['input'], _: RequestExtras, context: RequestContext): Answer<'pair.split'> {
  const operation = (): PairOperation => ({
    kind: 'split',
    atMs: Math.floor(controller.ports.clock.nowMs()),
    virtual: input.virtual ?? false,
    readOnly: input.readOnly,
  });
  return operate(controller, context, 'pair split', input, (record) => planStep(controller, record, operation(), input));
}

export async function resyncPairs(controller: Controller, input: Requests['pair.resync']['input'], _: RequestExtras, context: RequestContext): Answer<'pair.resync'> {
  const kind = input.reverse ? 'resync-reverse' : 'resync';
  return operate(controller, context, input.reverse ? 'pair resync --reverse' : 'pair resync', input, (record) => {
    const step = planStep(controller, record, { kind }, input);
    const lost = step.change ? bytesAtStake(controller, record, kind) : 0;
    if (lost > 0 && !input.discard && !input.plan) throw discardNeeded(controller, record, lost, input.reverse ?? false);
    return step;
  });
}

export async function suspendPairs(controller: Controller, input: Requests['pair.suspend']['input'], _: RequestExtras, context: RequestContext): Answer<'pair.suspend'> {
  const allowWrite = input.allowWrite ?? false;
  const operation: PairOperation = { kind: 'suspend', reason: 'command', message: `suspended by ${context.actor}`, allowWrite };
  return operate(controller, context, 'pair suspend', { ...input, pace: undefined }, (record) => {
    const { outOfSync } = mapCounts(controller.catalog, record);
    if (allowWrite && !input.force && !secondaryComplete(record.state, outOfSync)) {
      throw failure('force-needed', `${controller.address(record.secondary)} lacks ${outOfSync} tracks; a host that writes it would work on a mix.`, 'Give --force with --allow-write if that is what you want.');
    }
    return planStep(controller, record, operation, {});
  });
}

export async function deletePairs(controller: Controller, input: Requests['pair.delete']['input'], _: RequestExtras, context: RequestContext): Answer<'pair.delete'> {
  return operate(controller, context, 'pair delete', { ...input, pace: undefined }, (record) => {
    const step = planStep(controller, record, { kind: 'delete' }, {});
    const downstream = lossesDownstream(controller.catalog, record, 'the pair above it was deleted while tracks were read through it');
    return { ...step, drops: true, more: [...downstream, ...afterDelete(controller, record, input)] };
  });
}

export async function pacePairs(controller: Controller, input: Requests['pair.pace']['input'], _: RequestExtras, context: RequestContext): Answer<'pair.pace'> {
  return operate(controller, context, 'pair pace', input, (record) => ({ record, change: undefined, pacing: input }));
}

/**
 * Splits the secondary that follows P, then pairs a free reserved volume, or at `keep` resyncs the one with the oldest point in time:
 * a series of historical records (DESIGN.md 3.2). Everything is one frame, so the series never loses a link.
 */
export async function rotatePairs(controller: Controller, input: Requests['pair.rotate']['input'], _: RequestExtras, context: RequestContext): Promise<Answered<'pair.rotate'>> {
  const { planRotation } = await import('./pair-rotation.js');
  return planRotation(controller, input, context);
}

interface Common extends PacingInput {
  readonly pairs: Requests['pair.split']['input']['pairs'];
  readonly plan?: boolean | undefined;
}

async function operate(
  controller: Controller,
  context: RequestContext,
  operation: string,
  input: Common,
  planOne: (record: PairRecord) => Step,
): Promise<{ output: PairActionAnswer }> {
  return controller.exclusively(async () => {
    const records = selectPairs(controller, input.pairs);
    const present = () => records.map((record) => controller.catalog.pairs.get(record.number) ?? record);
    if (input.plan) return { output: { pairs: [], plan: present().map(planOne).map((step) => planRow(controller, step)), copying: [] } };
    present().map(planOne); // Whatever is refused is refused before a gate closes.
    return { output: await carryOut(controller, context, operation, records, () => present().map(planOne)) };
  });
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
  const volumes = records.flatMap((record) => [record.primary, record.secondary]);
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

function decideAll(controller: Controller, steps: readonly Step[]): Decided<PairActionAnswer> {
  const changes: Change[] = [];
  const rows: PairActionRow[] = [];
  const copying: number[] = [];
  for (const step of steps) {
    const own = stepChanges(controller, step);
    rows.push(actionRow(controller, step, own.length > 0));
    changes.push(...own);
    const next = step.change?.next ?? step.record.state;
    if (!step.drops && leavesCopying(next)) copying.push(step.record.number);
  }
  return { changes, output: { pairs: rows, copying } };
}

function stepChanges(controller: Controller, step: Step): Change[] {
  const { record, change, pacing } = step;
  const more = step.more ?? [];
  const paced = withPacing(record, pacing);
  if (step.drops) return [...(change ? pairChanges(controller.catalog, record, change) : []), { do: 'drop-pair', number: record.number }, ...more];
  if (change) return [...pairChanges(controller.catalog, changedRecord(paced, change), change), ...more];
  return paced === record ? [...more] : [{ do: 'put-pair', record: paced }, ...more];
}

/** Decides one pair's part of an operation. Throws what refuses it. */
export function planStep(controller: Controller, record: PairRecord, operation: PairOperation, pacing: PacingInput): Step {
  const decision = decide(record.state, operation);
  if (decision.kind === 'refuse') {
    const pair = `${controller.address(record.primary)} -> ${controller.address(record.secondary)}`;
    throw failure(decision.code, `${pair} is ${record.state.status}: ${decision.why}.`, decision.hint, { details: { status: record.state.status } });
  }
  if (decision.kind === 'nothing') return { record, change: undefined, pacing };
  const refused = refusedJump(controller.catalog, record, decision.change);
  if (refused && operation.kind !== 'delete') {
    const other = `${controller.address(refused.other.primary)} -> ${controller.address(refused.other.secondary)}`;
    throw failure('jump-refused', `Tracks of a volume of this pair would change at once, which the pair ${other} cannot take: ${refused.why}.`, `Finish or delete ${other} first: copyset pair wait, or copyset pair delete.`);
  }
  return { record, change: decision.change, pacing };
}

export function withPacing(record: PairRecord, { pace, rateBytesPerSecond }: PacingInput): PairRecord {
  const wanted: { pace: Pace; rate: number | null } = { pace: pace ?? record.pace, rate: rateBytesPerSecond ?? record.rateBytesPerSecond };
  if (wanted.pace === record.pace && wanted.rate === record.rateBytesPerSecond) return record;
  return { ...record, pace: wanted.pace, rateBytesPerSecond: wanted.rate === 0 ? null : wanted.rate };
}

export function leavesCopying(state: PairState): boolean {
  return state.status !== 'duplex' && rolesOf(state).drain !== null;
}

/** What a delete leaves behind: sides that are not whole any more, and the reserve attribute. */
function afterDelete(controller: Controller, record: PairRecord, input: Requests['pair.delete']['input']): Change[] {
  const left = incompleteAfterDelete(record.state, mapCounts(controller.catalog, record));
  const first = left[0];
  if (first && !input.force && !input.plan) {
    throw failure('force-needed', `${controller.address(record[first.side])} would lack ${first.missingTracks} tracks that it can read only through this pair.`, 'Let the copy finish (copyset pair wait), or give --force: the volume is then unreadable until it is overwritten, formatted or paired again.');
  }
  const rows = new Map<number, VolumeRecord>();
  const rowOf = (number: number) => rows.get(number) ?? controller.catalog.volumes.get(number);
  for (const { side, missingTracks } of left) {
    const volume = rowOf(record[side]);
    if (volume) rows.set(volume.number, { ...volume, incomplete: { missingTracks, reason: `its pair was deleted while it was ${record.state.status}` } });
  }
  const secondary = rowOf(record.secondary);
  if (secondary && input.unreserve && secondary.reserved) rows.set(secondary.number, { ...secondary, reserved: false });
  return [...rows.values()].map((volume) => ({ do: 'put-volume', record: volume }));
}

function discardNeeded(controller: Controller, record: PairRecord, lost: number, reverse: boolean): Error {
  const loser = controller.address(reverse ? record.primary : record.secondary);
  return failure('discard-needed', `${lost} bytes written at ${loser} since the split would vanish.`, 'Look at it with --plan; give --discard to lose them.', { details: { bytesLost: lost } });
}

export type { PairPlanRow };
