import { failure, isToolkitError } from '../../foundation/foundation.js';
import { mapCounts } from '../../hostio/hostio.js';
import { type HalfRecord, isReturning } from '../../pair/pair.js';
import type { Answered, RequestExtras, Requests } from '../control/requests.js';
import type { Controller, RequestContext } from '../open-controller.js';
import { resyncPairs } from '../pairs/requests.js';
import { closeReturning, finishReturn } from './roles.js';

/** One drain of the way back, so that a caller hears of it, and may stop, in between. */
const ROUND_MS = 2_000;
/** How long whoever leads the way back waits for an answer. */
export const RETURN_LIMIT_MS = ROUND_MS + 30_000;

/** Answers at the system of the primaries, whose controller leads its pairs' way back. */
export async function returnPairs(
  controller: Controller,
  input: Requests['group.return']['input'],
  extras: RequestExtras,
  context: RequestContext,
): Promise<Answered<'group.return'>> {
  const halves = () => input.pairs.map((id) => controller.halves.find(id));
  switch (input.step) {
    case 'look':
      break;
    case 'begin':
      await begin(controller, halves(), context);
      break;
    case 'drain':
      await drain(controller, halves, extras);
      return { output: { ...counted(controller, halves()), gatheredTracks: await gather(controller, halves()) } };
    case 'close':
      for (const half of returning(halves())) await closeReturning(controller, half.number);
      break;
    case 'finish': {
      for (const half of halves()) demandOnItsWay(controller, half);
      const due = returning(halves()).map(({ number }) => number);
      if (due.length > 0 && !(await finishReturn(controller, due)))
        throw failure('status-refuses', 'A pair of the group lacks tracks yet, or was stopped on its way back.');
      break;
    }
  }
  return { output: counted(controller, halves()) };
}

/** A pair whose link was opened anew may have learned once more that it is displaced: without its way back it would stay so. */
function demandOnItsWay(controller: Controller, half: HalfRecord): void {
  if (half.remote.side !== 'primary' || !half.remote.displaced || isReturning(half)) return;
  throw failure(
    'status-refuses',
    `${controller.address(half.primary)} was stopped on its way back.`,
    'Run the same failback again: it goes on from here.',
  );
}

/** The old primaries take their secondaries' side; what only they had is lost, which is what the recovery decided. */
async function begin(controller: Controller, halves: readonly HalfRecord[], context: RequestContext): Promise<void> {
  for (const half of halves) {
    if (half.remote.journal) controller.sessions.returning.add(half.remote.id);
    if (half.remote.side !== 'primary' || isReturning(half)) continue;
    await demandDisplaced(controller, half);
    const selector = {
      primary: controller.catalog.volumes.get(half.primary)?.name ?? '',
      secondary: half.remote.peer.name,
      secondarySystem: half.remote.peer.system.name,
    };
    const present = controller.catalog.pairs.get(half.number);
    if (!present?.remote?.displaced) continue;
    const own = { ...context, id: `${context.id}.${half.number}` };
    await resyncPairs(controller, { pairs: [selector], reverse: true, discard: true, pace: 'fast' }, {}, own);
  }
}

/** A primary that was away learns from its secondary that it is none any more. One whose way back is over is no longer displaced. */
async function demandDisplaced(controller: Controller, half: HalfRecord): Promise<void> {
  if (half.remote.displaced) return;
  await controller.halves
    .link(half.number)
    .demand()
    .catch((error: unknown) => {
      if (!isToolkitError(error)) throw error;
    });
}

async function drain(controller: Controller, halves: () => HalfRecord[], { signal }: RequestExtras): Promise<void> {
  const { clock } = controller.ports;
  const deadlineMs = clock.monotonicMs() + ROUND_MS;
  controller.startCopying();
  try {
    while (counted(controller, halves()).leftTracks > 0 && clock.monotonicMs() < deadlineMs && !signal?.aborted) {
      controller.demandCopying();
      await controller.changed(50, signal);
    }
  } finally {
    await controller.stopCopying();
  }
}

/** What the hosts of the secondaries wrote since they were last asked; nothing is asked while there is enough to do. */
async function gather(controller: Controller, halves: readonly HalfRecord[]): Promise<number> {
  if (counted(controller, halves).leftTracks > 0) return 0;
  let tracks = 0;
  for (const { number } of returning(halves)) {
    const link = controller.halves.link(number);
    if (!link.isOpen) await link.demand();
    tracks += await link.gather('secondary');
  }
  return tracks;
}

function returning(halves: readonly HalfRecord[]): HalfRecord[] {
  return halves.filter(isReturning);
}

function counted(controller: Controller, halves: readonly HalfRecord[]) {
  const suspended = halves.find(({ state }) => state.status === 'suspended');
  if (suspended?.state.status === 'suspended' && isReturning(suspended))
    throw failure(
      'status-refuses',
      `${controller.address(suspended.primary)} was suspended on its way back: ${suspended.state.message}.`,
      'Mend the cause and run the same failback again.',
    );
  const leftTracks = returning(halves).reduce((sum, half) => sum + mapCounts(controller.catalog, half).secondary, 0);
  const pairs = halves.map((half) => {
    const { outOfSync, changed, secondary } = mapCounts(controller.catalog, half);
    return { id: half.remote.id, tracks: outOfSync + changed + secondary };
  });
  return { leftTracks, gatheredTracks: 0, pairs };
}
