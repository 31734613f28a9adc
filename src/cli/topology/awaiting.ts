import { type ErrorCode, isToolkitError } from '../../core/foundation/foundation.js';
import { type Followed, statusesAfter, VERDICT_EXIT, type Verdict } from '../follow-copy.js';
import type { Toolkit } from '../open-toolkit.js';
import { rest } from '../until.js';
import { roundOfGroup } from './await-group.js';
import { roundOfSession } from './await-session.js';
import type { DesiredTopology } from './desired.js';
import { followPairs, type Reach, type WaitOptions } from './follow-pairs.js';
import { keyOf, type PresentPair, readPresent } from './present.js';

/** How one thing of a topology stood at the end of `--wait`. `not-waited`: something before it did not come. */
export interface Awaited {
  readonly kind: 'pair' | 'group' | 'session';
  readonly name: string;
  readonly verdict: Verdict | 'not-waited';
  /** Null where it was reached. */
  readonly reason: string | null;
}

/** `reached` where all were. */
export function worstOf(rows: readonly Awaited[]): Verdict {
  const verdicts = rows.flatMap(({ verdict }) => (verdict === 'not-waited' ? [] : [verdict]));
  return verdicts.reduce((worst, one) => (VERDICT_EXIT[one] > VERDICT_EXIT[worst] ? one : worst), 'reached' as Verdict);
}

/** What one look, with the work that it found to do, came to. */
export type Standing =
  | { readonly kind: 'reached' }
  | { readonly kind: 'coming'; readonly reason: string }
  | { readonly kind: 'cannot'; readonly reason: string };

/** A look at a group or session; does what a server would have done, where the time for it is left. */
type Look = (toolkit: Toolkit, name: string, options: WaitOptions, acts: boolean) => Promise<Standing>;

/** What may be over at the next look: a system that does not answer, or that another owns. Everything else is told at once. */
const PASSING: ReadonlySet<ErrorCode> = new Set([
  'link-lost',
  'busy',
  'held-elsewhere',
  'ownership-lost',
  'inhibited',
  'undecided',
  'outcome-unknown',
  'member-not-ready',
  'group-forming',
  'not-primary-master',
  'session-refuses',
  'interrupted',
]);
const AGAIN_MS = 500;

/**
 * `--wait`: pairs have come to the end of their copying, groups that are started were formed once, and sessions that are started show
 * a checkpoint. Where nobody serves them it is done here.
 */
export async function awaitTopology(
  toolkit: Toolkit,
  desired: DesiredTopology,
  options: WaitOptions,
): Promise<readonly Awaited[]> {
  const rows: Awaited[] = [...(await awaitPairs(toolkit, desired, options))];
  const names = (things: readonly { readonly name: string; readonly started: boolean | undefined }[]) =>
    things.flatMap(({ name, started }) => (started ? [name] : []));
  const isWell = (): boolean => rows.every(({ verdict }) => verdict === 'reached');
  for (const name of names(desired.groups))
    rows.push({ kind: 'group', name, ...(await awaitOne(toolkit, name, roundOfGroup, options, isWell())) });
  for (const name of names(desired.sessions))
    rows.push({ kind: 'session', name, ...(await awaitOne(toolkit, name, roundOfSession, options, isWell())) });
  return rows;
}

async function awaitPairs(toolkit: Toolkit, desired: DesiredTopology, options: WaitOptions): Promise<Awaited[]> {
  const present = new Map((await readPresent(toolkit)).pairs.map((pair) => [keyOf(pair), pair]));
  const reaches = reachesOf(desired, present);
  if (reaches.length === 0) return [];
  const { verdict: all, pairs } = await followToEnd(toolkit, reaches, options);
  const ends = new Map(pairs.map((pair) => [keyOf(pair), pair]));
  return reaches.map((reach): Awaited => {
    const name = keyOf(reach);
    const end = ends.get(name);
    const about = { kind: 'pair', name } as const;
    if (end && reach.statuses.includes(end.status)) return { ...about, verdict: 'reached', reason: null };
    const reason = end ? `it is ${end.status}${end.reason === null ? '' : `: ${end.reason}`}` : 'it is not there';
    const verdict = end?.status === 'suspended' ? 'suspended' : all === 'suspended' ? 'not-waited' : all;
    return { ...about, verdict: verdict === 'reached' ? 'unreachable' : verdict, reason };
  });
}

/** A journal pair whose session was just started passes statuses that lead nowhere; where it is on its way after that it is waited for. */
async function followToEnd(toolkit: Toolkit, reaches: readonly Reach[], options: WaitOptions): Promise<Followed> {
  const { limit, signal } = options;
  for (;;) {
    const followed = await followPairs(toolkit, reaches, options);
    const ends = new Map(followed.pairs.map((pair) => [keyOf(pair), pair.status]));
    const isComing = (reach: Reach): boolean => {
      const status = ends.get(keyOf(reach));
      return status !== undefined && statusesAfter(status).some((one) => reach.statuses.includes(one));
    };
    if (followed.verdict !== 'unreachable' || !reaches.every(isComing)) return followed;
    if (limit.leftMs === 0 || signal.aborted) return { ...followed, verdict: 'timed-out' };
    await rest(Math.min(AGAIN_MS, limit.leftMs), signal);
  }
}

/** Pairs on hold copy nothing, and are left out unless the file names their status. */
function reachesOf(desired: DesiredTopology, present: ReadonlyMap<string, PresentPair>): Reach[] {
  const statuses = new Map(desired.pairs.map((pair) => [keyOf(pair), pair.status]));
  const named = [...desired.pairs, ...desired.groups.flatMap(({ members }) => members)];
  const once = new Map(named.map(({ primary, secondary }) => [`${primary} -> ${secondary}`, { primary, secondary }]));
  return [...once.values()].flatMap((pair) => {
    const status = statuses.get(keyOf(pair));
    const there = present.get(keyOf(pair));
    if (status !== undefined) return [{ ...pair, statuses: [status] }];
    return there && there.pace !== 'hold' ? [{ ...pair, statuses: statusesAfter(there.status) }] : [];
  });
}

type Ended = Pick<Awaited, 'verdict' | 'reason'>;

async function awaitOne(
  toolkit: Toolkit,
  name: string,
  look: Look,
  options: WaitOptions,
  waits: boolean,
): Promise<Ended> {
  const { limit, signal } = options;
  for (;;) {
    const isLast = !waits || limit.leftMs === 0 || signal.aborted;
    const standing = await lookSafely(() => look(toolkit, name, options, !isLast), signal);
    if (standing.kind === 'reached') return { verdict: 'reached', reason: null };
    const { reason } = standing;
    if (signal.aborted) return { verdict: 'interrupted', reason };
    if (standing.kind === 'cannot') return { verdict: 'unreachable', reason };
    if (!waits) return { verdict: 'not-waited', reason };
    if (isLast) return { verdict: 'timed-out', reason };
    await rest(Math.min(AGAIN_MS, limit.leftMs), signal);
  }
}

async function lookSafely(look: () => Promise<Standing>, signal: AbortSignal): Promise<Standing> {
  try {
    return await look();
  } catch (error) {
    if (!isToolkitError(error) || !(PASSING.has(error.code) || signal.aborted)) throw error;
    return { kind: 'coming', reason: error.message };
  }
}
