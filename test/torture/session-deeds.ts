import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type RecoveredSession, SESSION, type SessionSites } from '../e2e/session-sites.js';
import type { Rng } from '../simulation/world/rng.js';
import type { CountingWriter } from './counting-writer.js';
import { askAt, markNow, readUnserved, waitFor } from './session-asking.js';
import { releasedAt, type Shown, shownBy } from './session-shown.js';
import { demand, VOLUME_BYTES } from './session-stage.js';

const FILLING_MS = 5_000;
const FILLING_LOOK_MS = 50;
/** Some checkpoints come meanwhile that are not released. */
const APART_MS = 1_000;
const MARK_LIMIT_MS = 60_000;
const WAIT_MS = 5_000;

/** The link of a primary is cut until one of its pairs says that the journal is full, or for some seconds. Answers whether it was. */
export async function fillJournal(sites: SessionSites, system: string, writer: CountingWriter): Promise<boolean> {
  const peers = new Set(sites.plan.volumes.filter((one) => one.system === system).map(({ remote }) => remote));
  for (const peer of peers) await askAt(sites, system, 'fault.set', { kind: 'link-down', peer });
  const deadlineMs = performance.now() + FILLING_MS;
  let isFull = false;
  while (!isFull && performance.now() < deadlineMs && writer.failure === undefined) {
    await new Promise((resolve) => setTimeout(resolve, FILLING_LOOK_MS));
    const { pairs } = await askAt(sites, system, 'pair.list', {});
    isFull = JSON.stringify(pairs).includes('"journal-full"');
  }
  await writer.more(50);
  await askAt(sites, system, 'fault.clear', { kind: 'link-down' });
  return isFull;
}

/** The secondaries receive and do not reach each other, so that nothing is released; then these are killed, and no link is cut any more. */
export async function fallBehind(sites: SessionSites, killed: readonly string[]): Promise<void> {
  const { remotes } = sites;
  for (const remote of remotes)
    for (const peer of remotes.filter((other) => other !== remote))
      await askAt(sites, remote, 'fault.set', { kind: 'link-down', peer });
  await new Promise((resolve) => setTimeout(resolve, APART_MS));
  await sites.kill(...killed);
  for (const remote of remotes) rmSync(join(sites.root, remote, 'faults.json'), { force: true });
}

/** One of the checkpoints that all secondaries hold and none has to go past already; undefined where there is none. */
async function earlierOne(sites: SessionSites, rng: Rng): Promise<number | undefined> {
  const released = await releasedAt(sites);
  const last = (await sites.recover('--plan')).number ?? 0;
  return last - 1 > released ? released + 1 + rng.below(last - 1 - released) : undefined;
}

/** `checkpoint apply --to`, with nobody to serve the secondaries. Undefined where nothing earlier is held. */
export async function appliedEarlier(
  sites: SessionSites,
  rng: Rng,
): Promise<{ readonly shown: Shown; readonly images: readonly Buffer[] } | undefined> {
  const number = await earlierOne(sites, rng);
  if (number === undefined) return undefined;
  const { code, stderr } = await sites.run('checkpoint', 'apply', SESSION, '--to', String(number));
  // One that a stream could not take whole is held by nobody.
  if (code === 3) return undefined;
  demand(code === 0, `checkpoint apply --to ${number} ended with ${code}: ${stderr}`);
  const shown = await shownBy(sites);
  demand(shown?.number === number, `checkpoint ${shown?.number} is applied, ${number} was wanted`);
  return shown && { shown, images: await readUnserved(sites, 'remote', VOLUME_BYTES) };
}

/** `checkpoint recover --to`, with nobody to serve the secondaries; to the last one where nothing earlier is held. */
export async function recoveredEarlier(
  sites: SessionSites,
  rng: Rng,
): Promise<{ readonly recovered: RecoveredSession; readonly isEarlier: boolean }> {
  const number = await earlierOne(sites, rng);
  if (number === undefined) return { recovered: await sites.recover(), isEarlier: false };
  const recovered = await sites.recover('--to', String(number)).catch(() => undefined);
  if (!recovered) return { recovered: await sites.recover(), isEarlier: false };
  demand(recovered.number === number, `checkpoint ${recovered.number} was recovered, ${number} was wanted`);
  return { recovered, isEarlier: true };
}

/** A system is lost, and the others go on without it: a checkpoint of theirs is applied. */
export async function goOnWithout(sites: SessionSites, system: string): Promise<void> {
  await sites.ok('checkpoint', 'resign', SESSION, system);
  await markApplied(sites);
}

/** A mark is made and applied; one that was placed before a pair was whole again is never applied, and then the next is. */
export async function markApplied(sites: SessionSites): Promise<void> {
  const deadlineMs = performance.now() + MARK_LIMIT_MS;
  for (;;) {
    const verdict = await waitFor(sites, await markNow(sites), WAIT_MS);
    if (verdict === 'applied') return;
    demand(performance.now() < deadlineMs, `no mark is applied: ${verdict}`);
    await new Promise((resolve) => setTimeout(resolve, FILLING_LOOK_MS));
  }
}
