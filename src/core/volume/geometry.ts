import {
  assert,
  type ByteCount,
  type ByteOffset,
  failure,
  type TrackCount,
  type TrackIndex,
  type TrackRun,
} from '../foundation/foundation.js';
import { isTrackSize, isVolumeSize } from './sizes.js';

/** How the bytes of a volume fall into tracks. The last track may be short. */
export class Geometry {
  readonly sizeBytes: ByteCount;
  readonly trackSizeBytes: ByteCount;
  readonly trackCount: TrackCount;

  constructor(volume: { readonly sizeBytes: ByteCount; readonly trackSizeBytes: ByteCount }) {
    assert(isVolumeSize(volume.sizeBytes), 'the size of a volume was checked');
    assert(isTrackSize(volume.trackSizeBytes), 'the track size of a volume was checked');
    this.sizeBytes = volume.sizeBytes;
    this.trackSizeBytes = volume.trackSizeBytes;
    this.trackCount = Math.ceil(volume.sizeBytes / volume.trackSizeBytes);
  }

  get lastTrack(): TrackIndex {
    return this.trackCount - 1;
  }

  /** The track that holds the byte at this offset. */
  trackOf(offset: ByteOffset): TrackIndex {
    return Math.floor(offset / this.trackSizeBytes);
  }

  /** Every track that a range touches; none where it is empty. */
  tracksOf(offset: ByteOffset, length: ByteCount): TrackRun {
    const first = this.trackOf(offset);
    return { first, count: length === 0 ? 0 : this.trackOf(offset + length - 1) - first + 1 };
  }

  /** The tracks that a range covers from their first byte to their last, or undefined where it covers none. */
  wholeTracksIn(offset: ByteOffset, length: ByteCount): TrackRun | undefined {
    const end = offset + length;
    const first = Math.ceil(offset / this.trackSizeBytes);
    const behind = end >= this.sizeBytes ? this.trackCount : Math.floor(end / this.trackSizeBytes);
    return behind > first && length > 0 ? { first, count: behind - first } : undefined;
  }

  offsetOf(track: TrackIndex): ByteOffset {
    return track * this.trackSizeBytes;
  }

  bytesOf(track: TrackIndex): ByteCount {
    return Math.min(this.trackSizeBytes, this.sizeBytes - this.offsetOf(track));
  }

  /** The bytes of a run of tracks. */
  bytesOfRun(run: TrackRun): ByteCount {
    return Math.min(this.sizeBytes, this.offsetOf(run.first + run.count)) - this.offsetOf(run.first);
  }
}

/** A range that does not lie inside the volume is refused with `bad-range`. */
export function checkRange(
  volume: { readonly name: string; readonly sizeBytes: ByteCount },
  offset: ByteOffset,
  length: ByteCount,
): void {
  const counts = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
  if (counts && offset + length <= volume.sizeBytes) return;
  throw failure(
    'bad-range',
    `${length} bytes from ${offset} are not inside volume ${volume.name}.`,
    `The volume has ${volume.sizeBytes} bytes.`,
  );
}
