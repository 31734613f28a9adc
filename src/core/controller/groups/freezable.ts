import { failure } from '../../foundation/foundation.js';
import { type HalfRecord, isHalf } from '../../pair/pair.js';
import type { Controller } from '../open-controller.js';

/** Whether a member can be frozen. Judged under its gate: the statuses may have changed until then (H17). */
export function demandFreezable(controller: Controller, { number, primary }: HalfRecord): void {
  const { catalog, fabric } = controller;
  const record = catalog.pairs.get(number);
  const address = controller.address(primary);
  const status = record?.state.status ?? 'simplex';
  if (status !== 'duplex' && status !== 'resync')
    throw failure('status-refuses', `The pair of ${address} is ${status}.`);
  if (record?.remote?.displaced) throw failure('displaced', `The secondary of ${address} was made a primary.`);
  const pair = fabric.pair(number);
  if (pair.forming || !pair.changed.map.isEmpty)
    throw failure('group-forming', `${address} is still frozen by another formation.`);
  for (const leg of fabric.legs(primary)) {
    if (leg.side !== 'secondary') continue;
    const above = leg.pair.record;
    if (above?.mode !== 'sync' || above.state.status !== 'duplex')
      throw failure('status-refuses', `${address} is itself a secondary, and not of a sync pair in duplex.`);
    // A primary out of reach may serve its hosts alone by now, and later writes elsewhere depend on theirs (H29).
    if (above.remote && !controller.halves.isLinked(above.number))
      throw failure('status-refuses', `${address} is itself a secondary, and its primary may have gone on alone.`);
  }
}

/** The origins in other systems of members that are frozen now. */
export function originsOf({ fabric }: Controller, members: readonly HalfRecord[]): readonly HalfRecord[] {
  return members.flatMap(({ primary }) =>
    fabric.legs(primary).flatMap(({ pair: { record }, side }) => {
      return side === 'secondary' && record && isHalf(record) ? [record] : [];
    }),
  );
}

/**
 * Asks the origins, as they were when their members were frozen, whether their pairs follow still; once all members of the group are
 * frozen, on whatever system. An origin that went on alone before that may have completed a write on which another member's writes
 * depend, and news of it may be under way. It cannot have come back unnoticed: for that the half here is told other states. Throws
 * `status-refuses`, and what asking throws.
 */
export async function demandFollowing(controller: Controller, origins: readonly HalfRecord[]): Promise<void> {
  const { catalog, peers } = controller;
  await Promise.all(
    origins.map(async ({ number, state, secondary, remote }) => {
      const leading = await peers.ask(remote.peer.system, 'remote.leading', { pair: remote.id });
      const isSame = catalog.pairs.get(number)?.state === state;
      if (isSame && leading.status === 'duplex' && !leading.displaced) return;
      throw failure(
        'status-refuses',
        `${controller.address(secondary)} is itself a secondary, and its primary went on alone.`,
      );
    }),
  );
}
