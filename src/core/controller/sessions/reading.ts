import type { Catalog } from '../../catalog/catalog.js';
import { mapCounts } from '../../hostio/hostio.js';
import type { HalfRecord } from '../../pair/pair.js';
import type { SessionReport, SessionSheet, StreamReport } from '../../session/session.js';
import { halvesOf, standingOf } from './receive.js';
import { isDegradedAtPrimary, reasonOf } from './reports.js';
import { SessionSheets } from './sheets.js';

/**
 * What the files of a system that nobody owns say of its sessions. Its journals are not read through for a look: what they hold is not
 * counted, so what is told to be recoverable is never more than what is.
 */
export function sessionsFromFiles(catalog: Catalog): {
  readonly sheets: readonly SessionSheet[];
  readonly reports: readonly SessionReport[];
} {
  const sheets = new SessionSheets(catalog).all();
  return {
    sheets,
    reports: sheets.map((sheet) => ({ session: sheet.id, journals: null, streams: streamsOf(catalog, sheet) })),
  };
}

function streamsOf(catalog: Catalog, { id, primary, secondary }: SessionSheet): readonly StreamReport[] {
  const unread = { journal: null, bufferedBytes: null, bufferedRecords: null, lastCheckpoint: null, held: [] };
  const received = (secondary?.streams ?? []).map(({ primary: peer }): StreamReport => {
    const halves = halvesOf({ catalog }, id, 'secondary', peer.id);
    return { peer, role: 'secondary', ...unread, ...standingOf(halves), ...waysOf(catalog, halves) };
  });
  const sent = (primary?.streams ?? []).map(({ secondary: peer }): StreamReport => {
    const halves = halvesOf({ catalog }, id, 'primary', peer.id);
    const degraded = isDegradedAtPrimary(halves);
    return { peer, role: 'primary', ...unread, degraded, returning: 'no', ...waysOf(catalog, halves) };
  });
  return [...received, ...sent];
}

function waysOf(catalog: Catalog, halves: readonly HalfRecord[]): Pick<StreamReport, 'outOfSyncTracks' | 'reason'> {
  const outOfSyncTracks = halves.reduce((sum, half) => {
    const told =
      half.remote.side === 'secondary' ? (half.remote.toldMissingTracks ?? 0) : mapCounts(catalog, half).outOfSync;
    return sum + told;
  }, 0);
  return { outOfSyncTracks, reason: reasonOf(halves) };
}
