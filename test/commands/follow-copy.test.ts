import { describe, expect, it } from 'vitest';
import { type Awaited, followCopy, showSum, statusesAfter } from '../../src/cli/follow-copy.js';
import type {
  Answered,
  PairListing,
  RequestCode,
  RequestExtras,
  SystemClient,
} from '../../src/core/controller/controller.js';
import { failure } from '../../src/core/foundation/foundation.js';
import { PAIR_STATUSES } from '../../src/core/pair/pair.js';

const listed = {
  primary: 'tokyo:db',
  secondary: 'tokyo:copy',
  primaryNumber: '00:00',
  secondaryNumber: '00:01',
  status: 'pending',
} as PairListing;

type Wait = (extras: RequestExtras) => Promise<unknown>;

/** A controller that knows one pair. */
function client(wait: Wait): SystemClient {
  return {
    request: async <Code extends RequestCode>(code: Code, _input: unknown, extras: RequestExtras = {}) => {
      const output = code === 'pair.wait' ? await wait(extras) : { pairs: [listed] };
      return { output } as Answered<Code>;
    },
    close: async () => {},
  };
}

const verdict =
  (word: string): Wait =>
  async () => ({ verdict: word, pairs: [] });
const untilStopped: Wait = ({ signal }) =>
  new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(failure('interrupted', 'Stopped waiting.')));
  });

const awaited = (wait: Wait): Awaited => ({ client: client(wait), pairs: [{ primary: 'db' }], statuses: ['duplex'] });

const silent = { update: () => {}, stop: () => {} };

function follow(all: Awaited[], signal = new AbortController().signal) {
  return followCopy(all, { timeoutMs: Number.POSITIVE_INFINITY, signal, progress: silent, trackBytes: new Map() });
}

describe('waiting for several systems', () => {
  it.each([
    [['reached', 'reached'], 'reached'],
    [['reached', 'timed-out'], 'timed-out'],
    [['suspended', 'timed-out'], 'suspended'],
    [['suspended', 'unreachable'], 'unreachable'],
  ])('%j together is %s', async (verdicts, worst) => {
    const followed = await follow(verdicts.map((word) => awaited(verdict(word))));
    expect(followed.verdict).toBe(worst);
  });

  it('ends at ^C with the pairs as they stand then', async () => {
    const stop = new AbortController();
    const following = follow([awaited(untilStopped)], stop.signal);
    stop.abort();
    expect(await following).toEqual({ verdict: 'interrupted', pairs: [listed] });
  });

  it('waits for no other system once one has failed', async () => {
    const broken = awaited(async () => {
      throw failure('link-lost', 'gone');
    });
    await expect(follow([awaited(untilStopped), broken])).rejects.toMatchObject({ code: 'link-lost' });
  });
});

describe('progress', () => {
  it('is the sum over the pairs, in bytes', () => {
    const seen: number[][] = [];
    const show = showSum(
      { update: (done, total) => seen.push([done, total]), stop: () => {} },
      new Map([['t:a', 4096]]),
    );
    const event = { operation: 'pending', unit: 'tracks' as const };
    show({ ...event, done: 1, total: 2, pair: { primary: 't:a', secondary: 't:b', status: 'pending' } });
    show({ ...event, done: 2, total: 8, pair: { primary: 't:a', secondary: 't:c', status: 'pending' } });
    show({ operation: 'import', unit: 'bytes', done: 10, total: 10 });
    expect(seen).toEqual([
      [4096, 8192],
      [12288, 40960],
      [12298, 40970],
    ]);
  });
});

describe('where copying ends', () => {
  it('every status has an end that is an end', () => {
    for (const status of PAIR_STATUSES) {
      for (const end of statusesAfter(status)) expect(statusesAfter(end)).toEqual([end]);
    }
  });
});
