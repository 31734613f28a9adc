import { sentence } from '../../core/foundation/foundation.js';
import type { FormationAnswer, GroupHistoryRow } from '../../core/group/group.js';
import { formatDuration } from './durations.js';
import { countOf } from './pair-action.js';
import type { Column } from './table.js';
import { formatTime } from './times.js';

/** What a formation came to, what it cost, and, where it came to nothing, where it failed and what stands. */
export function formationText(answer: FormationAnswer): string {
  const { group, sequence, outcome } = answer;
  switch (outcome) {
    case 'formed':
      return `Group ${group}: formed ${sequence}, as of ${timeOf(answer)}. ${countOf(answer.members.length, 'member')}${costs(answer)}.`;
    case 'void':
      return `Group ${group}: ${sequence} is void, nothing was copied over the last group, which stands. ${where(answer)}`;
    case 'failed':
      return `Group ${group}: ${sequence} failed and was taken back; the last group stands. ${where(answer)}`;
    case 'undecided':
      return (
        `Group ${group}: ${sequence} is undecided: not every remote has answered. ${where(answer)}\n` +
        `It is settled when they answer; until then no other is formed. copyset cg status ${group} shows them.`
      );
    case 'paused':
      return `${sentence(answer.reason ?? `Group ${group} is paused`)} Nothing was formed; the last group stands.`;
    case 'skipped':
      return `Group ${group}: another formation is under way; this one was skipped.`;
  }
}

function timeOf({ time }: FormationAnswer): string {
  return time === null ? 'an unknown time' : formatTime(Date.parse(time));
}

function costs({ pauseMs, drainMs, tracks }: FormationAnswer): string {
  const parts = [
    ...(pauseMs === null ? [] : [`writes paused ${shortSpan(pauseMs)}`]),
    ...(drainMs === null ? [] : [`drained in ${formatDuration(drainMs)}`]),
    ...(tracks === null ? [] : [countOf(tracks, 'track')]),
  ];
  return parts.length === 0 ? '' : `, ${parts.join(', ')}`;
}

/** A pause is a few milliseconds, of which tenths count. */
export function shortSpan(spanMs: number): string {
  return spanMs < 100 ? `${Math.round(spanMs * 10) / 10}ms` : formatDuration(spanMs);
}

function where({ failure, reason }: FormationAnswer): string {
  const why = (reason ?? 'no reason was told').replace(/\.$/, '');
  return failure === null ? `Reason: ${why}.` : `It failed at ${failure.controller}, at ${failure.activity}: ${why}.`;
}

export const FORMATION_COLUMNS: readonly Column<GroupHistoryRow>[] = [
  { key: 'ended', title: 'ENDED', value: (row) => row.ended, show: (row) => formatTime(Date.parse(row.ended)) },
  { key: 'deed', title: 'WHAT', value: (row) => row.deed },
  { key: 'sequence', title: 'SEQUENCE', value: (row) => row.sequence, align: 'right' },
  {
    key: 'time',
    title: 'GROUP TIME',
    value: (row) => row.time,
    show: (row) => (row.time === null ? '' : formatTime(Date.parse(row.time))),
    hidden: true,
  },
  { key: 'outcome', title: 'OUTCOME', value: (row) => row.outcome },
  {
    key: 'pauseMs',
    title: 'PAUSE',
    value: (row) => row.pauseMs,
    show: (row) => shortSpan(row.pauseMs ?? 0),
    align: 'right',
  },
  {
    key: 'drainMs',
    title: 'DRAIN',
    value: (row) => row.drainMs,
    show: (row) => formatDuration(row.drainMs ?? 0),
    align: 'right',
  },
  { key: 'tracks', title: 'TRACKS', value: (row) => row.tracks, align: 'right' },
  { key: 'activity', title: 'FAILED AT', value: (row) => row.failure?.activity },
  { key: 'controller', title: 'FAILED IN', value: (row) => row.failure?.controller },
  { key: 'reason', title: 'REASON', value: (row) => row.reason },
  { key: 'system', title: 'TOLD BY', value: (row) => row.system, hidden: true },
  { key: 'actor', title: 'ACTOR', value: (row) => row.actor, hidden: true },
];
