import type { Command } from '@oclif/core/command';
import type { RequestCode, RequestExtras, Requests, SystemPlace } from '../core/controller/controller.js';
import { listSessions, type SessionListing } from '../core/session/session.js';
import { nowMs } from './now.js';
import { openToolkit, type Toolkit } from './open-toolkit.js';
import { type FoundSession, findSession, readSessionViews } from './session-finding.js';
import { sessionOutcome } from './session-outcomes.js';
import { type Outcome, ToolkitCommand } from './toolkit-command.js';

/** The base of the commands about one checkpoint session: it is found by its name below the roots. */
export abstract class SessionCommand<T extends typeof Command> extends ToolkitCommand<T> {
  #toolkit: Toolkit | undefined;

  protected get toolkit(): Toolkit {
    this.#toolkit ??= openToolkit(this.roots, this.id);
    return this.#toolkit;
  }

  protected findSession(): Promise<FoundSession> {
    return findSession(this.toolkit, (this.args as { session: string }).session);
  }

  protected async askAt<Code extends RequestCode>(
    place: SystemPlace,
    code: Code,
    input: Requests[Code]['input'],
    extras?: RequestExtras,
  ): Promise<Requests[Code]['output']> {
    return this.toolkit.use(place, async (client) => (await client.request(code, input, extras)).output);
  }

  /** What a verb came to. The system that did it knows only its own part of the session, so all are looked at for how it stands now. */
  protected async changed(
    answer: { readonly session: SessionListing; readonly outcome: 'done' | 'nothing' },
    deed: string,
    notes: readonly string[] = [],
  ): Promise<Outcome> {
    const { views } = await readSessionViews(this.toolkit);
    const standing = listSessions(views, nowMs()).find(({ id }) => id === answer.session.id);
    return sessionOutcome({ ...answer, session: standing ?? answer.session }, deed, notes);
  }
}
