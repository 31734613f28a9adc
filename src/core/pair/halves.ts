import { assert, type PairNumber, VOLUMES_MAX, type VolumeNumber } from '../foundation/foundation.js';
import type { PairRecord, RemoteHalf, Side } from './record.js';

/** The number that stands for the volume of a remote pair that lies in the other system. */
export function foreignVolume(pair: PairNumber): VolumeNumber {
  return VOLUMES_MAX + pair;
}

export function isForeign(volume: VolumeNumber): boolean {
  return volume >= VOLUMES_MAX;
}

/** The pair that a foreign number belongs to. */
export function pairOfForeign(volume: VolumeNumber): PairNumber {
  assert(isForeign(volume), 'the number is that of a foreign volume');
  return volume - VOLUMES_MAX;
}

/** A remote pair's half of this system. */
export interface HalfRecord extends PairRecord {
  readonly remote: RemoteHalf;
}

export function isHalf(record: PairRecord): record is HalfRecord {
  return record.remote !== undefined;
}

/** The sides of a pair whose volumes lie in this system: both, or one of a remote pair. */
export function ownSides(record: PairRecord): readonly Side[] {
  return record.remote ? [record.remote.side] : ['primary', 'secondary'];
}

/** The volumes of a pair that lie in this system. */
export function ownVolumes(record: PairRecord): readonly VolumeNumber[] {
  return ownSides(record).map((side) => record[side]);
}

/** A volume of the pair that lies in this system; both volumes of a pair have the same geometry. */
export function geometryVolume(record: PairRecord): VolumeNumber {
  return record.remote?.side === 'secondary' ? record.secondary : record.primary;
}

/** Whether this system decides about the pair: it does of local pairs, and at the primary of remote ones. */
export function leads(record: PairRecord): boolean {
  return record.remote === undefined || record.remote.side === 'primary';
}
