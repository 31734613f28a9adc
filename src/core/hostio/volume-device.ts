import type { VolumeNumber } from '../foundation/foundation.js';
import { type BlockDevice, STATE_HOLE, STATE_ZERO, type StatusRun, type ZeroOptions } from '../ports/ports.js';
import type { Fabric } from './fabric.js';
import { flushAsHost } from './landing.js';
import type { LiveVolume } from './live-volume.js';
import { holdsTrack } from './read-path.js';

/** Zeros are written from one buffer, in pieces of this size. */
const ZEROS = new Uint8Array(256 * 1024);

/** A volume as a host sees it. Every call asks anew what the host may do: a split or a resync takes effect at once. */
export class VolumeDevice implements BlockDevice {
  readonly sizeBytes: number;
  readonly #fabric: Fabric;
  readonly #number: VolumeNumber;
  readonly #wrote: () => void;
  readonly #demandOffered: () => void;
  #offeredAt = -1;

  /**
   * `wrote` is called after each write to a volume whose pair is being copied: the copier may have new work. `demandOffered`
   * throws once hosts are no longer to reach the volume here; it is asked again only after a row of the tables changed.
   */
  constructor(fabric: Fabric, number: VolumeNumber, wrote: () => void, demandOffered: () => void) {
    this.#fabric = fabric;
    this.#number = number;
    this.#wrote = wrote;
    this.#demandOffered = demandOffered;
    this.sizeBytes = this.#volume.geometry.sizeBytes;
  }

  readNow(target: Uint8Array, offsetBytes: number): boolean {
    this.#fabric.readNow(this.#volume, target, offsetBytes);
    return true;
  }

  async read(target: Uint8Array, offsetBytes: number): Promise<void> {
    this.readNow(target, offsetBytes);
  }

  writeNow(source: Uint8Array, offsetBytes: number): boolean {
    const volume = this.#volume;
    if (!this.#fabric.writeNow(volume, source, offsetBytes)) return false;
    this.#tellCopier(volume);
    return true;
  }

  async write(source: Uint8Array, offsetBytes: number): Promise<void> {
    const volume = this.#volume;
    await this.#fabric.writeAsHost(volume.number, source, offsetBytes);
    this.#tellCopier(volume);
  }

  async flush(): Promise<void> {
    await flushAsHost(this.#fabric, this.#number);
  }

  /** Tracks that were never written are zero already; the rest is written. No file system is asked to punch holes (3.4). */
  async zero(offsetBytes: number, lengthBytes: number, options: ZeroOptions): Promise<boolean> {
    this.#fabric.demandHost(this.#number, 'write');
    const volume = this.#volume;
    if (options.onlyIfFast && !this.#isVirgin(volume, offsetBytes, lengthBytes)) return false;
    for (let at = offsetBytes; at < offsetBytes + lengthBytes; at += ZEROS.length) {
      const length = Math.min(ZEROS.length, offsetBytes + lengthBytes - at);
      if (!options.keepAllocated && this.#isVirgin(volume, at, length)) continue;
      await this.write(ZEROS.subarray(0, length), at);
    }
    return true;
  }

  /** Keeps the contents and counts as a write (DESIGN.md 3.4), so that both sides of a pair stay equal whatever a host assumes. */
  async trim(offsetBytes: number, lengthBytes: number): Promise<void> {
    this.#fabric.demandHost(this.#number, 'write');
    const volume = this.#volume;
    const buffer = new Uint8Array(Math.min(lengthBytes, ZEROS.length));
    for (let at = offsetBytes; at < offsetBytes + lengthBytes; at += buffer.length) {
      const length = Math.min(buffer.length, offsetBytes + lengthBytes - at);
      if (this.#isVirgin(volume, at, length)) continue;
      const part = buffer.subarray(0, length);
      this.readNow(part, at);
      await this.write(part, at);
    }
  }

  async allocation(offsetBytes: number, lengthBytes: number, runsMax: number): Promise<readonly StatusRun[]> {
    this.#fabric.demandHost(this.#number, 'read');
    const volume = this.#volume;
    const flagsOf = (track: number) =>
      volume.allocated.map.has(track) || !holdsTrack(this.#fabric, volume, track) ? 0 : STATE_HOLE | STATE_ZERO;
    return trackRuns(volume, offsetBytes, lengthBytes, runsMax, flagsOf);
  }

  close(): void {
    // The volume stays open for its controller.
  }

  /** Only where a pair of the volume is to be copied: waking the copier in vain costs more than the write. */
  #tellCopier(volume: LiveVolume): void {
    for (const { pair } of this.#fabric.legs(volume.number)) {
      // What went to a synchronous secondary as well leaves nothing to copy.
      if (!pair.roles.drain || (pair.alongside !== null && pair.outOfSync.map.isEmpty)) continue;
      this.#wrote();
      return;
    }
  }

  get #volume(): LiveVolume {
    const { rowsVersion } = this.#fabric.catalog;
    if (this.#offeredAt !== rowsVersion) {
      this.#demandOffered();
      this.#offeredAt = rowsVersion;
    }
    return this.#fabric.volume(this.#number);
  }

  #isVirgin(volume: LiveVolume, offsetBytes: number, lengthBytes: number): boolean {
    const { first, count } = volume.geometry.tracksOf(offsetBytes, lengthBytes);
    if (volume.allocated.map.any(first, count)) return false;
    for (let track = first; track < first + count; track += 1)
      if (!holdsTrack(this.#fabric, volume, track)) return false;
    return true;
  }
}

/** Joins neighbouring tracks with the same flags into runs of bytes. */
export function trackRuns(
  volume: LiveVolume,
  offsetBytes: number,
  lengthBytes: number,
  runsMax: number,
  flagsOf: (track: number) => number,
): StatusRun[] {
  const { geometry } = volume;
  const end = offsetBytes + lengthBytes;
  const runs: { lengthBytes: number; flags: number }[] = [];
  for (let at = offsetBytes; at < end; ) {
    const track = geometry.trackOf(at);
    const until = Math.min(end, geometry.offsetOf(track) + geometry.bytesOf(track));
    const flags = flagsOf(track);
    const last = runs.at(-1);
    if (last && last.flags === flags) last.lengthBytes += until - at;
    else if (runs.length === runsMax) break;
    else runs.push({ lengthBytes: until - at, flags });
    at = until;
  }
  return runs;
}
