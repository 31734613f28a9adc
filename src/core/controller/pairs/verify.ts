import { type Change, pairMapKey } from '../../catalog/catalog.js';
import { MIB, type PairNumber, plural, type TrackIndex, type VolumeNumber } from '../../foundation/foundation.js';
import { isHalf, mapTakingJump, ownVolumes } from '../../pair/pair.js';
import { recorded } from '../control/recorded.js';
import type { Answered, RequestExtras, Requests } from '../control/requests.js';
import { differingOverLink } from '../halves/verify.js';
import type { Controller, RequestContext } from '../open-controller.js';
import { type Comparison, knownMaps, nextOf } from './comparison.js';
import { selectPairs } from './selection.js';
import { changePairs } from './transaction.js';

/** More than this many differing tracks are counted as truncated. */
const LISTED_MAX = 1000;

/**
 * Compares the tracks that a pair's maps call identical. Both sides of a track and its marks are read in one step, so a host that
 * writes meanwhile makes no false alarm. With `repair` the differing tracks are marked, so that they are copied.
 */
export async function verifyPairs(
  controller: Controller,
  input: Requests['pair.verify']['input'],
  extras: RequestExtras,
  context: RequestContext,
): Promise<Answered<'pair.verify'>> {
  const rows: Requests['pair.verify']['output']['pairs'][number][] = [];
  for (const record of selectPairs(controller, input.pairs)) {
    const primary = controller.address(record.primary);
    const secondary = controller.address(record.secondary);
    const subject = { operation: 'pair verify', primary, secondary, before: record.state.status };
    const found = await recorded(
      controller,
      context,
      [subject],
      () =>
        isHalf(record)
          ? differingOverLink(controller, record, LISTED_MAX, extras)
          : differingTracks(controller, record.primary, record.secondary, record.number, LISTED_MAX, extras),
      ({ tracks, compared, leftOut }) => ({
        tracks: tracks.length,
        message: tracks.length > 0 ? `${plural(tracks.length, 'track')} differ` : alike(compared, leftOut),
      }),
    );
    const repaired = input.repair ? await repair(controller, context, record.number, found.tracks) : 0;
    rows.push({
      primary,
      secondary,
      same: found.tracks.length === 0,
      comparedTracks: found.compared,
      leftOutTracks: found.leftOut,
      differingTracks: found.tracks,
      truncated: found.truncated,
      repaired,
      status: record.state.status,
      pace: record.pace,
    });
  }
  return { output: { pairs: rows } };
}

/** Same is said only of what was compared. */
function alike(compared: number, leftOut: number): string {
  return leftOut === 0 ? 'same' : `${compared} tracks compared, ${leftOut} known to differ left out`;
}

/** The tracks of two volumes that differ; of a pair's, only those that no map of it holds. Unallocated on both sides is equal. */
export async function differingTracks(
  controller: Controller,
  primary: VolumeNumber,
  secondary: VolumeNumber,
  pair: PairNumber | undefined,
  limit: number,
  extras: RequestExtras = {},
): Promise<Comparison> {
  controller.fabric.demandUnblocked(primary, secondary);
  const sides = [controller.fabric.volume(primary), controller.fabric.volume(secondary)] as const;
  const { geometry } = sides[0];
  const perStep = Math.max(1, Math.floor(MIB / geometry.trackSizeBytes));
  const buffers = [
    new Uint8Array(perStep * geometry.trackSizeBytes),
    new Uint8Array(perStep * geometry.trackSizeBytes),
  ] as const;
  const maps = pair === undefined ? [] : knownMaps(controller.fabric.pair(pair));
  const worth = [...sides.map((side) => side.allocated.map), ...maps];
  const tracks: TrackIndex[] = [];
  let [compared, leftOut] = [0, 0];
  for (let first = nextOf(worth, 0); first !== undefined; first = nextOf(worth, first + perStep)) {
    const count = Math.min(perStep, geometry.trackCount - first);
    const bytes = geometry.bytesOfRun({ first, count });
    const [left, right] = [buffers[0].subarray(0, bytes), buffers[1].subarray(0, bytes)];
    controller.fabric.read(primary, left, geometry.offsetOf(first));
    controller.fabric.read(secondary, right, geometry.offsetOf(first));
    const known = Array.from({ length: count }, (_, i) => maps.some((map) => map.has(first + i)));
    const differs = differing(left, right, geometry.trackSizeBytes, count);
    tracks.push(...differs.filter((i) => !known[i]).map((i) => first + i));
    const marked = known.filter(Boolean).length;
    leftOut += marked;
    compared += count - marked;
    if (tracks.length >= limit) return { tracks: tracks.slice(0, limit), compared, leftOut, truncated: true };
    extras.onProgress?.({ operation: 'verify', done: first + count, total: geometry.trackCount, unit: 'tracks' });
    await controller.ports.clock.yieldTurn();
  }
  return { tracks, compared, leftOut, truncated: false };
}

/** The tracks of two runs that are not equal, counted from the first. */
function differing(left: Uint8Array, right: Uint8Array, trackSizeBytes: number, count: number): number[] {
  if (Buffer.compare(left, right) === 0) return [];
  return Array.from({ length: count }, (_, i) => i).filter((i) => {
    const [from, until] = [i * trackSizeBytes, (i + 1) * trackSizeBytes];
    return Buffer.compare(left.subarray(from, until), right.subarray(from, until)) !== 0;
  });
}

/** Marks tracks as a jump would: in the map that takes new differences in the pair's present state. */
async function repair(
  controller: Controller,
  context: RequestContext,
  number: PairNumber,
  tracks: readonly TrackIndex[],
): Promise<number> {
  const record = controller.catalog.pairs.get(number);
  if (tracks.length === 0 || !record) return 0;
  const runs = tracks.flatMap((track) => [track, 1]);
  return controller.exclusively(async () => {
    await changePairs(
      controller,
      { ...context, id: `${context.id}.repair.${number}` },
      [record],
      ownVolumes(record),
      () => {
        const present = controller.catalog.pairs.get(number);
        const changes: Change[] = present
          ? [{ do: 'set', map: pairMapKey(number, mapTakingJump(present, 'primary')), runs }]
          : [];
        return { changes, output: null };
      },
    );
    return tracks.length;
  });
}
