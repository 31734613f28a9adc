import { isToolkitError, type Milliseconds } from '../../foundation/foundation.js';
import {
  type FormationAnswer,
  type GroupSheet,
  type GroupStanding,
  type LastAttempt,
  type MasterTable,
  nextFormationAt,
  noFormation,
  STOP_LEASE_MS,
  standingNow,
  windowAt,
} from '../../group/group.js';
import type { Clock } from '../../ports/ports.js';
import type { Controller } from '../open-controller.js';
import { formGroup, isBusy } from './master.js';

/** How often a master looks after its groups when nothing is due. */
const LOOK_MS = 500;
/** What members hold back is told them again after so long: one that was restarted has forgotten it. */
const RENEW_MS = STOP_LEASE_MS / 3;

type Report = (answer: FormationAnswer) => void;

/**
 * Forms the running groups that this system masters, at their intervals and within their windows, and has the members hold back what a
 * window or a pause stops, until `signal` fires.
 */
export async function keepForming(
  controller: Controller,
  signal: AbortSignal,
  report: Report = () => undefined,
): Promise<void> {
  const { groups, ports } = controller;
  const works = new Works();
  const { clock } = ports;
  // Intervals pass by the monotonic clock: wall time may be set, and stands still where fixtures fix it.
  const lasts = new Map<string, { readonly endedAtMs: Milliseconds } & Pick<LastAttempt, 'formed' | 'tracks'>>();
  const form = async (id: string, name: string) => {
    const attempt = await formQuietly(controller, name, signal, report);
    lasts.set(id, { endedAtMs: clock.monotonicMs(), ...attempt });
  };
  const lastOf = (id: string, nowMs: number): LastAttempt | null => {
    const last = lasts.get(id);
    return last ? { ...last, endedMs: nowMs - (clock.monotonicMs() - last.endedAtMs) } : null;
  };
  /** Begins what is due for a group; when to look at it again. */
  const look = ({ id, name, master }: GroupSheet, nowMs: number): number => {
    if (!master || master.handedOver) return nowMs + LOOK_MS;
    if (isHoldDue(controller, id, master)) works.begin(holdMembers(controller, id, master));
    const nextMs = Math.min(nowMs + LOOK_MS, windowAt(master.policy.window, nowMs).untilMs ?? Number.POSITIVE_INFINITY);
    if (master.state.status !== 'running' || isBusy(groups, id)) return nextMs;
    const dueMs = nextFormationAt(master.policy, lastOf(id, nowMs), nowMs);
    if (dueMs <= nowMs) works.begin(form(id, name));
    return Math.min(nextMs, dueMs);
  };
  while (!signal.aborted && !works.failed) {
    const nowMs = clock.nowMs();
    const nextMs = Math.min(nowMs + LOOK_MS, ...groups.sheets.all().map((sheet) => look(sheet, nowMs)));
    await works.rest(Math.max(1, nextMs - nowMs), clock, signal);
    // Formations on files that need no waiting would otherwise keep signals and hosts from their turns.
    await clock.yieldTurn();
  }
  await works.ended();
}

/** What goes on beside the looking: one group's formation holds up neither another's nor the renewal of a hold. */
class Works {
  readonly #running = new Set<Promise<void>>();
  #wake = new AbortController();
  #fault: { readonly error: unknown } | undefined;

  get failed(): boolean {
    return this.#fault !== undefined;
  }

  begin(work: Promise<void>): void {
    const watched: Promise<void> = work
      .catch((error: unknown) => {
        this.#fault ??= { error };
      })
      .finally(() => {
        this.#running.delete(watched);
        this.#wake.abort();
      });
    this.#running.add(watched);
  }

  /** Until then, or until one of them ends. */
  async rest(spanMs: Milliseconds, clock: Clock, signal: AbortSignal): Promise<void> {
    this.#wake = new AbortController();
    const wake = () => this.#wake.abort();
    signal.addEventListener('abort', wake, { once: true });
    if (!signal.aborted) await clock.sleep(spanMs, this.#wake.signal);
    signal.removeEventListener('abort', wake);
  }

  /** Throws what one of them failed with. */
  async ended(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
    if (this.#fault) throw this.#fault.error;
  }
}

async function formQuietly(
  controller: Controller,
  name: string,
  signal: AbortSignal,
  report: Report,
): Promise<Omit<LastAttempt, 'endedMs'>> {
  try {
    const answer = await formGroup(controller, name, { actor: 'group', single: false, signal });
    report(answer);
    return { formed: answer.outcome === 'formed', tracks: answer.tracks ?? 0 };
  } catch (error) {
    if (!isToolkitError(error)) throw error;
    report(noFormation(name, 'skipped', error.message));
    return { formed: false, tracks: 0 };
  }
}

/** What the members were last told to hold back. */
export interface ToldHold {
  readonly what: string;
  /** By the monotonic clock. */
  readonly atMs: Milliseconds;
  /** Somebody could not be told. */
  readonly missed: boolean;
  readonly underWay: boolean;
}

function isHoldDue({ groups, ports }: Controller, id: string, master: MasterTable): boolean {
  const told = groups.toldHolds.get(id);
  const what = wordOf(standingNow(master, ports.clock.nowMs()).stop);
  if (told?.underWay) return false;
  const renews = what !== NOTHING || told?.missed === true;
  return (told?.what ?? NOTHING) !== what || (renews && ports.clock.monotonicMs() - (told?.atMs ?? 0) >= RENEW_MS);
}

/**
 * Tells the members what they hold back now. A window's stop carries the window's end; a manual one is a lease that the master renews. So
 * neither outlives a dead master for longer (H31).
 */
export async function holdMembers(controller: Controller, id: string, master: MasterTable): Promise<void> {
  const { groups, ports, peers } = controller;
  const nowMs = ports.clock.nowMs();
  const atMs = ports.clock.monotonicMs();
  const { stop } = standingNow(master, nowMs);
  const what = wordOf(stop);
  groups.toldHolds.set(id, { what, atMs, missed: false, underWay: true });
  const leaseMs = stop ? Math.max(0, stop.untilMs - nowMs) : 0;
  const systems = new Map(master.members.map(({ primary }) => [primary.system.id, primary.system]));
  const input = { group: id, term: master.term, what: stop?.what ?? null, leaseMs };
  const told = await Promise.allSettled([...systems.values()].map((system) => peers.ask(system, 'group.hold', input)));
  const missed = told.some(({ status }) => status === 'rejected');
  groups.toldHolds.set(id, { what, atMs, missed, underWay: false });
}

const NOTHING = 'nothing';

function wordOf(stop: GroupStanding['stop']): string {
  return stop?.what ?? NOTHING;
}
