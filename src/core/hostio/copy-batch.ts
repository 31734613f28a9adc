import { type Change, pairMapKey, volumeMapKey } from '../catalog/catalog.js';
import { type TrackCount, type TrackIndex, type TrackRun, tuning } from '../foundation/foundation.js';
import type { PairRecord } from '../pair/pair.js';
import type { TrackMap, Watch } from '../trackmap/trackmap.js';
import { bindCode } from '../volume/volume.js';
import type { Claim } from './claims.js';
import type { LiveVolume } from './live-volume.js';

/** A contiguous piece under way: claimed, taken up turn by turn, then read and landing. */
export interface Lane {
  readonly run: TrackRun;
  readonly claim: Claim;
  readonly buffer: Uint8Array;
  takenTracks: number;
  /** Something was landing at the source while it was read and had been marked before: the tracks are copied once more (H11). */
  overtaken: boolean;
  /** Tracks whose check code was computed, not verified: the source's code becomes set as well. */
  readonly computed: boolean[];
  readonly codes: Uint32Array;
}

/** Everything between two commits. Its pair's mutex is held, so the pair's state does not change under it. */
export interface Batch {
  readonly map: 'outOfSync' | 'secondary';
  readonly source: LiveVolume;
  readonly target: LiveVolume;
  readonly watch: Watch;
  /** What others wrote at either side since the batch began; the codes of such tracks are not those of the copied data. */
  readonly rewritten: { readonly source: Watch; readonly target: Watch };
  readonly release: () => void;
  readonly landed: Lane[];
  readonly landing: Set<Promise<void>>;
  copiedTracks: number;
  readonly begunMs: number;
}

/** What one piece may have at most. */
export function laneTracks({ geometry }: LiveVolume): TrackCount {
  return Math.max(1, Math.floor(tuning.laneBytes / geometry.trackSizeBytes));
}

/** The codes of the copied data, bound to the target's address. */
export function writeTargetCodes(target: LiveVolume, lane: Lane): void {
  const codes = new Uint32Array(lane.run.count);
  for (let i = 0; i < lane.run.count; i += 1) {
    codes[i] = bindCode(lane.codes[i] ?? 0, target.number, lane.run.first + i);
  }
  target.codes.write(lane.run.first, codes);
}

/** The codes that were computed because the source had none; not those of tracks written meanwhile. */
export function writeSourceCodes({ source, rewritten }: Batch, lane: Lane): void {
  if (lane.overtaken) return;
  const { first, count } = lane.run;
  const codes = new Uint32Array(count);
  const isFresh = (i: number) => lane.computed[i] === true && !rewritten.source.touched(first + i);
  for (let from = 0; from < count; from += 1) {
    let until = from;
    for (; until < count && isFresh(until); until += 1) {
      codes[until] = bindCode(lane.codes[until] ?? 0, source.number, first + until);
    }
    if (until > from) source.codes.write(first + from, codes.subarray(from, until));
    from = until;
  }
}

/** What a batch clears once everything is durable: the bits of tracks that nobody marked again, and the codes that now are set. */
export function clearsOf(batch: Batch, record: PairRecord, lacking: TrackMap, copyPointer: TrackIndex): Change[] {
  const clean: number[] = [];
  const targetCoded: number[] = [];
  const sourceCoded: number[] = [];
  const { rewritten } = batch;
  for (const lane of batch.landed) {
    if (lane.overtaken) continue;
    for (let i = 0; i < lane.run.count; i += 1) {
      const track = lane.run.first + i;
      if (!lacking.has(track) || batch.watch.touched(track)) continue;
      append(clean, track);
      if (!rewritten.target.touched(track)) append(targetCoded, track);
      if (lane.computed[i] && !rewritten.source.touched(track)) append(sourceCoded, track);
    }
  }
  const changes: Change[] = [
    { do: 'clear', map: pairMapKey(record.number, batch.map), runs: clean },
    { do: 'clear', map: volumeMapKey(batch.target.number, 'codeless'), runs: targetCoded },
    { do: 'put-pair', record: { ...record, copyPointer } },
  ];
  if (sourceCoded.length > 0)
    changes.push({ do: 'clear', map: volumeMapKey(batch.source.number, 'codeless'), runs: sourceCoded });
  return changes;
}

/** Adds a track to flat runs, joining it to the last run where it follows on. */
function append(runs: number[], track: number): void {
  const last = runs.length - 2;
  if (last >= 0 && (runs[last] as number) + (runs[last + 1] as number) === track) (runs[last + 1] as number) += 1;
  else runs.push(track, 1);
}
