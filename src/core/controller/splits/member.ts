import { failure, isToolkitError, type PairNumber, type VolumeNumber } from '../../foundation/foundation.js';
import type { SplitStanding, SystemRef } from '../../group/group.js';
import { coolSplit, type LivePair, type LiveVolume } from '../../hostio/hostio.js';
import { ownVolumes, type PairRecord, type SplitWishes } from '../../pair/pair.js';
import type { PairActionAnswer } from '../control/requests.js';
import { surrendering } from '../halves/surrendering.js';
import type { Controller } from '../open-controller.js';
import { selectPairs } from '../pairs/selection.js';
import { decideAll, type Step } from '../pairs/steps.js';
import { GateLease } from './gate.js';
import { noteCommitted } from './sheets.js';
import { commitStep, type Mark, preparedStep, splitStep, undoStep } from './steps.js';
import type { MemberAnswer, MemberOrder, SplitWords } from './wire.js';

/** From READY on the copiers of the pairs rest for so long at most, so that PREPARE finds nothing under way. */
const REST_MS = 2_000;
/** Who tells a secondary waits for it no longer than this; it learns the rest when its link is next opened. */
const TELL_MS = 2_000;

type PairsOrder = Extract<MemberOrder, { kind: 'ready' | 'prepare' }>;

/** What a system does for splits over several systems in which pairs of its own take part (DESIGN.md 2, 8). */
export class SplitMember {
  readonly #controller: Controller;
  readonly #leases = new Map<string, GateLease>();
  /** Splits that came to their end here: a late PREPARE of one freezes nothing. */
  readonly #over = new Set<string>();

  constructor(controller: Controller) {
    this.#controller = controller;
  }

  /** The pairs that a split prepared here, or all that are prepared. */
  marked(split?: string): PairRecord[] {
    return [...this.#controller.catalog.pairs.values()].filter(
      ({ prepared }) => prepared !== undefined && (split === undefined || prepared.split === split),
    );
  }

  /** Carries out one order. A refusal of READY is thrown, so that its words reach the user; later ones are answers. */
  async obey(split: string, by: SystemRef, order: MemberOrder): Promise<MemberAnswer> {
    switch (order.kind) {
      case 'ready':
        await this.#ready(order);
        return { kind: 'ok' };
      case 'prepare':
        return this.#prepareOrSayWhy(split, by, order);
      case 'run':
        return this.#run(split);
      case 'commit':
      case 'undo':
        await this.settle(split, by, order.kind);
        return { kind: 'ok' };
    }
  }

  /** Another coordinator is obeyed from now on; what the former one orders means nothing any more. */
  async adopt(split: string, by: SystemRef): Promise<SplitStanding> {
    const { catalog } = this.#controller;
    if (this.marked(split).length === 0) {
      const isCommitted = this.#controller.splits.sheets.committed().includes(split);
      if (!isCommitted) this.#over.add(split);
      return isCommitted ? 'committed' : 'unknown';
    }
    await catalog.change(() =>
      this.marked(split).flatMap((record) =>
        record.prepared
          ? [{ do: 'put-pair' as const, record: { ...record, prepared: { ...record.prepared, coordinator: by } } }]
          : [],
      ),
    );
    await catalog.durable();
    this.#controller.step('split.adopted');
    return 'prepared';
  }

  /**
   * Carries the decision out, as often as it comes. Only the coordinator that the mark names is obeyed; to another nothing is owed
   * any more.
   */
  async settle(split: string, by: SystemRef, decision: 'commit' | 'undo'): Promise<void> {
    if (decision === 'undo') this.#over.add(split);
    this.#leases.get(split)?.giveUp();
    const due = () => this.marked(split).filter(({ prepared }) => prepared?.coordinator.id === by.id);
    const settled = decision === 'commit' ? await this.#commit(split, due) : await this.#undo(due);
    this.#leases.delete(split);
    if (settled.length === 0) return;
    for (const record of settled) this.#tellHistory(record, decision);
    this.#controller.notify();
    await this.#tellSecondaries(settled);
  }

  close(): void {
    for (const lease of this.#leases.values()) lease.giveUp();
  }

  async #ready(order: PairsOrder): Promise<void> {
    const { catalog, fabric, ports } = this.#controller;
    const records = selectPairs(this.#controller, order.pairs);
    await this.#controller.splits.demandSettled(records);
    this.#plan(records, order.words);
    const pairs = records.map(({ number }) => fabric.pair(number));
    for (const pair of pairs) pair.restsUntilMs = ports.clock.monotonicMs() + REST_MS;
    for (const pair of pairs) (await pair.mutex.acquire())();
    await Promise.all(volumesOf(this.#controller, records).map(({ number }) => fabric.flush(number)));
    await catalog.logMarks();
    await catalog.durable();
    this.#controller.step('split.ready');
  }

  #plan(records: readonly PairRecord[], words: SplitWords): Step[] {
    this.#controller.groups.demandFree(numbersOf(records), false);
    const atMs = Math.floor(this.#controller.ports.clock.nowMs());
    return records
      .map(({ number }) => this.#controller.catalog.pairs.get(number))
      .filter((record) => record !== undefined)
      .map((record) => splitStep(this.#controller, record, words, atMs));
  }

  async #prepareOrSayWhy(
    split: string,
    by: SystemRef,
    order: Extract<PairsOrder, { kind: 'prepare' }>,
  ): Promise<MemberAnswer> {
    try {
      return await this.#prepare(split, by, order);
    } catch (error) {
      if (isToolkitError(error, 'split-void')) return { kind: 'opened-by-itself' };
      if (isToolkitError(error)) return { kind: 'refused', reason: error.message };
      throw error;
    }
  }

  /** One frame under closed gates, which stay closed when this answers. No peer is waited for with anything but them held (H26). */
  #prepare(split: string, by: SystemRef, order: Extract<PairsOrder, { kind: 'prepare' }>): Promise<MemberAnswer> {
    const { fabric, ports } = this.#controller;
    const begunMs = ports.clock.monotonicMs();
    return this.#controller.exclusively(async () => {
      const records = selectPairs(this.#controller, order.pairs);
      this.#controller.splits.demandFree(records);
      this.#plan(records, order.words);
      const pairs = records.map(({ number }) => fabric.pair(number));
      return withMutexes(pairs, async () => {
        if (ports.clock.monotonicMs() - begunMs >= order.limitMs)
          throw failure('busy', 'Its pairs were busy for longer than the limit.');
        const lease = new GateLease(ports.clock, volumesOf(this.#controller, records), order.limitMs);
        this.#leases.set(split, lease);
        try {
          const answer = await this.#freeze(
            lease,
            records,
            { split, coordinator: by, wishes: this.#wishes(order.words) },
            order.words,
          );
          return lease.state === 'closed' ? { kind: 'ok', answer } : { kind: 'opened-by-itself' };
        } catch (error) {
          lease.giveUp();
          throw error;
        } finally {
          for (const pair of pairs) pair.restsUntilMs = 0;
        }
      });
    });
  }

  async #freeze(
    lease: GateLease,
    records: readonly PairRecord[],
    mark: Mark,
    words: SplitWords,
  ): Promise<PairActionAnswer> {
    const { catalog, fabric } = this.#controller;
    const volumes = volumesOf(this.#controller, records);
    await lease.during(Promise.all(volumes.map((volume) => volume.gate.quiet())));
    // The remainder: what was written since READY is in active regions.
    const hot = volumes.filter((volume) => volume.hot.size > 0);
    await lease.during(Promise.all(hot.map(({ number }) => fabric.flush(number))));
    this.#controller.step('split.gated');
    let answer: PairActionAnswer | undefined;
    await surrendering(this.#controller, records, async (marked) => {
      await catalog.change(() => {
        lease.demandClosed();
        if (this.#over.has(mark.split)) throw failure('split-void', 'The split is over.');
        const steps = this.#plan(records, words);
        answer = decideAll(this.#controller, steps).output;
        const prepared = steps.map((step) => preparedStep(step, mark));
        const { changes } = decideAll(this.#controller, prepared);
        return marked([...changes, ...coolSplit(fabric, changes)]);
      }, true);
      this.#controller.splits.watch(mark.split, lease);
      fabric.pairsChanged();
      this.#controller.step('split.logged');
      await catalog.durable();
    });
    this.#controller.step('split.prepared');
    return answer ?? { pairs: [], copying: [] };
  }

  #wishes(words: SplitWords): SplitWishes {
    return {
      atMs: Math.floor(this.#controller.ports.clock.nowMs()),
      virtual: words.virtual ?? false,
      readOnly: words.readOnly ?? null,
      pace: words.pace ?? null,
      rateBytesPerSecond: words.rateBytesPerSecond ?? null,
    };
  }

  #run(split: string): MemberAnswer {
    const lease = this.#leases.get(split);
    if (!lease) return { kind: 'refused', reason: 'its gate is gone with the process that closed it' };
    const kind = lease.run() === 'opened-by-run' ? 'ok' : 'opened-by-itself';
    this.#controller.step('split.opened');
    return { kind, pauseMs: lease.pauseMs };
  }

  async #commit(split: string, due: () => PairRecord[]): Promise<PairRecord[]> {
    const { catalog, fabric } = this.#controller;
    let settled: PairRecord[] = [];
    await catalog.change(() => {
      settled = due();
      if (settled.length === 0) return [];
      const note = noteCommitted(this.#controller.splits.sheets.committed(), split);
      const steps = settled.map((record) => commitStep(this.#controller, record));
      const { changes } = decideAll(this.#controller, steps);
      return [...changes, ...coolSplit(fabric, changes), note];
    }, true);
    fabric.pairsChanged();
    // Also where there was nothing left to do: the frame of an earlier order may not be durable yet.
    await catalog.durable();
    this.#controller.step('split.committed');
    return settled;
  }

  /** A thaw changes what the maps mean, so it is made where nothing is in flight, like every change of a pair. */
  async #undo(due: () => PairRecord[]): Promise<PairRecord[]> {
    const { catalog, fabric } = this.#controller;
    return this.#controller.exclusively(async () => {
      const records = due();
      const volumes = volumesOf(this.#controller, records);
      const pairs = records.map(({ number }) => fabric.pair(number));
      return withMutexes(pairs, async () => {
        for (const volume of volumes) volume.gate.close();
        try {
          for (const volume of volumes) await volume.gate.quiet();
          let settled: PairRecord[] = [];
          await catalog.change(() => {
            settled = due();
            return decideAll(
              this.#controller,
              settled.map((record) => undoStep(this.#controller, record)),
            ).changes;
          }, true);
          fabric.pairsChanged();
          await catalog.durable();
          this.#controller.step('split.undone');
          return settled;
        } finally {
          for (const volume of volumes) volume.gate.open();
        }
      });
    });
  }

  #tellHistory({ number, primary, secondary, prepared }: PairRecord, decision: 'commit' | 'undo'): void {
    const isCommit = decision === 'commit';
    this.#controller.record({
      code: isCommit ? 'done' : 'split-void',
      phase: isCommit ? 'end' : 'abnormal',
      operation: 'pair split',
      primary: this.#controller.address(primary),
      secondary: this.#controller.address(secondary),
      before: prepared?.from ?? null,
      after: this.#controller.catalog.pairs.get(number)?.state.status ?? null,
      tracks: null,
      seconds: null,
      message: isCommit ? null : 'the split over several systems was void',
      actor: prepared?.coordinator.name ?? 'split',
      id: `${prepared?.split ?? ''}.${number}`,
    });
  }

  async #tellSecondaries(settled: readonly PairRecord[]): Promise<void> {
    const stop = new AbortController();
    const told = this.#controller.halves.tell(numbersOf(settled)).catch((error: unknown) => {
      if (!isToolkitError(error)) throw error;
    });
    await Promise.race([told, this.#controller.ports.clock.sleep(TELL_MS, stop.signal)]);
    stop.abort();
  }
}

async function withMutexes<T>(pairs: readonly LivePair[], work: () => Promise<T>): Promise<T> {
  const releases: (() => void)[] = [];
  try {
    for (const pair of pairs) releases.push(await pair.mutex.acquire());
    return await work();
  } finally {
    for (const release of releases) release();
  }
}

function volumesOf({ fabric }: Controller, records: readonly PairRecord[]): LiveVolume[] {
  return [...new Set<VolumeNumber>(records.flatMap(ownVolumes))].map((number) => fabric.volume(number));
}

function numbersOf(records: readonly PairRecord[]): PairNumber[] {
  return records.map(({ number }) => number);
}
