import { formatWindow, type GroupListing, type MemberListing } from '../../core/group/group.js';
import { formatRate } from './bytes.js';
import { formatDuration } from './durations.js';
import { type Field, fields } from './fields.js';
import { shortSpan } from './formations.js';
import { countOf } from './pair-action.js';
import { type Column, renderTable } from './table.js';
import { formatTime } from './times.js';

export const GROUP_COLUMNS: readonly Column<GroupListing>[] = [
  { key: 'name', title: 'GROUP', value: (group) => group.name },
  { key: 'master', title: 'MASTER', value: (group) => group.master },
  { key: 'state', title: 'STATE', value: (group) => group.state },
  { key: 'members', title: 'MEMBERS', value: (group) => group.members.length, align: 'right' },
  { key: 'sequence', title: 'SEQUENCE', value: (group) => group.sequence, align: 'right' },
  {
    key: 'time',
    title: 'GROUP TIME',
    value: (group) => group.time,
    show: (group) => (group.time === null ? '' : localTime(group.time)),
  },
  {
    key: 'exposureSeconds',
    title: 'EXPOSURE',
    value: (group) => group.exposureSeconds,
    show: (group) => formatDuration((group.exposureSeconds ?? 0) * 1000),
    align: 'right',
  },
  { key: 'formed', title: 'FORMED', value: (group) => group.formed, align: 'right' },
  { key: 'failed', title: 'FAILED', value: (group) => group.failed, align: 'right' },
  { key: 'term', title: 'TERM', value: (group) => group.term, align: 'right', hidden: true },
  {
    key: 'lastFailure',
    title: 'LAST FAILURE',
    value: (group) => group.lastFailure?.time,
    show: (group) => failureWords(group.lastFailure) ?? '',
    hidden: true,
  },
];

const MEMBER_COLUMNS: readonly Column<MemberListing>[] = [
  { key: 'relationshipId', title: 'ID', value: (member) => member.relationshipId, align: 'right' },
  { key: 'primary', title: 'PRIMARY', value: (member) => member.primary },
  { key: 'secondary', title: 'SECONDARY', value: (member) => member.secondary },
  { key: 'backup', title: 'BACKUP', value: (member) => member.backup },
  { key: 'role', title: 'ROLE', value: (member) => member.role },
  { key: 'state', title: 'STATE', value: (member) => (member.joined ? member.state : `${member.state}, not joined`) },
  { key: 'outOfSyncTracks', title: 'OOS', value: (member) => member.outOfSyncTracks, align: 'right' },
  { key: 'sequence', title: 'SEQUENCE', value: (member) => member.sequence, align: 'right' },
  { key: 'revertible', title: 'REVERTIBLE', value: (member) => member.revertible },
  {
    key: 'pauseMs',
    title: 'PAUSE',
    value: (member) => member.pauseMs,
    show: (member) => shortSpan(member.pauseMs ?? 0),
    align: 'right',
  },
  {
    key: 'drainMs',
    title: 'DRAIN',
    value: (member) => member.drainMs,
    show: (member) => formatDuration(member.drainMs ?? 0),
    align: 'right',
  },
];

/** `cg status`: each group in full, with its members below it. */
export async function groupsText(groups: readonly GroupListing[], nowMs: number): Promise<string> {
  if (groups.length === 0) return NO_GROUP;
  const pages = await Promise.all(groups.map((group) => groupPage(group, nowMs)));
  return pages.join('\n\n');
}

export const NO_GROUP = 'No consistency group here. copyset cg create makes one.';

async function groupPage(group: GroupListing, nowMs: number): Promise<string> {
  const last = group.sequence === null ? 'none formed yet' : `${group.sequence}${asOf(group)}`;
  const exposure = group.exposureSeconds === null ? undefined : exposureWords(group.exposureSeconds);
  const lines: Field[] = [
    ['Group', `${group.name} (term ${group.term})`],
    ['Master', group.master],
    ['State', stateWords(group)],
    ['Last group', last],
    ['Exposure', exposure],
    ['Last formation', measures(group)],
    ['Formed', `${group.formed}, failed ${group.failed}`],
    ['Last failure', failureWords(group.lastFailure)],
    ['Policy', policyWords(group)],
    ['Now', localTime(new Date(nowMs).toISOString())],
  ];
  const members = group.members.length === 0 ? NO_MEMBER : await renderTable(group.members, MEMBER_COLUMNS);
  const failures = group.members.flatMap((member) => {
    const words = failureWords(member.lastFailure && { ...member.lastFailure, controller: member.controller });
    return words === undefined ? [] : [`${member.primary}: ${words}`];
  });
  return [fields(lines), '', members, ...failures].join('\n');
}

const NO_MEMBER = 'No members. copyset cg add adds one.';

function asOf({ time }: GroupListing): string {
  return time === null ? '' : `, as of ${localTime(time)}`;
}

function exposureWords(seconds: number): string {
  return `${formatDuration(seconds * 1000)}: what was written since then is not in the last group`;
}

function measures({ pauseMs, drainMs }: GroupListing): string | undefined {
  if (pauseMs === null || drainMs === null) return undefined;
  return `writes paused ${shortSpan(pauseMs)}, drained in ${formatDuration(drainMs)}`;
}

function stateWords({ state, held }: GroupListing): string {
  if (state === 'failed') return 'FAILED: it forms nothing until somebody has looked';
  if (held === null) return state;
  const what = held.what === 'writes' ? 'host writes are stopped' : 'sending is stopped';
  return held.by === 'pause' ? `${state}, ${what}` : `${state}, ${what} by the window until ${localTime(held.until)}`;
}

/** Where and why the last formation failed, with its time. */
export function failureWords(failure: GroupListing['lastFailure']): string | undefined {
  if (failure === null) return undefined;
  const reason = failure.reason.replace(/\.$/, '');
  return `${localTime(failure.time)}, at ${failure.controller}, at ${failure.activity}: ${reason}`;
}

function policyWords({ policy }: GroupListing): string {
  const interval = policy.intervalMs === 0 ? 'continuous' : `every ${formatDuration(policy.intervalMs)}`;
  return [
    interval,
    `coordination ${formatDuration(policy.coordinationLimitMs)}`,
    `drain ${formatDuration(policy.drainLimitMs)}`,
    `hold ${formatDuration(policy.holdLimitMs)}`,
    ...(policy.rateBytesPerSecond === null ? [] : [`at most ${formatRate(policy.rateBytesPerSecond)}`]),
    ...(policy.window === null ? [] : [formatWindow(policy.window)]),
  ].join(', ');
}

/** What a verb came to, in one sentence. */
export function groupSentence(group: GroupListing, outcome: 'done' | 'nothing', deed: string): string {
  const stands = `${group.state}, ${countOf(group.members.length, 'member')}, master ${group.master}`;
  if (outcome === 'nothing') return `Group ${group.name}: nothing to do; it is ${stands}.`;
  return `Group ${group.name} ${deed}; it is ${stands}.`;
}

function localTime(iso: string): string {
  return formatTime(Date.parse(iso));
}
