import { type Catalog, volumeMapKey } from '../catalog/catalog.js';
import { PAIRS_MAX, RESERVED_MAX, VOLUMES_MAX } from '../foundation/foundation.js';
import { addressOf, hostRefusal, type Leg, mapCounts } from '../hostio/hostio.js';
import {
  activeState,
  cciName,
  frozenOf,
  geometryVolume,
  imageComplete,
  missingTracks,
  type PairRecord,
  percentIdentical,
  rolesOf,
  type Side,
  shownHalf,
} from '../pair/pair.js';
import type { OwnerRecord } from '../ports/ports.js';
import { formatNumber, type VolumeRecord } from '../volume/volume.js';
import type { PairListing, PortListing, SystemListing, VolumeListing, VolumeTotals } from './requests.js';
import type { SystemPlace } from './system-place.js';

/** What a catalog looks like from outside: rows of the listings. Works on a read-only catalog as well. */
export class Listing {
  readonly #place: SystemPlace;
  readonly #catalog: Catalog;
  readonly #nowMs: () => number;
  /** Addresses of the ports that are open now, by the port's name. */
  readonly serving = new Map<string, string>();
  /** Bytes per second that a pair was last copied at, where somebody copies. */
  readonly #speed: (pair: number) => number | undefined;
  /** Whether the primary of a half that lies here is known to be there; it is not where the files alone are read. */
  readonly #isLinked: (pair: number) => boolean;

  constructor(
    place: SystemPlace,
    catalog: Catalog,
    nowMs: () => number,
    speed: (pair: number) => number | undefined = () => undefined,
    isLinked: (pair: number) => boolean = () => false,
  ) {
    this.#place = place;
    this.#catalog = catalog;
    this.#nowMs = nowMs;
    this.#speed = speed;
    this.#isLinked = isLinked;
  }

  system(controller: OwnerRecord | undefined): SystemListing {
    const { info, name, path } = this.#place;
    return {
      name,
      id: info.id,
      site: info.site,
      path,
      ...this.totals(),
      trackSizeBytes: info.trackSizeBytes,
      durability: info.durability,
      fixture: info.fixture,
      controller: controller ?? null,
    };
  }

  totals(): VolumeTotals {
    let reserved = 0;
    for (const volume of this.#catalog.volumes.values()) if (volume.reserved) reserved += 1;
    return {
      volumes: this.#catalog.volumes.size,
      maxVolumes: VOLUMES_MAX,
      reserved,
      maxReserved: RESERVED_MAX,
      pairs: this.#catalog.pairs.size,
      maxPairs: PAIRS_MAX,
    };
  }

  /** Rows of ports; `serving` tells where each listens now. */
  ports(): PortListing[] {
    return [...this.#catalog.ports.values()].map((port) => ({
      system: this.#place.name,
      name: port.name,
      listen: port.listen,
      tlsDir: port.tlsDir,
      insecure: port.insecure,
      luns: port.luns.map(({ lun, volume }) => ({ lun, volume: this.#catalog.volumes.get(volume)?.name ?? '?' })),
      address: this.serving.get(port.name) ?? null,
    }));
  }

  #portsOf(volume: number): { port: string; lun: number }[] {
    return [...this.#catalog.ports.values()].flatMap(({ name, luns }) =>
      luns.filter((entry) => entry.volume === volume).map(({ lun }) => ({ port: name, lun })),
    );
  }

  volumes(): VolumeListing[] {
    return [...this.#catalog.volumes.values()].sort((a, b) => a.number - b.number).map((record) => this.volume(record));
  }

  volume(record: VolumeRecord): VolumeListing {
    const pairs = this.#pairsOf(record);
    const tracks = Math.ceil(record.sizeBytes / record.trackSizeBytes);
    const lacking = pairs.reduce(
      (sum, pair) => sum + missingTracks(pair.state, sideOf(pair, record), mapCounts(this.#catalog, pair)),
      0,
    );
    const upstream = pairs.find((pair) => pair.secondary === record.number);
    return {
      system: this.#place.name,
      number: formatNumber(record.number),
      name: record.name,
      sizeBytes: record.sizeBytes,
      trackSizeBytes: record.trackSizeBytes,
      tracks,
      allocatedTracks: this.#catalog.countOf(volumeMapKey(record.number, 'allocated')),
      reserved: record.reserved,
      status: record.status === 'normal' && pairs.some(isCopying) ? 'copying' : record.status,
      blockedReason: record.blockedReason,
      emulation: record.emulation,
      pairCount: pairs.length,
      path: imagePathOf(this.#place.path, record),
      imageComplete: lacking === 0 && record.incomplete === null,
      missingTracks: record.incomplete?.missingTracks ?? 0,
      ports: this.#portsOf(record.number),
      secondaryOf: upstream ? this.#address(upstream.primary) : null,
      readable: this.#allowed(record, pairs, 'read'),
      writable: this.#allowed(record, pairs, 'write'),
      pairStatuses: pairs.map((pair) => pair.state.status),
    };
  }

  pairs(): PairListing[] {
    return [...this.#catalog.pairs.values()].map((record) => this.pair(record));
  }

  pair(row: PairRecord): PairListing {
    const record = shownHalf(row, this.#isLinked(row.number));
    const counts = mapCounts(this.#catalog, record);
    const map = (name: 'outOfSync' | 'changed' | 'secondary') => this.#catalog.pairMap(record.number, name).map;
    const own = geometryVolume(record);
    const tracks = this.#catalog.trackCountOf(own);
    const trackSizeBytes = this.#catalog.volumes.get(own)?.trackSizeBytes ?? 0;
    const differing =
      counts.changed + counts.secondary === 0
        ? counts.outOfSync
        : map('outOfSync').countUnion(map('changed'), map('secondary'));
    const frozen = frozenOf(record.state);
    // In a restore the tracks that P lacks are out of sync as well.
    const lackedByPrimary = rolesOf(record.state).primaryLacks === null ? 0 : counts.secondary;
    const outOfSync = counts.outOfSync + lackedByPrimary;
    const { drain } = rolesOf(record.state);
    const speed = this.#speed(record.number);
    const left = drain ? counts[drain.map] * trackSizeBytes : 0;
    return {
      number: record.number,
      primary: this.#address(record.primary),
      secondary: this.#address(record.secondary),
      primaryNumber: numberOf(record, 'primary'),
      secondaryNumber: numberOf(record, 'secondary'),
      mode: record.mode,
      status: record.state.status,
      cci: cciName(record.state.status, 'primary'),
      percentIdentical: percentIdentical(tracks, differing),
      tracks,
      outOfSyncTracks: outOfSync,
      outOfSyncBytes: outOfSync * trackSizeBytes,
      changedTracks: counts.changed,
      secondaryChangedTracks: counts.secondary - lackedByPrimary,
      pace: record.pace,
      rateBytesPerSecond: record.rateBytesPerSecond,
      secondsLeft: drain && speed ? Math.ceil(left / speed) : null,
      copyPointer: record.copyPointer,
      pointInTime: frozen ? isoTime(frozen.pointInTimeMs) : null,
      splitAt: record.splitAtMs === null ? null : isoTime(record.splitAtMs),
      createdAt: isoTime(record.createdAtMs),
      generation: record.generation,
      imageComplete: imageComplete(record.state, 'secondary', counts) && imageComplete(record.state, 'primary', counts),
      primaryStatus: record.state.status,
      secondaryStatus: record.state.status,
      primaryPorts: this.#portsOf(record.primary),
      secondaryPorts: this.#portsOf(record.secondary),
      asOf: isoTime(this.#nowMs()),
      reason: record.state.status === 'suspended' ? record.state.message : null,
      virtual: frozen?.virtual ?? false,
      readOnly: frozen?.readOnly ?? false,
      pointInTimeLost: frozen?.pointInTimeLost ?? false,
    };
  }

  #pairsOf(record: VolumeRecord): PairRecord[] {
    return this.#catalog.pairsOf(record.number).flatMap((number) => this.#catalog.pairs.get(number) ?? []);
  }

  #allowed(record: VolumeRecord, pairs: readonly PairRecord[], wanted: 'read' | 'write'): boolean {
    const legs = pairs.map((pair): Leg => ({ pair: { record: pair }, side: sideOf(pair, record) }));
    return hostRefusal(this.#place.name, record, legs, wanted) === undefined;
  }

  #address(volume: number): string {
    return addressOf(this.#catalog, this.#place.name, volume);
  }
}

/** `CU:LDEV` of one side; of a remote pair's other side the number that it has in its own system. */
function numberOf(record: PairRecord, side: Side): string {
  const { remote } = record;
  return formatNumber(remote && remote.side !== side ? remote.peer.number : record[side]);
}

export function imagePathOf(folder: string, record: VolumeRecord): string {
  return record.imagePath.startsWith('/') ? record.imagePath : `${folder}/${record.imagePath}`;
}

export function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

function sideOf(pair: PairRecord, record: VolumeRecord): 'primary' | 'secondary' {
  return pair.primary === record.number ? 'primary' : 'secondary';
}

function isCopying(pair: PairRecord): boolean {
  return rolesOf(pair.state).drain !== null && activeState(pair.state).status !== 'duplex';
}
