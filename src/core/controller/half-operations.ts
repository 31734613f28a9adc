import { pairMapKey } from '../catalog/catalog.js';
import { failure } from '../foundation/foundation.js';
import { mapCounts, suspendPairs } from '../hostio/hostio.js';
import {
  type HalfRecord,
  isHalf,
  missingTracks,
  operationAnswer,
  type PairRecord,
  type PairState,
} from '../pair/pair.js';
import { markOfTerm } from './halves.js';
import type { Controller } from './open-controller.js';

const RESTORING: PairState = { status: 'resync-reverse', backup: null };

/**
 * What comes before a resync or a restore of remote pairs that is not refused: the secondary shuts its host out, durably, and its map
 * of writes is taken over here before it is emptied there (H16). Nothing is held here meanwhile (H26). A secondary that was shut out
 * in vain, because the operation is refused after all, is told the pair's present state again.
 */
export async function closeSecondaries(
  controller: Controller,
  records: readonly PairRecord[],
  operation: 'resync' | 'resync-reverse',
  discard: boolean,
): Promise<void> {
  for (const record of records.filter(isHalf)) {
    if (operationAnswer(record.state, operation) !== 'does') continue;
    const link = controller.halves.link(record.number);
    const { secondaryTracks } = await link.demand();
    if (operation === 'resync' && secondaryTracks > 0 && !discard)
      throw discardNeeded(controller, record, secondaryTracks);
    await link.ask('remote.tell', {
      state: operation === 'resync' ? { status: 'resync' } : RESTORING,
      group: record.remote.group,
    });
    link.forgetTold();
    controller.step('half.closed');
    const runs = await link.mapOf('secondary');
    if (runs.length === 0) continue;
    await controller.catalog.change(() => [{ do: 'set', map: pairMapKey(record.number, 'secondary'), runs }], true);
    await controller.catalog.durable();
    await link.ask('remote.merged', { map: 'secondary' });
  }
}

/**
 * The secondary's half goes first: were it to stay behind alone, nobody would know of it. With `force` the pair is deleted here even
 * where the secondary cannot be reached.
 */
export async function dropSecondaries(
  controller: Controller,
  records: readonly PairRecord[],
  options: { unreserve: boolean; force: boolean },
): Promise<void> {
  for (const record of records.filter(isHalf)) {
    const { remote } = record;
    // A synchronous pair's host would wait for a half that is gone, and take its session down with it.
    const pair = controller.fabric.pair(record.number);
    const suspension = { reason: 'command', message: 'it is being deleted', lost: false } as const;
    if (pair.alongside !== null) await suspendPairs(controller.fabric, [pair], suspension);
    const order = {
      pair: remote.id,
      mark: markOfTerm(controller, remote.term),
      unreserve: options.unreserve,
      missingTracks: missingTracks(record.state, 'secondary', mapCounts(controller.catalog, record)),
    };
    const limitMs = controller.halves.limitMs(record);
    try {
      await controller.peers.request(remote.peer.system, 'remote.drop', order, { limitMs });
    } catch (error) {
      if (!options.force) throw error;
    }
  }
}

/** Flags and verbs that a pair between two systems cannot have. */
export function demandRemoteAble(record: PairRecord, what: string): void {
  if (!record.remote) return;
  throw failure(
    'mode-not-here',
    `${what} is for pairs inside one storage system; the secondary of this one lies in ${record.remote.peer.system.name}.`,
    'Leave it out.',
  );
}

function discardNeeded(controller: Controller, record: HalfRecord, tracks: number): Error {
  const bytesLost = tracks * (controller.catalog.volumes.get(record.primary)?.trackSizeBytes ?? 0);
  return failure(
    'discard-needed',
    `${bytesLost} bytes written at ${controller.address(record.secondary)} since the split would vanish.`,
    'Look at it with --plan; give --discard to lose them.',
    { details: { bytesLost } },
  );
}
