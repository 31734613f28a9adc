import { refOf } from '../cli/group-finding.js';
import { nowMs } from '../cli/now.js';
import type { Toolkit } from '../cli/open-toolkit.js';
import {
  type FoundSession,
  findSession,
  homePlace,
  primaryMasterPlace,
  readSessionViews,
  recoveredSessionPlace,
  secondaryMasterPlace,
  startedPlace,
} from '../cli/session-finding.js';
import type { RequestCode, Requests, SystemClient, SystemPlace } from '../core/controller/controller.js';
import { failure } from '../core/foundation/foundation.js';
import { listSessions } from '../core/session/session.js';
import type { Recovery, Session, SessionInfo } from './api.js';
import { translated } from './boundary.js';

type Use = <T>(place: SystemPlace, work: (client: SystemClient) => Promise<T>) => Promise<T>;

/** A session is found anew at each call: its masters may be others by then. */
export class OpenedSession implements Session {
  readonly name: string;
  readonly #toolkit: () => Toolkit;
  /** Does some work as a client of a system, which may be open already. */
  readonly #use: Use;

  constructor(name: string, toolkit: () => Toolkit, use: Use) {
    this.name = name;
    this.#toolkit = toolkit;
    this.#use = use;
  }

  start(): Promise<void> {
    return translated(async () => {
      await this.#ask(primaryMasterPlace, 'session.start', { session: this.name });
    });
  }

  stop(): Promise<void> {
    return translated(async () => {
      await this.#ask(startedPlace, 'session.stop', { session: this.name });
    });
  }

  mark(): Promise<{ mark: string; number: number; time: string }> {
    return translated(async () => {
      const { mark, number, time } = await this.#ask(primaryMasterPlace, 'session.mark', { session: this.name });
      return { mark, number, time };
    });
  }

  apply(): Promise<{ from: number | null; to: number | null }> {
    return translated(async () => {
      const { from, to } = await this.#ask(secondaryMasterPlace, 'session.apply', { session: this.name });
      return { from, to };
    });
  }

  wait(mark: string, { timeoutMs }: { readonly timeoutMs?: number | undefined } = {}) {
    return translated(async () => {
      const input = { session: this.name, mark, timeoutMs };
      return (await this.#ask(secondaryMasterPlace, 'session.wait', input)).verdict;
    });
  }

  recover(secondaries: readonly string[], { plan }: { readonly plan?: boolean | undefined } = {}): Promise<Recovery> {
    return translated(async () => {
      const [first, ...more] = await this.#toolkit().matchAll(secondaries);
      if (!first) throw failure('usage', 'No secondary system is named.');
      const input = { session: this.name, at: [first, ...more].map(refOf), plan };
      const answer = await this.#request(first, 'session.recover', input);
      return { case: answer.case, verdict: answer.verdict, number: answer.number, time: answer.time };
    });
  }

  failback({ timeoutMs }: { readonly timeoutMs?: number | undefined } = {}): Promise<'returned' | 'timed-out'> {
    return translated(async () => {
      const input = { session: this.name, wait: { timeoutMs } };
      const { outcome } = await this.#ask(recoveredSessionPlace, 'session.failback', input);
      return outcome === 'returned' ? outcome : 'timed-out';
    });
  }

  show(): Promise<SessionInfo> {
    return translated(async () => {
      const { session } = await findSession(this.#toolkit(), this.name);
      const { views } = await readSessionViews(this.#toolkit());
      const listed = listSessions(views, nowMs()).find(({ id }) => id === session.id);
      if (!listed) throw failure('session-not-found', `There is no checkpoint session ${this.name}.`);
      const { name, state, order, issued, applied, appliedTime, recoverable, exposureSeconds } = listed;
      return { name, state, order, issued, applied, appliedTime, recoverable, exposureSeconds };
    });
  }

  delete(): Promise<void> {
    return translated(async () => {
      await this.#ask(homePlace, 'session.delete', { session: this.name });
    });
  }

  async #ask<Code extends RequestCode>(
    placeIn: (found: FoundSession) => SystemPlace,
    code: Code,
    input: Requests[Code]['input'],
  ): Promise<Requests[Code]['output']> {
    return this.#request(placeIn(await findSession(this.#toolkit(), this.name)), code, input);
  }

  #request<Code extends RequestCode>(
    place: SystemPlace,
    code: Code,
    input: Requests[Code]['input'],
  ): Promise<Requests[Code]['output']> {
    return this.#use(place, async (client) => (await client.request(code, input)).output);
  }
}
