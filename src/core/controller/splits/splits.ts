import { failure, isToolkitError, Stop, type StopSignal } from '../../foundation/foundation.js';
import type { SystemRef } from '../../group/group.js';
import { awaitsDecision, type PairRecord } from '../../pair/pair.js';
import type { Controller } from '../open-controller.js';
import { settleLeft } from './coordinator.js';
import type { GateLease } from './gate.js';
import { SplitMember } from './member.js';
import { SplitSheets } from './sheets.js';

/** A coordinator that says nothing for so long after the gate's limit is asked, and then as often again. */
const ASK_AFTER_MS = 2_000;
const ASK_AGAIN_MS = 1_000;
const ASK_LIMIT_MS = 2_000;

/** The splits over several systems in which a system takes part, as a member or as the coordinator. */
export class Splits {
  readonly sheets: SplitSheets;
  readonly member: SplitMember;
  /** Splits that this process coordinates now, and those of which it does not know what its own disk says of them. */
  readonly undecided = new Set<string>();
  readonly #controller: Controller;
  readonly #stop = new Stop();
  readonly #stopped: Promise<'stopped'>;
  readonly #asking = new Set<Promise<void>>();
  #settling: Promise<void> | undefined;
  #fault: { readonly error: unknown } | undefined;

  constructor(controller: Controller) {
    this.#controller = controller;
    this.sheets = new SplitSheets(controller.catalog);
    this.member = new SplitMember(controller);
    this.#stopped = new Promise((resolve) => {
      this.#stop.addEventListener('abort', () => resolve('stopped'));
    });
  }

  /** Fires when the controller closes. */
  get closing(): StopSignal {
    return this.#stop;
  }

  /** What an earlier controller of this system left open: decisions that not all have heard, and pairs that wait for one. */
  recover(): void {
    if (this.sheets.all().length > 0) this.settleLeft();
    const splits = new Set(this.member.marked().map(({ prepared }) => prepared?.split ?? ''));
    for (const split of splits) this.watch(split);
  }

  /** Tells decisions, in the background, until all their members have heard them. */
  settleLeft(): void {
    this.#settling ??= this.#beside(settleLeft(this.#controller)).finally(() => {
      this.#settling = undefined;
    });
  }

  /** What this system decided as a coordinator. */
  decisionOf(split: string): 'commit' | 'undo' | 'open' {
    const record = this.sheets.find(split);
    if (record) return record.decision ?? 'open';
    return this.undecided.has(split) ? 'open' : 'undo';
  }

  /** Asks for the decision on a split that is prepared here, until it is known. */
  watch(split: string, lease?: GateLease): void {
    void this.#beside(this.#ask(split, lease === undefined ? 0 : ASK_AFTER_MS));
  }

  /**
   * Asks for the decisions on these pairs at once, so that no verb is refused for a decision that can be had: also while gates are
   * closed, for the coordinator may have died and come back since.
   */
  async demandSettled(records: readonly PairRecord[]): Promise<void> {
    if (this.#fault) throw this.#fault.error;
    const present = records.flatMap(({ number }) => this.#controller.catalog.pairs.get(number) ?? []);
    for (const split of new Set(present.map(({ prepared }) => prepared?.split))) {
      if (split !== undefined) await this.#askOnce(split);
    }
    this.demandFree(records);
  }

  /**
   * Throws `inhibited` where a pair is prepared, or its primary is what a prepared pair would give back: were that to be frozen
   * meanwhile, the split could not be undone (H11).
   */
  demandFree(records: readonly Pick<PairRecord, 'number' | 'primary'>[]): void {
    const marked = this.member.marked();
    if (marked.length === 0) return;
    for (const { number, primary } of records) {
      const busy = marked.find((one) => one.number === number || (one.secondary === primary && awaitsDecision(one)));
      if (!busy?.prepared) continue;
      const { name } = busy.prepared.coordinator;
      throw failure(
        'inhibited',
        `${this.#controller.address(busy.primary)} -> ${this.#controller.address(busy.secondary)} waits for the decision on a split over several systems, which storage system ${name} coordinates.`,
        `It comes by itself while ${name} can be reached; copyset pair delete --force gives the pair up.`,
      );
    }
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.member.close();
    await Promise.allSettled(this.#asking);
    await this.#settling;
  }

  /** A fault of ours in the background is thrown at the next verb. */
  #beside(work: Promise<void>): Promise<void> {
    return work.catch((error: unknown) => {
      this.#fault ??= { error };
    });
  }

  async #ask(split: string, firstMs: number): Promise<void> {
    const { clock } = this.#controller.ports;
    for (let waitMs = firstMs; (await clock.sleep(waitMs, this.#stop)) === 'elapsed'; waitMs = ASK_AGAIN_MS) {
      await this.#askOnce(split);
      if (this.member.marked(split).length === 0) return;
    }
  }

  async #askOnce(split: string): Promise<void> {
    const asking = this.#askAndSettle(split).finally(() => this.#asking.delete(asking));
    this.#asking.add(asking);
    await asking;
  }

  async #askAndSettle(split: string): Promise<void> {
    const coordinator = this.member.marked(split)[0]?.prepared?.coordinator;
    if (!coordinator) return;
    try {
      const decision = await Promise.race([this.#decisionAt(coordinator, split), this.#stopped]);
      if (decision === 'commit' || decision === 'undo') await this.member.settle(split, coordinator, decision);
    } catch (error) {
      // Whoever cannot be reached is asked again.
      if (!isToolkitError(error)) throw error;
    }
  }

  async #decisionAt(coordinator: SystemRef, split: string): Promise<'commit' | 'undo' | 'open'> {
    const { peers } = this.#controller;
    return (await peers.ask(coordinator, 'split.decision', { split }, ASK_LIMIT_MS)).decision;
  }
}
