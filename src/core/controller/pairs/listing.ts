import { type Catalog, pairMapKey } from '../../catalog/catalog.js';
import type { TrackCount, VolumeNumber } from '../../foundation/foundation.js';
import { mapCounts } from '../../hostio/hostio.js';
import {
  cciName,
  drainHere,
  frozenOf,
  geometryVolume,
  type HalfRecord,
  imageComplete,
  isHalf,
  missingTracks,
  type PairRecord,
  type PairStatus,
  percentIdentical,
  rolesOf,
  type Side,
  takeoverMissing,
} from '../../pair/pair.js';
import { formatNumber } from '../../volume/volume.js';
import type { PairListing } from '../control/requests.js';
import { sheetsOf, shownAhead } from '../sessions/sheets.js';

/** What is known of a pair where it is listed. */
export interface PairFacts {
  readonly catalog: Catalog;
  readonly address: (volume: VolumeNumber) => string;
  readonly portsOf: (volume: VolumeNumber) => { port: string; lun: number }[];
  readonly nowMs: number;
  readonly speed: number | undefined;
  /** At a remote secondary: when its primary was last heard of by the controller that runs. */
  readonly heardAtMs: number | undefined;
  /** At a synchronous secondary: whether its primary was heard from so lately that it has not gone on alone. */
  readonly isLinked: boolean;
  /** At a remote primary: for how long its secondary has not answered. */
  readonly linkLostMs: number | undefined;
  /** Tracks among those out of sync that an unclean stop left in doubt. */
  readonly doubtfulTracks: TrackCount;
  /** For how long what is to be copied has not got on; undefined where it gets on, or nobody copies. */
  readonly stalledMs: number | undefined;
}

/** A secondary that heard of its primary so shortly ago has a link that stands. */
const HEARD_WITHIN_MS = 10_000;
/** A link that did not answer for a moment is no news. */
const LOST_FOR_MS = 1_000;

/** One row of `pair list`, as this system sees the pair. */
export function pairListing(record: PairRecord, facts: PairFacts): PairListing {
  const { catalog } = facts;
  const counts = countsOf(catalog, record);
  const own = geometryVolume(record);
  const tracks = catalog.trackCountOf(own);
  const trackSizeBytes = catalog.volumes.get(own)?.trackSizeBytes ?? 0;
  const frozen = frozenOf(record.state);
  const drain = drainHere(record);
  const left = drain ? counts.of[drain.map] * trackSizeBytes : 0;
  const status = shownStatus(record, facts);
  return {
    number: record.number,
    primary: facts.address(record.primary),
    secondary: facts.address(record.secondary),
    primaryNumber: numberOf(record, 'primary'),
    secondaryNumber: numberOf(record, 'secondary'),
    mode: record.mode,
    status,
    cci: cciName(status, record.remote?.side ?? 'primary'),
    percentIdentical: percentIdentical(tracks, counts.differing),
    tracks,
    outOfSyncTracks: counts.outOfSync,
    outOfSyncBytes: counts.outOfSync * trackSizeBytes,
    doubtfulTracks: facts.doubtfulTracks,
    changedTracks: counts.changed,
    secondaryChangedTracks: counts.secondaryChanged,
    pace: record.pace,
    rateBytesPerSecond: record.rateBytesPerSecond,
    secondsLeft: drain && facts.speed ? Math.ceil(left / facts.speed) : null,
    stalledSeconds: facts.stalledMs === undefined ? null : Math.floor(facts.stalledMs / 1000),
    copyPointer: record.copyPointer,
    pointInTime: frozen ? isoTime(frozen.pointInTimeMs) : null,
    splitAt: record.splitAtMs === null ? null : isoTime(record.splitAtMs),
    createdAt: isoTime(record.createdAtMs),
    generation: record.generation,
    imageComplete: isComplete(catalog, record),
    primaryStatus:
      record.remote?.side === 'secondary' ? (record.remote.takenOver?.from ?? record.state.status) : status,
    secondaryStatus: record.remote?.displaced ? 'split' : status,
    primaryPorts: facts.portsOf(record.primary),
    secondaryPorts: facts.portsOf(record.secondary),
    asOf: isoTime(asOfMs(record, facts)),
    reason: reasonOf(record, facts),
    suspendedFrom: record.state.status === 'suspended' ? record.state.from.status : null,
    virtual: frozen?.virtual ?? false,
    readOnly: frozen?.readOnly ?? false,
    pointInTimeLost: frozen?.pointInTimeLost ?? false,
    manual: record.remote?.manual ?? false,
    session: record.remote?.session ?? null,
    backup: record.remote?.journal?.backup == null ? null : facts.address(record.remote.journal.backup),
    half: isHalf(record)
      ? {
          id: record.remote.id,
          side: record.remote.side,
          term: record.remote.term,
          takenOver: record.remote.takenOver !== null,
        }
      : null,
  };
}

/** Tracks that the image of a volume here lacks because of this pair. */
export function missingHere(catalog: Catalog, record: PairRecord, side: Side): TrackCount {
  const { remote, state } = record;
  if (remote?.side !== 'secondary') return missingTracks(state, side, mapCounts(catalog, record));
  const missing = remote.takenOver?.missingTracks ?? takeoverMissing(state, remote.toldMissingTracks ?? 0);
  return isShownAhead(catalog, record) ? Math.max(1, missing) : missing;
}

/** Whether the secondary here shows records that are not all in its image yet (`checkpoint apply --instant`). */
function isShownAhead(catalog: Catalog, { remote }: PairRecord): boolean {
  if (remote?.side !== 'secondary' || !remote.journal) return false;
  const rows = sheetsOf(catalog).byId(remote.journal.session)?.secondary?.streams ?? [];
  return rows.some((row) => row.primary.id === remote.peer.system.id && shownAhead(row) !== undefined);
}

function isComplete(catalog: Catalog, record: PairRecord): boolean {
  if (record.remote?.side === 'secondary') return missingHere(catalog, record, 'secondary') === 0;
  const counts = mapCounts(catalog, record);
  return imageComplete(record.state, 'secondary', counts) && imageComplete(record.state, 'primary', counts);
}

interface Counts {
  readonly of: ReturnType<typeof mapCounts>;
  readonly outOfSync: TrackCount;
  readonly changed: TrackCount;
  readonly secondaryChanged: TrackCount;
  readonly differing: TrackCount;
}

function countsOf(catalog: Catalog, record: PairRecord): Counts {
  const of = mapCounts(catalog, record);
  const map = (name: 'outOfSync' | 'changed' | 'secondary') => catalog.pairMap(record.number, name).map;
  if (record.remote?.side === 'secondary') {
    const secondaryChanged = of.changed === 0 ? of.secondary : map('secondary').countUnion(map('changed'));
    const told = record.remote.takenOver ? 0 : (record.remote.toldMissingTracks ?? 0);
    const outOfSync = Math.max(told, of.outOfSync);
    return { of, outOfSync, changed: 0, secondaryChanged, differing: outOfSync + secondaryChanged };
  }
  const differing =
    catalog.countOf(pairMapKey(record.number, 'changed')) + of.secondary === 0
      ? of.outOfSync
      : map('outOfSync').countUnion(map('changed'), map('secondary'));
  // In a restore the tracks that P lacks are out of sync as well.
  const lackedByPrimary = rolesOf(record.state).primaryLacks === null ? 0 : of.secondary;
  return {
    of,
    outOfSync: of.outOfSync + lackedByPrimary,
    changed: of.changed,
    secondaryChanged: of.secondary - lackedByPrimary,
    differing,
  };
}

/** A remote secondary says that it follows only while it hears of its primary: whatever was written there since, it does not know (H29). */
function shownStatus(record: PairRecord, facts: PairFacts): PairStatus {
  const { status } = record.state;
  return isHalf(record) && isUnheard(record, facts) ? 'suspended' : status;
}

function isUnheard({ mode, state, remote }: HalfRecord, { heardAtMs, isLinked, nowMs }: PairFacts): boolean {
  if (remote.side !== 'secondary' || state.status !== 'duplex') return false;
  if (mode === 'sync') return !isLinked;
  return heardAtMs === undefined || nowMs - heardAtMs > HEARD_WITHIN_MS;
}

function asOfMs(record: PairRecord, { nowMs, heardAtMs }: PairFacts): number {
  if (record.remote?.side !== 'secondary') return nowMs;
  return Math.max(record.remote.toldAtMs ?? record.createdAtMs, heardAtMs ?? 0);
}

function reasonOf(record: PairRecord, facts: PairFacts): string | null {
  const { state } = record;
  if (isHalf(record)) {
    const words = record.remote.side === 'secondary' ? secondaryWords(record, facts) : primaryWords(record, facts);
    if (words !== undefined) return words;
  }
  if (state.status === 'suspended') return state.message;
  const { prepared } = record;
  return prepared ? `its split waits for the decision of storage system ${prepared.coordinator.name}` : null;
}

function primaryWords(record: HalfRecord, { linkLostMs, address }: PairFacts): string | undefined {
  const { remote, state } = record;
  if (remote.displaced)
    return state.status === 'resync-reverse'
      ? `${address(record.secondary)} serves hosts; what it holds is copied back, then ${address(record.primary)} is the primary again`
      : `takeover: ${address(record.secondary)} was made a primary; ${address(record.primary)} refuses hosts until pair resync or pair resync --reverse`;
  if (state.status === 'suspended' || linkLostMs === undefined || linkLostMs < LOST_FOR_MS) return undefined;
  return `${remote.peer.system.name} has not answered for ${Math.round(linkLostMs / 1000)} s; differences are recorded`;
}

function secondaryWords(record: HalfRecord, facts: PairFacts): string | undefined {
  const { takenOver } = record.remote;
  if (takenOver) {
    const mix = takenOver.missingTracks > 0 ? `; it is a mix and lacked ${takenOver.missingTracks} tracks` : '';
    const known = takenOver.knownAtMs === null ? '' : ` as of ${isoTime(takenOver.knownAtMs)}`;
    return `takeover: ${facts.address(record.secondary)} was made a primary at ${isoTime(takenOver.atMs)}, when it was ${takenOver.from}${known}${mix}`;
  }
  if (!isUnheard(record, facts)) return undefined;
  return `${facts.address(record.primary)} was last heard of at ${isoTime(asOfMs(record, facts))}, duplex then; what it wrote since is not known here`;
}

/** `CU:LDEV` of one side; of a remote pair's other side the number that it has in its own system. */
function numberOf(record: PairRecord, side: Side): string {
  const { remote } = record;
  return formatNumber(remote && remote.side !== side ? remote.peer.number : record[side]);
}

export function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
