import { type Change, pairMapKey } from '../../catalog/catalog.js';
import { failure, type PairNumber } from '../../foundation/foundation.js';
import { wayBackHint } from '../../hostio/hostio.js';
import {
  type HalfRecord,
  isHalf,
  isReturning,
  type PairRecord,
  type TakenOver,
  takenOverHalf,
  takeoverMissing,
} from '../../pair/pair.js';
import type { HalfShown } from '../../transfer/transfer.js';
import type { Controller } from '../open-controller.js';
import { change } from './orders.js';

/**
 * Who of a remote pair is the primary, and how that changes. A takeover is the secondary's alone and needs nobody; the way back is
 * the former primary's: it leads under a term above its secondary's, takes what it lacks while the secondary serves hosts, has the
 * secondary shut them out, takes the rest and is the primary again. A consistency group does the same with all its pairs at once.
 */

/**
 * Makes a secondary here a primary, durably, under a term of at least `term` and above its own: what its former primary still sends is
 * refused from then on (H5). Of one that was taken over only the term may rise.
 */
export async function takeOverHalf(controller: Controller, id: string, term = 0): Promise<HalfRecord> {
  const atMs = Math.floor(controller.ports.clock.nowMs());
  await change(controller, id, (row): Change[] => {
    const { remote } = row;
    if (remote.takenOver)
      return remote.term >= term ? [] : [{ do: 'put-pair', record: { ...row, remote: { ...remote, term } } }];
    const after = takenOverHalf(row, knownOf(row, atMs), Math.max(remote.term + 1, term));
    return [
      // What a crash left in doubt counts as written here, now that this side counts.
      { do: 'fold', from: pairMapKey(row.number, 'outOfSync'), into: pairMapKey(row.number, 'secondary') },
      { do: 'put-pair', record: after },
    ];
  });
  const half = controller.halves.find(id);
  controller.halves.receiver(half.number).close();
  controller.step('half.taken-over');
  controller.notify();
  return half;
}

function knownOf({ state, remote }: HalfRecord, atMs: number): TakenOver {
  return {
    atMs,
    from: state.status,
    knownAtMs: remote.toldAtMs,
    missingTracks: takeoverMissing(state, remote.toldMissingTracks ?? 0),
  };
}

/**
 * Opens the link so that this half's orders count. A displaced primary first raises its own term above its secondary's, durably; it
 * stays displaced. `judge` may refuse before that.
 */
export async function demandLead(
  controller: Controller,
  { number, remote }: HalfRecord,
  judge: (shown: HalfShown) => void = () => undefined,
): Promise<HalfShown> {
  const link = controller.halves.link(number);
  if (remote.displaced) {
    const shown = await link.show();
    judge(shown);
    if (remote.term <= shown.term) await raiseTerm(controller, number, shown.term + 1);
  }
  const shown = await link.demand();
  if (link.isOpen) return shown;
  throw failure(
    'displaced',
    `${remote.peer.system.name}:${remote.peer.name} was made a primary meanwhile.`,
    wayBackHint(remote),
  );
}

export async function raiseTerm(controller: Controller, number: PairNumber, term: number): Promise<void> {
  await controller.catalog.change(() => {
    const row = controller.catalog.pairs.get(number);
    if (!row || !isHalf(row) || row.remote.term >= term) return [];
    return [{ do: 'put-pair', record: { ...row, remote: { ...row.remote, term } } }];
  });
  await controller.catalog.durable();
  controller.halves.link(number).giveUp();
}

/** The secondary of a pair on its way back shuts its hosts out, durably; what they wrote last is taken over. */
export async function closeReturning(controller: Controller, number: PairNumber): Promise<void> {
  const link = controller.halves.link(number);
  await link.announce({ status: 'resync-reverse', backup: null });
  controller.step('half.closed');
  await link.gather('secondary');
}

/**
 * The former primaries are the primaries again, all in one frame, under terms of at least `term` and above their own. Nothing is done
 * while one of them lacks a track, or was not on its way back.
 */
export async function finishReturn(controller: Controller, numbers: readonly PairNumber[], term = 0): Promise<boolean> {
  const { catalog, fabric, halves } = controller;
  const releases: (() => void)[] = [];
  const before = new Map<PairNumber, PairRecord>();
  try {
    for (const number of [...numbers].sort((a, b) => a - b)) releases.push(await fabric.pair(number).mutex.acquire());
    await catalog.change(() => {
      const rows = numbers.map((number) => catalog.pairs.get(number));
      if (!rows.every((row): row is HalfRecord => row !== undefined && isBack(controller, row))) return [];
      for (const row of rows) before.set(row.number, row);
      return rows.map((row) => ({ do: 'put-pair', record: restored(controller, row, term) }));
    }, true);
    await catalog.durable();
  } finally {
    for (const release of releases) release();
  }
  for (const [number, row] of before) {
    halves.link(number).giveUp();
    controller.onHalfChanged(row, catalog.pairs.get(number) ?? row, 'the roles are turned back');
  }
  controller.step('half.returned');
  await halves.tell([...before.keys()]);
  return before.size === numbers.length;
}

function isBack({ catalog }: Controller, row: PairRecord): boolean {
  const isActive = row.state.status === 'resync-reverse';
  return isActive && isReturning(row) && catalog.pairMap(row.number, 'secondary').map.isEmpty;
}

function restored({ catalog }: Controller, row: HalfRecord, term: number): HalfRecord {
  const inSync = catalog.pairMap(row.number, 'outOfSync').map.isEmpty;
  const remote = { ...row.remote, displaced: false, term: Math.max(row.remote.term + 1, term) };
  return { ...row, state: { status: inSync ? 'duplex' : 'resync' }, copyPointer: 0, remote };
}

/**
 * A primary's half whose secondary was fenced by a recovery and not made a primary, so that it lacks nothing of what was recovered: it goes
 * on as it was, under a term above its secondary's. `before` is done first, where there is something to do.
 */
export async function leadAgain(
  controller: Controller,
  half: HalfRecord,
  before: () => Promise<unknown> = async () => undefined,
): Promise<void> {
  if (isReturning(half)) return;
  const { catalog, halves } = controller;
  const { takenOver, term } = await halves.link(half.number).show();
  if (takenOver || (half.remote.term >= term && !half.remote.displaced)) return;
  await before();
  await catalog.change(() => {
    const row = catalog.pairs.get(half.number);
    return row && isHalf(row) ? [{ do: 'put-pair', record: leading(row, term + 1) }] : [];
  }, true);
  await catalog.durable();
  halves.link(half.number).giveUp();
  const row = catalog.pairs.get(half.number);
  if (row) controller.onHalfChanged(half, row, 'its secondary was not recovered');
}

function leading(row: HalfRecord, term: number): HalfRecord {
  const remote = { ...row.remote, displaced: false, term };
  if (row.state.status !== 'suspended' || row.state.reason !== 'takeover') return { ...row, remote };
  const { from } = row.state;
  return { ...row, state: from.status === 'duplex' ? { status: 'resync' } : from, remote };
}
