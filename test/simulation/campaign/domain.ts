import { tuning } from '../../../src/core/foundation/foundation.js';
import type { Fabric } from '../../../src/core/hostio/hostio.js';
import type { Files } from '../../../src/core/ports/ports.js';
import { KIB, TRACK } from '../system/sim-system.js';

export const SECTOR = 512;
const WORDS_PER_SECTOR = SECTOR / 4;

/** Volumes of a campaign: six regions, the last track short. */
export const VOLUME_TRACKS = 23;
export const VOLUME_BYTES = VOLUME_TRACKS * TRACK - 3 * SECTOR;
export const DOMAIN: readonly number[] = Array.from({ length: VOLUME_TRACKS }, (_, track) => track);

// Everything small, so that few writes cool regions, fill lanes and batches, and start the log anew.
Object.assign(tuning, {
  regionBytes: 4 * TRACK,
  activeRegionsMax: 4,
  laneBytes: 3 * TRACK,
  readAsideBytes: 2 * TRACK,
  batchBytes: 8 * TRACK,
  hurriedBatchBytes: 12 * TRACK,
  aheadBytes: 2 * TRACK,
  chunkBytes: 64 * KIB,
  checkpointAtBytes: 12 * KIB,
  checkpointAtCloseBytes: 2 * KIB,
  checkpointMapBytes: 128,
  ledgerBytes: 32 * KIB,
});

/** Contents of the domain: one stamp for each sector, all 128 words of a sector being its stamp. 0 is a sector never written. */
export type Contents = Uint32Array;

/** No statement about a sector. */
export const ANYTHING = 0xffff_ffff;
/** A sector that holds no stamp: a mix, or bytes that nobody wrote. */
export const GARBAGE = 0xffff_fffe;

/** Byte offsets of the domain's sectors. */
export const SECTOR_OFFSETS: readonly number[] = DOMAIN.flatMap((track) =>
  Array.from({ length: TRACK / SECTOR }, (_, index) => track * TRACK + index * SECTOR).filter(
    (offset) => offset + SECTOR <= VOLUME_BYTES,
  ),
);
const INDEX_OF = new Map(SECTOR_OFFSETS.map((offset, index) => [offset, index]));
export const SECTORS = SECTOR_OFFSETS.length;
const SECTORS_PER_TRACK = TRACK / SECTOR;

/** What was read last; reading is one step, so one buffer serves. */
const readWords = new Uint32Array(VOLUME_BYTES / 4);
const readBytes = Buffer.from(readWords.buffer);

/** The sectors of the domain inside a byte range. */
export function sectorsOf(offset: number, bytes: number): number[] {
  const found: number[] = [];
  for (let at = offset; at < offset + bytes; at += SECTOR) {
    const index = INDEX_OF.get(at);
    if (index !== undefined) found.push(index);
  }
  return found;
}

export function trackOfSector(sector: number): number {
  return Math.floor((SECTOR_OFFSETS[sector] as number) / TRACK);
}

export function stamped(bytes: number, stamp: number): Uint8Array {
  const data = new Uint32Array(bytes / 4).fill(stamp);
  return new Uint8Array(data.buffer);
}

export function blank(): Contents {
  return new Uint32Array(SECTORS);
}

export function unknown(): Contents {
  return new Uint32Array(SECTORS).fill(ANYTHING);
}

/** What a volume holds logically, read past all permissions: also where tracks of it lie at a volume that a fault blocked. */
export function logicalOf(fabric: Fabric, volume: number): Contents {
  return gather((target) => {
    fabric.volume(volume).image.read(target, 0);
    for (let from = 0; from < target.length; from += TRACK) {
      const holder = holderOf(fabric, volume, from / TRACK);
      if (holder !== volume) fabric.volume(holder).image.read(target.subarray(from, from + TRACK), from);
    }
  });
}

/** The volume in whose image a track lies that this one holds or reads from the other side of a pair. */
function holderOf(fabric: Fabric, volume: number, track: number): number {
  for (const { pair, side } of fabric.legs(volume)) {
    const map = side === 'primary' ? pair.roles.primaryLacks : pair.roles.secondaryLacks;
    if (!map || !pair.record || !pair.map(map).map.has(track)) continue;
    return holderOf(fabric, side === 'primary' ? pair.record.secondary : pair.record.primary, track);
  }
  return volume;
}

/** What an image file holds by itself. */
export function imageOf(files: Files, path: string): Contents {
  const file = files.open(path, 'read');
  try {
    return gather((target, offset) => {
      file.read(target, offset);
    });
  } finally {
    file.close();
  }
}

function gather(read: (target: Uint8Array, offset: number) => void): Contents {
  const contents = blank();
  readBytes.fill(0); // A file cut short in a format gives less.
  read(readBytes, 0);
  for (let first = 0; first < SECTORS; first += SECTORS_PER_TRACK) {
    const count = Math.min(SECTORS_PER_TRACK, SECTORS - first);
    if (isUniform(first, count)) contents.fill(readWords[first * WORDS_PER_SECTOR] as number, first, first + count);
    else for (let sector = first; sector < first + count; sector += 1) contents[sector] = stampOf(sector);
  }
  return contents;
}

function stampOf(sector: number): number {
  return isUniform(sector, 1) ? (readWords[sector * WORDS_PER_SECTOR] as number) : GARBAGE;
}

/** Whether all words of some sectors are the same: the bytes equal themselves one word on. */
function isUniform(sector: number, count: number): boolean {
  const [from, until] = [sector * SECTOR, (sector + count) * SECTOR];
  return Buffer.compare(readBytes.subarray(from, until - 4), readBytes.subarray(from + 4, until)) === 0;
}

/** The tracks in which two contents differ, each once. */
export function differingTracks(left: Contents, right: Contents): number[] {
  const tracks: number[] = [];
  for (let sector = 0; sector < SECTORS; sector += 1) {
    if (left[sector] === right[sector]) continue;
    const track = trackOfSector(sector);
    if (tracks.at(-1) !== track) tracks.push(track);
  }
  return tracks;
}
