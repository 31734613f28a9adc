import { PASSES, RateLimit } from '../../copy/copy.js';
import { failure } from '../../foundation/foundation.js';
import { activeState, drainHere, type WaitVerdict, waitVerdict } from '../../pair/pair.js';
import type { Answered, RequestExtras, Requests } from '../control/requests.js';
import type { Controller } from '../open-controller.js';
import { selectPairs } from './selection.js';

/** How often progress is told while a wait goes on. */
const PROGRESS_MS = 100;

type Verdict = Requests['pair.wait']['output']['verdict'];

/** Waits for statuses, and copies meanwhile. A time-out of 0 only looks. */
export async function waitForPairs(
  controller: Controller,
  input: Requests['pair.wait']['input'],
  extras: RequestExtras,
): Promise<Answered<'pair.wait'>> {
  const numbers = selectPairs(controller, input.pairs).map((record) => record.number);
  const answer = (verdict: Verdict): Answered<'pair.wait'> => ({
    output: {
      verdict,
      pairs: numbers
        .flatMap((number) => controller.catalog.pairs.get(number) ?? [])
        .map((record) => controller.listing.pair(record)),
    },
  });
  const { clock } = controller.ports;
  const deadlineMs = input.timeoutMs === undefined ? Number.POSITIVE_INFINITY : clock.monotonicMs() + input.timeoutMs;
  const look = () =>
    verdictOf(numbers.map((number) => waitVerdict(controller.catalog.pairs.get(number), input.statuses)));
  // A status counts as reached once it stays through a loss of power.
  const settled = async (verdict: Verdict) => {
    await controller.catalog.durable();
    // Of a remote pair the secondary's hosts are let in once its system knows.
    if (verdict === 'reached') await controller.halves.tell(numbers);
    return answer(verdict);
  };
  const atOnce = look();
  if (atOnce !== 'waiting') return settled(atOnce);
  if (input.timeoutMs === 0) return answer('timed-out');
  const totals = new Map(numbers.map((number) => [number, leftOf(controller, number)]));
  const hurried = numbers
    .filter((number) => controller.catalog.pairs.has(number))
    .map((number) => controller.fabric.pair(number));
  for (const pair of hurried) pair.waiters += 1;
  controller.streams.hurried += 1;
  controller.startCopying();
  controller.copier.wake();
  try {
    for (;;) {
      controller.demandCopying();
      const verdict = look();
      if (verdict !== 'waiting') return await settled(verdict);
      const leftMs = deadlineMs - clock.monotonicMs();
      if (leftMs <= 0) return answer('timed-out');
      if (extras.signal?.aborted) throw stoppedWaiting();
      tellProgress(controller, totals, extras);
      await controller.changed(Math.min(leftMs, PROGRESS_MS), extras.signal);
    }
  } finally {
    for (const pair of hurried) pair.waiters -= 1;
    controller.streams.hurried -= 1;
    await controller.stopCopying();
  }
}

/** Copies until every pair of the system has arrived where copying leads. A pair on hold is left alone. */
export async function drainPairs(
  controller: Controller,
  input: Requests['copier.drain']['input'],
  extras: RequestExtras,
): Promise<Answered<'copier.drain'>> {
  const { clock } = controller.ports;
  const deadlineMs = input.timeoutMs === undefined ? Number.POSITIVE_INFINITY : clock.monotonicMs() + input.timeoutMs;
  const totals = new Map([...controller.catalog.pairs.keys()].map((number) => [number, leftOf(controller, number)]));
  const passes = new Map([...totals.keys()].map((number) => [number, controller.passesOf(number)]));
  // Who joins a copier that is at work leaves it the rate that it was started with.
  const capsRate = input.rateBytesPerSecond !== undefined && !controller.isCopying;
  if (capsRate) controller.capCopying(new RateLimit(clock, input.rateBytesPerSecond ?? null));
  controller.streams.owe();
  controller.startCopying();
  try {
    while (undrained(controller, passes)) {
      controller.demandCopying();
      const leftMs = deadlineMs - clock.monotonicMs();
      if (leftMs <= 0) return { output: { verdict: 'timed-out', pairs: controller.listing.pairs() } };
      if (extras.signal?.aborted) throw stoppedWaiting();
      tellProgress(controller, totals, extras);
      await controller.changed(Math.min(leftMs, PROGRESS_MS), extras.signal);
    }
  } finally {
    await controller.stopCopying();
    if (capsRate) controller.capCopying(undefined);
  }
  const suspended = [...controller.catalog.pairs.values()].some((record) => record.state.status === 'suspended');
  return { output: { verdict: suspended ? 'suspended' : 'drained', pairs: controller.listing.pairs() } };
}

/**
 * Whether a pair has tracks to copy, or copied all and has not moved on yet. In duplex only what was there at the start counts: a host
 * that never pauses would have the last word.
 */
function undrained(controller: Controller, passesAtStart: ReadonlyMap<number, number>): boolean {
  // What was written to a journal pair before is in its stream; what comes later is another run's.
  if (controller.streams.isOwed) return true;
  return [...controller.catalog.pairs.values()].some((record) => {
    const drain = drainHere(record);
    if (!drain || record.pace === 'hold') return false;
    if (record.state.status !== 'duplex') return true;
    const passes = controller.passesOf(record.number) - (passesAtStart.get(record.number) ?? 0);
    return leftOf(controller, record.number) > 0 && passes < PASSES;
  });
}

function stoppedWaiting(): Error {
  return failure(
    'interrupted',
    'Stopped waiting.',
    'The pairs stay as they are and go on from where they were copied to.',
  );
}

/** All pairs must have arrived; one that cannot arrive, or is suspended, ends the wait. */
function verdictOf(verdicts: readonly WaitVerdict[]): Verdict | 'waiting' {
  for (const bad of ['suspended', 'unreachable'] as const) if (verdicts.includes(bad)) return bad;
  return verdicts.every((verdict) => verdict === 'reached') ? 'reached' : 'waiting';
}

function leftOf(controller: Controller, number: number): number {
  const record = controller.catalog.pairs.get(number);
  const drain = record ? drainHere(record) : null;
  return drain ? controller.catalog.pairMap(number, drain.map).map.count : 0;
}

function tellProgress(controller: Controller, totals: ReadonlyMap<number, number>, extras: RequestExtras): void {
  if (!extras.onProgress) return;
  for (const [number, total] of totals) {
    const record = controller.catalog.pairs.get(number);
    if (!record) continue;
    const left = Math.min(total, leftOf(controller, number));
    const pair = {
      primary: controller.address(record.primary),
      secondary: controller.address(record.secondary),
      status: record.state.status,
    };
    extras.onProgress({ operation: activeState(record.state).status, done: total - left, total, unit: 'tracks', pair });
  }
}
