import { findGroup, masterPlace, namedVolume, readGroupViews, recoveredPlace, refOf } from '../cli/group-finding.js';
import { nowMs } from '../cli/now.js';
import type { Toolkit } from '../cli/open-toolkit.js';
import type { RequestCode, Requests, SystemClient, SystemPlace } from '../core/controller/controller.js';
import { failure } from '../core/foundation/foundation.js';
import { listGroup } from '../core/group/group.js';
import type { Formation, Group, GroupInfo, RecoverOptions, Recovery } from './api.js';
import { translated } from './boundary.js';

/** A group is found anew at each call: its master may be another one by then. */
export class OpenedGroup implements Group {
  readonly name: string;
  readonly #toolkit: () => Toolkit;
  /** Does some work as a client of a system, which may be open already. */
  readonly #use: <T>(place: SystemPlace, work: (client: SystemClient) => Promise<T>) => Promise<T>;

  constructor(
    name: string,
    toolkit: () => Toolkit,
    use: <T>(place: SystemPlace, work: (client: SystemClient) => Promise<T>) => Promise<T>,
  ) {
    this.name = name;
    this.#toolkit = toolkit;
    this.#use = use;
  }

  add(primary: string, secondary: string, { backup }: { readonly backup: string }): Promise<void> {
    return translated(async () => {
      const toolkit = this.#toolkit();
      await this.#ask('cg.add', {
        group: this.name,
        primary: await namedVolume(toolkit, primary),
        secondary: await namedVolume(toolkit, secondary),
        backup: backup === 'auto' ? 'auto' : await namedVolume(toolkit, backup),
      });
    });
  }

  remove(primary: string): Promise<void> {
    return translated(async () => {
      await this.#ask('cg.remove', { group: this.name, primary: await namedVolume(this.#toolkit(), primary) });
    });
  }

  start(): Promise<Formation> {
    return translated(async () => {
      const answer = await this.#ask('cg.start', { group: this.name });
      const { outcome, sequence, time, reason, pauseMs, drainMs, tracks } = answer;
      return { outcome, sequence, time, reason, pauseMs, drainMs, tracks };
    });
  }

  pause(options: { readonly stop?: 'sending' | 'writes' | undefined; readonly consistent?: boolean | undefined } = {}) {
    return translated(async () => {
      await this.#ask('cg.pause', { group: this.name, ...options });
    });
  }

  resume(): Promise<void> {
    return translated(async () => {
      await this.#ask('cg.resume', { group: this.name });
    });
  }

  split(): Promise<void> {
    return translated(async () => {
      await this.#ask('cg.split', { group: this.name });
    });
  }

  recover(remotes: readonly string[], { plan, without = [] }: RecoverOptions = {}): Promise<Recovery> {
    return translated(async () => {
      const [first, ...more] = await this.#toolkit().matchAll(remotes);
      if (!first) throw failure('usage', 'No remote system is named.');
      const input = { group: this.name, at: [first, ...more].map(refOf), without, plan };
      const answer = await this.#use(first, async (client) => (await client.request('cg.recover', input)).output);
      return { case: answer.case, verdict: answer.verdict, number: answer.sequence, time: answer.time };
    });
  }

  failback({ timeoutMs }: { readonly timeoutMs?: number | undefined } = {}): Promise<'returned' | 'timed-out'> {
    return translated(async () => {
      const place = recoveredPlace(await findGroup(this.#toolkit(), this.name));
      const input = { group: this.name, wait: { timeoutMs } };
      const { outcome } = await this.#use(place, async (client) => (await client.request('cg.failback', input)).output);
      return outcome === 'returned' ? outcome : 'timed-out';
    });
  }

  show(): Promise<GroupInfo> {
    return translated(async () => {
      const toolkit = this.#toolkit();
      const { views } = await readGroupViews(toolkit);
      const { group } = await findGroup(toolkit, this.name);
      const { name, master, state, sequence, time, formed, failed, members } = listGroup(group, views, nowMs());
      const rows = members.map(({ primary, secondary, backup, joined }) => ({ primary, secondary, backup, joined }));
      return { name, master, state, sequence, time, formed, failed, members: rows };
    });
  }

  delete(): Promise<void> {
    return translated(async () => {
      await this.#ask('cg.delete', { group: this.name });
    });
  }

  async #ask<Code extends RequestCode>(code: Code, input: Requests[Code]['input']): Promise<Requests[Code]['output']> {
    const place = masterPlace(await findGroup(this.#toolkit(), this.name));
    return this.#use(place, async (client) => (await client.request(code, input)).output);
  }
}
