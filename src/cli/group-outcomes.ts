import type { Requests } from '../core/controller/controller.js';
import type { FormationOutcome, GroupListing, RecoveryAnswer } from '../core/group/group.js';
import { EXIT } from './exit-codes.js';
import { formationText } from './render/formations.js';
import { groupSentence, groupsText } from './render/groups.js';
import { failbackText, recoveryText } from './render/recovery.js';
import type { Outcome } from './toolkit-command.js';

/** DESIGN.md 9: what a formation came to, as an exit code. */
export const FORMATION_EXIT: Readonly<Record<FormationOutcome, number>> = {
  formed: EXIT.done,
  skipped: EXIT.done,
  paused: EXIT.refused,
  void: EXIT.formationVoid,
  failed: EXIT.formationVoid,
  undecided: EXIT.undecided,
};

export function formationOutcome(answer: Requests['cg.start']['output']): Outcome {
  return { data: { ...answer }, text: () => formationText(answer), exitCode: FORMATION_EXIT[answer.outcome] };
}

/** A verb that changed how a group stands, or found nothing to do. */
export function groupOutcome(
  { group, outcome }: { readonly group: GroupListing; readonly outcome: 'done' | 'nothing' },
  deed: string,
  notes: readonly string[] = [],
): Outcome {
  return { data: { groups: [group], outcome }, text: () => groupSentence(group, outcome, deed), notes };
}

/** `cg pause --consistent` has the exit code of the formation that it asked for. */
export function pauseOutcome(answer: Requests['cg.pause']['output'], deed: string): Outcome {
  const { formation } = answer;
  const done = groupOutcome(answer, deed);
  if (formation === null) return done;
  const formed = formation.outcome === 'formed';
  const text = (): string =>
    [formationText(formation), formed ? groupSentence(answer.group, answer.outcome, deed) : 'Nothing was paused.'].join(
      '\n',
    );
  return { data: { ...done.data, formation }, text, exitCode: FORMATION_EXIT[formation.outcome] };
}

/** 21 where a group forms nothing until a person helps, or one of its systems is not reached. */
export function statusOutcome(groups: readonly GroupListing[], troubles: readonly string[], now: number): Outcome {
  const stuck = groups.some(
    ({ state, members }) => state === 'failed' || members.some((member) => member.state === 'unreachable'),
  );
  return {
    data: { groups },
    text: () => groupsText(groups, now),
    notes: troubles,
    exitCode: stuck ? EXIT.suspended : EXIT.done,
  };
}

export function recoveryOutcome(answer: RecoveryAnswer, planned: boolean): Outcome {
  const stops = answer.case === 'none' || answer.case === 'disagree';
  return {
    data: { ...answer },
    text: () => recoveryText(answer, planned),
    exitCode: stops ? EXIT.groupsDisagree : EXIT.done,
  };
}

export function failbackOutcome(answer: Requests['cg.failback']['output']): Outcome {
  return {
    data: { ...answer },
    text: () => failbackText(answer),
    exitCode: answer.outcome === 'timed-out' ? EXIT.waitTimedOut : EXIT.done,
  };
}
