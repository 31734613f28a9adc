import { type Change, pairMapKey, volumeMapKey } from '../catalog/catalog.js';
import { type TrackRun, tuning } from '../foundation/foundation.js';
import {
  type Claim,
  checkCodeFailure,
  type Fabric,
  type LivePair,
  type LiveVolume,
  lacksAny,
  readCoded,
} from '../hostio/hostio.js';
import type { Watch } from '../trackmap/trackmap.js';
import { bindCode, codeOfData } from '../volume/volume.js';
import type { Mirror } from './mirror.js';

/** Neighbouring tracks on their way to the other half, or from it. */
export interface Lane {
  readonly run: TrackRun;
  readonly codes: readonly number[];
  /** Codes computed here because none was set. */
  readonly computed: readonly boolean[];
  /** Something was landing here while it was read, and had been marked before: the tracks are sent once more (H11). */
  readonly overtaken: boolean;
}

/** What was sent or fetched since the last settling. */
export interface Batch {
  readonly map: 'outOfSync' | 'secondary';
  readonly own: LiveVolume;
  readonly watch: Watch;
  readonly rewritten: Watch;
  readonly release: () => void;
  readonly arrived: Lane[];
  readonly underWay: Set<Promise<void>>;
  /** What ended one of its lanes. */
  fault: Error | undefined;
  tracks: number;
  readonly begunMs: number;
}

/** What is read of the source, and where to. */
export interface Reading {
  readonly run: TrackRun;
  readonly bytes: Uint8Array;
  /** Holds the tracks of a synchronous pair. */
  readonly claim: Claim | undefined;
}

/**
 * The tracks of a synchronous pair are held from reading to landing, and what is under way to them has landed: a host's write then
 * comes to the secondary after the copy that lacks it, and never before one that is older. Hosts wait for one transfer at most.
 */
export async function claimQuiet(own: LiveVolume, run: TrackRun, mirror: Mirror): Promise<Claim> {
  while (own.claims.overlapping(run.first, run.count)) await own.claims.released();
  const claim = own.claims.take(run.first, run.count);
  await mirror.quiet(run);
  return claim;
}

/**
 * Reads a large piece beside the loop, which goes on sending. True where nothing wrote the tracks from before the reading until now, so
 * that it is as good as one step; else it has to be done as one.
 */
export async function readBeside(
  fabric: Fabric,
  pair: LivePair,
  { own, rewritten }: Batch,
  { run, bytes, claim }: Reading,
): Promise<boolean> {
  const isStill = () =>
    !pair.roles.savesAside &&
    !own.claims.overlapping(run.first, run.count, claim) &&
    !rewritten.anyTouched(run.first, run.count) &&
    !lacksAny(fabric, own, run);
  if (bytes.length < tuning.readAsideBytes || !isStill()) return false;
  await own.image.readBulk(bytes, own.geometry.offsetOf(run.first));
  return isStill();
}

/**
 * What the secondary lacks, with its codes: old tracks of a frozen pair from where they were saved, in one step with looking there. The
 * rest is read in this step too, unless it was `isRead`.
 */
export function readLane(
  fabric: Fabric,
  pair: LivePair,
  own: LiveVolume,
  { run, bytes, claim }: Reading,
  isRead: boolean,
): Lane {
  if (pair.roles.savesAside && pair.saved.any(run.first, run.count)) return readAside(fabric, pair, own, run, bytes);
  const overtaken = own.claims.overlapping(run.first, run.count, claim) !== undefined;
  if (!isRead) fabric.read(own.number, bytes, own.geometry.offsetOf(run.first));
  const codes: number[] = [];
  const computed: boolean[] = [];
  const bad = readCoded(fabric, own, run, bytes, (_, code, fresh) => {
    codes.push(code);
    computed.push(fresh && !overtaken);
  });
  if (bad !== undefined) throw checkCodeFailure(fabric.address(own.number), bad);
  return { run, codes, computed, overtaken };
}

/** Track by track: some of them lie in the save area, whose data is not the volume's and sets none of its codes. */
function readAside(fabric: Fabric, pair: LivePair, own: LiveVolume, run: TrackRun, bytes: Uint8Array): Lane {
  const { geometry } = own;
  const codes: number[] = [];
  for (let i = 0; i < run.count; i += 1) {
    const track = run.first + i;
    const at = i * geometry.trackSizeBytes;
    const part = bytes.subarray(at, at + geometry.bytesOf(track));
    if (pair.saved.has(track)) pair.saveArea.read(part, geometry.offsetOf(track));
    else fabric.read(own.number, part, geometry.offsetOf(track));
    codes.push(codeOfData(part));
  }
  return { run, codes, computed: codes.map(() => false), overtaken: false };
}

export function writeOwnCodes({ own, rewritten }: Batch, { run, codes, computed }: Lane): void {
  for (let i = 0; i < run.count; i += 1) {
    const track = run.first + i;
    if (!computed[i] || rewritten.touched(track)) continue;
    own.codes.write(track, Uint32Array.of(bindCode(codes[i] ?? 0, own.number, track)));
  }
}

/** The changes that clear what arrived and was not marked again; with it go the old contents that were saved for it. */
export function clearOfArrived(pair: LivePair, batch: Batch, copyPointer: number): Change[] {
  const { record } = pair;
  if (!record) return [];
  const clean: number[] = [];
  const coded: number[] = [];
  const lacking = pair.map(batch.map).map;
  for (const { run, computed, overtaken } of batch.arrived) {
    if (overtaken) continue;
    for (let i = 0; i < run.count; i += 1) {
      const track = run.first + i;
      if (!lacking.has(track) || batch.watch.touched(track)) continue;
      append(clean, track);
      if (computed[i] && !batch.rewritten.touched(track)) append(coded, track);
    }
  }
  const saved = pair.roles.savesAside && !pair.forming && !pair.saved.isEmpty;
  return [
    { do: 'clear', map: pairMapKey(record.number, batch.map), runs: clean },
    ...(saved ? [{ do: 'clear' as const, map: pairMapKey(record.number, 'saved'), runs: clean }] : []),
    { do: 'clear', map: volumeMapKey(batch.own.number, 'codeless'), runs: coded },
    { do: 'put-pair', record: { ...record, copyPointer } },
  ];
}

/** Adds a track to flat runs that come in order. */
function append(runs: number[], track: number): void {
  const last = runs.length - 2;
  if (last >= 0 && (runs[last] as number) + (runs[last + 1] as number) === track) (runs[last + 1] as number) += 1;
  else runs.push(track, 1);
}
