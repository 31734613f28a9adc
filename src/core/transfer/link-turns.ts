import type { Change } from '../catalog/catalog.js';
import { failure, isToolkitError } from '../foundation/foundation.js';
import type { Fabric, LivePair } from '../hostio/hostio.js';
import { activeState, displacedHalf, type PairRecord, type PairState, type SuspendReason } from '../pair/pair.js';

/** Makes the primary's half know that its secondary was made a primary, durably. Undefined where it knew. */
export async function displacePrimary(
  fabric: Fabric,
  pair: LivePair,
): Promise<{ before: PairRecord; after: PairRecord } | undefined> {
  let before: PairRecord | undefined;
  let after: PairRecord | undefined;
  await fabric.catalog.change((): Change[] => {
    before = pair.record;
    after = before && displacedHalf(before);
    if (!after) return [];
    fabric.follower(pair)?.surrender(false);
    return [{ do: 'put-pair', record: after }];
  }, true);
  if (pair.forming) await fabric.thaw(pair, 'its secondary was made a primary');
  await fabric.catalog.durable();
  pair.follower?.release(failure('term-superseded', 'The secondary was made a primary; it may lack this write.'));
  return before && after ? { before, after } : undefined;
}

export function isLoss(error: unknown): error is Error {
  return (
    isToolkitError(error, 'link-lost') ||
    isToolkitError(error, 'peer-missing') ||
    isToolkitError(error, 'busy') ||
    isToolkitError(error, 'held-elsewhere')
  );
}

/** Whether the cause of a suspension goes by itself: a link comes back, and marks need no room in a journal. */
export function returnsByItself(reason: SuspendReason): boolean {
  return reason === 'link-lost' || reason === 'journal-full';
}

/** The state of a pair whose lost link is back, or undefined where it stays as it is (DESIGN.md 3.2). */
export function returned({ state, remote }: PairRecord): PairState | undefined {
  if (state.status !== 'suspended' || !returnsByItself(state.reason) || remote?.manual || state.allowWrite)
    return undefined;
  const active = activeState(state);
  return active.status === 'duplex' ? { status: 'resync' } : active;
}
