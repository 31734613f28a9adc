import { failure, LINK_LIMIT_SYNC_MS, type Milliseconds, type PairNumber } from '../foundation/foundation.js';
import { type HalfRecord, isHalf, type LinkMark, suspendedTogether } from '../pair/pair.js';
import { LinkSession, Mirror, type PeerHalf, Receiver } from '../transfer/transfer.js';
import type { Controller } from './open-controller.js';

/** The halves of remote pairs that lie here: their links where the primary is here, their receivers where the secondary is. */
export class Halves {
  readonly #controller: Controller;
  readonly #links = new Map<PairNumber, LinkSession>();
  readonly #receivers = new Map<PairNumber, Receiver>();
  readonly #mirrors = new Map<PairNumber, Mirror>();
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

  /** A session with this mark begins: what an earlier one holds is given up. Without a mark none does. */
  reopen(number: PairNumber, mark?: LinkMark, heardMs?: Milliseconds): void {
    this.#receivers.get(number)?.close();
    this.#receivers.delete(number);
    const { fabric } = this.#controller;
    if (mark) this.#receivers.set(number, new Receiver(fabric, fabric.pair(number), mark, heardMs));
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

  /** Whether the primary of a half that lies here was heard from lately: without that nobody knows whether it went on alone (H29). */
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

  /** Tells the secondaries of these pairs what became of them; those that cannot be reached learn it later. */
  async tell(numbers: readonly PairNumber[]): Promise<void> {
    const { pairs } = this.#controller.catalog;
    const primaries = numbers.filter((number) => pairs.get(number)?.remote?.side === 'primary');
    await Promise.all(primaries.map((number) => this.link(number).tell()));
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
      sync:
        record.mode !== 'sync'
          ? undefined
          : {
              heardMs: heardMs(limitMs),
              turned: () => this.mirror(number).turned(),
              mayReturn: () => this.#mayReturn(number),
            },
    });
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

/** The mark of an order that opens nothing: it is judged by its term alone. */
export function markOfTerm(controller: Controller, term: number): LinkMark {
  return { term, epoch: controller.catalog.epoch, session: 0 };
}
