import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type RecoveredSession, SESSION, type SessionSites } from '../e2e/session-sites.js';
import type { Rng } from '../simulation/world/rng.js';
import type { CountingWriter } from './counting-writer.js';
import { askAt, markNow, readUnserved, waitFor } from './session-asking.js';
import { heldBehind, isShownAhead, type Shown, shownBy, standingAt } from './session-shown.js';
import { demand, VOLUME_BYTES } from './session-stage.js';

const LOOK_MS = 50;
/** More than a small journal takes, whatever of them the others get. */
const FILLING_WRITES_MAX = 20_000;
/** So many checkpoints are held that are not released, where they come in time. */
const HELD_LEAST = 4;
const APART_MS_MAX = 10_000;
/** Between two writes meanwhile: where a journal is full, what is held is let go of. */
const REST_MS = 5;
/** Nothing of what a mark waits for has moved for so long: it waits for nothing. */
const STANDSTILL_MS = 60_000;
/** Nor does it move for ever without an end. */
const MARK_MS_MAX = 600_000;
const WAIT_MS = 5_000;

/**
 * The link of a primary is cut until one of its pairs says that the journal is full. Throws where it is not by so many writes. Answers false where
 * the writer ended before.
 */
export async function fillJournal(sites: SessionSites, system: string, writer: CountingWriter): Promise<boolean> {
  const peers = new Set(sites.plan.volumes.filter((one) => one.system === system).map(({ remote }) => remote));
  for (const peer of peers) await askAt(sites, system, 'fault.set', { kind: 'link-down', peer });
  const until = writer.answered + FILLING_WRITES_MAX;
  let isFull = false;
  while (!isFull && writer.failure === undefined) {
    demand(writer.answered < until, `the journal of ${system} is not full after ${FILLING_WRITES_MAX} writes`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    const { pairs } = await askAt(sites, system, 'pair.list', {});
    isFull = pairs.some(({ status, reason }) => status === 'suspended' && reason?.includes(' are full '));
  }
  await writer.more(50);
  await askAt(sites, system, 'fault.clear', { kind: 'link-down' });
  return isFull;
}

/** The secondaries receive and do not reach each other, so that nothing is released; then these are killed, and no link is cut any more. */
export async function fallBehind(
  sites: SessionSites,
  writer: CountingWriter,
  killed: readonly string[],
): Promise<void> {
  const { remotes } = sites;
  writer.restMs = REST_MS;
  for (const remote of remotes)
    for (const peer of remotes.filter((other) => other !== remote))
      await askAt(sites, remote, 'fault.set', { kind: 'link-down', peer });
  const deadlineMs = performance.now() + APART_MS_MAX;
  while ((await heldBehind(sites)).length < HELD_LEAST && performance.now() < deadlineMs)
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  await sites.kill(...killed);
  writer.restMs = 0;
  for (const remote of remotes) rmSync(join(sites.root, remote, 'faults.json'), { force: true });
}

/** One of the checkpoints that all secondaries hold and none has to go past already, but not the last; undefined where there is none. */
async function earlierOne(sites: SessionSites, rng: Rng): Promise<number | undefined> {
  const earlier = (await heldBehind(sites)).slice(0, -1);
  return earlier.length === 0 ? undefined : rng.pick(earlier);
}

export interface Earlier {
  readonly shown: Shown;
  readonly images: readonly Buffer[];
  /** What was read was not in the images of all. */
  readonly isAhead: boolean;
}

/** `checkpoint apply --to`, with nobody to serve the secondaries. Undefined where nothing earlier is held. */
export async function appliedEarlier(
  sites: SessionSites,
  rng: Rng,
  ...words: readonly '--instant'[]
): Promise<Earlier | undefined> {
  const number = await earlierOne(sites, rng);
  if (number === undefined) return undefined;
  const { code, stderr } = await sites.run('checkpoint', 'apply', SESSION, '--to', String(number), ...words);
  // A primary whose journal was full lets go of what is held.
  if (code === 3) return undefined;
  demand(code === 0, `checkpoint apply --to ${number} ended with ${code}: ${stderr}`);
  const isAhead = isShownAhead(sites);
  const shown = await shownBy(sites);
  demand(shown?.number === number, `checkpoint ${shown?.number} is applied, ${number} was wanted`);
  return shown && { shown, images: await readUnserved(sites, 'remote', VOLUME_BYTES), isAhead };
}

/** `checkpoint recover --to`, with nobody to serve the secondaries; to the last one where nothing earlier is held. */
export async function recoveredEarlier(
  sites: SessionSites,
  rng: Rng,
): Promise<{ readonly recovered: RecoveredSession; readonly isEarlier: boolean }> {
  const number = await earlierOne(sites, rng);
  if (number === undefined) return { recovered: await sites.recover(), isEarlier: false };
  const recovered = await sites.recover('--to', String(number));
  demand(recovered.number === number, `checkpoint ${recovered.number} was recovered, ${number} was wanted`);
  return { recovered, isEarlier: true };
}

/** A system is lost, and the others go on without it: a checkpoint of theirs is applied. */
export async function goOnWithout(sites: SessionSites, system: string): Promise<void> {
  await sites.ok('checkpoint', 'resign', SESSION, system);
  await markApplied(sites, system);
}

/** An image that met an error suspends its pair, and a person sets it going again. Those that return by themselves take no harm. */
export async function resumed(sites: SessionSites): Promise<void> {
  for (const { system, name } of sites.plan.volumes) {
    const { pairs } = await askAt(sites, system, 'pair.list', {});
    const isSuspended = pairs.some(({ primary, status }) => primary === `${system}:${name}` && status === 'suspended');
    if (isSuspended) await askAt(sites, system, 'pair.resync', { pairs: [{ primary: name }] }).catch(() => undefined);
  }
}

/**
 * A mark is made and applied; one that was placed before a pair was whole again is never applied, and then the next is. However slow that is, some
 * stream gets on meanwhile, or a pair on its way back.
 */
export async function markApplied(sites: SessionSites, without?: string): Promise<void> {
  const startMs = performance.now();
  const moved = new Map<string, { readonly at: string; readonly sinceMs: number }>();
  for (;;) {
    const verdict = await waitFor(sites, await markNow(sites), WAIT_MS);
    if (verdict === 'applied') return;
    const nowMs = performance.now();
    const { streams, pairs } = await standingAt(sites, without);
    for (const [what, at] of [...streams, ...pairs])
      if (moved.get(what)?.at !== at) moved.set(what, { at, sinceMs: nowMs });
    const stands = ([what]: readonly [string, string]) => nowMs - (moved.get(what)?.sinceMs ?? nowMs) > STANDSTILL_MS;
    const isStuck = streams.some(stands) && pairs.every(stands);
    demand(
      !isStuck && nowMs - startMs < MARK_MS_MAX,
      `no mark is applied: ${verdict}; ${[...streams, ...pairs].map((one) => one.join(' ')).join('; ')}`,
    );
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
