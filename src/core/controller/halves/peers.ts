import { failure, isToolkitError, type Milliseconds } from '../../foundation/foundation.js';
import type { PeerVolume } from '../../pair/pair.js';
import type { Answered, RequestCode, Requests } from '../control/requests.js';
import type { Faults } from '../faults.js';
import { type Ports, readPlace, type SystemPlace } from '../system-place.js';
import type { PeerConnection, Reach } from './peer-connection.js';

export type SystemRef = PeerVolume['system'];

/** How long an order that waits for nothing may take. */
const ASK_LIMIT_MS = 10_000;

/** After a borrowed peer was given up to one that serves it, it is not borrowed again for so long. */
const YIELDED_MS = 2_000;

/** How long a greeting may go unanswered before the connection is made anew: short at first, for it is answered at once. */
const GREETING_FIRST_MS = 1_000;
const GREETING_MAX_MS = 4_000;
const OPENING_LIMIT_MS = 30_000;

/** How this system answers what it asks itself. */
type AnswerOwn = <Code extends RequestCode>(code: Code, input: Requests[Code]['input']) => Promise<Answered<Code>>;

interface Known {
  connection: PeerConnection | undefined;
  opening: Promise<PeerConnection> | undefined;
  yieldedAtMs: number;
}

/** The other systems that this one deals with, each reached by one connection that all its pairs share. */
export class Peers {
  readonly #ports: Ports;
  readonly #self: SystemPlace;
  readonly #faults: Faults;
  readonly #reach: Reach;
  readonly #answerOwn: AnswerOwn;
  readonly #known = new Map<string, Known>();
  /** Under way; who closes waits for none of them. */
  readonly #greetings = new Set<AbortController>();
  #isClosed = false;
  #hasAsked = false;
  #onAsk: () => void = () => undefined;

  constructor(ports: Ports, self: SystemPlace, faults: Faults, reach: Reach, answerOwn: AnswerOwn) {
    this.#ports = ports;
    this.#self = self;
    this.#faults = faults;
    this.#reach = reach;
    this.#answerOwn = answerOwn;
  }

  /** How a peer remembers this system. */
  get self(): SystemRef {
    const { info, name, path } = this.#self;
    return { id: info.id, name, path };
  }

  /** Calls back once another system is asked for the first time, at once where one was: it may ask back before it answers. */
  whenAsking(onAsk: () => void): void {
    this.#onAsk = onAsk;
    if (this.#hasAsked) onAsk();
  }

  /** Asks a system that this one works with, which may be itself. Throws as `request` does. */
  async ask<Code extends RequestCode>(
    system: SystemRef,
    code: Code,
    input: Requests[Code]['input'],
    limitMs: Milliseconds = ASK_LIMIT_MS,
  ): Promise<Requests[Code]['output']> {
    if (system.id === this.self.id) return (await this.#answerOwn(code, input)).output;
    return (await this.request(system, code, input, { limitMs })).output;
  }

  /** Sends one request and waits for its answer, at most `limitMs`. Throws `link-lost`, `peer-missing`, and what the peer refuses with. */
  async request<Code extends RequestCode>(
    system: SystemRef,
    code: Code,
    input: Requests[Code]['input'],
    options: { data?: Uint8Array | undefined; limitMs: Milliseconds },
  ): Promise<Answered<Code>> {
    const { clock } = this.#ports;
    if (!this.#hasAsked) {
      this.#hasAsked = true;
      this.#onAsk();
    }
    const stop = new AbortController();
    const late = clock.sleep(options.limitMs, stop.signal).then((end) => {
      // Answered: nobody looks at it any more.
      if (end === 'aborted') return new Promise<never>(() => undefined);
      throw failure('link-lost', `Storage system ${system.name} did not answer within ${options.limitMs} ms.`);
    });
    late.catch(() => undefined);
    try {
      await this.#faults.link(system.name, clock, options.data?.length ?? 0);
      const ask = async () => {
        const connection = await this.#connection(system);
        return connection.request(code, input, { data: options.data });
      };
      return await Promise.race([ask(), late]);
    } catch (error) {
      if (isToolkitError(error, 'link-lost')) this.#forget(system);
      throw error;
    } finally {
      stop.abort('answered');
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const greeting of this.#greetings) greeting.abort();
    const known = [...this.#known.values()];
    this.#known.clear();
    for (const { connection, opening } of known) await (connection ?? (await opening?.catch(() => undefined)))?.close();
  }

  async #connection(system: SystemRef): Promise<PeerConnection> {
    const known = this.#known.get(system.id) ?? { connection: undefined, opening: undefined, yieldedAtMs: -YIELDED_MS };
    this.#known.set(system.id, known);
    if (known.connection && !known.connection.isClosed) return known.connection;
    this.#forget(system);
    known.opening ??= this.#open(system, known).finally(() => {
      known.opening = undefined;
    });
    return known.opening;
  }

  /** A greeting may be lost, and whoever is greeted may be stopped: the connection is made anew then, as long as somebody may wait for it. */
  async #open(system: SystemRef, known: Known): Promise<PeerConnection> {
    const { clock } = this.#ports;
    const deadlineMs = clock.monotonicMs() + OPENING_LIMIT_MS;
    for (let patienceMs = GREETING_FIRST_MS; ; patienceMs = Math.min(2 * patienceMs, GREETING_MAX_MS)) {
      const mayBorrow = clock.monotonicMs() - known.yieldedAtMs >= YIELDED_MS;
      const connection = await this.#reach(this.#ports, await this.place(system), mayBorrow);
      try {
        await this.#greet(system, connection, patienceMs);
        if (this.#isClosed) throw failure('link-lost', 'The controller is closing.');
        known.connection = connection;
        return connection;
      } catch (error) {
        await connection.close();
        const isOver = this.#isClosed || clock.monotonicMs() >= deadlineMs;
        if (isOver || !isToolkitError(error, 'link-lost')) throw error;
      }
    }
  }

  async #greet(system: SystemRef, connection: PeerConnection, limitMs: Milliseconds): Promise<void> {
    const stop = new AbortController();
    this.#greetings.add(stop);
    try {
      const greeted = connection.request('system.greet', { from: this.self });
      const late = this.#ports.clock.sleep(limitMs, stop.signal).then(() => undefined);
      if (await Promise.race([greeted, late])) return;
      throw failure('link-lost', `Storage system ${system.name} did not answer a greeting within ${limitMs} ms.`);
    } finally {
      this.#greetings.delete(stop);
      stop.abort();
    }
  }

  /** A connection that closed is used no more. One that was given up to a process that serves is not borrowed again at once (H27). */
  #forget(system: SystemRef): void {
    const known = this.#known.get(system.id);
    if (!known?.connection?.isClosed) return;
    if (known.connection.yielded) known.yieldedAtMs = this.#ports.clock.monotonicMs();
    known.connection = undefined;
  }

  /**
   * Where the peer lies now, by its id: beside this system, anywhere below the roots, else where it was last seen. In this order, because
   * a root that was copied is a world of its own: what lies in the copy must never reach into what it was copied from. Throws
   * `peer-missing`.
   */
  async place(system: SystemRef): Promise<SystemPlace> {
    const beside = `${this.#self.path.slice(0, this.#self.path.lastIndexOf('/'))}${system.path.slice(system.path.lastIndexOf('/'))}`;
    const near = this.#placeAt(beside, system.id);
    if (near) return near;
    const found = await this.#ports.locate?.(system.id);
    const place =
      (found === undefined ? undefined : this.#placeAt(found, system.id)) ?? this.#placeAt(system.path, system.id);
    if (place) return place;
    throw failure(
      'peer-missing',
      `Storage system ${system.name}, last seen in ${system.path}, is not there.`,
      'Mount or bring back its folder; it is found again by its id below the roots.',
    );
  }

  #placeAt(path: string, id: string): SystemPlace | undefined {
    try {
      const place = readPlace(this.#ports.files, path);
      return place.info.id === id ? place : undefined;
    } catch (error) {
      if (isToolkitError(error, 'system-not-found') || isToolkitError(error, 'file-not-found')) return undefined;
      throw error;
    }
  }
}
