import { failure, type ToolkitError, type TrackIndex, type TrackRun } from '../foundation/foundation.js';
import { bindCode, codeOfData } from '../volume/volume.js';
import type { Fabric } from './fabric.js';
import type { LiveVolume } from './live-volume.js';
import { holdsTrack } from './read-path.js';

/** Reused for the codes of one turn; a turn is synchronous. */
const stored = new Uint32Array(4096);

/**
 * Computes the code of each track's data and compares it with the one at rest where that is set (DESIGN.md 3.3). `each` gets the
 * data's code and whether it was only computed because none was set. Returns the first track that does not fit, if any.
 */
export function readCoded(
  fabric: Fabric,
  volume: LiveVolume,
  run: TrackRun,
  bytes: Uint8Array,
  each: (index: number, dataCode: number, computed: boolean) => void,
): TrackIndex | undefined {
  const { trackSizeBytes } = volume.geometry;
  const codes = run.count <= stored.length ? stored : new Uint32Array(run.count);
  const anySet = !volume.codeless.map.all(run.first, run.count) && volume.allocated.map.any(run.first, run.count);
  if (anySet) volume.codes.read(run.first, run.count, codes);
  for (let i = 0; i < run.count; i += 1) {
    const track = run.first + i;
    const code = codeOfData(bytes.subarray(i * trackSizeBytes, Math.min(bytes.length, (i + 1) * trackSizeBytes)));
    const own = volume.allocated.map.has(track) && holdsTrack(fabric, volume, track);
    // A hole in the file of codes is no code: the file was lost, or made anew, and a crash took the marks that said so (H32).
    const set = own && !volume.codeless.map.has(track) && codes[i] !== 0;
    if (set && codes[i] !== bindCode(code, volume.number, track)) return track;
    each(i, code, own && !set);
  }
  return undefined;
}

/** Throws where a copier met a track whose data does not fit its check code. */
export function checkCodeFailure(address: string, track: TrackIndex): ToolkitError {
  return failure(
    'check-code',
    `Track ${track} of ${address} does not fit its check code.`,
    `copyset volume scrub ${address} lists all such tracks; --accept takes the data as it is.`,
    {
      details: { track },
    },
  );
}
