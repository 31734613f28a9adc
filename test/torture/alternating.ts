import { join } from 'node:path';
import type { SystemClient } from '../../src/core/controller/controller.js';
import { HostConnection } from '../e2e/hosts-client.js';
import { clientAt } from '../e2e/machine-client.js';
import { SESSION, SessionSites } from '../e2e/session-sites.js';

const BLOCK_BYTES = 4096;
const VOLUME_BYTES = 1_048_576;
const MARK_LIMIT_MS = 5_000;
const APPLIED_LIMIT_MS = 60_000;

export interface Alternated {
  readonly writes: number;
  /** Each of them was looked at. */
  readonly checkpoints: number;
}

/**
 * Two hosts write in turns to volumes of two systems, each when the other's write was answered, as fast as they can. Checkpoints are
 * marked meanwhile, one after the other, and each is looked at when it is applied: it never shows a write without the one before it.
 */
export async function alternate(root: string, order: 'clock' | 'arrival', writes: number): Promise<Alternated> {
  const volume = (system: string, name: string) => ({ system, remote: 'osaka', name, sizeBytes: VOLUME_BYTES });
  const volumes = [volume('tokyo', 'a'), volume('kyoto', 'b')];
  const sites = new SessionSites(root, { volumes, durability: 'none', order, interval: '0s' });
  try {
    await sites.prepare();
    const { systems } = await sites.status();
    const clientOf = (role: string) => {
      const master = systems.find((one) => one.role === role && one.master)?.system ?? '';
      return clientAt(join(root, master), 'torture');
    };
    const checkpoints = await watched(sites, await clientOf('primary'), await clientOf('secondary'), writes);
    return { writes, checkpoints };
  } finally {
    await sites.abandon();
  }
}

async function watched(
  sites: SessionSites,
  primary: SystemClient,
  secondary: SystemClient,
  writes: number,
): Promise<number> {
  const { volumes } = sites.plan;
  const hosts = await Promise.all(volumes.map(({ system, name }) => HostConnection.open(sites.socketOf(system), name)));
  // Hosts may read at the secondaries from the first checkpoint on.
  await applyMark(primary, secondary);
  const there = await Promise.all(volumes.map(({ remote, name }) => HostConnection.open(sites.socketOf(remote), name)));
  const state = { answered: 0, over: false };
  const writing = writeInTurns(hosts, writes, state).finally(() => {
    state.over = true;
  });
  // What ends the writers ends the looks, and is thrown at the end.
  writing.catch(() => undefined);
  let checkpoints = 0;
  let isLast = false;
  while (!isLast) {
    isLast = state.over;
    const answeredBefore = state.answered;
    const mark = await applyMark(primary, secondary);
    const shown = await Promise.all(there.map(async (host) => (await host.read(0, BLOCK_BYTES)).readUInt32LE()));
    demandPrefix(mark, shown, answeredBefore);
    checkpoints += 1;
  }
  await writing;
  for (const host of [...hosts, ...there]) host.close();
  await Promise.all([primary.close(), secondary.close()]);
  return checkpoints;
}

/** The next one, where a stream does not count yet at the first. */
async function applyMark(primary: SystemClient, secondary: SystemClient): Promise<string> {
  const deadlineMs = performance.now() + APPLIED_LIMIT_MS;
  for (;;) {
    const { mark } = (await primary.request('session.mark', { session: SESSION })).output;
    const asked = { session: SESSION, mark, timeoutMs: MARK_LIMIT_MS };
    const { verdict, reason } = (await secondary.request('session.wait', asked)).output;
    if (verdict === 'applied') return mark;
    if (performance.now() > deadlineMs) throw new Error(`mark ${mark} is not applied: ${verdict}, ${reason}`);
  }
}

async function writeInTurns(hosts: readonly HostConnection[], writes: number, state: { answered: number }) {
  const block = Buffer.alloc(BLOCK_BYTES);
  for (let k = 1; k <= writes; k += 1) {
    block.writeUInt32LE(k);
    await hosts[k % hosts.length]?.write(0, block);
    state.answered = k;
  }
}

/** All writes up to some number, and none after it: each volume shows the last of them that was its own. */
function demandPrefix(mark: string, shown: readonly number[], answeredBefore: number): void {
  const k = Math.max(...shown);
  for (let back = 0; back < shown.length; back += 1) {
    const due = Math.max(0, k - back);
    const at = due % shown.length;
    if (due > 0 && shown[at] !== due)
      throw new Error(`mark ${mark} shows ${shown.join(' and ')}: write ${due} is missing`);
  }
  if (k < answeredBefore) throw new Error(`mark ${mark} shows ${k} writes, ${answeredBefore} were answered before it`);
}
