import { join } from 'node:path';
import { Catalog } from '../../src/core/catalog/catalog.js';
import { SessionSheets, shownAhead } from '../../src/core/controller/sessions/sheets.js';
import { isoOf } from '../../src/core/sequence/sequence.js';
import { nodeFiles, systemRandom } from '../../src/platform/platform.js';
import type { SessionSites } from '../e2e/session-sites.js';
import { askAt } from './session-asking.js';

/** A checkpoint that the secondaries show. */
export interface Shown {
  readonly number: number | null;
  readonly time: string;
}

/** The checkpoint that all secondaries show now; undefined where an update is in progress, or one is gone, or not whole. */
export async function shownAt(sites: SessionSites): Promise<Shown | undefined> {
  // A server only is asked: who opens the system would become its owner.
  if (!sites.remotes.every((remote) => sites.servers.get(remote)?.shell.isAlive)) return undefined;
  return shownBy(sites).catch(() => undefined); // It was killed meanwhile.
}

/** The same of systems that nobody needs to serve. */
export async function shownBy(sites: SessionSites): Promise<Shown | undefined> {
  const all = await Promise.all(sites.remotes.map((remote) => shownHere(sites, remote)));
  const [first] = all;
  return all.every((one) => one !== undefined && one.number === first?.number) ? first : undefined;
}

/** What all secondaries hold of every stream and none has released or gone past, in order. */
export async function heldBehind(sites: SessionSites): Promise<readonly number[]> {
  const known = await Promise.all(sites.remotes.map((remote) => askAt(sites, remote, 'session.list', {})));
  const tables = known.flatMap(({ sheets }) => sheets[0]?.secondary ?? []);
  const released = Math.max(
    0,
    ...tables.flatMap(({ applied, releasing }) => [applied?.number ?? 0, releasing?.number ?? 0]),
  );
  const streams = known.flatMap(({ reports }) => reports.flatMap((report) => report.streams));
  const [first = [], ...others] = streams
    .filter(({ role }) => role === 'secondary')
    .map(({ held }) => held.map(({ number }) => number));
  return first.filter((number) => number > released && others.every((held) => held.includes(number)));
}

/** Whether a secondary that nobody serves shows what is not all in its image yet. Its files are only read: who opens it goes on with that. */
export function isShownAhead(sites: SessionSites): boolean {
  return sites.remotes.some((remote) => {
    const catalog = Catalog.open(nodeFiles, systemRandom, join(sites.root, remote), { readOnly: true });
    try {
      const tables = new SessionSheets(catalog).all().flatMap(({ secondary }) => secondary ?? []);
      return tables.some(({ streams }) => streams.some((row) => shownAhead(row) !== undefined));
    } finally {
      catalog.close();
    }
  });
}

type Standing = readonly (readonly [what: string, at: string])[];

/** How far each stream is applied, and each pair is on its way back; without those of one system. */
export async function standingAt(
  sites: SessionSites,
  without?: string,
): Promise<{ readonly streams: Standing; readonly pairs: Standing }> {
  const streams: [string, string][] = [];
  for (const remote of sites.remotes.filter((name) => name !== without)) {
    const { sheets } = await askAt(sites, remote, 'session.list', {});
    for (const { primary, appliedSequence } of sheets[0]?.secondary?.streams ?? [])
      if (primary.name !== without) streams.push([`${primary.name} to ${remote}`, `applied to ${appliedSequence}`]);
  }
  const rows: [string, string][] = [];
  for (const system of sites.primaries.filter((name) => name !== without)) {
    const { pairs } = await askAt(sites, system, 'pair.list', {});
    for (const { primary, status, outOfSyncTracks, reason } of pairs)
      rows.push([primary, `${status}, ${outOfSyncTracks} tracks ${reason ?? ''}`]);
  }
  return { streams, pairs: rows };
}

async function shownHere(sites: SessionSites, remote: string): Promise<Shown | undefined> {
  const { sheets, reports } = await askAt(sites, remote, 'session.list', {});
  const table = sheets[0]?.secondary;
  const isWhole = reports.every(({ streams }) =>
    streams.every(({ degraded, returning }) => !degraded && returning === 'no'),
  );
  if (!table?.applied || table.releasing || table.recovered || !isWhole) return undefined;
  // What a system that has resigned shows is older than the rest.
  if (table.table.some(({ enteredAt, resigned }) => enteredAt === null || resigned !== null)) return undefined;
  return { number: table.applied.number, time: isoOf(BigInt(table.applied.time)) };
}
