import { isToolkitError, type Milliseconds } from '../../foundation/foundation.js';
import {
  type Advance,
  advance,
  type FormationEnd,
  type FormationEvent,
  type FormationPlan,
  type FormationState,
  type Order,
  type Step,
  type StepAnswer,
  type SystemRef,
  stepOf,
} from '../../group/group.js';
import { isLoss } from '../../transfer/transfer.js';
import type { Controller } from '../open-controller.js';
import type { SystemOrder } from './wire.js';

/** The master's own limits; those of coordination and drain are the policy's. */
const PREPARE_LIMIT_MS = 10_000;
const SETTLE_LIMIT_MS = 10_000;
const THAW_LIMIT_MS = 2_000;
const REPEAT_MS = 250;

type Told = FormationEvent extends infer Event
  ? Event extends FormationEvent
    ? Omit<Event, 'sequence' | 'term'>
    : never
  : never;

/** Carries one formation out: sends its machine's orders, keeps its limits, and tells it what came about. */
export class FormationRun {
  readonly #controller: Controller;
  readonly #group: string;
  readonly #plan: FormationPlan;
  readonly #systems: ReadonlyMap<string, SystemRef>;
  /** Somebody knows a higher term: the group has another master now. */
  superseded = false;
  #state: FormationState;
  readonly #recording: Promise<void>[] = [];
  #told: FormationEvent[] = [];
  #wake: AbortController | undefined;
  #stepBegunMs = 0;
  #repeatedMs = 0;

  constructor(controller: Controller, group: string, plan: FormationPlan, begun: Advance) {
    this.#controller = controller;
    this.#group = group;
    this.#plan = plan;
    this.#systems = new Map(plan.parts.map(({ system }) => [system.id, system]));
    this.#state = begun.state;
    this.#perform(begun.orders);
  }

  /** `signal` asks for an end; what is decided is carried out all the same. */
  async end(signal?: AbortSignal): Promise<FormationEnd> {
    const { clock } = this.#controller.ports;
    const cancel = () => this.#tell({ kind: 'cancelled', reason: 'it was cancelled' });
    signal?.addEventListener('abort', cancel, { once: true });
    if (signal?.aborted) cancel();
    this.#enter();
    try {
      for (;;) {
        for (const event of this.#told.splice(0)) this.#advance(event);
        if (this.#state.phase === 'ended') {
          // The next formation's record must not be replaced by a late one of this.
          await Promise.all(this.#recording);
          return this.#state.end;
        }
        this.#wake = new AbortController();
        if (this.#told.length === 0) await clock.sleep(this.#restMs(), this.#wake.signal);
        this.#look();
      }
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  }

  #advance(event: FormationEvent): void {
    const before = stepOf(this.#state);
    const next = advance(this.#state, event);
    this.#state = next.state;
    if (stepOf(next.state) !== before) this.#enter();
    this.#perform(next.orders);
  }

  #enter(): void {
    this.#stepBegunMs = this.#controller.ports.clock.monotonicMs();
    this.#repeatedMs = this.#stepBegunMs;
  }

  #look(): void {
    const step = stepOf(this.#state);
    if (step === undefined) return;
    const now = this.#controller.ports.clock.monotonicMs();
    if (this.#stepBegunMs + this.#limitMs(step) - now <= 0) this.#tell({ kind: 'limit', step });
    else if (this.#repeatedMs + REPEAT_MS - now <= 0 && isRepeated(step)) {
      this.#repeatedMs = now;
      this.#tell({ kind: 'repeat' });
    }
  }

  #restMs(): Milliseconds {
    const step = stepOf(this.#state);
    if (step === undefined) return REPEAT_MS;
    const now = this.#controller.ports.clock.monotonicMs();
    const toLimitMs = this.#stepBegunMs + this.#limitMs(step) - now;
    const toRepeatMs = isRepeated(step) ? this.#repeatedMs + REPEAT_MS - now : toLimitMs;
    // Whole milliseconds: a rest too short for the clock to notice would never come to the limit.
    return Math.max(0, Math.ceil(Math.min(toLimitMs, toRepeatMs)));
  }

  #limitMs(step: Step): Milliseconds {
    switch (step) {
      case 'coordinate':
      case 'run':
        return this.#plan.coordinationLimitMs;
      case 'drain':
        return this.#plan.drainLimitMs;
      case 'prepare':
        return PREPARE_LIMIT_MS;
      case 'commit':
      case 'revert':
        return SETTLE_LIMIT_MS;
      case 'thaw':
        return THAW_LIMIT_MS;
    }
  }

  #perform(orders: readonly Order[]): void {
    for (const order of orders) {
      if (order.kind === 'record') this.#recording.push(this.#record(order.record));
      else void this.#send(order);
    }
  }

  /** The master's record is durable before its machine hears of it. */
  async #record(record: Extract<Order, { kind: 'record' }>['record']): Promise<void> {
    const { decision } = record;
    try {
      await this.#controller.groups.sheets.update(this.#group, (sheet) =>
        sheet.master?.last?.sequence === record.sequence
          ? { ...sheet, master: { ...sheet.master, last: record } }
          : sheet,
      );
      this.#controller.step('formation.decided');
      if (decision !== 'none') this.#tell({ kind: 'recorded', decision });
    } catch (error) {
      if (!isToolkitError(error)) throw error;
      if (decision !== 'none') this.#tell({ kind: 'unrecorded', decision, reason: error.message });
    }
  }

  async #send(order: SystemOrder): Promise<void> {
    const system = this.#systems.get(order.to);
    if (!system) return;
    const answer = await this.#answerOf(system, order);
    if (answer.kind === 'refused' && answer.superseded) this.superseded = true;
    this.#tell({
      kind: 'answered',
      step: order.kind,
      from: order.to,
      answer,
      atMs: this.#controller.ports.clock.nowMs(),
    });
  }

  async #answerOf(system: SystemRef, order: SystemOrder): Promise<StepAnswer> {
    try {
      const input = { group: this.#group, term: this.#plan.term, order };
      const limitMs = this.#limitMs(order.kind) + SETTLE_LIMIT_MS;
      return (await this.#controller.peers.ask(system, 'group.order', input, limitMs)).answer;
    } catch (error) {
      if (!isToolkitError(error)) throw error;
      return isLoss(error) ? { kind: 'link-lost' } : { kind: 'refused', reason: error.message };
    }
  }

  #tell(told: Told): void {
    const { sequence, term } = this.#plan;
    this.#told.push({ ...told, sequence, term } as FormationEvent);
    this.#wake?.abort('told');
  }
}

function isRepeated(step: Step): boolean {
  return step === 'commit' || step === 'revert' || step === 'thaw';
}
