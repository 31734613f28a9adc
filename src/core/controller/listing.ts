import { type Catalog, volumeMapKey } from '../catalog/catalog.js';
import { PAIRS_MAX, type PairNumber, RESERVED_MAX, VOLUMES_MAX } from '../foundation/foundation.js';
import { addressOf, hostRefusal, type Leg } from '../hostio/hostio.js';
import { activeState, type PairRecord, rolesOf } from '../pair/pair.js';
import type { Files, OwnerRecord } from '../ports/ports.js';
import { formatNumber, type VolumeRecord } from '../volume/volume.js';
import type { PairListing, PortListing, SystemListing, VolumeListing, VolumeTotals } from './control/requests.js';
import { imageFault, imagePathOf } from './image-faults.js';
import { missingHere, pairListing } from './pairs/listing.js';
import type { SystemPlace } from './system-place.js';

/** What a running controller knows of a pair beside the catalog. */
export interface LiveFacts {
  /** Bytes per second that it was last copied at, where somebody copies. */
  readonly speed?: (pair: PairNumber) => number | undefined;
  readonly heardAtMs?: (pair: PairNumber) => number | undefined;
  readonly isLinked?: (pair: PairNumber) => boolean;
  readonly linkLostMs?: (pair: PairNumber) => number | undefined;
  readonly doubtfulTracks?: (pair: PairNumber) => number;
  /** For how long what is to be copied has not got on, where somebody copies. */
  readonly stalledMs?: (pair: PairNumber) => number | undefined;
}

/** What a catalog looks like from outside: rows of the listings. Works on a read-only catalog as well. */
export class Listing {
  readonly #place: SystemPlace;
  readonly #catalog: Catalog;
  readonly #files: Pick<Files, 'status'>;
  readonly #nowMs: () => number;
  /** Addresses of the ports that are open now, by the port's name. */
  readonly serving = new Map<string, string>();
  readonly #live: LiveFacts;

  constructor(
    place: SystemPlace,
    catalog: Catalog,
    files: Pick<Files, 'status'>,
    nowMs: () => number,
    live: LiveFacts = {},
  ) {
    this.#place = place;
    this.#catalog = catalog;
    this.#files = files;
    this.#nowMs = nowMs;
    this.#live = live;
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
    const lacking = pairs.reduce((sum, pair) => sum + missingHere(this.#catalog, pair, sideOf(pair, record)), 0);
    const upstream = pairs.find((pair) => pair.secondary === record.number);
    const path = imagePathOf(this.#place.path, record);
    // One that is being formatted is made anew.
    const fault = record.status === 'format' ? undefined : imageFault(this.#files, path, record);
    return {
      system: this.#place.name,
      number: formatNumber(record.number),
      name: record.name,
      sizeBytes: record.sizeBytes,
      trackSizeBytes: record.trackSizeBytes,
      tracks,
      allocatedTracks: this.#catalog.countOf(volumeMapKey(record.number, 'allocated')),
      reserved: record.reserved,
      status: fault ? 'blocked' : record.status === 'normal' && pairs.some(isCopying) ? 'copying' : record.status,
      blockedReason: fault?.message ?? record.blockedReason,
      imageFault: fault?.kind ?? null,
      emulation: record.emulation,
      pairCount: pairs.length,
      path,
      imageComplete: !fault && lacking === 0 && record.incomplete === null,
      missingTracks: record.incomplete?.missingTracks ?? 0,
      ports: this.#portsOf(record.number),
      secondaryOf: upstream ? this.#address(upstream.primary) : null,
      readable: !fault && this.#allowed(record, pairs, 'read'),
      writable: !fault && this.#allowed(record, pairs, 'write'),
      pairStatuses: pairs.map((pair) => pair.state.status),
    };
  }

  pairs(): PairListing[] {
    return [...this.#catalog.pairs.values()].map((record) => this.pair(record));
  }

  pair(record: PairRecord): PairListing {
    return pairListing(record, {
      catalog: this.#catalog,
      address: (volume) => this.#address(volume),
      portsOf: (volume) => this.#portsOf(volume),
      nowMs: this.#nowMs(),
      speed: this.#live.speed?.(record.number),
      heardAtMs: this.#live.heardAtMs?.(record.number),
      isLinked: this.#live.isLinked?.(record.number) ?? false,
      linkLostMs: this.#live.linkLostMs?.(record.number),
      doubtfulTracks: this.#live.doubtfulTracks?.(record.number) ?? 0,
      stalledMs: this.#live.stalledMs?.(record.number),
    });
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

function sideOf(pair: PairRecord, record: VolumeRecord): 'primary' | 'secondary' {
  return pair.primary === record.number ? 'primary' : 'secondary';
}

function isCopying(pair: PairRecord): boolean {
  return rolesOf(pair.state).drain !== null && activeState(pair.state).status !== 'duplex';
}
