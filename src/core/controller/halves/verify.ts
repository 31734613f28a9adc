import { MIB, type TrackIndex, type TrackRun } from '../../foundation/foundation.js';
import type { LivePair, LiveVolume } from '../../hostio/hostio.js';
import type { HalfRecord } from '../../pair/pair.js';
import { TrackMap, type Watch } from '../../trackmap/trackmap.js';
import { codeOfData } from '../../volume/volume.js';
import type { RequestExtras } from '../control/requests.js';
import type { Controller } from '../open-controller.js';
import { type Comparison, knownMaps, nextOf } from '../pairs/comparison.js';

/**
 * The tracks of a pair between systems that differ although no map has them. Only check codes travel, computed from the data on either
 * side. The two sides are not read at one moment: a track that is marked before, meanwhile or afterwards is none of its business.
 */
export async function differingOverLink(
  controller: Controller,
  record: HalfRecord,
  limit: number,
  extras: RequestExtras = {},
): Promise<Comparison> {
  const { fabric, peers, halves, ports } = controller;
  fabric.demandUnblocked(record.primary);
  const volume = fabric.volume(record.primary);
  const { geometry } = volume;
  const there = new TrackMap(geometry.trackCount);
  const link = halves.link(record.number);
  await link.demand();
  const runs = await link.mapOf('allocated');
  for (let i = 0; i < runs.length; i += 2) there.set(runs[i] ?? 0, runs[i + 1] ?? 0);
  const perStep = Math.max(1, Math.floor(MIB / geometry.trackSizeBytes));
  const tracks: TrackIndex[] = [];
  let [compared, leftOut] = [0, 0];
  const worth = [volume.allocated.map, there, ...knownMaps(fabric.pair(record.number))];
  for (let first = nextOf(worth, 0); first !== undefined; first = nextOf(worth, first + perStep)) {
    const run = { first, count: Math.min(perStep, geometry.trackCount - first) };
    const untouched = watched(fabric.pair(record.number), run);
    const codes = codesHere(controller, volume, run);
    const { output } = await peers.request(
      record.remote.peer.system,
      'remote.codes',
      { pair: record.remote.id, ...run },
      { limitMs: halves.limitMs(record) },
    );
    const same = untouched();
    for (const [i, code] of output.codes.entries()) {
      const comparable = code !== null && same(run.first + i);
      if (comparable && code !== codes[i]) tracks.push(run.first + i);
      if (comparable) compared += 1;
      else leftOut += 1;
    }
    if (tracks.length >= limit) return { tracks: tracks.slice(0, limit), compared, leftOut, truncated: true };
    extras.onProgress?.({ operation: 'verify', done: first + run.count, total: geometry.trackCount, unit: 'tracks' });
    await ports.clock.yieldTurn();
  }
  return { tracks, compared, leftOut, truncated: false };
}

/** From now on marks are noticed; the answer ends that and tells which tracks had none before, meanwhile or at the end. */
function watched(pair: LivePair, run: TrackRun): () => (track: TrackIndex) => boolean {
  const before = Array.from({ length: run.count }, (_, i) => knownMaps(pair).some((map) => map.has(run.first + i)));
  const watches: Watch[] = [pair.outOfSync, pair.changed, pair.secondary].map((map) => map.watch());
  return () => {
    for (const watch of watches) watch.close();
    return (track) => !before[track - run.first] && !watches.some((watch) => watch.touched(track));
  };
}

function codesHere({ fabric }: Controller, { number, geometry }: LiveVolume, run: TrackRun): number[] {
  const data = new Uint8Array(geometry.bytesOfRun(run));
  fabric.read(number, data, geometry.offsetOf(run.first));
  const size = geometry.trackSizeBytes;
  return Array.from({ length: run.count }, (_, i) => codeOfData(data.subarray(i * size, (i + 1) * size)));
}
