import { isoOf } from '../../src/core/sequence/sequence.js';
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

/** What is released already, at the least: nothing earlier can be applied any more. */
export async function releasedAt(sites: SessionSites): Promise<number> {
  const numbers = sites.remotes.map(async (remote) => {
    const table = (await askAt(sites, remote, 'session.list', {})).sheets[0]?.secondary;
    return Math.max(table?.applied?.number ?? 0, table?.releasing?.number ?? 0);
  });
  return Math.max(...(await Promise.all(numbers)));
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
