import { volumeMapKey } from '../../catalog/catalog.js';
import { plural, type TrackIndex, tuning } from '../../foundation/foundation.js';
import { holdsTrack, type LiveVolume, readCoded } from '../../hostio/hostio.js';
import { bindCode, type VolumeRecord } from '../../volume/volume.js';
import { recorded } from '../control/recorded.js';
import type { Answered, RequestExtras, Requests } from '../control/requests.js';
import type { Controller, RequestContext } from '../open-controller.js';
import { findVolumes } from './finding.js';
import { breathe, demandGoing } from './long-work.js';

/** Compares every allocated track with its check code, and sets the codes that are not set. */
export async function scrubVolumes(
  controller: Controller,
  input: Requests['volume.scrub']['input'],
  extras: RequestExtras,
  context: RequestContext,
): Promise<Answered<'volume.scrub'>> {
  const records = findVolumes(controller, input.volumes);
  const volumes: Requests['volume.scrub']['output']['volumes'][number][] = [];
  for (const record of records) {
    const subject = { operation: 'volume scrub', primary: controller.address(record.number) };
    const row = await recorded(
      controller,
      context,
      [subject],
      () => scrubOne(controller, record, input.accept, extras),
      (result) => ({
        tracks: result.checkedTracks,
        message:
          result.badTracks.length > 0 ? `${plural(result.badTracks.length, 'track')} not fitting their codes` : null,
      }),
    );
    volumes.push(row);
  }
  return { output: { volumes } };
}

interface ScrubRow {
  system: string;
  name: string;
  checkedTracks: number;
  badTracks: TrackIndex[];
  accepted: boolean;
}

async function scrubOne(
  controller: Controller,
  record: VolumeRecord,
  accept: boolean,
  extras: RequestExtras,
): Promise<ScrubRow> {
  controller.fabric.demandUnblocked(record.number);
  const volume = controller.fabric.volume(record.number);
  const watch = volume.codeless.watch();
  const row: ScrubRow = {
    system: controller.place.name,
    name: record.name,
    checkedTracks: 0,
    badTracks: [],
    accepted: accept,
  };
  const limit = Math.max(1, Math.floor(tuning.chunkBytes / record.trackSizeBytes));
  const fresh: number[] = [];
  try {
    for (
      let run = volume.allocated.map.nextRun(0, limit);
      run;
      run = volume.allocated.map.nextRun(run.first + run.count, limit)
    ) {
      demandGoing(extras);
      checkRun(controller, volume, run.first, run.count, row, fresh);
      await breathe(controller, extras, 'scrub', run.first + run.count, volume.geometry.trackCount);
    }
    await setCodes(controller, volume, fresh, (track) => watch.touched(track));
  } finally {
    watch.close();
  }
  if (accept) for (const track of row.badTracks) await acceptTrack(controller, volume, track);
  return row;
}

/** One step: reads, computes, compares, and writes the codes that are not set. */
function checkRun(
  controller: Controller,
  volume: LiveVolume,
  first: number,
  count: number,
  row: ScrubRow,
  fresh: number[],
): void {
  for (let track = first; track < first + count; track += 1) {
    if (!holdsTrack(controller.fabric, volume, track)) continue;
    const bytes = new Uint8Array(volume.geometry.bytesOf(track));
    volume.image.read(bytes, volume.geometry.offsetOf(track));
    row.checkedTracks += 1;
    const bad = readCoded(controller.fabric, volume, { first: track, count: 1 }, bytes, (_, code, computed) => {
      if (!computed) return;
      volume.codes.write(track, Uint32Array.of(bindCode(code, volume.number, track)));
      fresh.push(track);
    });
    if (bad !== undefined) row.badTracks.push(bad);
  }
}

/** The data that was read and the new codes durable, then the codes count; not those of tracks written meanwhile. */
async function setCodes(
  controller: Controller,
  volume: LiveVolume,
  tracks: readonly number[],
  touched: (track: number) => boolean,
): Promise<void> {
  if (tracks.length === 0) return;
  await controller.fabric.flush(volume.number);
  await volume.flushCodes();
  await controller.catalog.change(() => {
    const runs = tracks.filter((track) => !touched(track)).flatMap((track) => [track, 1]);
    return [{ do: 'clear', map: volumeMapKey(volume.number, 'codeless'), runs }];
  });
  await controller.catalog.durable();
}

/** Takes a track's data as a host's write: it is marked in every map, and a secondary that still read it through here is not whole. */
async function acceptTrack(controller: Controller, volume: LiveVolume, track: TrackIndex): Promise<void> {
  for (const { pair, side } of controller.fabric.legs(volume.number)) {
    const readThrough = side === 'primary' && pair.roles.secondaryLacks !== null && pair.outOfSync.map.has(track);
    if (readThrough)
      await controller.fabric.suspend(
        pair,
        'check-code',
        `track ${track} of the primary was changed from outside`,
        true,
      );
  }
  const run = { first: track, count: 1 };
  await controller.fabric.warm(volume, run);
  controller.fabric.mark(volume, run, {});
  await controller.catalog.logMarks();
  await controller.catalog.durable();
}
