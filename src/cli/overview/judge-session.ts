import type { SessionListing } from '../../core/session/session.js';
import { formatDuration } from '../render/durations.js';
import type { Finding, Limits } from './finding.js';

/** What keeps a checkpoint session from being well; the first row that holds. */
export function sessionFinding(session: SessionListing, limits: Limits): Finding[] {
  const { name, state } = session;
  const subject = `session ${name}`;
  const shown = `copyset checkpoint status ${name} shows the session in full.`;
  if (state === 'recovered')
    return [
      {
        severity: 'stuck',
        kind: 'session-recovered',
        subject,
        message: 'was recovered, its secondaries are primaries; nothing is copied',
        hint: `copyset checkpoint failback ${name} --wait brings it back once the old site has returned.`,
      },
    ];
  const away = namesOf(session, 'unreachable');
  if (away !== '')
    return [
      {
        severity: 'stuck',
        kind: 'session-unreachable',
        subject,
        message: `${away} cannot be reached; ${recoverableWords(session)}`,
        hint: `Where it is lost, copyset checkpoint resign ${name} ${away.split(', ')[0]} lets the others go on.`,
      },
    ];
  if (state === 'resigned') {
    const gone = namesOf(session, 'resigned');
    return [
      {
        severity: 'suspended',
        kind: 'session-resigned',
        subject,
        message: `goes on without ${gone === '' ? 'a system that resigned' : gone}; ${recoverableWords(session)}`,
        hint: `copyset checkpoint join ${name} ${gone.split(', ')[0] || 'SYSTEM'} takes it in again.`,
      },
    ];
  }
  if (state === 'degraded') {
    const message = `releases no checkpoint${because(session)}; ${recoverableWords(session)}`;
    return [{ severity: 'stuck', kind: 'session-degraded', subject, message, hint: shown }];
  }
  return isLate(session, limits)
    ? [{ severity: 'late', kind: 'session-late', subject, message: lateWords(session), hint: shown }]
    : [];
}

function isLate({ state, exposureSeconds, policy }: SessionListing, { stuckAfterMs }: Limits): boolean {
  return state === 'running' && exposureSeconds !== null && exposureSeconds * 1000 > policy.intervalMs + stuckAfterMs;
}

function lateWords({ exposureSeconds, late }: SessionListing): string {
  const waits = late.length === 0 ? '' : `; it waits for ${late.join(', ')}`;
  return `could be brought back only to ${formatDuration((exposureSeconds ?? 0) * 1000)} ago${waits}`;
}

function recoverableWords({ recoverable, recoverableTime }: SessionListing): string {
  if (!recoverable || recoverableTime === null) return 'recoverable: no';
  return `recoverable to ${recoverableTime}`;
}

function because({ systems, late }: SessionListing): string {
  const told = systems.find(({ reason }) => reason !== null);
  if (told?.reason) return `: ${told.system}, ${told.reason.replace(/\.$/, '')}`;
  return late.length === 0 ? '' : `: it waits for ${late.join(', ')}`;
}

function namesOf({ systems }: SessionListing, state: SessionListing['systems'][number]['state']): string {
  return [...new Set(systems.filter((one) => one.state === state).map(({ system }) => system))].join(', ');
}
