import type { PairRecord } from '../../pair/pair.js';
import {
  type EventParts,
  type SessionDeed,
  type SessionEvent,
  sessionEvent,
  sessionSentence,
} from '../../session/session.js';
import type { Controller } from '../open-controller.js';

interface Named {
  readonly name: string;
  readonly id: string;
}

/** What happened to a session by itself. */
export function noteSession(controller: Controller, session: Named, deed: SessionDeed, parts: EventParts = {}): void {
  const event = sessionEvent(session, deed, parts);
  controller.record({
    ...{ code: 'done', phase: 'end', operation: `checkpoint ${deed}`, primary: session.name, secondary: null },
    ...{ before: null, after: null, tracks: null, seconds: null, actor: 'session' },
    message: sessionSentence(event),
    id: controller.ports.random.id(`${deed} ${session.id}`),
    session: event,
  });
}

/** What a change of a journal pair means to its session; undefined where it means nothing. */
export function pairEvent(
  controller: Controller,
  before: PairRecord,
  after: PairRecord,
  why: string | null,
): SessionEvent | undefined {
  const { journal } = after.remote ?? {};
  const sheet = journal && controller.sessions.sheets.byId(journal.session);
  if (!sheet || after.remote?.side !== 'primary' || before.state.status === after.state.status) return undefined;
  const about = controller.address(after.primary);
  if (after.state.status === 'duplex') return sessionEvent(sheet, 'return', { about });
  if (before.state.status !== 'duplex') return undefined;
  const reason = after.state.status === 'suspended' ? after.state.message : why;
  return sessionEvent(sheet, 'degrade', { about, reason: reason?.replace(/\.$/, '') });
}
