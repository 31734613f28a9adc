import type { Change } from '../../catalog/catalog.js';
import { isToolkitError } from '../../foundation/foundation.js';
import type { GroupEvent } from '../../group/group.js';
import type { SessionEvent } from '../../session/session.js';
import type { Controller, RequestContext } from '../open-controller.js';

export interface RecordedSubject {
  readonly operation: string;
  readonly primary?: string | null;
  readonly secondary?: string | null;
  readonly before?: string | null;
}

export interface RecordedEnd {
  readonly after?: string | null;
  readonly tracks?: number | null;
  readonly message?: string | null;
  readonly group?: GroupEvent | undefined;
  readonly session?: SessionEvent | undefined;
}

/** Writes an operation's start and its end, or abnormal end, into the history around the work. */
export async function recorded<T>(
  controller: Controller,
  context: RequestContext,
  subjects: readonly RecordedSubject[],
  work: () => Promise<T>,
  endOf: (result: T, index: number) => RecordedEnd = () => ({}),
): Promise<T> {
  const startedMs = controller.ports.clock.monotonicMs();
  const common = subjects.map((subject, index) => ({
    operation: subject.operation,
    primary: subject.primary ?? null,
    secondary: subject.secondary ?? null,
    before: subject.before ?? null,
    actor: context.actor,
    id: subjects.length === 1 ? context.id : `${context.id}.${index}`,
  }));
  const nothing = { after: null, tracks: null, seconds: null, message: null };
  for (const event of common) controller.record({ ...event, ...nothing, code: 'started', phase: 'start' });
  const seconds = () => Math.round(controller.ports.clock.toldMs(startedMs)) / 1000;
  try {
    const result = await work();
    common.forEach((event, index) => {
      const { after = null, tracks = null, message = null, group, session } = endOf(result, index);
      controller.record({
        ...event,
        after,
        tracks,
        message,
        seconds: seconds(),
        code: 'done',
        phase: 'end',
        group,
        session,
      });
    });
    return result;
  } catch (error) {
    const code = isToolkitError(error) ? error.code : 'bug';
    const message = error instanceof Error ? error.message : String(error);
    for (const event of common)
      controller.record({ ...event, ...nothing, message, seconds: seconds(), code, phase: 'abnormal' });
    throw error;
  }
}

/** The answer as a change, to stand in the same frame as the effect (H28). */
export function answerChange(context: RequestContext, answer: unknown): Change {
  return { do: 'answer', id: context.id, answer };
}
