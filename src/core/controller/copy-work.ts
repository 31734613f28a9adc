import { Copier, type CopyJob, type RateLimit } from '../copy/copy.js';
import type { Milliseconds, PairNumber } from '../foundation/foundation.js';
import { Drain } from '../hostio/hostio.js';
import { leads, type PairRecord } from '../pair/pair.js';
import { Sender } from '../transfer/transfer.js';
import { WayBack } from './halves/way-back.js';
import type { Controller } from './open-controller.js';
import { mayCopy } from './sessions/return.js';

/** A speed is that of so long at most. */
const SPEED_OF_MS = 5_000;

/** The copier at work, and how many want it to be. */
interface Copying {
  users: number;
  readonly stop: AbortController;
  readonly done: Promise<void>;
  failed?: Error;
}

/** The copying of a system's pairs: one job for each pair that is decided about here, and the copier that goes round them. */
export class CopyWork {
  readonly copier: Copier;
  readonly #controller: Controller;
  readonly #jobs = new Map<PairNumber, Drain | Sender>();
  readonly #speeds = new Map<PairNumber, { sinceMs: number; bytes: number }>();
  /** When a pair last had something copied, or began to have something to copy; absent where it has nothing. */
  readonly #movedAtMs = new Map<PairNumber, number>();
  readonly #wayBack: WayBack;
  #copying: Copying | undefined;
  #cap: RateLimit | undefined;

  constructor(controller: Controller) {
    this.#controller = controller;
    this.copier = new Copier(controller.ports.clock, (): readonly CopyJob[] => [
      ...this.jobs(),
      ...controller.streams.jobs(),
    ]);
    this.#wayBack = new WayBack(controller);
  }

  /** Caps what this controller's pairs copy together; several controllers may share one cap. Without one there is none. */
  cap(rate: RateLimit | undefined): void {
    this.#cap = rate;
    this.#controller.streams.cap = rate;
    this.copier.limit(() => rate?.waitMs() ?? 0);
  }

  get isCopying(): boolean {
    return this.#copying !== undefined;
  }

  /** Starts the copier for one more user of it. */
  start(): void {
    if (this.#copying) {
      this.#copying.users += 1;
      return;
    }
    const stop = new AbortController();
    const copying: Copying = { users: 1, stop, done: this.copier.run(stop.signal) };
    this.#copying = copying;
    copying.done.catch((error: unknown) => {
      copying.failed = error instanceof Error ? error : new Error(String(error));
      this.#controller.notify();
    });
  }

  /** Throws what ended the copier early: no fault of a pair, which suspends it, but a fault of ours. */
  demand(): void {
    if (this.#copying?.failed !== undefined) throw this.#copying.failed;
  }

  /** One user less; the copier commits and stops after the last, or at once with `forced`. */
  async stop(forced: boolean): Promise<void> {
    const copying = this.#copying;
    if (!copying) return;
    copying.users = forced ? 0 : copying.users - 1;
    if (copying.users > 0) return;
    this.#copying = undefined;
    copying.stop.abort();
    this.copier.wake();
    await copying.done.catch(() => undefined); // Whoever waited for it has thrown it.
  }

  /** How often the copier went through all that a pair lacks. */
  passesOf(number: PairNumber): number {
    return this.#jobs.get(number)?.passes ?? 0;
  }

  jobs(): readonly (Drain | Sender)[] {
    const { pairs } = this.#controller.catalog;
    for (const number of this.#jobs.keys()) if (!pairs.has(number)) this.#jobs.delete(number);
    for (const [number, record] of pairs) {
      if (!this.#jobs.has(number) && leads(record)) this.#jobs.set(number, this.#newJob(record));
      this.#noteWork(number);
    }
    return [...this.#jobs.values()];
  }

  /** The job of a remote pair whose primary lies here. */
  sender(number: PairNumber): Sender | undefined {
    this.jobs();
    const job = this.#jobs.get(number);
    return job instanceof Sender ? job : undefined;
  }

  /** Bytes per second that a pair is copied at. */
  speedOf(pair: PairNumber): number | undefined {
    const speed = this.#speeds.get(pair);
    if (!speed) return undefined;
    const spanMs = this.#controller.ports.clock.toldMs(speed.sinceMs);
    return spanMs > 100 ? (speed.bytes / spanMs) * 1000 : undefined;
  }

  /** For how long a pair that has something to copy, and may be copied, has got nothing; undefined where it need not get on. */
  stalledMs(pair: PairNumber): Milliseconds | undefined {
    const movedAtMs = this.#copying && this.#movedAtMs.get(pair);
    return movedAtMs === undefined ? undefined : this.#controller.ports.clock.monotonicMs() - movedAtMs;
  }

  #noteWork(number: PairNumber): void {
    const pair = this.#controller.fabric.pair(number);
    const { drain } = pair.roles;
    if (pair.record?.pace === 'hold' || !drain || pair.map(drain.map).map.isEmpty) this.#movedAtMs.delete(number);
    else if (!this.#movedAtMs.has(number)) this.#movedAtMs.set(number, this.#controller.ports.clock.monotonicMs());
  }

  #newJob({ number, mode, remote }: PairRecord): Drain | Sender {
    const { fabric, halves } = this.#controller;
    const pair = fabric.pair(number);
    const hooks = {
      completed: (before: PairRecord, after: PairRecord) => this.#controller.onCompleted(before, after),
      taken: (bytes: number) => this.#cap?.spend(bytes),
      progress: (record: PairRecord, bytes: number) => this.#noteSpeed(record.number, bytes),
    };
    if (!remote) return new Drain(fabric, pair, hooks);
    const sending = {
      ...hooks,
      taken: (bytes: number) => {
        hooks.taken(bytes);
        this.#controller.groups.rates.spend(remote.id, bytes);
      },
      endsElsewhere: () => {
        const record = this.#controller.catalog.pairs.get(number);
        return record !== undefined && this.#controller.streams.ends(record);
      },
      mayCopy: () => mayCopy(this.#controller, number),
      caughtUp: () => this.#wayBack.caughtUp(number),
      isHeld: () => this.#controller.groups.holds.stopsSending(remote.id),
      groupWaitMs: () => this.#controller.groups.rates.waitMs(remote.id),
      ended: () => this.#controller.notify(),
    };
    const mirror = mode === 'sync' ? halves.mirror(number) : undefined;
    return new Sender(fabric, pair, halves.link(number), sending, mirror);
  }

  #noteSpeed(pair: PairNumber, bytes: number): void {
    const now = this.#controller.ports.clock.monotonicMs();
    const speed = this.#speeds.get(pair);
    if (this.#movedAtMs.has(pair)) this.#movedAtMs.set(pair, now);
    if (!speed || now - speed.sinceMs > SPEED_OF_MS) this.#speeds.set(pair, { sinceMs: now, bytes });
    else speed.bytes += bytes;
    this.#controller.notify();
  }
}
