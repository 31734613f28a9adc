import { plural } from '../foundation/foundation.js';
import { type Checkpoint, isoOf, timeOf } from '../sequence/sequence.js';
import type { ApplyAnswer, SessionDeed, SessionEvent, SessionHistoryRow } from './requests.js';

/** What an event is about; what is absent does not belong to it. */
export interface EventParts {
  readonly about?: string | undefined;
  readonly checkpoint?: Checkpoint | null | undefined;
  /** Where no more than its number is known. */
  readonly number?: number | undefined;
  readonly records?: number | undefined;
  readonly bytes?: number | undefined;
  readonly reason?: string | undefined;
}

/** What the history keeps, for programs. */
export function sessionEvent(
  { name, id }: { readonly name: string; readonly id: string },
  deed: SessionDeed,
  { about, checkpoint, number, records, bytes, reason }: EventParts = {},
): SessionEvent {
  return {
    session: name,
    sessionId: id,
    deed,
    about: about ?? null,
    number: checkpoint?.number ?? number ?? null,
    time: checkpoint ? isoOf(timeOf(checkpoint)) : null,
    records: records ?? null,
    bytes: bytes ?? null,
    reason: reason ?? null,
  };
}

const WORDS: Readonly<Record<SessionDeed, (event: SessionEvent) => string>> = {
  start: () => 'the session was started',
  stop: () => 'the session was stopped; what was not applied comes over as differences',
  enter: ({ about, number }) => `${about} counts from checkpoint ${number} on`,
  apply: ({ number, records }) => `checkpoint ${number} was applied: ${plural(records ?? 0, 'record')}`,
  degrade: ({ about }) => `${about} is degraded: its writes are tracked, no checkpoint is released`,
  damage: ({ about }) => `what was received from ${about} cannot be read, and is asked for once more`,
  return: ({ about }) => `${about} is journalled, and counts from the next checkpoint on`,
  resign: ({ about, number }) =>
    `${about} resigned${number === null ? '' : ` at checkpoint ${number}`}; the others go on`,
  join: ({ about }) => `${about} takes part again, and counts once it was copied whole`,
  master: ({ about, number }) => `${about} is the master${number === null ? '' : `, above checkpoint ${number}`}`,
  recovery: ({ number }) => (number === null ? 'nothing was recovered' : `recovered at checkpoint ${number}`),
  failback: () => 'the session is back where it came from',
};

/** The same for a person, in the history's message. */
export function sessionSentence(event: SessionEvent): string {
  const { reason } = event;
  return `${WORDS[event.deed](event)}${reason === null ? '' : `: ${reason}`}`;
}

interface PastEvent {
  readonly time: string;
  readonly system: string;
  readonly actor: string;
  readonly session?: SessionEvent | undefined;
}

/** The rows of `checkpoint history` among the events of one or more systems, in their order. */
export function sessionHistory(events: readonly PastEvent[], sessionId: string): readonly SessionHistoryRow[] {
  return events.flatMap(({ time, system, actor, session }) =>
    session?.sessionId === sessionId ? [{ ...session, ended: time, system, actor }] : [],
  );
}

/** What `checkpoint apply` answers, from the checkpoint that was shown before to the one that is shown now. */
export function applyAnswer(
  session: string,
  from: Checkpoint | null,
  to: Checkpoint | null,
  counted: Pick<ApplyAnswer, 'records' | 'bytes'>,
): ApplyAnswer {
  return {
    session,
    from: from?.number ?? null,
    to: to?.number ?? null,
    records: counted.records,
    bytes: counted.bytes,
  };
}
