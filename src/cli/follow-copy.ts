import type {
  Progress as CoreProgress,
  PairListing,
  PairSelector,
  RequestExtras,
  Requests,
  SystemClient,
} from '../core/controller/controller.js';
import { isToolkitError, TRACK_SIZE_DEFAULT_BYTES } from '../core/foundation/foundation.js';
import type { PairStatus } from '../core/pair/pair.js';
import { EXIT } from './exit-codes.js';
import { isSelected } from './pair-selectors.js';
import type { Progress } from './render/progress.js';

/** Pairs of one system to wait for, and the statuses that end the wait. */
export interface Awaited {
  readonly client: SystemClient;
  readonly pairs: readonly PairSelector[];
  readonly statuses: readonly PairStatus[];
}

export type Verdict = Requests['pair.wait']['output']['verdict'] | 'interrupted';

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
  /** By the address of the primary. */
  readonly trackBytes: TrackBytes;
}

export type TrackBytes = ReadonlyMap<string, number>;

/** Waits until every pair has come to one of its statuses. A controller in this process copies meanwhile. */
export async function followCopy(awaited: readonly Awaited[], options: FollowOptions): Promise<Followed> {
  const others = new AbortController();
  const extras = {
    signal: AbortSignal.any([options.signal, others.signal]),
    onProgress: showSum(options.progress, options.trackBytes),
  };
  const answers = awaited.map((batch) => waitFor(batch, options.timeoutMs, extras));
  try {
    const done = await Promise.all(answers);
    const verdict = done.map((answer) => answer.verdict).reduce(worse, 'reached');
    return { verdict, pairs: done.flatMap((answer) => answer.pairs) };
  } catch (error) {
    others.abort();
    await Promise.allSettled(answers);
    if (!options.signal.aborted && !isToolkitError(error, 'interrupted')) throw error;
    return { verdict: 'interrupted', pairs: await standingOf(awaited) };
  } finally {
    options.progress.stop();
  }
}

type Answer = Requests['pair.wait']['output'];

async function waitFor(
  { client, pairs, statuses }: Awaited,
  timeoutMs: number,
  extras: RequestExtras,
): Promise<Answer> {
  const limit = Number.isFinite(timeoutMs) ? { timeoutMs } : {};
  return (await client.request('pair.wait', { pairs, statuses, ...limit }, extras)).output;
}

async function standingOf(awaited: readonly Awaited[]): Promise<readonly PairListing[]> {
  const found: PairListing[] = [];
  for (const { client, pairs } of awaited) {
    const listed = (await client.request('pair.list', {})).output.pairs;
    found.push(...listed.filter((pair) => isSelected(pair, pairs)));
  }
  return found;
}

/** Each event tells of one pair or one piece of work; a bar shows the sum of all. */
export function showSum(progress: Progress, trackBytes: TrackBytes = new Map()): (event: CoreProgress) => void {
  const latest = new Map<string, CoreProgress>();
  return (event) => {
    latest.set(event.pair ? `${event.pair.primary} ${event.pair.secondary}` : event.operation, event);
    let done = 0;
    let total = 0;
    for (const one of latest.values()) {
      const unitBytes =
        one.unit === 'bytes' ? 1 : (trackBytes.get(one.pair?.primary ?? '') ?? TRACK_SIZE_DEFAULT_BYTES);
      done += one.done * unitBytes;
      total += one.total * unitBytes;
    }
    progress.update(done, total);
  };
}

function worse(a: Verdict, b: Verdict): Verdict {
  return VERDICT_EXIT[b] > VERDICT_EXIT[a] ? b : a;
}
