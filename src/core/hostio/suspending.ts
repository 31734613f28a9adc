import type { Change } from '../catalog/catalog.js';
import { changedRecord, type PairRecord, type SuspendReason } from '../pair/pair.js';
import type { Fabric } from './fabric.js';
import type { LivePair } from './live-volume.js';
import { lossesDownstream, pairChanges, suspension } from './pair-changes.js';

export interface Suspension {
  readonly reason: SuspendReason;
  readonly message: string;
  /** An old track could not be saved, so the first pair's point in time is gone as well. */
  readonly lost: boolean;
}

/**
 * Suspends pairs by a fault of the first, in one durable frame. Sync pairs among them stop under one gate: no host's write completes at
 * a primary alone before all of them are known to be suspended, also after a crash (H29). The gates wait for nothing but the log.
 */
export async function suspendPairs(fabric: Fabric, pairs: readonly LivePair[], suspension: Suspension): Promise<void> {
  const following = pairs.filter((pair) => pair.alongside !== null);
  const gated = new Set(following.flatMap(({ record }) => (record ? [fabric.volume(record.primary)] : [])));
  const suspended: { before: PairRecord; after: PairRecord }[] = [];
  for (const { gate } of gated) gate.close();
  try {
    await fabric.catalog.change(
      () => pairs.flatMap((pair, at) => suspendOne(fabric, pair, suspension, at, suspended)),
      true,
    );
    if (suspended.length > 0) await fabric.catalog.durable();
  } catch (error) {
    for (const pair of following) pair.follower?.release(error);
    throw error;
  } finally {
    for (const { gate } of gated) gate.open();
  }
  for (const pair of following) pair.follower?.release();
  for (const { before, after } of suspended) fabric.hooks.suspended(before, after);
}

function suspendOne(
  fabric: Fabric,
  pair: LivePair,
  { reason, message, lost }: Suspension,
  at: number,
  suspended: { before: PairRecord; after: PairRecord }[],
): Change[] {
  const before = pair.record;
  if (!before) return [];
  const told = at === 0 ? message : `suspended together with another pair: ${message}`;
  const change = suspension(before.state, reason, told, lost && at === 0);
  if (!change) return [];
  // Before the row changes: from the next step on a write marks by itself.
  fabric.follower(pair)?.surrender(false);
  const after = changedRecord(before, change);
  suspended.push({ before, after });
  const downstream = lost ? lossesDownstream(fabric.catalog, before, message) : [];
  return [...downstream, ...pairChanges(fabric.catalog, after, change)];
}
