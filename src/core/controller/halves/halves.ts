import {
  failure,
  isToolkitError,
  LINK_LIMIT_SYNC_MS,
  type Milliseconds,
  type PairNumber,
  type VolumeNumber,
} from '../../foundation/foundation.js';
import { type HalfRecord, isHalf, type LinkMark, type PairRecord, suspendedTogether } from '../../pair/pair.js';
import { LinkSession, Mirror, type PeerHalf, Receiver, type SyncOptions } from '../../transfer/transfer.js';
import type { Controller } from '../open-controller.js';

const GREETING_MS = 1_000;
/** Who changed a pair does not wait longer for its secondary to learn of it. */
const TELLING_MS = 2_000;

/** The halves of remote pairs that lie here: their links where the primary is here, their receivers where the secondary is. */
export class Halves {
  readonly #controller: Controller;
  readonly #links = new Map<PairNumber, LinkSession>();
  readonly #receivers = new Map<PairNumber, Receiver>();
  readonly #mirrors = new Map<PairNumber, Mirror>();
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

  /** Takes the writes of a synchronous pair's host to its secondary. */
  mirror(number: PairNumber): Mirror {
    let mirror = this.#mirrors.get(number);
    if (!mirror) {
      const { fabric, catalog } = this.#controller;
      const record = catalog.pairs.get(number);
      if (!record || !isHalf(record)) throw failure('pair-not-found', 'The pair was deleted meanwhile.');
      const limitMs = this.limitMs(record);
      mirror = new Mirror(fabric, fabric.pair(number), this.link(number), { limitMs, heardMs: heardMs(limitMs) });
      this.#mirrors.set(number, mirror);
    }
    return mirror;
  }

  /** Whether the primary of a synchronous half that lies here has not gone on alone, for all that is known (H29). */
  isLinked(number: PairNumber): boolean {
    return this.#receivers.get(number)?.isLinked ?? false;
  }

  /** The pairs that are suspended with one by a fault, itself first. */
  suspendedWith(number: PairNumber, linkIsLost: boolean): readonly PairNumber[] {
    const { pairs } = this.#controller.catalog;
    const first = pairs.get(number);
    return first ? suspendedTogether(pairs.values(), first, linkIsLost).map((pair) => pair.number) : [number];
  }

  /** What waits at the secondaries for a flush is durable there, so that a split has little to copy; those out of reach are left. */
  async flush(numbers: readonly PairNumber[]): Promise<void> {
    const { fabric } = this.#controller;
    await Promise.all(
      numbers.map(async (number) => {
        const pair = fabric.pair(number);
        if (pair.alongside !== null && this.link(number).isReady) await fabric.follower(pair)?.flush();
      }),
    );
  }

  /** The primary said something. */
  heard(number: PairNumber): void {
    this.#heardAtMs.set(number, this.#controller.ports.clock.nowMs());
    this.receiver(number).heard();
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
    this.#mirrors.get(number)?.close();
    this.#mirrors.delete(number);
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
    for (const mirror of this.#mirrors.values()) mirror.close();
    this.#receivers.clear();
    this.#mirrors.clear();
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
      sync: record.mode === 'sync' ? this.#syncOptions(number, limitMs) : undefined,
    });
  }

  #syncOptions(number: PairNumber, limitMs: Milliseconds): SyncOptions {
    return {
      heardMs: heardMs(limitMs),
      turned: () => {
        if (isPrimary(this.#controller.catalog.pairs.get(number))) this.mirror(number).turned();
      },
      mayReturn: () => this.#mayReturn(number),
    };
  }

  /** A session returns as one, when the links of all its pairs are open: its secondaries are one image until then. */
  #mayReturn(number: PairNumber): boolean {
    const { pairs } = this.#controller.catalog;
    const session = pairs.get(number)?.remote?.session;
    if (session == null) return true;
    return [...pairs.values()].every(({ number: other, mode, state, remote }) => {
      const isOther = other !== number && mode === 'sync' && remote?.side === 'primary' && remote.session === session;
      if (!isOther || state.status !== 'suspended' || state.reason !== 'link-lost') return true;
      return this.link(other).isOpen;
    });
  }
}

/** Shorter than the limit by enough: when a primary goes on alone its secondary does not count as linked any more (H29). */
function heardMs(limitMs: Milliseconds): Milliseconds {
  return limitMs / 2;
}

function isPrimary(record: PairRecord | undefined): boolean {
  return record?.remote?.side === 'primary' && !record.remote.displaced;
}

/** The mark of an order that opens nothing: it is judged by its term alone. */
export function markOfTerm(controller: Controller, term: number): LinkMark {
  return { term, epoch: controller.catalog.epoch, session: 0 };
}
