import { failure } from '../../foundation/foundation.js';
import type { GroupMember, MemberReport } from '../../group/group.js';
import type { PairRecord } from '../../pair/pair.js';
import type { Controller } from '../open-controller.js';
import { GroupHolds } from './holds.js';
import type { ToldHold } from './keeping.js';
import { GroupRates } from './rates.js';
import { GroupSheets } from './sheets.js';
import { Subordinate } from './subordinate.js';

/** The consistency groups that a system takes part in, in whatever roles. */
export class Groups {
  readonly sheets: GroupSheets;
  readonly subordinate: Subordinate;
  readonly holds: GroupHolds;
  /** Groups of which this system's controller is forming one now, or which it changes. */
  readonly forming = new Set<string>();
  /** How many verbs wait for a group's formation to end: none begins before they are through. */
  readonly awaited = new Map<string, number>();
  /** What this master last told its groups' members to hold back, and when. */
  readonly toldHolds = new Map<string, ToldHold>();
  readonly rates: GroupRates;
  readonly #controller: Controller;

  constructor(controller: Controller) {
    this.#controller = controller;
    this.sheets = new GroupSheets(controller.catalog);
    this.subordinate = new Subordinate(controller);
    this.holds = new GroupHolds(controller);
    this.rates = new GroupRates(controller);
  }

  /** How this system's own members stand. */
  reports(): MemberReport[] {
    return this.sheets
      .all()
      .flatMap(({ id, name, subordinate }) =>
        (subordinate?.members ?? []).map((member) => this.#report(id, name, member)),
      );
  }

  /** A pair verb on a pair whose group is forming is busy; one that would take a member's pair away is refused. */
  demandFree(pairs: readonly number[], takesAway: boolean): void {
    const { catalog, fabric } = this.#controller;
    for (const number of pairs) {
      const record = catalog.pairs.get(number);
      if (!record) continue;
      if (record.practiceOf !== undefined) this.#demandDropped(record, record.practiceOf);
      const group = record.virtualCopyOf ?? record.remote?.group ?? null;
      const address = this.#controller.address(record.primary);
      if (record.remote && fabric.pair(number).forming)
        throw failure('group-forming', `Group ${group} is forming with ${address}.`, 'Try again in a moment.');
      if (group !== null && (takesAway || record.virtualCopyOf !== undefined))
        throw failure(
          'in-group',
          `${address} -> ${this.#controller.address(record.secondary)} belongs to group ${group}.`,
          `copyset cg remove ${group} PRIMARY takes it out of the group first.`,
        );
    }
  }

  /** After a recovery nobody is left to drop a drill copy but who deletes its pair. */
  #demandDropped({ primary, secondary }: PairRecord, group: string): void {
    if (this.sheets.all().some(({ name, remote }) => name === group && remote?.recovered)) return;
    throw failure(
      'in-group',
      `${this.#controller.address(primary)} -> ${this.#controller.address(secondary)} is a drill copy of group ${group}.`,
      `copyset cg practice ${group} --drop drops it.`,
    );
  }

  async close(): Promise<void> {
    this.holds.close();
    await this.subordinate.close();
  }

  #report(id: string, name: string, { relationshipId, pairId }: GroupMember): MemberReport {
    const { catalog } = this.#controller;
    const half = [...catalog.pairs.values()].find(({ remote }) => remote?.id === pairId);
    const measures = this.subordinate.measures.get(id) ?? { pauseMs: null, drainMs: null };
    const outOfSyncTracks = half ? this.#controller.listing.pair(half).outOfSyncTracks : 0;
    const step = this.subordinate.stateOf(id);
    const idle = this.holds.isHeld(id) ? 'paused' : outOfSyncTracks > 0 ? 'copying' : 'idle';
    return {
      group: name,
      relationshipId,
      state: step === 'idle' ? idle : step,
      outOfSyncTracks,
      ...measures,
      lastFailure: this.subordinate.failures.get(id) ?? null,
    };
  }
}
