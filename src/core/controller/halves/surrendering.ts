import type { Change } from '../../catalog/catalog.js';
import type { LivePair } from '../../hostio/hostio.js';
import { alongsideOf, frozenOf, type PairRecord } from '../../pair/pair.js';
import type { Controller } from '../open-controller.js';

/**
 * Carries out a change of pairs that may end the following of synchronous ones. `work` passes its changes through `marked` in the step
 * that logs them, with all marks, and makes them durable; whatever waited for the secondaries goes on then, or fails with it.
 */
export async function surrendering(
  { fabric }: Controller,
  pairs: readonly PairRecord[],
  work: (marked: (changes: readonly Change[]) => readonly Change[]) => Promise<void>,
): Promise<void> {
  let leaving: readonly LivePair[] = [];
  const release = (error?: unknown) => {
    for (const pair of leaving) pair.follower?.release(error);
  };
  const marked = (changes: readonly Change[]) => {
    leaving = pairs.map(({ number }) => fabric.pair(number)).filter((pair) => leavesItsPrimary(pair, changes));
    for (const pair of leaving) fabric.follower(pair)?.surrender(freezes(pair, changes));
    return changes;
  };
  try {
    await work(marked);
  } catch (error) {
    release(error);
    throw error;
  }
  release();
}

/** A synchronous pair whose secondary takes no more writes after these changes. */
function leavesItsPrimary(pair: LivePair, changes: readonly Change[]): boolean {
  if (pair.alongside === null) return false;
  return changes.some(
    (change) =>
      (change.do === 'put-pair' && change.record.number === pair.number && alongsideOf(change.record) === null) ||
      (change.do === 'drop-pair' && change.number === pair.number),
  );
}

/**
 * No peer is awaited for a split: it copies what is under way like any other tracks, and also those that the secondary has but could
 * lose, for they belong to its instant and no later write brings them again.
 */
function freezes({ number }: LivePair, changes: readonly Change[]): boolean {
  return changes.some(
    (change) =>
      change.do === 'put-pair' && change.record.number === number && frozenOf(change.record.state) !== undefined,
  );
}
