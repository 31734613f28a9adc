import type { Change } from '../catalog/catalog.js';
import { failure, plural } from '../foundation/foundation.js';
import { lossesDownstream, mapCounts } from '../hostio/hostio.js';
import { incompleteAfterDelete, type PairOperation, type PairRecord, secondaryComplete } from '../pair/pair.js';
import type { VolumeRecord } from '../volume/volume.js';
import { closeSecondaries, demandRemoteAble, dropSecondaries } from './half-operations.js';
import type { Controller, RequestContext } from './open-controller.js';
import { bytesAtStake, planRow } from './pair-rows.js';
import { selectPairs } from './pair-selection.js';
import { carryOut, planStep, type Step } from './pair-steps.js';
import type { Answered, PacingInput, PairActionAnswer, RequestExtras, Requests } from './requests.js';

type Answer<Code extends 'pair.split' | 'pair.resync' | 'pair.suspend' | 'pair.delete' | 'pair.pace'> = Promise<
  Answered<Code>
>;

export async function splitPairs(
  controller: Controller,
  input: Requests['pair.split']['input'],
  _: RequestExtras,
  context: RequestContext,
): Answer<'pair.split'> {
  const operation = (): PairOperation => ({
    kind: 'split',
    atMs: Math.floor(controller.ports.clock.nowMs()),
    virtual: input.virtual ?? false,
    readOnly: input.readOnly,
  });
  if (!input.plan) await controller.halves.flush(selectPairs(controller, input.pairs).map(({ number }) => number));
  return operate(controller, context, 'pair split', input, (record) => {
    if (input.virtual) demandRemoteAble(record, 'A virtual split');
    return planStep(controller, record, operation(), input);
  });
}

export async function resyncPairs(
  controller: Controller,
  input: Requests['pair.resync']['input'],
  _: RequestExtras,
  context: RequestContext,
): Answer<'pair.resync'> {
  const kind = input.reverse ? 'resync-reverse' : 'resync';
  const records = input.plan ? [] : selectPairs(controller, input.pairs);
  for (const record of records) planStep(controller, record, { kind }, input);
  await closeSecondaries(controller, records, kind, input.discard ?? false);
  try {
    return await resyncHere(controller, input, kind, context);
  } finally {
    await controller.halves.tell(records.map(({ number }) => number));
  }
}

function resyncHere(
  controller: Controller,
  input: Requests['pair.resync']['input'],
  kind: 'resync' | 'resync-reverse',
  context: RequestContext,
): Answer<'pair.resync'> {
  return operate(controller, context, input.reverse ? 'pair resync --reverse' : 'pair resync', input, (record) => {
    const step = planStep(controller, record, { kind }, input);
    const lost = step.change ? bytesAtStake(controller, record, kind) : 0;
    if (lost > 0 && !input.discard && !input.plan)
      throw discardNeeded(controller, record, lost, input.reverse ?? false);
    return step;
  });
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
  if (!input.plan) {
    const records = selectPairs(controller, input.pairs);
    for (const record of records) afterDelete(controller, record, input);
    await dropSecondaries(controller, records, { unreserve: input.unreserve ?? false, force: input.force ?? false });
  }
  return operate(controller, context, 'pair delete', { ...input, pace: undefined }, (record) => {
    const step = planStep(controller, record, { kind: 'delete' }, {});
    const downstream = lossesDownstream(
      controller.catalog,
      record,
      'the pair above it was deleted while tracks were read through it',
    );
    // What a remote secondary would lack was judged before its half went; a host goes on writing meanwhile.
    const force = input.force || record.remote !== undefined;
    return { ...step, drops: true, more: [...downstream, ...afterDelete(controller, record, { ...input, force })] };
  });
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
}

async function operate(
  controller: Controller,
  context: RequestContext,
  operation: string,
  input: Common,
  planOne: (record: PairRecord) => Step,
): Promise<{ output: PairActionAnswer }> {
  const answered = await controller.exclusively(() => operateHere(controller, context, operation, input, planOne));
  // The section is left before a peer is awaited (H26).
  if (!input.plan) await controller.halves.tell(answered.output.pairs.map(({ number }) => number));
  return answered;
}

async function operateHere(
  controller: Controller,
  context: RequestContext,
  operation: string,
  input: Common,
  planOne: (record: PairRecord) => Step,
): Promise<{ output: PairActionAnswer }> {
  const records = selectPairs(controller, input.pairs);
  const present = () => records.map((record) => controller.catalog.pairs.get(record.number) ?? record);
  if (input.plan)
    return {
      output: {
        pairs: [],
        plan: present()
          .map(planOne)
          .map((step) => planRow(controller, step)),
        copying: [],
      },
    };
  present().map(planOne); // Whatever is refused is refused before a gate closes.
  return { output: await carryOut(controller, context, operation, records, () => present().map(planOne)) };
}

/** What a delete leaves behind: sides that are not whole any more, and the reserve attribute. */
function afterDelete(controller: Controller, record: PairRecord, input: Requests['pair.delete']['input']): Change[] {
  const left = incompleteAfterDelete(record.state, mapCounts(controller.catalog, record));
  const first = left[0];
  if (first && !input.force && !input.plan) {
    throw failure(
      'force-needed',
      `${controller.address(record[first.side])} would lack ${plural(first.missingTracks, 'track')} that it can read only through this pair.`,
      'Let the copy finish (copyset pair wait), or give --force: the volume is then unreadable until it is overwritten, formatted or paired again.',
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

function discardNeeded(controller: Controller, record: PairRecord, lost: number, reverse: boolean): Error {
  const loser = controller.address(reverse ? record.primary : record.secondary);
  return failure(
    'discard-needed',
    `${lost} bytes written at ${loser} since the split would vanish.`,
    'Look at it with --plan; give --discard to lose them.',
    { details: { bytesLost: lost } },
  );
}
