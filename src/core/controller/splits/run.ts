import { isToolkitError, type Milliseconds } from '../../foundation/foundation.js';
import {
  advanceSplit,
  type SplitAdvance,
  type SplitAnswer,
  type SplitEnd,
  type SplitEvent,
  type SplitOrder,
  type SplitPlan,
  type SplitState,
  type SplitStep,
  type SystemRef,
} from '../../group/group.js';
import { isLoss } from '../../transfer/transfer.js';
import type { PairActionAnswer } from '../control/requests.js';
import type { Controller } from '../open-controller.js';
import type { MemberAnswer, MemberOrder, SplitPart, SplitWords } from './wire.js';

/** The coordinator's own limits; that of PREPARE and RUN is the gate's. */
const READY_LIMIT_MS = 30_000;
const COMMIT_LIMIT_MS = 10_000;
const UNDO_LIMIT_MS = 2_000;
const REPEAT_MS = 250;
/** An answer that comes after its step's limit is of no use, save to the link. */
const LATE_MS = 1_000;

export interface SplitWork {
  /** Absent where a decision is only told: a member knows its pairs by their marks. */
  readonly parts?: readonly SplitPart[];
  readonly words?: SplitWords;
  /** Makes the decision durable, with what the members answered. */
  readonly record: (answers: ReadonlyMap<string, PairActionAnswer>, pauseMs: Milliseconds) => Promise<void>;
}

/** Carries one split out: sends its machine's orders, keeps its limits, and tells it what came about. */
export class SplitRun {
  /** What the members said of their pairs when they were prepared, by system. */
  readonly answers = new Map<string, PairActionAnswer>();
  /** Why members refused, by system. */
  readonly refusals = new Map<string, Error>();
  readonly #controller: Controller;
  readonly #plan: SplitPlan;
  readonly #work: SplitWork;
  #state: SplitState;
  #told: SplitEvent[] = [];
  #fault: { readonly error: unknown } | undefined;
  #wake: AbortController | undefined;
  #stepBegunMs = 0;
  #repeatedMs = 0;

  constructor(controller: Controller, plan: SplitPlan, work: SplitWork, begun: SplitAdvance) {
    this.#controller = controller;
    this.#plan = plan;
    this.#work = work;
    this.#state = begun.state;
    this.#enter();
    this.#perform(begun.orders);
  }

  /** `signal` asks for an end; what is decided is carried out all the same, or left to the next controller where this one closes. */
  async end(signal?: AbortSignal): Promise<SplitEnd> {
    const { closing } = this.#controller.splits;
    const cancel = () => this.#tell({ kind: 'cancelled', reason: 'it was cancelled' });
    const stop = () => this.#wake?.abort('closing');
    signal?.addEventListener('abort', cancel, { once: true });
    closing.addEventListener('abort', stop, { once: true });
    if (signal?.aborted) cancel();
    try {
      for (;;) {
        for (const event of this.#told.splice(0)) this.#advance(event);
        if (this.#state.phase === 'ended') return this.#state.end;
        if (this.#fault) throw this.#fault.error;
        if (closing.aborted) return { outcome: 'undecided', failure: null, pauseMs: null };
        this.#wake = new AbortController();
        await this.#controller.ports.clock.sleep(this.#restMs(), this.#wake.signal);
        this.#look();
      }
    } finally {
      signal?.removeEventListener('abort', cancel);
      closing.removeEventListener('abort', stop);
    }
  }

  #advance(event: SplitEvent): void {
    const before = this.#state.phase;
    const next = advanceSplit(this.#state, event);
    this.#state = next.state;
    if (next.state.phase !== before) this.#enter();
    this.#perform(next.orders);
  }

  #enter(): void {
    this.#stepBegunMs = this.#controller.ports.clock.monotonicMs();
    this.#repeatedMs = this.#stepBegunMs;
  }

  #look(): void {
    const { phase } = this.#state;
    if (phase === 'deciding' || phase === 'ended') return;
    const now = this.#controller.ports.clock.monotonicMs();
    if (this.#stepBegunMs + this.#limitMs(phase) - now <= 0) this.#told.push({ kind: 'limit', step: phase });
    else if (this.#repeatedMs + REPEAT_MS - now <= 0) {
      this.#repeatedMs = now;
      this.#told.push({ kind: 'repeat' });
    }
  }

  #restMs(): Milliseconds {
    const { phase } = this.#state;
    if (this.#told.length > 0) return 0;
    if (phase === 'deciding' || phase === 'ended') return REPEAT_MS;
    const now = this.#controller.ports.clock.monotonicMs();
    const toLimitMs = this.#stepBegunMs + this.#limitMs(phase) - now;
    // A fraction of a millisecond that the clock cannot add up would be waited for without an end.
    return Math.max(0, Math.ceil(Math.min(toLimitMs, this.#repeatedMs + REPEAT_MS - now)));
  }

  #limitMs(step: SplitStep): Milliseconds {
    switch (step) {
      case 'ready':
        return READY_LIMIT_MS;
      case 'prepare':
      case 'run':
        return this.#plan.limitMs;
      case 'commit':
        return COMMIT_LIMIT_MS;
      case 'undo':
        return UNDO_LIMIT_MS;
    }
  }

  #perform(orders: readonly SplitOrder[]): void {
    for (const order of orders) {
      if (order.kind === 'record') this.#beside(this.#record());
      else if (order.kind === 'forget') this.#beside(this.#forget());
      else this.#beside(this.#send(order.kind, order.to));
    }
  }

  /** A fault of ours in what goes on beside the machine ends the whole. */
  #beside(work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#fault ??= { error };
      this.#wake?.abort('fault');
    });
  }

  /** The decision is durable before anybody is told of it. */
  async #record(): Promise<void> {
    try {
      await this.#work.record(this.answers, this.#state.pauseMs ?? 0);
      this.#controller.step('split.decided');
      this.#tell({ kind: 'recorded' });
    } catch (error) {
      if (!isToolkitError(error)) throw error;
      this.#tell({ kind: 'unrecorded', reason: error.message });
    }
  }

  /** A record that stays is settled once more at the next start, which does no harm. */
  async #forget(): Promise<void> {
    try {
      await this.#controller.splits.sheets.forget(this.#plan.id);
    } catch (error) {
      if (!isToolkitError(error)) throw error;
    }
  }

  async #send(step: SplitStep, to: string): Promise<void> {
    const system = this.#plan.systems.find(({ id }) => id === to);
    if (system) this.#tell({ kind: 'answered', step, from: to, answer: await this.#answerOf(system, step) });
  }

  async #answerOf(system: SystemRef, step: SplitStep): Promise<SplitAnswer> {
    const { peers } = this.#controller;
    try {
      const input = { split: this.#plan.id, by: peers.self, order: this.#orderFor(system, step) };
      const { answer } = await peers.ask(system, 'split.order', input, this.#limitMs(step) + LATE_MS);
      return this.#noted(system, answer);
    } catch (error) {
      if (!isToolkitError(error)) throw error;
      this.refusals.set(system.id, error);
      return isLoss(error) ? { kind: 'link-lost' } : { kind: 'refused', reason: error.message };
    }
  }

  #noted(system: SystemRef, { answer, ...rest }: MemberAnswer): SplitAnswer {
    if (answer) this.answers.set(system.id, answer);
    return rest;
  }

  #orderFor({ id }: SystemRef, kind: SplitStep): MemberOrder {
    const pairs = this.#work.parts?.find(({ system }) => system.id === id)?.pairs ?? [];
    const words = this.#work.words ?? {};
    if (kind === 'ready') return { kind, pairs, words };
    return kind === 'prepare' ? { kind, pairs, words, limitMs: this.#plan.limitMs } : { kind };
  }

  #tell(event: SplitEvent): void {
    this.#told.push(event);
    this.#wake?.abort('told');
  }
}
