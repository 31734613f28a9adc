import type { PairNumber } from '../../foundation/foundation.js';
import { type HalfRecord, isHalf, isJournalled } from '../../pair/pair.js';
import type { Controller } from '../open-controller.js';
import type { TransmitStream } from './transmit.js';

/**
 * After a kill the page cache holds each journal whole, and all of its writes but perhaps the last are in the images: that one is written
 * again, and both are made durable before anything is served (H23). Answers the pairs of which nothing is in doubt then. After a loss of
 * power, with a journal that cannot be read, or where a fault blocked the volume, all of them are: their regions are marked, and they
 * track with the first turn or write.
 */
export async function recoverStreams(controller: Controller): Promise<ReadonlySet<PairNumber>> {
  const { catalog, fabric, streams } = controller;
  const redone = new Set<PairNumber>();
  for (const [volume, regions] of catalog.active) {
    if (regions.size === 0) continue;
    const half = journalledOf(controller, volume);
    const journal = half?.remote.journal;
    if (!half || !journal) continue;
    const stream = streams.of(journal.session, half.remote.peer.system);
    if (stream.brokenWhy !== undefined || catalog.volumes.get(volume)?.status === 'blocked') continue;
    redoLast(controller, stream);
    // What is in the page cache alone would be lost with the power, and no region would tell of it any more.
    await stream.journal?.durable();
    await fabric.flush(volume);
    controller.step('journal.redone');
    redone.add(half.number);
  }
  return redone;
}

function redoLast(controller: Controller, stream: TransmitStream): void {
  const last = stream.journal?.last();
  if (last?.kind !== 'write') return;
  const half = stream.pairs().find(({ remote }) => remote.id === last.pair);
  // Of a pair that tracks a later write may have landed, which no record tells of.
  if (!half || !isJournalled(half)) return;
  controller.fabric.volume(half.primary).image.write(last.data, last.offset);
}

function journalledOf({ catalog }: Controller, volume: number): HalfRecord | undefined {
  return catalog
    .pairsOf(volume)
    .flatMap((number) => catalog.pairs.get(number) ?? [])
    .filter(isHalf)
    .find((half) => half.primary === volume && isJournalled(half));
}
