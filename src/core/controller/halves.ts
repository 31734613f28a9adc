import { failure, LINK_LIMIT_SYNC_MS, type Milliseconds, type PairNumber } from '../foundation/foundation.js';
import { type HalfRecord, isHalf, type LinkMark } from '../pair/pair.js';
import { LinkSession, type PeerHalf, Receiver } from '../transfer/transfer.js';
import type { Controller } from './open-controller.js';

/** The halves of remote pairs that lie here: their links where the primary is here, their receivers where the secondary is. */
export class Halves {
  readonly #controller: Controller;
  readonly #links = new Map<PairNumber, LinkSession>();
  readonly #receivers = new Map<PairNumber, Receiver>();
  #numbersById = new Map<string, PairNumber>();
  #knownAt = -1;

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

  /** A session with this mark begins: what an earlier one holds is given up. */
  reopen(number: PairNumber): void {
    this.#receivers.get(number)?.close();
    this.#receivers.delete(number);
  }

  /** Tells the secondaries of these pairs what became of them; those that cannot be reached learn it later. */
  async tell(numbers: readonly PairNumber[]): Promise<void> {
    const { pairs } = this.#controller.catalog;
    const primaries = numbers.filter((number) => pairs.get(number)?.remote?.side === 'primary');
    await Promise.all(primaries.map((number) => this.link(number).tell()));
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

/** The mark of an order that opens nothing: it is judged by its term alone. */
export function markOfTerm(controller: Controller, term: number): LinkMark {
  return { term, epoch: controller.catalog.epoch, session: 0 };
}
