import { failure } from '../../foundation/foundation.js';
import { mapCounts } from '../../hostio/hostio.js';
import type { HalfRecord } from '../../pair/pair.js';
import {
  listSessions,
  type SessionListing,
  type SessionReport,
  type SessionSheet,
  type StreamReport,
} from '../../session/session.js';
import type { Controller } from '../open-controller.js';
import { generationOf, transmitPlace } from './generation.js';
import { halvesOf, type ReceiveStream } from './receive.js';
import { receivePlace } from './received.js';

export async function sessionReport(controller: Controller, sheet: SessionSheet): Promise<SessionReport> {
  const streams = await streamReports(controller, sheet);
  return { session: sheet.id, journals: controller.sessions.journals.usage, streams };
}

/** What this system knows of a session's streams beyond its sheet. */
export async function streamReports(controller: Controller, sheet: SessionSheet): Promise<readonly StreamReport[]> {
  const reports: StreamReport[] = [];
  for (const { primary } of sheet.secondary?.streams ?? []) {
    const stream = await controller.sessions.stream(sheet.id, primary.id);
    reports.push(received(controller, stream, sheet));
  }
  for (const { secondary } of sheet.primary?.streams ?? []) reports.push(sent(controller, sheet, secondary));
  return reports;
}

function received(controller: Controller, stream: ReceiveStream, sheet: SessionSheet): StreamReport {
  const { latest, held, journal, row } = stream;
  const { degraded, returning } = stream.standing();
  const halves = stream.pairs();
  return {
    peer: row.primary,
    role: 'secondary',
    journal: controller.sessions.journals.usageOf(receivePlace(controller, sheet, row).folder),
    bufferedBytes: journal.usedBytes,
    bufferedRecords: journal.nextSequence - 1 - row.appliedSequence,
    lastCheckpoint: latest ? { number: latest.number, time: latest.time, issuer: latest.issuer } : null,
    held: held.map(({ number, time, issuer }) => ({ number, time, issuer })),
    degraded,
    outOfSyncTracks: halves.reduce((sum, { remote }) => sum + (remote.toldMissingTracks ?? 0), 0),
    returning,
    reason: reasonOf(halves),
  };
}

function sent(controller: Controller, { id }: SessionSheet, peer: StreamReport['peer']): StreamReport {
  const halves = halvesOf(controller, id, 'primary', peer.id);
  const { folder } = transmitPlace(controller, id, peer, generationOf(controller, id, peer.id));
  const outOfSyncTracks = halves.reduce((sum, half) => sum + mapCounts(controller.catalog, half).outOfSync, 0);
  return {
    peer,
    role: 'primary',
    journal: controller.sessions.journals.usageOf(folder),
    ...controller.sessions.transmitted(id, peer.id),
    held: [],
    degraded: isDegradedAtPrimary(halves),
    outOfSyncTracks,
    returning: 'no',
    reason: reasonOf(halves),
  };
}

/** A pair that was never whole at its secondary does not degrade anything: it does not count yet. */
export function isDegradedAtPrimary(halves: readonly HalfRecord[]): boolean {
  return halves.some(({ remote: { journal } }) => journal?.how === 'tracking' && journal.entered);
}

export function reasonOf(halves: readonly HalfRecord[]): string | null {
  for (const { state } of halves) if (state.status === 'suspended') return state.message;
  return null;
}

/** The session as this system alone knows it; `checkpoint status` puts the systems together. */
export async function listedSession(controller: Controller, session: string): Promise<SessionListing> {
  const { sessions, ports, peers } = controller;
  const sheets = sessions.sheets.all().filter(({ id, name }) => id === session || name === session);
  const reports: SessionReport[] = [];
  for (const sheet of sheets) reports.push(await sessionReport(controller, sheet));
  const asOfMs = ports.clock.nowMs();
  const [listing] = listSessions([{ system: peers.self, sheets, reports, asOfMs }], asOfMs);
  if (!listing) throw failure('session-not-found', 'The session was deleted meanwhile.');
  return listing;
}
