import { failure, plural, type ToolkitError } from '../foundation/foundation.js';
import {
  type Access,
  access,
  awaitsDecision,
  halfAccess,
  type PairRecord,
  type RemoteHalf,
  type Side,
} from '../pair/pair.js';
import { formatNumber, type VolumeRecord } from '../volume/volume.js';

/** A pair as one of its volumes sees it. */
export interface Leg {
  readonly pair: { readonly record: PairRecord | undefined };
  readonly side: Side;
}

/** Why no host may do this with the volume now, or undefined where it may (DESIGN.md 3.1, 3.5). */
export function hostRefusal(
  system: string,
  record: VolumeRecord,
  legs: readonly Leg[],
  wanted: 'read' | 'write',
  isUpdating: (pair: Leg['pair']) => boolean = () => false,
): ToolkitError | undefined {
  const address = `${system}:${record.name}`;
  if (record.status === 'blocked') return blockedFailure(system, record);
  if (record.status === 'format') {
    return failure(
      'volume-blocked',
      `${address} is being formatted.`,
      `Run copyset volume format ${address} --force again to finish.`,
    );
  }
  const byPair = pairsRefusal(address, legs, wanted, isUpdating);
  if (byPair) return byPair;
  if (record.incomplete && wanted === 'read') {
    const { missingTracks, reason } = record.incomplete;
    return failure(
      'incomplete',
      `${address} lacks ${plural(missingTracks, 'track')}: ${reason}.`,
      'Overwrite all of it (volume import --overwrite, or volume write of its full size), format it, or make it the secondary of a pair again.',
    );
  }
  if (wanted === 'write' && record.reserved && legs.length === 0) {
    return failure(
      'volume-reserved',
      `${address} (${formatNumber(record.number)}) is reserved as a copy target; no host may write it.`,
      `copyset volume unreserve ${address} gives it back to hosts.`,
    );
  }
  return undefined;
}

function blockedFailure(system: string, { name, blockedReason }: VolumeRecord): ToolkitError {
  return failure(
    'volume-blocked',
    `${system}:${name} is blocked: ${blockedReason ?? 'a fault'}.`,
    `copyset system check ${system} --repair opens it again once the cause is gone.`,
  );
}

/** What a fault blocked is neither copied from nor to (DESIGN.md 3.5); the pair is suspended as by any fault. */
export function demandUnblocked(system: string, ...volumes: readonly (VolumeRecord | undefined)[]): void {
  for (const record of volumes) if (record?.status === 'blocked') throw blockedFailure(system, record);
}

function pairsRefusal(
  address: string,
  legs: readonly Leg[],
  wanted: 'read' | 'write',
  isUpdating: (pair: Leg['pair']) => boolean,
): ToolkitError | undefined {
  for (const { pair, side } of legs) {
    if (!pair.record) continue;
    const { state, remote, prepared } = pair.record;
    if (side === 'secondary' && awaitsDecision(pair.record))
      return undecided(address, prepared?.coordinator.name ?? '?', wanted);
    if (side === 'secondary' && remote?.journal && isUpdating(pair)) return updating(address, wanted);
    const allowed = remote ? halfAccess(state, remote) : access(state, side);
    if (remote && allowed.code === 'displaced') return displaced(address, wanted, allowed.why, remote);
    if (allowed.host === 'none' || (allowed.host === 'read' && wanted === 'write'))
      return pairRefusal(address, state.status, allowed, wanted);
  }
  return undefined;
}

function pairRefusal(
  address: string,
  status: string,
  { host, why, code }: Access,
  wanted: 'read' | 'write',
): ToolkitError {
  const mayRead = status === 'duplex' ? 'Split the pair to write it.' : 'It was split read-only.';
  const readOnlyHint = host === 'read' ? mayRead : undefined;
  const hint =
    status === 'suspended'
      ? 'Resync or delete the pair.'
      : (readOnlyHint ?? 'Split the pair first: copyset pair split PRIMARY SECONDARY.');
  const refused = code === 'incomplete' ? code : wanted === 'read' ? 'not-readable' : 'not-writable';
  return failure(refused, `No host may ${wanted} ${address} now: it ${why}.`, hint);
}

/** Closed before the split, and closed until it counts: else a host could see an instant that never was (H2). */
function undecided(address: string, coordinator: string, wanted: 'read' | 'write'): ToolkitError {
  return failure(
    wanted === 'read' ? 'not-readable' : 'not-writable',
    `No host may ${wanted} ${address} now: its split waits for the decision of storage system ${coordinator}.`,
    `It is asked for again and again while ${coordinator} can be reached; copyset pair delete --force gives the pair up.`,
  );
}

/** Between two checkpoints the volume is neither. */
function updating(address: string, wanted: 'read' | 'write'): ToolkitError {
  return failure(
    wanted === 'read' ? 'not-readable' : 'not-writable',
    `No host may ${wanted} ${address} now: a checkpoint is being applied to it.`,
    'It can be read again when that is done; copyset checkpoint status shows how far it is.',
  );
}

function displaced(address: string, wanted: 'read' | 'write', why: string, remote: RemoteHalf): ToolkitError {
  return failure('displaced', `No host may ${wanted} ${address} now: it ${why}.`, wayBackHint(remote));
}

/** What a group or a session recovered comes back as one; of a lone pair somebody decides. */
export function wayBackHint({ group, journal }: RemoteHalf): string {
  if (group !== null) return `copyset cg failback ${group} --wait brings back what was recovered.`;
  if (journal) return 'copyset checkpoint failback SESSION --wait brings back what its session recovered.';
  return 'Decide which side counts: copyset pair resync keeps this one, copyset pair resync --reverse the other.';
}
