import type { Command } from '@oclif/core/command';
import type { RequestCode, RequestExtras, Requests, SystemClient, SystemPlace } from '../core/controller/controller.js';
import { type FoundGroup, findGroup, masterPlace } from './group-finding.js';
import { openToolkit, type Toolkit } from './open-toolkit.js';
import { ToolkitCommand } from './toolkit-command.js';

/** The base of the commands about one group: it is found by its name, and its master is asked. */
export abstract class GroupCommand<T extends typeof Command> extends ToolkitCommand<T> {
  #toolkit: Toolkit | undefined;

  protected get toolkit(): Toolkit {
    this.#toolkit ??= openToolkit(this.roots, this.id);
    return this.#toolkit;
  }

  protected findGroup(): Promise<FoundGroup> {
    return findGroup(this.toolkit, (this.args as { name: string }).name);
  }

  /** Asks the group's master. The input is the request's, without the group's name. */
  protected async askMaster<Code extends RequestCode>(
    code: Code,
    input: Omit<Requests[Code]['input'], 'group'>,
    extras?: RequestExtras,
  ): Promise<Requests[Code]['output']> {
    return this.withMaster((client, group) =>
      this.ask(client, code, { ...input, group } as Requests[Code]['input'], extras),
    );
  }

  protected async withMaster<Result>(
    work: (client: SystemClient, group: string, place: SystemPlace) => Promise<Result>,
  ): Promise<Result> {
    const found = await this.findGroup();
    const place = masterPlace(found);
    return this.toolkit.use(place, (client) => work(client, found.group.name, place));
  }

  protected async askAt<Code extends RequestCode>(
    place: SystemPlace,
    code: Code,
    input: Requests[Code]['input'],
    extras?: RequestExtras,
  ): Promise<Requests[Code]['output']> {
    return this.toolkit.use(place, (client) => this.ask(client, code, input, extras));
  }

  protected async ask<Code extends RequestCode>(
    client: SystemClient,
    code: Code,
    input: Requests[Code]['input'],
    extras?: RequestExtras,
  ): Promise<Requests[Code]['output']> {
    return (await client.request(code, input, extras)).output;
  }
}
