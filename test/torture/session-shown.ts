import { join } from 'node:path';
import { openClient, type Ports, readPlace } from '../../src/core/controller/controller.js';
import { isoOf } from '../../src/core/sequence/sequence.js';
import { lockfileOwners, nodeFiles, socketLink, systemClock, systemRandom } from '../../src/platform/platform.js';
import type { SessionSites } from '../e2e/session-sites.js';

/** A checkpoint that the secondaries show. */
export interface Shown {
  readonly number: number | null;
  readonly time: string;
}

export const ports: Ports = {
  files: nodeFiles,
  clock: systemClock,
  random: systemRandom,
  link: socketLink,
  owners: lockfileOwners(),
  die: () => process.kill(process.pid, 'SIGKILL') as never,
  actor: 'torture',
};

/** The checkpoint that all secondaries show now; undefined where an update is in progress, or one is gone, or not whole. */
export async function shownAt(sites: SessionSites): Promise<Shown | undefined> {
  try {
    const all = await Promise.all(sites.remotes.map((remote) => shownHere(sites, remote)));
    const [first] = all;
    return all.every((one) => one !== undefined && one.number === first?.number) ? first : undefined;
  } catch {
    return undefined; // It was killed meanwhile.
  }
}

async function shownHere(sites: SessionSites, remote: string): Promise<Shown | undefined> {
  // A server only is asked: who opens the system would become its owner.
  if (!sites.servers.get(remote)?.shell.isAlive) return undefined;
  const client = await openClient(ports, readPlace(nodeFiles, join(sites.root, remote)), { purpose: 'torture' });
  try {
    const { sheets, reports } = (await client.request('session.list', {})).output;
    const table = sheets[0]?.secondary;
    const isWhole = reports.every(({ streams }) =>
      streams.every(({ degraded, returning }) => !degraded && returning === 'no'),
    );
    if (!table?.applied || table.releasing || table.recovered || !isWhole) return undefined;
    if (table.table.some(({ enteredAt }) => enteredAt === null)) return undefined;
    return { number: table.applied.number, time: isoOf(BigInt(table.applied.time)) };
  } finally {
    await client.close();
  }
}
