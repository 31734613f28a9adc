import type { ByteCount, PairNumber, TrackIndex } from '../foundation/foundation.js';
import type { Pace, PairMode, PairStatus } from '../pair/pair.js';
import type { VolumeStatus } from '../volume/volume.js';

export interface PairListing {
  readonly number: PairNumber;
  readonly primary: string;
  readonly secondary: string;
  readonly primaryNumber: string;
  readonly secondaryNumber: string;
  readonly mode: PairMode;
  readonly status: PairStatus;
  readonly cci: string;
  readonly percentIdentical: number;
  readonly tracks: number;
  readonly outOfSyncTracks: number;
  readonly outOfSyncBytes: ByteCount;
  /** Of those out of sync, or changed: tracks that an unclean stop left in doubt, until somebody owns the system again. */
  readonly doubtfulTracks: number;
  readonly changedTracks: number;
  readonly secondaryChangedTracks: number;
  readonly pace: Pace;
  readonly rateBytesPerSecond: ByteCount | null;
  readonly secondsLeft: number | null;
  /** For how long somebody copies this pair and gets nothing across; null where nothing is left, or nobody copies. */
  readonly stalledSeconds: number | null;
  readonly copyPointer: TrackIndex;
  /** ISO times, or null. */
  readonly pointInTime: string | null;
  readonly splitAt: string | null;
  readonly createdAt: string;
  readonly generation: number;
  readonly imageComplete: boolean;
  readonly primaryStatus: PairStatus;
  readonly secondaryStatus: PairStatus;
  readonly primaryPorts: readonly { port: string; lun: number }[];
  readonly secondaryPorts: readonly { port: string; lun: number }[];
  readonly asOf: string;
  /** Why it is suspended, with what was affected; else null. */
  readonly reason: string | null;
  /** The status from which it was suspended, which says how it goes on; null where it is not. */
  readonly suspendedFrom: PairStatus | null;
  readonly virtual: boolean;
  readonly readOnly: boolean;
  readonly pointInTimeLost: boolean;
  /** Of a pair between systems: it does not go on by itself after a lost link; with whom it is suspended. */
  readonly manual: boolean;
  readonly session: string | null;
  /** At the secondary of a journal pair: the volume that keeps its last checkpoint while differences come back. */
  readonly backup: string | null;
  /** Of a pair between systems: which of its halves this row is; the halves of a pair have one id. */
  readonly half: {
    readonly id: string;
    readonly side: 'primary' | 'secondary';
    readonly term: number;
    readonly takenOver: boolean;
  } | null;
}

export interface VolumeListing {
  readonly system: string;
  readonly number: string;
  readonly name: string;
  readonly sizeBytes: ByteCount;
  readonly trackSizeBytes: ByteCount;
  readonly tracks: number;
  readonly allocatedTracks: number;
  readonly reserved: boolean;
  readonly status: VolumeStatus;
  readonly blockedReason: string | null;
  /** What is wrong with its image as a file: it is not there, is no plain file, or has another size. Else null. */
  readonly imageFault: 'missing' | 'strange' | 'size' | null;
  readonly emulation: string;
  readonly pairCount: number;
  /** Absolute. */
  readonly path: string;
  readonly imageComplete: boolean;
  /** Tracks that this volume lacks and cannot read from elsewhere (an incomplete volume), else 0. */
  readonly missingTracks: number;
  readonly ports: readonly { port: string; lun: number }[];
  /** The primary's address where the volume is S of a pair, else null. */
  readonly secondaryOf: string | null;
  readonly readable: boolean;
  readonly writable: boolean;
  /** The statuses of the pairs it takes part in. */
  readonly pairStatuses: readonly PairStatus[];
}

export interface SystemListing {
  readonly name: string;
  readonly id: string;
  readonly site: string | null;
  readonly path: string;
  readonly volumes: number;
  readonly maxVolumes: number;
  readonly reserved: number;
  readonly maxReserved: number;
  readonly pairs: number;
  readonly maxPairs: number;
  readonly trackSizeBytes: ByteCount;
  readonly durability: 'power' | 'none';
  readonly fixture: boolean;
  /** Who owns it now, or null. */
  readonly controller: { readonly host: string; readonly pid: number; readonly purpose: string } | null;
}

export interface VolumeTotals {
  readonly volumes: number;
  readonly maxVolumes: number;
  readonly reserved: number;
  readonly maxReserved: number;
  readonly pairs: number;
  readonly maxPairs: number;
}

export interface PortListing {
  readonly system: string;
  readonly name: string;
  readonly listen: string;
  readonly tlsDir: string | null;
  readonly insecure: boolean;
  readonly luns: readonly { readonly lun: number; readonly volume: string }[];
  /** Where it listens now, or null while nobody serves it. */
  readonly address: string | null;
}
