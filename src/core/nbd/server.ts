import type { Clock, StreamAddress, StreamListener, Streams } from '../ports/ports.js';
import { BufferPool } from './buffer-pool.js';
import type { ExportSource } from './exports.js';
import { NBD_LIMITS } from './limits.js';
import type { TlsPolicy } from './negotiation.js';
import { Session } from './session.js';

export interface NbdServerParts {
  readonly streams: Streams;
  readonly clock: Clock;
  readonly exports: ExportSource;
}

export interface NbdListenOptions {
  readonly tls: TlsPolicy;
  /** Whether exports may be listed; where strangers can connect they should not. */
  readonly listing: boolean;
}

/** Serves the exports of one source on any number of addresses. */
export class NbdServer {
  readonly #parts: NbdServerParts;
  readonly #pool = new BufferPool();
  readonly #listeners = new Set<StreamListener>();
  readonly #sessions = new Set<Session>();
  #isStopping = false;
  #onLast: (() => void) | undefined;

  constructor(parts: NbdServerParts) {
    this.#parts = parts;
  }

  /** Connections at this moment, in whichever phase. */
  get connectionCount(): number {
    return this.#sessions.size;
  }

  /** The export of each connection that agreed on one. */
  get servedExports(): readonly string[] {
    return [...this.#sessions].flatMap(({ exportName }) => (exportName === undefined ? [] : [exportName]));
  }

  /** Memory that connections hold: replies not taken, data that waits. */
  get heldBytes(): number {
    let sum = 0;
    for (const session of this.#sessions) sum += session.heldBytes;
    return sum;
  }

  /** Accepts connections there until `stop`. Rejects with StreamError. */
  async listen(address: StreamAddress, options: NbdListenOptions): Promise<StreamListener> {
    const listener = await this.#parts.streams.listen(address, (stream) => {
      if (this.#isStopping || this.#sessions.size >= NBD_LIMITS.connectionsMax) {
        stream.abort();
        return;
      }
      const { clock, exports } = this.#parts;
      const session: Session = new Session({
        stream,
        clock,
        exports,
        pool: this.#pool,
        ...options,
        onFinished: () => this.#finished(session),
      });
      this.#sessions.add(session);
      session.start();
    });
    this.#listeners.add(listener);
    return listener;
  }

  /**
   * Takes no new connections, answers what is in flight, refuses what comes meanwhile, and closes. Connections that are
   * still there after `graceMs` are broken. Resolves when all are gone and their devices closed.
   */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    await Promise.all([...this.#listeners].map((listener) => listener.close()));
    this.#listeners.clear();
    if (this.#sessions.size === 0) return;
    const last = new Promise<void>((resolve) => {
      this.#onLast = resolve;
    });
    for (const session of this.#sessions) session.stop();
    const allGone = new AbortController();
    void this.#breakAfter(graceMs, allGone.signal);
    await last;
    allGone.abort();
  }

  async #breakAfter(graceMs: number, allGone: AbortSignal): Promise<void> {
    const how = await this.#parts.clock.sleep(graceMs, allGone);
    if (how === 'elapsed') for (const session of this.#sessions) session.abort();
  }

  #finished(session: Session): void {
    this.#sessions.delete(session);
    if (this.#sessions.size === 0) this.#onLast?.();
  }
}
