import {
  failure,
  isToolkitError,
  LINK_LIMIT_SYNC_MS,
  type Milliseconds,
  type PairNumber,
  type VolumeNumber,
} from '../foundation/foundation.js';
import { type HalfRecord, isHalf, type LinkMark, type PairRecord } from '../pair/pair.js';
import { LinkSession, type PeerHalf, Receiver } from '../transfer/transfer.js';
import type { Controller } from './open-controller.js';

const GREETING_MS = 1_000;
/** Who changed a pair does not wait longer for its secondary to learn of it. */
const TELLING_MS = 2_000;

/** The halves of remote pairs that lie here: their links where the primary is here, their receivers where the secondary is. */
export class Halves {
  readonly #controller: Controller;
  readonly #links = new Map<PairNumber, LinkSession>();
  readonly #receivers = new Map<PairNumber, Receiver>();
  #numbersById = new Map<string, PairNumber>();
  #knownAt = -1;
  readonly #greeted = new Set<PairNumber>();
  readonly #heardAtMs = new Map<PairNumber, number>();

  constructor(controller: Controller) {
    this.#controller = controller;
  }

  /** The half of the pair with this id. Throws `pair-not-found`. */
  find(id: string): HalfRecord {
    const { catalog, place } = this.#controller;
    if (this.#knownAt !== catalog.rowsVersion) {
      this.#numbersById = new Map([...catalog.pairs.values()].filter(isHalf).map((row) => [row.remote.id, row.number]));
      this.#knownAt = catalog.rowsVersion;
    }
    const record = catalog.pairs.get(this.#numbersById.get(id) ?? -1);
    if (record && isHalf(record)) return record;
    throw failure('pair-not-found', `Storage system ${place.name} has no half of this pair.`, 'It was deleted there.');
  }

  /** How long one order may take before its link counts as lost. */
  limitMs({ mode }: HalfRecord): Milliseconds {
    const { linkLimitMs } = this.#controller.place.info;
    return mode === 'sync' ? Math.min(LINK_LIMIT_SYNC_MS, linkLimitMs) : linkLimitMs;
  }

  link(number: PairNumber): LinkSession {
    let link = this.#links.get(number);
    if (!link) {
      link = this.#newLink(number);
      this.#links.set(number, link);
    }
    return link;
  }

  receiver(number: PairNumber): Receiver {
    let receiver = this.#receivers.get(number);
    if (!receiver) {
      receiver = new Receiver(this.#controller.fabric, this.#controller.fabric.pair(number));
      this.#receivers.set(number, receiver);
    }
    return receiver;
  }

  /** The primary said something. */
  heard(number: PairNumber): void {
    this.#heardAtMs.set(number, this.#controller.ports.clock.nowMs());
  }

  /** When the primary was last heard of by this controller, in milliseconds of wall time. */
  heardAtMs(number: PairNumber): number | undefined {
    return this.#heardAtMs.get(number);
  }

  /** For how long the secondary of a primary here has not answered; undefined where it does, or was not asked. */
  lostMs(number: PairNumber): Milliseconds | undefined {
    return this.#links.get(number)?.lostMs;
  }

  /** The half is gone. */
  forget(number: PairNumber): void {
    this.#receivers.get(number)?.close();
    this.#receivers.delete(number);
    this.#links.delete(number);
    this.#heardAtMs.delete(number);
  }

  /**
   * Before its first host of this controller's time is served, a primary asks whether it was replaced while it was away. One that
   * cannot ask within a moment serves: asynchronous pairs do without their secondaries.
   */
  async greet(volume: VolumeNumber): Promise<void> {
    const { catalog } = this.#controller;
    const unasked = catalog
      .pairsOf(volume)
      .filter((number) => !this.#greeted.has(number) && isPrimary(catalog.pairs.get(number)));
    for (const number of unasked) {
      this.#greeted.add(number);
      await this.#within(GREETING_MS, this.link(number).ready());
    }
  }

  async greetAll(): Promise<void> {
    await Promise.all([...this.#controller.catalog.volumes.keys()].map((volume) => this.greet(volume)));
  }

  /** Tells the secondaries of these pairs what became of them; those that cannot be reached learn it later. */
  async tell(numbers: readonly PairNumber[]): Promise<void> {
    const { pairs } = this.#controller.catalog;
    const primaries = numbers.filter((number) => pairs.get(number)?.remote?.side === 'primary');
    await Promise.all(primaries.map((number) => this.#within(TELLING_MS, this.link(number).tell())));
  }

  /** Waits for so long and no longer; what is not done by then goes on by itself. */
  async #within(limitMs: Milliseconds, work: Promise<unknown>): Promise<void> {
    const stop = new AbortController();
    const settled = work.then(
      () => undefined,
      (error: unknown) => {
        if (!isToolkitError(error)) throw error;
      },
    );
    try {
      await Promise.race([settled, this.#controller.ports.clock.sleep(limitMs, stop.signal)]);
    } finally {
      stop.abort();
      settled.catch(() => undefined);
    }
  }

  close(): void {
    for (const receiver of this.#receivers.values()) receiver.close();
    this.#receivers.clear();
    this.#links.clear();
  }

  #newLink(number: PairNumber): LinkSession {
    const { fabric, peers, catalog } = this.#controller;
    const record = catalog.pairs.get(number);
    if (!record || !isHalf(record)) throw failure('pair-not-found', 'The pair was deleted meanwhile.');
    const limitMs = this.limitMs(record);
    const peer: PeerHalf = {
      request: (code, input, data) => peers.request(record.remote.peer.system, code, input as never, { data, limitMs }),
    };
    return new LinkSession(fabric, fabric.pair(number), peer, {
      self: peers.self,
      limitMs,
      changed: (before, after, why) => this.#controller.onHalfChanged(before, after, why),
    });
  }
}

function isPrimary(record: PairRecord | undefined): boolean {
  return record?.remote?.side === 'primary' && !record.remote.displaced;
}

/** The mark of an order that opens nothing: it is judged by its term alone. */
export function markOfTerm(controller: Controller, term: number): LinkMark {
  return { term, epoch: controller.catalog.epoch, session: 0 };
}
