import type { Change } from '../../catalog/catalog.js';
import { failure, plural } from '../../foundation/foundation.js';
import { lossesDownstream, mapCounts } from '../../hostio/hostio.js';
import {
  activeState,
  decideReturn,
  displacedHalf,
  incompleteAfterDelete,
  isReturning,
  type PairOperation,
  type PairRecord,
  secondaryComplete,
} from '../../pair/pair.js';
import type { VolumeRecord } from '../../volume/volume.js';
import type {
  Answered,
  PacingInput,
  PairActionAnswer,
  RefusedUnless,
  RequestExtras,
  Requests,
} from '../control/requests.js';
import {
  closeSecondaries,
  demandUnrecovered,
  dropSecondaries,
  leaveStreams,
  recoveredBy,
  secondariesGone,
  tracksWrittenThere,
} from '../halves/operations.js';
import type { Controller, RequestContext } from '../open-controller.js';
import { splitStep } from '../splits/steps.js';
import { missingHere } from './listing.js';
import { bytesAtStake, lossTold, planRow, trackSizeOf } from './rows.js';
import { selectPairs } from './selection.js';
import { carryOut, planStep, type Step } from './steps.js';

type Answer<Code extends 'pair.split' | 'pair.resync' | 'pair.suspend' | 'pair.delete' | 'pair.pace'> = Promise<
  Answered<Code>
>;

export async function splitPairs(
  controller: Controller,
  input: Requests['pair.split']['input'],
  _: RequestExtras,
  context: RequestContext,
): Answer<'pair.split'> {
  if (!input.plan) await controller.halves.flush(selectPairs(controller, input.pairs).map(({ number }) => number));
  return operate(controller, context, 'pair split', input, (record, atMs) =>
    splitStep(controller, record, input, atMs),
  );
}

export async function resyncPairs(
  controller: Controller,
  input: Requests['pair.resync']['input'],
  _: RequestExtras,
  context: RequestContext,
): Answer<'pair.resync'> {
  const kind = input.reverse ? 'resync-reverse' : 'resync';
  const records = selectPairs(controller, input.pairs);
  // Before anything is changed at the secondaries.
  if (!input.plan) controller.groups.demandFree(numbersOf(records), false);
  if (!input.plan) await controller.splits.demandSettled(records);
  for (const record of records) resyncStep(controller, record, kind, input);
  if (!input.plan && !input.force && kind === 'resync')
    for (const record of records) demandUnrecovered(controller, record);
  if (input.plan) return planResync(controller, input, kind, context, records);
  try {
    await closeSecondaries(controller, records, kind, input.discard ?? false);
    return await resyncHere(controller, input, kind, context);
  } finally {
    for (const { number, remote } of records)
      if (remote?.side === 'primary') controller.halves.link(number).endAnnouncement();
    await controller.halves.tell(records.map(({ number }) => number));
  }
}

/** A displaced primary is no suspended one: it gives up its secondary's writes, or takes them and its place again. */
function resyncStep(
  controller: Controller,
  record: PairRecord,
  kind: 'resync' | 'resync-reverse',
  pacing: PacingInput,
): Step {
  if (!record.remote?.displaced) return planStep(controller, record, { kind }, pacing);
  if (kind === 'resync') {
    // One that was away learned of it from the files, and still has the status in which it left.
    const { change } = planStep(controller, displacedHalf(record) ?? record, { kind }, pacing);
    return { record: { ...record, remote: { ...record.remote, displaced: false } }, change, pacing };
  }
  if (!isReturning(record)) return { record, change: decideReturn(), pacing };
  // Suspended on its way back, it goes on.
  const change = { next: activeState(record.state), steps: [], jumps: [] };
  return { record, change: record.state.status === 'suspended' ? change : undefined, pacing };
}

/** What hosts wrote at remote secondaries is known there alone. */
async function planResync(
  controller: Controller,
  input: Requests['pair.resync']['input'],
  kind: 'resync' | 'resync-reverse',
  context: RequestContext,
  records: readonly PairRecord[],
): Answer<'pair.resync'> {
  const answered = await resyncHere(controller, input, kind, context);
  const written = await Promise.all(records.map((record) => tracksWrittenThere(controller, record)));
  const plan = (answered.output.plan ?? []).map((row, index) => {
    const tracks = written[index] ?? 0;
    const record = records[index];
    if (!record || tracks === 0 || row.from === row.to) return row;
    const bytes = tracks * trackSizeOf(controller, record);
    const bytesLost = row.bytesLost + (kind === 'resync' ? bytes : 0);
    const direction = kind === 'resync' ? 'primary -> secondary' : 'secondary -> primary';
    const refusedUnless = row.refusedUnless ?? (kind === 'resync' && !input.discard ? '--discard' : undefined);
    return {
      ...row,
      ...(refusedUnless && { refusedUnless }),
      direction,
      tracks: row.tracks + tracks,
      bytes: row.bytes + bytes,
      bytesLost,
    };
  });
  return { output: { ...answered.output, plan } };
}

function resyncHere(
  controller: Controller,
  input: Requests['pair.resync']['input'],
  kind: 'resync' | 'resync-reverse',
  context: RequestContext,
): Answer<'pair.resync'> {
  return operate(controller, context, input.reverse ? 'pair resync --reverse' : 'pair resync', input, (record) => {
    const step = resyncStep(controller, record, kind, input);
    const lost = step.change ? bytesAtStake(controller, record, kind) : 0;
    if (input.plan) return { ...step, refusedUnless: flagLacking(controller, record, kind, input, lost) };
    if (lost > 0 && !input.discard) throw discardNeeded(controller, record, kind);
    return step;
  });
}

/** What stands in the way of a resync, which its plan tells beside what would be lost. */
function flagLacking(
  controller: Controller,
  record: PairRecord,
  kind: 'resync' | 'resync-reverse',
  { force, discard }: Requests['pair.resync']['input'],
  lost: number,
): RefusedUnless | undefined {
  if (kind === 'resync' && !force && recoveredBy(controller, record)) return '--force';
  return lost > 0 && !discard ? '--discard' : undefined;
}

export async function suspendPairs(
  controller: Controller,
  input: Requests['pair.suspend']['input'],
  _: RequestExtras,
  context: RequestContext,
): Answer<'pair.suspend'> {
  const allowWrite = input.allowWrite ?? false;
  const operation: PairOperation = {
    kind: 'suspend',
    reason: 'command',
    message: `suspended by ${context.actor}`,
    allowWrite,
  };
  if (allowWrite && !input.plan) await leaveStreams(controller, selectPairs(controller, input.pairs));
  return operate(controller, context, 'pair suspend', { ...input, pace: undefined }, (record) => {
    const { outOfSync } = mapCounts(controller.catalog, record);
    if (allowWrite && !input.force && !secondaryComplete(record.state, outOfSync)) {
      throw failure(
        'force-needed',
        `${controller.address(record.secondary)} lacks ${plural(outOfSync, 'track')}; a host that writes it would work on a mix.`,
        'Give --force with --allow-write if that is what you want.',
      );
    }
    return planStep(controller, record, operation, {});
  });
}

export async function deletePairs(
  controller: Controller,
  input: Requests['pair.delete']['input'],
  _: RequestExtras,
  context: RequestContext,
): Answer<'pair.delete'> {
  let leftBehind: string[] = [];
  const records = selectPairs(controller, input.pairs);
  const gone = input.force ? new Set<number>() : await secondariesGone(controller, records);
  if (!input.plan) {
    // Before a half is dropped at its secondary.
    controller.groups.demandFree(numbersOf(records), true);
    if (!input.force) await controller.splits.demandSettled(records);
    await leaveStreams(controller, records);
    for (const record of selectPairs(controller, input.pairs)) afterDelete(controller, record, input, gone);
    const options = { unreserve: input.unreserve ?? false, force: input.force ?? false };
    leftBehind = await dropSecondaries(controller, records, options);
  }
  const { output } = await operate(controller, context, 'pair delete', { ...input, pace: undefined }, (record) => {
    const step = planStep(controller, record, { kind: 'delete' }, {});
    const downstream = lossesDownstream(
      controller.catalog,
      record,
      'the pair above it was deleted while tracks were read through it',
    );
    return { ...step, drops: true, more: [...downstream, ...afterDelete(controller, record, input, gone)] };
  });
  return { output: leftBehind.length === 0 ? output : { ...output, leftBehind } };
}

export async function pacePairs(
  controller: Controller,
  input: Requests['pair.pace']['input'],
  _: RequestExtras,
  context: RequestContext,
): Answer<'pair.pace'> {
  return operate(controller, context, 'pair pace', input, (record) => ({ record, change: undefined, pacing: input }));
}

interface Common extends PacingInput {
  readonly pairs: Requests['pair.split']['input']['pairs'];
  readonly plan?: boolean | undefined;
  readonly force?: boolean | undefined;
}

/** What one pair comes to, at an instant that is the same for all of an operation. */
type PlanOne = (record: PairRecord, atMs: number) => Step;

async function operate(
  controller: Controller,
  context: RequestContext,
  operation: string,
  input: Common,
  planOne: PlanOne,
): Promise<{ output: PairActionAnswer }> {
  // With --force a pair is given up, whatever waits for it.
  const givesUp = operation === 'pair delete' && (input.force ?? false);
  if (!input.plan && !givesUp) await controller.splits.demandSettled(selectPairs(controller, input.pairs));
  const answered = await controller.exclusively(() =>
    operateHere(controller, context, operation, { ...input, givesUp }, planOne),
  );
  // The section is left before a peer is awaited (H26).
  if (!input.plan) await controller.halves.tell(answered.output.pairs.map(({ number }) => number));
  return answered;
}

async function operateHere(
  controller: Controller,
  context: RequestContext,
  operation: string,
  input: Common & { readonly givesUp: boolean },
  planOne: PlanOne,
): Promise<{ output: PairActionAnswer }> {
  const records = selectPairs(controller, input.pairs);
  controller.groups.demandFree(numbersOf(records), operation === 'pair delete');
  const plan = () => {
    const atMs = Math.floor(controller.ports.clock.nowMs());
    return records.map((record) => planOne(controller.catalog.pairs.get(record.number) ?? record, atMs));
  };
  if (input.plan) return { output: { pairs: [], plan: plan().map((step) => planRow(controller, step)), copying: [] } };
  if (!input.givesUp) controller.splits.demandFree(records);
  plan(); // Whatever is refused is refused before a gate closes.
  return { output: await carryOut(controller, context, operation, records, plan) };
}

/** What a delete leaves behind: sides that are not whole any more, and the reserve attribute. */
function afterDelete(
  controller: Controller,
  record: PairRecord,
  input: Requests['pair.delete']['input'],
  gone: ReadonlySet<number>,
): Change[] {
  const isLeft = record.remote?.side === 'secondary';
  if (isLeft && !input.force) throw leftHalf(controller, record);
  const missing = isLeft ? missingHere(controller.catalog, record, 'secondary') : 0;
  const left = isLeft
    ? [{ side: 'secondary' as const, missingTracks: missing }].filter(() => missing > 0)
    : incompleteAfterDelete(record.state, mapCounts(controller.catalog, record)).filter(
        ({ side }) => side === 'primary' || !gone.has(record.number),
      );
  const first = left[0];
  if (first && !input.force) {
    throw failure(
      'force-needed',
      `${controller.address(record[first.side])} would lack ${plural(first.missingTracks, 'track')} that it can read only through this pair.`,
      'Let the copy finish (copyset pair wait), or give --force: the volume is then unreadable until all of it is overwritten, or it is formatted or paired again.',
    );
  }
  const rows = new Map<number, VolumeRecord>();
  const rowOf = (number: number) => rows.get(number) ?? controller.catalog.volumes.get(number);
  for (const { side, missingTracks } of left) {
    const volume = rowOf(record[side]);
    if (volume)
      rows.set(volume.number, {
        ...volume,
        incomplete: { missingTracks, reason: `its pair was deleted while it was ${record.state.status}` },
      });
  }
  const secondary = rowOf(record.secondary);
  if (secondary && input.unreserve && secondary.reserved) rows.set(secondary.number, { ...secondary, reserved: false });
  return [...rows.values()].map((volume) => ({ do: 'put-volume', record: volume }));
}

function leftHalf(controller: Controller, record: PairRecord): Error {
  return failure(
    'force-needed',
    `Only the secondary's half of the pair of ${controller.address(record.primary)} lies here.`,
    'Where its primary is there, delete the pair there; --force ends this half alone.',
  );
}

function discardNeeded(controller: Controller, record: PairRecord, kind: 'resync' | 'resync-reverse'): Error {
  const loser = controller.address(kind === 'resync-reverse' ? record.primary : record.secondary);
  const { message, details } = lossTold(controller, record, kind, `${loser} since the split`);
  return failure('discard-needed', message, 'Look at it with --plan; give --discard to lose them.', { details });
}

function numbersOf(records: readonly PairRecord[]): readonly number[] {
  return records.map(({ number }) => number);
}
