import {
  type ApplyAnswer,
  isSessionWell,
  type MarkAnswer,
  type SessionListing,
  type SessionRecoveryAnswer,
  type SessionRequests,
  type WaitAnswer,
  type WaitVerdict,
} from '../core/session/session.js';
import { EXIT } from './exit-codes.js';
import { applyText, sessionFailbackText, sessionRecoveryText, waitText } from './render/session-deeds.js';
import { sessionSentence, sessionsText } from './render/sessions.js';
import type { Outcome } from './toolkit-command.js';

/** A verb that changed how a session stands, or found nothing to do. */
export function sessionOutcome(
  { session, outcome }: { readonly session: SessionListing; readonly outcome: 'done' | 'nothing' },
  deed: string,
  notes: readonly string[] = [],
): Outcome {
  return { data: { sessions: [session], outcome }, text: () => sessionSentence(session, outcome, deed), notes };
}

/** Nothing beside the mark: it is what scripts keep. */
export function markOutcome(answer: MarkAnswer): Outcome {
  return { data: { ...answer }, text: answer.mark };
}

export function applyOutcome(answer: ApplyAnswer): Outcome {
  return { data: { ...answer }, text: () => applyText(answer) };
}

const WAIT_EXIT: Readonly<Record<WaitVerdict, number>> = {
  applied: EXIT.done,
  'timed-out': EXIT.waitTimedOut,
  degraded: EXIT.suspended,
  'other-run': EXIT.refused,
};

export function waitOutcome(answer: WaitAnswer): Outcome {
  return { data: { ...answer }, text: () => waitText(answer), exitCode: WAIT_EXIT[answer.verdict] };
}

/** 21 where a session brings less back than it should, or a system could not be looked at: it may hold one. */
export function sessionStatusOutcome(
  sessions: readonly SessionListing[],
  troubles: readonly string[],
  nowMs: number,
): Outcome {
  return {
    data: { sessions },
    text: () => sessionsText(sessions, nowMs),
    notes: troubles,
    exitCode: troubles.length === 0 && sessions.every(isSessionWell) ? EXIT.done : EXIT.suspended,
  };
}

export function sessionRecoveryOutcome(answer: SessionRecoveryAnswer, planned: boolean): Outcome {
  const stops = answer.case === 'none' || answer.case === 'mixed' || answer.case === 'disagree';
  return {
    data: { ...answer },
    text: () => sessionRecoveryText(answer, planned),
    exitCode: stops ? EXIT.groupsDisagree : EXIT.done,
  };
}

export function sessionFailbackOutcome(answer: SessionRequests['session.failback']['output']): Outcome {
  return {
    data: { ...answer },
    text: () => sessionFailbackText(answer),
    exitCode: answer.outcome === 'timed-out' ? EXIT.waitTimedOut : EXIT.done,
  };
}
