import { assert, type PairNumber, VOLUMES_MAX, type VolumeNumber } from '../foundation/foundation.js';
import { asTracking } from './journalled.js';
import { activeState } from './phase.js';
import type { PairRecord, PairState, RemoteHalf, Side, TakenOver } from './record.js';

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

/** The primary's half after its secondary was made a primary: hosts are refused, nothing is sent. Undefined where it knows. */
export function displacedHalf(record: PairRecord): HalfRecord | undefined {
  if (!isHalf(record) || record.remote.side !== 'primary') return undefined;
  const { state, remote } = record;
  if (remote.displaced && state.status === 'suspended' && state.reason === 'takeover') return undefined;
  const message = `${remote.peer.system.name}:${remote.peer.name} was made a primary`;
  const next: PairState = {
    status: 'suspended',
    from: activeState(state),
    reason: 'takeover',
    message,
    allowWrite: false,
  };
  return asTracking({ ...record, state: next, remote: { ...remote, displaced: true } });
}

/** The secondary's half as a primary: split from what it follows, under a term above all that its primary may send (H5). */
export function takenOverHalf(record: HalfRecord, takenOver: TakenOver, term: number): HalfRecord {
  const frozen = { pointInTimeMs: takenOver.atMs, virtual: false, readOnly: false, pointInTimeLost: false };
  return {
    ...record,
    state: { status: 'split', frozen },
    splitAtMs: takenOver.atMs,
    generation: record.generation + 1,
    remote: { ...record.remote, term, takenOver },
  };
}

/** A displaced primary that takes the differences of its secondary, which serves hosts meanwhile. */
export function isReturning({ state, remote }: Pick<PairRecord, 'state' | 'remote'>): boolean {
  return remote?.displaced === true && activeState(state).status === 'resync-reverse' && !isDisplaced(state);
}

function isDisplaced(state: PairState): boolean {
  return state.status === 'suspended' && state.reason === 'takeover';
}
