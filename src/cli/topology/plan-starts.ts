import type { MasterTable } from '../../core/group/group.js';
import type { LocatedSession } from '../../core/session/session.js';
import type { Problems } from './problems.js';
import type { Sight } from './sight.js';
import { type Step, step } from './steps.js';

/** Groups and sessions are started and stopped last, when their pairs are there. */
export function planStarts(sight: Sight, problems: Problems): Step[] {
  return [...startGroups(sight, problems), ...startSessions(sight)];
}

function startGroups({ desired, present }: Sight, problems: Problems): Step[] {
  return desired.groups.flatMap(({ name, master, started, place }) => {
    const table = present.groups.find((one) => one.name === name)?.table ?? null;
    if (started === undefined || started === isRunning(table)) return [];
    if (started && table?.state.status === 'paused')
      problems.add([...place, 'started'], `here it is paused; copyset cg resume ${name}, or cg stop, ends that`);
    const code = started ? 'cg.run' : 'cg.stop';
    return [step('~', 'group', name, master, word(started), [{ do: 'request', code, input: { group: name } }])];
  });
}

function startSessions({ desired, present }: Sight): Step[] {
  return desired.sessions.flatMap(({ name, at = '', started }) => {
    const there = present.sessions.find((one) => one.name === name);
    if (started === undefined || started === (there !== undefined && isStarted(there))) return [];
    const deed = { do: started ? 'start-session' : 'stop-session', session: name } as const;
    return [step('~', 'session', name, there?.home.name ?? at, word(started), [deed])];
  });
}

function word(started: boolean): string {
  return started ? 'started' : 'stopped';
}

export function isStarted({ parts }: LocatedSession): boolean {
  return parts.some(({ sheet }) => sheet.primary?.state === 'running');
}

/** Whether a group is formed at its interval; a pause only interrupts that. */
export function isRunning(table: Pick<MasterTable, 'state'> | null): boolean {
  if (table === null) return false;
  const { state } = table;
  return (state.status === 'paused' ? state.from : state.status) === 'running';
}
