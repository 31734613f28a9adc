import { changeSessionPolicy, type LocatedSession, type SessionPolicyChange } from '../../core/session/session.js';
import type { DesiredSession } from './desired.js';
import type { Problems } from './problems.js';
import { isNamedSystem, type Sight } from './sight.js';
import { type Step, step } from './steps.js';

/** Sessions are made before their pairs. */
export function planSessions(sight: Sight, problems: Problems): Step[] {
  demandSessions(sight, problems);
  return sight.desired.sessions.flatMap((session) => {
    const { name, at = '', order = 'clock', policy, enableAtSecondary = false, place } = session;
    const there = present(session, sight);
    if (there) return planSession(session, there, problems);
    if (!isNamedSystem(at, sight)) problems.add([...place, 'at'], `there is no storage system ${at}`);
    const input = { session: name, order, policy, enableAtSecondary };
    return [
      step('+', 'session', name, at, `order ${order}, at ${at}`, [{ do: 'request', code: 'session.create', input }]),
    ];
  });
}

function present({ name }: DesiredSession, sight: Sight): LocatedSession | undefined {
  return sight.present.sessions.find((one) => one.name === name);
}

function planSession(session: DesiredSession, there: LocatedSession, problems: Problems): Step[] {
  const { name, place, policy, order, enableAtSecondary, at } = session;
  const { sheet, home } = there;
  const differs = (key: string, wanted: unknown, is: unknown): void => {
    if (wanted !== undefined && wanted !== is)
      problems.add([...place, key], `the file says ${wanted}, here it is ${is}`);
  };
  differs('order', order, sheet.order);
  differs('at', at, home.name);
  differs('enableAtSecondary', enableAtSecondary, sheet.policy.enableAtSecondary);
  const wanted = changeSessionPolicy(sheet.policy, policy);
  const words = [
    wanted.intervalMs === sheet.policy.intervalMs ? undefined : 'interval',
    wanted.resignAfterMs === sheet.policy.resignAfterMs ? undefined : 'resign after',
  ].filter((word) => word !== undefined);
  if (words.length === 0) return [];
  const change: SessionPolicyChange = policy;
  const deed = { do: 'request', code: 'session.policy', input: { session: name, change } } as const;
  return [step('~', 'session', name, home.name, words.join(', '), [deed])];
}

/** A journal pair's session stands in the file, or is here. */
function demandSessions({ desired, present: is, prune }: Sight, problems: Problems): void {
  const names = new Set([
    ...desired.sessions.map(({ name }) => name),
    ...(prune ? [] : is.sessions.map(({ name }) => name)),
  ]);
  for (const { mode, session, place } of desired.pairs)
    if (mode === 'journal' && session !== undefined && !names.has(session))
      problems.add([...place, 'session'], `there is no checkpoint session ${session}`);
}
