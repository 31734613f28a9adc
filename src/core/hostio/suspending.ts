import type { Change } from '../catalog/catalog.js';
import { asTracking, changedRecord, isJournalled, type PairRecord, type SuspendReason } from '../pair/pair.js';
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

/** A journal pair tracks from now on, durably: the tracks of all its records are marked in the same frame, and it resyncs by itself. */
export async function degradePair(fabric: Fabric, pair: LivePair, why: string): Promise<void> {
  await degradePairs(fabric, [pair], why);
}

/** The same of several pairs in one frame. */
export async function degradePairs(fabric: Fabric, pairs: readonly LivePair[], why: string): Promise<void> {
  const degraded: { before: PairRecord; after: PairRecord }[] = [];
  await fabric.catalog.change(() =>
    pairs.flatMap(({ record: before }): Change[] => {
      if (!before || !isJournalled(before)) return [];
      const after: PairRecord = { ...asTracking(before), state: { status: 'resync' } };
      degraded.push({ before, after });
      return [{ do: 'put-pair', record: after }];
    }),
  );
  if (degraded.length === 0) return;
  await fabric.catalog.durable();
  fabric.hooks.step('journal.degraded');
  for (const { before, after } of degraded) fabric.hooks.degraded?.(before, after, why);
}
