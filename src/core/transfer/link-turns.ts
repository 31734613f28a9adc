import type { Change } from '../catalog/catalog.js';
import { failure, isToolkitError } from '../foundation/foundation.js';
import type { Fabric, LivePair } from '../hostio/hostio.js';
import {
  activeState,
  displacedHalf,
  type PairRecord,
  type PairState,
  type SuspendReason,
  withTracksApart,
} from '../pair/pair.js';

/** A pair's row before and after its link changed it. */
export interface LinkTurn {
  readonly before: PairRecord;
  readonly after: PairRecord;
}

/** Makes the primary's half know that its secondary was made a primary, durably. Undefined where it knew. */
export async function displacePrimary(fabric: Fabric, pair: LivePair): Promise<LinkTurn | undefined> {
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

/** A synchronous pair in duplex whose tracks differ is resynced, durably. */
export async function setApart(fabric: Fabric, pair: LivePair): Promise<LinkTurn | undefined> {
  const { record } = pair;
  if (!record || withTracksApart(record) === record) return undefined;
  return turn(fabric, pair, withTracksApart);
}

/** A pair that a lost link suspended goes on where it was, durably. */
export function goOn(fabric: Fabric, pair: LivePair): Promise<LinkTurn | undefined> {
  const next = (row: PairRecord) => {
    const state = returned(row);
    return state ? { ...row, state } : row;
  };
  return turn(fabric, pair, next, true);
}

async function turn(
  fabric: Fabric,
  pair: LivePair,
  next: (row: PairRecord) => PairRecord,
  withMarks = false,
): Promise<LinkTurn | undefined> {
  let before: PairRecord | undefined;
  let after: PairRecord | undefined;
  await fabric.catalog.change((): Change[] => {
    before = pair.record;
    after = before && next(before);
    return !after || after === before ? [] : [{ do: 'put-pair', record: after }];
  }, withMarks);
  if (!before || !after || after === before) return undefined;
  await fabric.catalog.durable();
  return { before, after };
}

/** Whether an error says that another system cannot be reached now, so that it is worth asking again. */
export function isLoss(error: unknown): boolean {
  return (
    isToolkitError(error, 'link-lost') ||
    isToolkitError(error, 'peer-missing') ||
    isToolkitError(error, 'busy') ||
    isToolkitError(error, 'held-elsewhere') ||
    // Somebody will take one of the two folders away, and what was marked meanwhile is copied then.
    isToolkitError(error, 'system-copied')
  );
}

/** Whether the cause of a suspension goes by itself: a link comes back, and marks need no room in a journal. */
export function returnsByItself(reason: SuspendReason): boolean {
  return reason === 'link-lost' || reason === 'journal-full';
}

/** The state of a pair whose lost link is back, or undefined where it stays as it is (DESIGN.md 3.2). */
function returned({ state, remote }: PairRecord): PairState | undefined {
  if (state.status !== 'suspended' || !returnsByItself(state.reason) || remote?.manual || state.allowWrite)
    return undefined;
  const active = activeState(state);
  return active.status === 'duplex' ? { status: 'resync' } : active;
}
