import type { Change } from '../../catalog/catalog.js';
import type { VolumeNumber } from '../../foundation/foundation.js';
import { coolSplit } from '../../hostio/hostio.js';
import type { PairRecord } from '../../pair/pair.js';
import { answerChange } from '../control/recorded.js';
import { surrendering } from '../halves/surrendering.js';
import type { Controller, RequestContext } from '../open-controller.js';

/** What a transaction decides under its gates. */
export interface Decided<T> {
  readonly changes: readonly Change[];
  readonly output: T;
}

/**
 * Changes pairs all or none, as one frame of the log. The copiers of the pairs have committed, the gates of all their volumes
 * are closed and quiet, and the primaries' data is durable, so what `decide` sees is one instant: the point in time of a split.
 *
 * Most of the data and marks are made durable before the gates close; under them only the remainder (DESIGN.md 8).
 * Returns the output and how long hosts were held, in milliseconds.
 */
export async function changePairs<T>(
  controller: Controller,
  context: RequestContext,
  pairs: readonly PairRecord[],
  volumes: readonly VolumeNumber[],
  decide: () => Decided<T> | Promise<Decided<T>>,
): Promise<{ output: T; pauseMs: number }> {
  const { fabric, catalog, ports } = controller;
  const releases: (() => void)[] = [];
  const live = [...new Set(volumes)].map((number) => fabric.volume(number));
  // What is written while the gates close is in an active region; before, also what an earlier controller left in the page cache.
  const flush = (flushed: typeof live) => Promise.all(flushed.map(({ number }) => fabric.flush(number)));
  try {
    const present = pairs.filter((pair) => catalog.pairs.has(pair.number));
    for (const pair of present) {
      const acquired = fabric.pair(pair.number).mutex.acquire();
      // A copier at rest holds the pair until it has committed.
      controller.copier.wake();
      releases.push(await acquired);
    }
    await Promise.all([flush(live), catalog.logMarks().then(() => catalog.durable())]);
    const closedAtMs = ports.clock.monotonicMs();
    for (const volume of live) volume.gate.close();
    try {
      for (const volume of live) await volume.gate.quiet();
      await flush(live.filter((volume) => volume.hot.size > 0));
      controller.step('pair.gated');
      const { changes, output } = await decide();
      if (changes.length > 0) {
        await surrendering(controller, present, async (marked) => {
          await catalog.change(
            () => marked([...changes, ...coolSplit(fabric, changes), answerChange(context, output)]),
            true,
          );
          fabric.pairsChanged();
          controller.step('pair.logged');
          await catalog.durable();
        });
        controller.step('pair.durable');
      }
      return { output, pauseMs: ports.clock.toldMs(closedAtMs) };
    } finally {
      for (const volume of live) volume.gate.open();
    }
  } finally {
    for (const release of releases) release();
    controller.notify();
  }
}
