import { failure, type PairNumber, type TrackCount } from '../../foundation/foundation.js';
import type { FailbackRow, FailbackWish } from '../../group/group.js';
import { isReturning } from '../../pair/pair.js';
import type { Requests } from '../control/requests.js';
import type { Controller } from '../open-controller.js';
import type { SystemRef } from './peers.js';
import { RETURN_LIMIT_MS } from './returning.js';
import { closeReturning, finishReturn } from './roles.js';

/**
 * The way back of what was recovered: the old primaries take what they lack while the recovered side serves; when little is left it is
 * shut out, the rest follows, and the roles are turned back. A lone pair goes by itself; the pairs of a group or session go together, led
 * by the system that recovered them.
 */

/** Secondaries that wrote no more than this since they were last asked are shut out for the rest. */
const CLOSE_AT_TRACKS = 256;
/** Nor are they followed for ever: hosts that never rest would have the last word. */
const ROUNDS_MAX = 8;

function isTimeToClose(gatheredTracks: TrackCount, rounds: number): boolean {
  return gatheredTracks <= CLOSE_AT_TRACKS || rounds >= ROUNDS_MAX;
}

/**
 * Goes with a lone pair from one round to the next, and turns its roles back. Of a group, and of a session on its way back, all pairs are
 * turned together.
 */
export class WayBack {
  readonly #controller: Controller;
  readonly #rounds = new Map<PairNumber, number>();

  constructor(controller: Controller) {
    this.#controller = controller;
  }

  /** The former primary has all that its secondary held when it was last asked. */
  async caughtUp(number: PairNumber): Promise<void> {
    const row = this.#controller.catalog.pairs.get(number);
    if (!row?.remote || !isReturning(row) || row.remote.group !== null) return;
    if (this.#controller.sessions.returning.has(row.remote.id)) return;
    const link = this.#controller.halves.link(number);
    const isClosed = (await link.show()).state.status === 'resync-reverse';
    const gathered = await link.gather('secondary');
    if (isClosed && gathered === 0) {
      this.#rounds.delete(number);
      await finishReturn(this.#controller, [number]);
      return;
    }
    const rounds = (this.#rounds.get(number) ?? 0) + 1;
    this.#rounds.set(number, rounds);
    if (!isClosed && isTimeToClose(gathered, rounds)) await closeReturning(this.#controller, number);
    this.#controller.notify();
  }
}

type Step = Requests['group.return']['input']['step'];

/** Pairs that go back together, by the systems of their old primaries. */
export interface JointWayBack {
  /** The group or session. */
  readonly of: string;
  readonly parts: readonly ReturningPart[];
}

interface ReturningPart {
  readonly system: SystemRef;
  readonly pairs: readonly string[];
}

export function partsOf(returning: Iterable<{ readonly pair: string; readonly primary: SystemRef }>): ReturningPart[] {
  const parts = new Map<string, { system: SystemRef; pairs: string[] }>();
  for (const { pair, primary } of returning) {
    const part = parts.get(primary.id) ?? { system: primary, pairs: [] };
    part.pairs.push(pair);
    parts.set(primary.id, part);
  }
  return [...parts.values()].sort((a, b) => (a.system.id < b.system.id ? -1 : 1));
}

/** How far a failback goes before it is answered, and what follows once all pairs have turned their roles back. */
interface Failback {
  readonly wait: FailbackWish['wait'];
  readonly signal: AbortSignal | undefined;
  readonly goHome: () => Promise<void>;
}

/** Run again, it goes on where it stopped. */
export async function bringBack(
  controller: Controller,
  way: JointWayBack,
  { wait, signal, goHome }: Failback,
): Promise<'begun' | 'returned' | 'timed-out'> {
  await askAll(controller, way, 'begin');
  if (!wait) return 'begun';
  const { clock } = controller.ports;
  const deadlineMs = wait.timeoutMs === undefined ? Number.POSITIVE_INFINITY : clock.monotonicMs() + wait.timeoutMs;
  let isClosed = false;
  for (let rounds = 0; ; ) {
    if (signal?.aborted)
      throw failure('interrupted', 'Stopped; the way back goes on where it is when it is run again.');
    if (clock.monotonicMs() >= deadlineMs) return 'timed-out';
    const { leftTracks, gatheredTracks } = await askAll(controller, way, 'drain');
    if (leftTracks > 0) continue;
    if (isClosed && gatheredTracks === 0) break;
    rounds += 1;
    if (isClosed || !isTimeToClose(gatheredTracks, rounds)) continue;
    await askAll(controller, way, 'close');
    controller.step('failback.closed');
    isClosed = true;
  }
  await askAll(controller, way, 'finish');
  controller.step('failback.finished');
  await goHome();
  return 'returned';
}

async function askAll({ peers }: Controller, { of: group, parts }: JointWayBack, step: Step) {
  const answers = await Promise.all(
    parts.map(({ system, pairs }) => peers.ask(system, 'group.return', { group, step, pairs }, RETURN_LIMIT_MS)),
  );
  return {
    leftTracks: answers.reduce((sum, { leftTracks }) => sum + leftTracks, 0),
    gatheredTracks: answers.reduce((sum, { gatheredTracks }) => sum + gatheredTracks, 0),
  };
}

/** What the old primaries know of each pair that they lack, by the pairs' ids. */
export async function tracksAtPrimaries(
  { peers }: Controller,
  { of: group, parts }: JointWayBack,
): Promise<ReadonlyMap<string, TrackCount>> {
  const tracks = new Map<string, TrackCount>();
  for (const { system, pairs } of parts) {
    const answer = await peers.ask(system, 'group.return', { group, step: 'look', pairs });
    for (const pair of answer.pairs) tracks.set(pair.id, pair.tracks);
  }
  return tracks;
}

/** A pair in the plan of a failback. */
export function failbackRow(
  addresses: Pick<FailbackRow, 'primary' | 'secondary'>,
  tracks: TrackCount,
  trackSizeBytes: number,
): FailbackRow {
  return { ...addresses, direction: 'secondary -> primary', tracks, bytes: tracks * trackSizeBytes, by: 'differences' };
}
