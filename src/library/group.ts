import { findGroup, masterPlace, namedVolume, readGroupViews } from '../cli/group-finding.js';
import { nowMs } from '../cli/now.js';
import type { Toolkit } from '../cli/open-toolkit.js';
import type { RequestCode, Requests, SystemClient, SystemPlace } from '../core/controller/controller.js';
import { listGroup } from '../core/group/group.js';
import type { Formation, Group, GroupInfo } from './api.js';
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
