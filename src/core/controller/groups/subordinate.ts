import { failure, isToolkitError, type Milliseconds } from '../../foundation/foundation.js';
import {
  type GroupMember,
  type GroupSheet,
  type ListedFailure,
  type NumberedGroup,
  reasonOf,
  STOP_LEASE_MS,
  type StepAnswer,
  type SubordinateTable,
} from '../../group/group.js';
import type { LivePair, LiveVolume } from '../../hostio/hostio.js';
import type { HalfRecord } from '../../pair/pair.js';
import type { Controller } from '../open-controller.js';
import { isoTime } from '../pairs/listing.js';
import { demandFollowing, demandFreezable, originsOf } from './freezable.js';
import { passOn, refusedBy } from './passing-on.js';
import type { SystemOrder } from './wire.js';

/** A formation's freeze here, from its gates to its thaw. It lives in this process alone (H3). */
interface Freeze {
  readonly sequence: number;
  readonly pairs: readonly LivePair[];
  readonly volumes: readonly LiveVolume[];
  /** Of members that are themselves secondaries of other systems' volumes. */
  readonly origins: readonly HalfRecord[];
  readonly closedAtMs: number;
  readonly limitMs: Milliseconds;
  gate: 'closed' | 'opened-by-run' | 'opened-by-itself';
  pauseMs: Milliseconds;
  tracks: number;
  /** Ends the lease's clock, and the freeze's. */
  readonly lease: AbortController;
  readonly life: AbortController;
}

type Coordinate = Extract<SystemOrder, { kind: 'coordinate' }>;

/** What a system does for the groups whose primaries lie in it (DESIGN.md 5.1). */
export class Subordinate {
  readonly #controller: Controller;
  readonly #freezes = new Map<string, Freeze>();
  /** The highest number of each group that was thawed here. */
  readonly #thawed = new Map<string, number>();
  /** What last went wrong here in each group's formations; the master keeps what counts. */
  readonly failures = new Map<string, ListedFailure>();
  /** The number of each group that was announced to this process and not yet ordered. */
  readonly #announced = new Map<string, { readonly sequence: number; readonly durable: Promise<void> }>();
  /** The last freeze of each group, for its measures. */
  readonly measures = new Map<string, { pauseMs: Milliseconds | null; drainMs: Milliseconds | null }>();

  constructor(controller: Controller) {
    this.#controller = controller;
  }

  /** The step that a group's members are in, for listings. */
  stateOf(group: string): 'idle' | 'coordinating' | 'draining' {
    const freeze = this.#freezes.get(group);
    if (!freeze) return 'idle';
    return freeze.gate === 'closed' ? 'coordinating' : 'draining';
  }

  /**
   * Makes the next number durable before its formation begins: a flush in front of the gates would differ in length from system to
   * system, and the hosts of the quickest would wait for the slowest. A number that is seen already is announced in vain.
   */
  async announce(group: string, term: number, sequence: number): Promise<void> {
    if (sequence <= this.#demandTable(group, term).highestSequence) return;
    const durable = this.#raise(group, sequence, term);
    this.#announced.set(group, { sequence, durable });
    await durable;
  }

  /** Carries out one order. What goes wrong is an answer, not an exception: the master's machine knows what follows from it. */
  async obey(group: string, term: number, order: SystemOrder): Promise<StepAnswer> {
    const answer = await this.#answer(group, term, order);
    if (answer.kind !== 'ok') {
      const time = isoTime(this.#controller.ports.clock.nowMs());
      this.failures.set(group, { activity: order.kind, reason: reasonOf(answer), time });
    }
    return answer;
  }

  async #answer(group: string, term: number, order: SystemOrder): Promise<StepAnswer> {
    try {
      const table = this.#demandTable(group, term);
      switch (order.kind) {
        case 'coordinate':
          return await this.#coordinate(group, table, order);
        case 'run':
          return this.#run(group, order.sequence);
        case 'drain':
          return await this.#drain(group, order.sequence);
        case 'prepare':
          return await passOn(this.#controller, this.#preparable(group, table, order.group), {
            group,
            term,
            step: 'prepare',
            sequence: order.group.sequence,
            numbered: order.group,
          });
        case 'commit':
        case 'revert': {
          const { kind: step, sequence, relationshipIds } = order;
          const members = membersOf(table, relationshipIds);
          return await passOn(this.#controller, members, { group, term, step, sequence });
        }
        case 'thaw':
          await this.#thaw(group, order.sequence, order.stopSending);
          return { kind: 'ok' };
      }
    } catch (error) {
      if (!isToolkitError(error)) throw error;
      return refusedBy(error);
    }
  }

  /** Every freeze ends with its controller. */
  async close(): Promise<void> {
    for (const [group, freeze] of this.#freezes) await this.#thaw(group, freeze.sequence);
  }

  async #coordinate(group: string, table: SubordinateTable, order: Coordinate): Promise<StepAnswer> {
    const { sequence, coordinationLimitMs: limitMs, drainLimitMs } = order;
    const { clock } = this.#controller.ports;
    const startedAtMs = clock.monotonicMs();
    if (!(await this.#admits(group, table, order)))
      return { kind: 'refused', reason: `formation ${table.highestSequence} was seen already` };
    await this.#endLeftover(group);
    this.#demandCurrent(group, sequence);
    const halves = membersOf(table, order.relationshipIds).map((member) => this.#halfOf(member));
    const pairs = halves.map(({ number }) => this.#controller.fabric.pair(number));
    const volumes = [...new Set(halves.map(({ primary }) => this.#controller.fabric.volume(primary)))];
    const closedAtMs = clock.monotonicMs();
    for (const volume of volumes) volume.gate.close();
    const quiet = await this.#quiet(volumes, startedAtMs + limitMs);
    const open = () => {
      for (const volume of volumes) volume.gate.open();
    };
    if (!quiet) {
      open();
      return { kind: 'timed-out' };
    }
    try {
      this.#demandCurrent(group, sequence);
      for (const half of halves) demandFreezable(this.#controller, half);
    } catch (error) {
      open();
      throw error;
    }
    const origins = originsOf(this.#controller, halves);
    const freeze = this.#freeze(group, { sequence, pairs, volumes, origins, closedAtMs, limitMs });
    this.#controller.step('formation.frozen');
    void this.#lease(freeze, open);
    void this.#live(group, freeze, limitMs + drainLimitMs);
    return { kind: 'ok' };
  }

  /**
   * A number begins a formation once, and is durable before anything freezes: a late order of it must freeze nothing, also after a
   * restart (H1, H3).
   */
  async #admits(group: string, table: SubordinateTable, { sequence, term }: Coordinate): Promise<boolean> {
    const announced = this.#announced.get(group);
    if (announced?.sequence === sequence) {
      this.#announced.delete(group);
      await announced.durable;
      return true;
    }
    if (sequence <= table.highestSequence) return false;
    await this.#raise(group, sequence, term);
    return true;
  }

  /** One step: the maps change their meaning, and nothing was in flight (DESIGN.md 2). */
  #freeze(group: string, parts: Omit<Freeze, 'gate' | 'pauseMs' | 'tracks' | 'lease' | 'life'>): Freeze {
    const { sequence, pairs } = parts;
    let tracks = 0;
    for (const pair of pairs) {
      pair.freezeFor(group, sequence);
      tracks += pair.outOfSync.map.count;
    }
    const freeze: Freeze = {
      ...parts,
      gate: 'closed',
      pauseMs: 0,
      tracks,
      lease: new AbortController(),
      life: new AbortController(),
    };
    this.#freezes.set(group, freeze);
    return freeze;
  }

  /** The gate is a lease: it opens by itself, also when the master is dead. */
  async #lease(freeze: Freeze, open: () => void): Promise<void> {
    const { clock } = this.#controller.ports;
    await clock.sleep(Math.max(0, freeze.closedAtMs + freeze.limitMs - clock.monotonicMs()), freeze.lease.signal);
    if (freeze.gate === 'closed') freeze.gate = 'opened-by-itself';
    freeze.pauseMs = clock.toldMs(freeze.closedAtMs);
    open();
    this.#controller.notify();
  }

  /** Who hears nothing more thaws by itself; what was prepared meanwhile is inhibited at the remote, and stays so. */
  async #live(group: string, freeze: Freeze, spanMs: Milliseconds): Promise<void> {
    const ended = await this.#controller.ports.clock.sleep(spanMs, freeze.life.signal);
    if (ended === 'elapsed') await this.#thaw(group, freeze.sequence);
  }

  #run(group: string, sequence: number): StepAnswer {
    const freeze = this.#freezes.get(group);
    if (freeze?.sequence !== sequence)
      return { kind: 'refused', reason: `nothing is frozen for formation ${sequence}` };
    // Judged by our own clock before the order is looked at: the timer may be late (H2).
    const late = this.#controller.ports.clock.monotonicMs() - freeze.closedAtMs >= freeze.limitMs;
    if (freeze.gate === 'closed') {
      freeze.gate = late ? 'opened-by-itself' : 'opened-by-run';
      freeze.pauseMs = this.#controller.ports.clock.toldMs(freeze.closedAtMs);
      freeze.lease.abort();
    }
    const { pauseMs } = freeze;
    this.measures.set(group, { pauseMs, drainMs: null });
    return freeze.gate === 'opened-by-run' ? { kind: 'ok', pauseMs } : { kind: 'opened-by-itself', pauseMs };
  }

  /** Copies until the end mark of every member was taken at its remote. The copier works for it at full speed. */
  async #drain(group: string, sequence: number): Promise<StepAnswer> {
    const freeze = this.#freezes.get(group);
    if (freeze?.sequence !== sequence || freeze.gate !== 'opened-by-run')
      return { kind: 'refused', reason: `nothing is frozen for formation ${sequence}` };
    const { clock } = this.#controller.ports;
    const startedMs = clock.monotonicMs();
    await demandFollowing(this.#controller, freeze.origins);
    this.#controller.startCopying();
    try {
      for (;;) {
        this.#controller.demandCopying();
        const left = freeze.pairs.filter((pair) => !this.#controller.sender(pair.number)?.hasEnded(sequence));
        const undone = freeze.pairs.find(
          ({ forming, record }) => forming?.sequence !== sequence || record?.state.status === 'suspended',
        );
        if (undone) return { kind: 'refused', reason: this.#whyThawed(undone) };
        if (left.length === 0) break;
        await this.#controller.changed(LOOK_MS, freeze.life.signal);
      }
    } finally {
      await this.#controller.stopCopying();
    }
    const drainMs = clock.toldMs(startedMs);
    this.measures.set(group, { pauseMs: freeze.pauseMs, drainMs });
    this.#controller.step('formation.drained');
    return { kind: 'ok', drainMs, tracks: freeze.tracks };
  }

  #whyThawed(pair: LivePair): string {
    const { record } = pair;
    if (pair.voidedBecause !== undefined) return pair.voidedBecause;
    return record?.state.status === 'suspended' ? record.state.message : 'the drain limit passed';
  }

  #preparable(group: string, table: SubordinateTable, { sequence, memberList }: NumberedGroup): readonly GroupMember[] {
    const listed = memberList.map(({ relationshipId }) => relationshipId);
    const members = membersOf(table, listed);
    if (members.length > 0 && this.#freezes.get(group)?.sequence !== sequence)
      throw failure('formation-failed', `Nothing is frozen for formation ${sequence} any more.`);
    return members;
  }

  /** The order may have waited while a thaw of its number, or a later order, overtook it: then it freezes nothing. */
  #demandCurrent(group: string, sequence: number): void {
    const seen = this.#controller.groups.sheets.byId(group)?.subordinate?.highestSequence ?? 0;
    if (seen <= sequence && (this.#thawed.get(group) ?? 0) < sequence) return;
    throw failure('formation-failed', `Formation ${sequence} is over.`);
  }

  /** `stopSending`: nothing newer than the group may reach the remotes, so sending is held before the first pair thaws. */
  async #thaw(group: string, sequence: number, stopSending = false): Promise<void> {
    this.#thawed.set(group, Math.max(sequence, this.#thawed.get(group) ?? 0));
    if (this.#announced.get(group)?.sequence === sequence) this.#announced.delete(group);
    await this.#raise(group, sequence);
    const freeze = this.#freezes.get(group);
    if (freeze?.sequence !== sequence) return;
    if (stopSending) this.#controller.groups.holds.set(group, 'sending', STOP_LEASE_MS);
    this.#freezes.delete(group);
    freeze.lease.abort();
    freeze.life.abort();
    for (const pair of freeze.pairs) await this.#controller.fabric.thaw(pair);
    this.#controller.step('formation.thawed');
    this.#controller.notify();
  }

  /** A freeze that was left behind, of whatever number, is thawed before the next: else its changes were forgotten (H1). */
  async #endLeftover(group: string): Promise<void> {
    const left = this.#freezes.get(group);
    if (left) await this.#thaw(group, left.sequence);
  }

  /** With the term of a new master that could not tell this system of itself. */
  async #raise(group: string, sequence: number, term = 0): Promise<void> {
    const seen = this.#controller.groups.sheets.byId(group)?.subordinate?.highestSequence ?? 0;
    if (sequence <= seen) return;
    await this.#controller.groups.sheets.update(group, (sheet) => withHighest(sheet, sequence, term));
  }

  #demandTable(group: string, term: number): SubordinateTable {
    const table = this.#controller.groups.sheets.byId(group)?.subordinate;
    const { name } = this.#controller.place;
    if (!table) throw failure('group-not-found', `${name} holds no primary of this group.`);
    if (term < table.term) throw failure('term-superseded', `${name} knows term ${table.term} of the group.`);
    if (table.failedOver) throw failure('displaced', `The group was recovered at its remotes; ${name} refuses hosts.`);
    return table;
  }

  #halfOf(member: GroupMember): HalfRecord {
    const half = this.#controller.halves.find(member.pairId);
    if (half.remote.side === 'primary') return half;
    throw failure('status-refuses', `${this.#controller.address(half.secondary)} is a secondary now.`);
  }

  async #quiet(volumes: readonly LiveVolume[], deadlineMs: number): Promise<boolean> {
    const { clock } = this.#controller.ports;
    const stop = new AbortController();
    const late = clock.sleep(Math.max(0, deadlineMs - clock.monotonicMs()), stop.signal);
    const quiet = Promise.all(volumes.map((volume) => volume.gate.quiet())).then(() => 'quiet' as const);
    const first = await Promise.race([quiet, late]);
    stop.abort();
    return first === 'quiet';
  }
}

/** How often a drain looks when nothing tells it of a change. */
const LOOK_MS = 20;

function withHighest(sheet: GroupSheet, sequence: number, term: number): GroupSheet {
  const { subordinate } = sheet;
  if (!subordinate) return sheet;
  const highestSequence = Math.max(subordinate.highestSequence, sequence);
  return { ...sheet, subordinate: { ...subordinate, highestSequence, term: Math.max(subordinate.term, term) } };
}

function membersOf({ members }: SubordinateTable, relationshipIds: readonly number[]): readonly GroupMember[] {
  return members.filter(({ relationshipId }) => relationshipIds.includes(relationshipId));
}
