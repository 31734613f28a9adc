import { failure, type Milliseconds } from '../../foundation/foundation.js';
import type { Stopped } from '../../group/group.js';
import type { LiveVolume } from '../../hostio/hostio.js';
import type { Controller } from '../open-controller.js';

interface Hold {
  readonly what: Stopped;
  untilMs: number;
  /** Its end was told anew. */
  changed: AbortController;
  readonly end: AbortController;
  readonly volumes: readonly LiveVolume[];
  gates: 'open' | 'closed';
}

/**
 * What windows and pauses hold back at the members here. Each hold is a lease: it ends at its time whether or not its master lives (H31).
 */
export class GroupHolds {
  readonly #controller: Controller;
  readonly #holds = new Map<string, Hold>();

  constructor(controller: Controller) {
    this.#controller = controller;
  }

  isHeld(group: string): boolean {
    return this.#holds.has(group);
  }

  /** Whether nothing is to be sent for this pair now. */
  stopsSending(pairId: string): boolean {
    if (this.#holds.size === 0) return false;
    for (const [group, hold] of this.#holds) {
      if (hold.what !== 'sending') continue;
      const members = this.#controller.groups.sheets.byId(group)?.subordinate?.members ?? [];
      if (members.some((member) => member.pairId === pairId)) return true;
    }
    return false;
  }

  /** Begins, renews, changes or ends a hold. Writes wait up to the hold limit and are refused after it, until the hold ends. */
  set(group: string, what: Stopped | null, leaseMs: Milliseconds): void {
    const present = this.#holds.get(group);
    const untilMs = this.#controller.ports.clock.monotonicMs() + leaseMs;
    if (present && present.what === what) {
      present.untilMs = untilMs;
      // One that ends sooner than it was told first has to be looked at again.
      present.changed.abort();
      return;
    }
    if (present) this.#end(group, present);
    if (what !== null) this.#begin(group, what, untilMs);
    this.#controller.notify();
  }

  close(): void {
    for (const [group, hold] of this.#holds) this.#end(group, hold);
  }

  #begin(group: string, what: Stopped, untilMs: number): void {
    const volumes = what === 'writes' ? this.#volumesOf(group) : [];
    const hold: Hold = {
      what,
      untilMs,
      changed: new AbortController(),
      end: new AbortController(),
      volumes,
      gates: 'open',
    };
    this.#holds.set(group, hold);
    if (volumes.length > 0) {
      for (const volume of volumes) volume.gate.close();
      hold.gates = 'closed';
      void this.#refuseLater(group, hold);
    }
    void this.#expire(group, hold);
  }

  async #expire(group: string, hold: Hold): Promise<void> {
    const { clock } = this.#controller.ports;
    while (this.#holds.get(group) === hold) {
      const leftMs = hold.untilMs - clock.monotonicMs();
      if (leftMs <= 0) {
        this.#end(group, hold);
        continue;
      }
      hold.changed = new AbortController();
      await clock.sleep(Math.ceil(leftMs), hold.changed.signal);
    }
    this.#controller.notify();
  }

  async #refuseLater(group: string, hold: Hold): Promise<void> {
    const sheet = this.#controller.groups.sheets.byId(group);
    const limitMs = sheet?.subordinate?.policy.holdLimitMs ?? 0;
    if ((await this.#controller.ports.clock.sleep(limitMs, hold.end.signal)) === 'aborted') return;
    if (this.#holds.get(group) !== hold || hold.gates === 'open') return;
    // Over at this very moment: who waited may write, and is not refused by a hold that is no more (H31).
    if (hold.untilMs <= this.#controller.ports.clock.monotonicMs()) return;
    for (const volume of hold.volumes)
      volume.heldBack = failure(
        'group-paused',
        `No host may write ${this.#controller.address(volume.number)} now: group ${sheet?.name} stops writes, by a window or a pause.`,
        `Writes are taken again at its end; copyset cg status ${sheet?.name} tells it, and copyset cg resume ends a pause.`,
      );
    this.#open(hold);
  }

  #end(group: string, hold: Hold): void {
    this.#holds.delete(group);
    hold.end.abort();
    hold.changed.abort();
    for (const volume of hold.volumes) volume.heldBack = undefined;
    this.#open(hold);
  }

  #open(hold: Hold): void {
    if (hold.gates === 'open') return;
    hold.gates = 'open';
    for (const volume of hold.volumes) volume.gate.open();
  }

  #volumesOf(group: string): LiveVolume[] {
    const { fabric, halves, groups } = this.#controller;
    const members = groups.sheets.byId(group)?.subordinate?.members ?? [];
    return [...new Set(members.map(({ pairId }) => fabric.volume(halves.find(pairId).primary)))];
  }
}
