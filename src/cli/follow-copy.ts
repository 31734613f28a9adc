import type {
  PairListing,
  Progress as CoreProgress,
  RequestExtras,
  Requests,
  SystemClient,
} from '../core/controller/controller.js';
import { isToolkitError } from '../core/foundation/foundation.js';
import type { PairStatus } from '../core/pair/pair.js';
import { parseAddress } from '../core/volume/volume.js';
import { EXIT } from './exit-codes.js';
import type { Progress } from './render/progress.js';

/** A pair to wait for, with the statuses that end the wait. */
export interface Awaited {
  readonly client: SystemClient;
  readonly primary: string;
  readonly secondary: string;
  readonly statuses: readonly PairStatus[];
}

export type Verdict = 'reached' | 'timed-out' | 'suspended' | 'unreachable' | 'interrupted';

export interface Followed {
  /** The worst of all pairs. */
  readonly verdict: Verdict;
  /** How the pairs stood at the end. */
  readonly pairs: readonly PairListing[];
}

export const VERDICT_EXIT: Readonly<Record<Verdict, number>> = {
  reached: EXIT.done,
  'timed-out': EXIT.waitTimedOut,
  suspended: EXIT.suspended,
  unreachable: EXIT.cannotCome,
  interrupted: EXIT.interrupted,
};

/** Where the copying that a status stands for comes to its end. A restored virtual copy returns to split (DESIGN.md 3.1). */
export function statusesAfter(status: PairStatus): readonly PairStatus[] {
  switch (status) {
    case 'pending':
    case 'resync':
      return ['duplex'];
    case 'sp-pending':
      return ['split'];
    case 'resync-reverse':
      return ['duplex', 'split'];
    case 'simplex':
    case 'duplex':
    case 'split':
    case 'suspended':
      return [status];
  }
}

export interface FollowOptions {
  /** Infinity waits for ever, 0 only looks. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

/** Waits until every pair has come to one of its statuses. A controller in this process copies meanwhile. */
export async function followCopy(pairs: readonly Awaited[], options: FollowOptions): Promise<Followed> {
  const batches = alike(pairs);
  const others = new AbortController();
  const signal = AbortSignal.any([options.signal, others.signal]);
  const onProgress = summed(options.progress);
  const answers = batches.map((batch) => waitFor(batch, options.timeoutMs, { signal, onProgress }));
  try {
    const done = await Promise.all(answers);
    const verdict = done.map((answer) => answer.verdict).reduce(worse, 'reached');
    const ends = done.flatMap((answer) => answer.pairs);
    return options.signal.aborted && verdict !== 'reached' ? await interrupted(batches) : { verdict, pairs: ends };
  } catch (error) {
    others.abort();
    await Promise.allSettled(answers);
    if (options.signal.aborted || isToolkitError(error, 'interrupted')) return await interrupted(batches);
    throw error;
  } finally {
    options.progress.stop();
  }
}

/** How the pairs stand when nobody waits for them any more. */
async function interrupted(batches: readonly Batch[]): Promise<Followed> {
  const answers = await Promise.all(batches.map(({ client }) => client.request('pair.list', {})));
  const listed = answers.flatMap((answer) => answer.output.pairs);
  const isWaitedFor = (pair: PairListing): boolean =>
    batches.some((batch) => batch.pairs.some(({ primary, secondary }) => primary === pair.primary && secondary === pair.secondary));
  return { verdict: 'interrupted', pairs: listed.filter(isWaitedFor) };
}

type PairWaitAnswer = Requests['pair.wait']['output'];

interface Batch {
  readonly client: SystemClient;
  readonly statuses: readonly PairStatus[];
  readonly pairs: Awaited[];
}

async function waitFor(batch: Batch, timeoutMs: number, extras: RequestExtras): Promise<PairWaitAnswer> {
  const pairs = batch.pairs.map(({ primary, secondary }) => ({
    primary: parseAddress(primary).volume,
    secondary: parseAddress(secondary).volume,
  }));
  const limit = Number.isFinite(timeoutMs) ? { timeoutMs } : {};
  return (await batch.client.request('pair.wait', { pairs, statuses: batch.statuses, ...limit }, extras)).output;
}

/** One request takes the pairs of one client that wait for the same statuses. */
function alike(pairs: readonly Awaited[]): Batch[] {
  const batches: Batch[] = [];
  for (const pair of pairs) {
    const same = batches.find(
      ({ client, statuses }) => client === pair.client && statuses.join() === pair.statuses.join(),
    );
    if (same) same.pairs.push(pair);
    else batches.push({ client: pair.client, statuses: pair.statuses, pairs: [pair] });
  }
  return batches;
}

/** Each event tells of one pair; a bar shows the sum of all. */
export function summed(progress: Progress): (event: CoreProgress) => void {
  const latest = new Map<string, CoreProgress>();
  return (event) => {
    latest.set(event.pair ? `${event.pair.primary} ${event.pair.secondary}` : event.operation, event);
    let done = 0;
    let total = 0;
    for (const one of latest.values()) {
      done += one.done;
      total += one.total;
    }
    progress.update(done, total);
  };
}

function worse(a: Verdict, b: Verdict): Verdict {
  return VERDICT_EXIT[b] > VERDICT_EXIT[a] ? b : a;
}
