import type { JournalUsage } from '../../core/journal/journal.js';
import type { SessionListing, SessionSystemListing } from '../../core/session/session.js';
import { formatBytes } from './bytes.js';
import { formatDuration } from './durations.js';
import { type Field, fields } from './fields.js';
import { countOf } from './pair-action.js';
import { type Column, renderTable } from './table.js';
import { formatTime } from './times.js';

export const SESSION_COLUMNS: readonly Column<SessionListing>[] = [
  { key: 'name', title: 'SESSION', value: (session) => session.name },
  { key: 'state', title: 'STATE', value: (session) => session.state },
  { key: 'order', title: 'ORDER', value: (session) => session.order, minor: true },
  { key: 'systems', title: 'SYSTEMS', value: (session) => session.systems.length, align: 'right', minor: true },
  { key: 'issued', title: 'ISSUED', value: (session) => session.issued, align: 'right' },
  { key: 'applied', title: 'APPLIED', value: (session) => session.applied, align: 'right' },
  {
    key: 'recoverableTime',
    title: 'RECOVERABLE',
    value: recoverableCell,
    show: (session) => recoverableShown(session),
  },
  {
    key: 'exposureSeconds',
    title: 'EXPOSURE',
    value: (session) => session.exposureSeconds,
    show: (session) => exposureSpan(session.exposureSeconds ?? 0),
    align: 'right',
  },
  { key: 'late', title: 'LATE', value: (session) => session.late.join(', ') },
];

/** One row of `checkpoint status`: a system in one role. `nowMs` is for how old what it could show is. */
export function systemColumns(nowMs: number): readonly Column<SessionSystemListing>[] {
  return [
    { key: 'system', title: 'SYSTEM', value: (row) => row.system },
    { key: 'role', title: 'ROLE', value: (row) => row.role },
    { key: 'state', title: 'STATE', value: (row) => row.state },
    { key: 'lastCheckpoint', title: 'LAST', value: (row) => row.lastCheckpoint, align: 'right' },
    { key: 'recoverableTime', title: 'RECOVERABLE', value: recoverableCell, show: (row) => recoverableShown(row) },
    {
      key: 'exposureSeconds',
      title: 'EXPOSURE',
      value: (row) => ageSeconds(row, nowMs),
      show: (row) => exposureSpan(ageSeconds(row, nowMs) ?? 0),
      align: 'right',
    },
    {
      key: 'bufferedBytes',
      title: 'BUFFERED',
      value: (row) => row.bufferedBytes,
      show: (row) => formatBytes(row.bufferedBytes ?? 0),
      align: 'right',
    },
    { key: 'notes', title: 'NOTES', value: systemNotes },
  ];
}

/** `checkpoint status`: each session in full, with its systems below it. */
export async function sessionsText(sessions: readonly SessionListing[], nowMs: number): Promise<string> {
  if (sessions.length === 0) return NO_SESSION;
  const pages = await Promise.all(sessions.map((session) => sessionPage(session, nowMs)));
  return pages.join('\n\n');
}

const NO_SESSION = 'No checkpoint session here. copyset checkpoint create makes one.';

async function sessionPage(session: SessionListing, nowMs: number): Promise<string> {
  const lines: Field[] = [
    ['Session', `${session.name} (run ${session.run}, term ${session.term})`],
    ['State', STATE_WORDS[session.state]],
    ['Order', ORDER_WORDS[session.order]],
    ['Home', session.home],
    ['Issued', numberWords(session.issued)],
    ['Released', numberWords(session.released)],
    [
      'Applied',
      `${numberWords(session.applied)}${session.appliedTime === null ? '' : `, as of ${session.appliedTime}`}`,
    ],
    ['Recoverable', recoverableWords(session)],
    ['Exposure', exposureWords(session)],
    ['Late', session.late.length === 0 ? undefined : `${session.late.join(', ')}: the next release waits for it`],
    ['Policy', policyWords(session)],
    ['Now', new Date(nowMs).toISOString()],
  ];
  const table =
    session.systems.length === 0 ? noPair(session) : await renderTable(session.systems, systemColumns(nowMs));
  return [fields(lines), '', table, ...journals(session), ...reasons(session)].join('\n');
}

const STATE_WORDS: Readonly<Record<SessionListing['state'], string>> = {
  stopped: 'stopped: no checkpoint is issued',
  starting: 'starting: not every system counts yet',
  running: 'running',
  degraded: 'DEGRADED: no checkpoint is released until every pair is journalled again',
  resigned: 'RESIGNED: it goes on without the systems that resigned',
  recovered: 'RECOVERED: the secondaries are primaries; nothing is copied until checkpoint failback',
};

const ORDER_WORDS: Readonly<Record<SessionListing['order'], string>> = {
  clock: 'clock: writes are ordered by one clock',
  arrival: 'arrival: writes of all systems are held for each checkpoint',
};

function numberWords(number: number | null): string {
  return number === null ? 'none yet' : String(number);
}

function recoverableWords({ recoverable, recoverableTime, applied }: SessionListing): string | undefined {
  if (!recoverable && applied === null) return 'no: not every secondary has applied a checkpoint yet';
  if (!recoverable) return 'no: the secondaries show no common time now';
  return recoverableTime === null ? undefined : `to ${recoverableTime}`;
}

/** How old what a recovery brings back would be. A part of a second counts. */
function exposureWords({ exposureSeconds }: SessionListing): string | undefined {
  if (exposureSeconds === null) return undefined;
  return `${exposureSpan(exposureSeconds)}: what was written since then would be lost`;
}

function exposureSpan(seconds: number): string {
  return seconds < 10 ? `${seconds.toFixed(1)}s` : formatDuration(seconds * 1000);
}

function policyWords({ policy }: SessionListing): string {
  const interval = policy.intervalMs === 0 ? 'checkpoints by mark only' : `every ${formatDuration(policy.intervalMs)}`;
  const resigns = policy.resignAfterMs === null ? 'never' : `after ${formatDuration(policy.resignAfterMs)}`;
  return [
    interval,
    `resigns by itself ${resigns}`,
    ...(policy.enableAtSecondary ? ['secondaries join when started there'] : []),
  ].join(', ');
}

function noPair({ name }: SessionListing): string {
  return `No pairs. copyset pair create PRIMARY SECONDARY --mode journal --session ${name} makes one.`;
}

function systemNotes({ master, updateInProgress, late }: SessionSystemListing): string {
  return [
    ...(master ? ['master'] : []),
    ...(updateInProgress ? ['update in progress'] : []),
    ...(late ? ['late'] : []),
  ].join(', ');
}

/** What the journals of a system hold of its limit, a line each; those of other sessions count. */
function journals({ systems }: SessionListing): readonly string[] {
  const share = ({ usedBytes, limitBytes }: JournalUsage) => `${formatBytes(usedBytes)} of ${formatBytes(limitBytes)}`;
  return systems.flatMap(({ system, role, journals: all, streams }) => {
    if (all === null) return [];
    const way = role === 'primary' ? 'for' : 'from';
    const each = streams.map((stream) => `, ${share(stream)} ${way} ${stream.system}`);
    const { leastBytes, limitBytes } = all;
    const more = leastBytes > limitBytes ? `; being many, they may hold ${formatBytes(leastBytes)} in any case` : '';
    return [`Journals of ${system}: ${share(all)}${each.join('')}${more}.`];
  });
}

/** Why a system is not as it should be, a line each. */
function reasons({ systems }: SessionListing): readonly string[] {
  return systems.flatMap(({ system, role, reason }) =>
    reason === null ? [] : [`${system} (${role}): ${reason.replace(/\.$/, '')}.`],
  );
}

interface MayRecover {
  readonly recoverable: boolean;
  readonly recoverableTime: string | null;
}

function recoverableCell({ recoverable, recoverableTime }: MayRecover): string | null {
  return recoverable ? recoverableTime : 'no';
}

function recoverableShown({ recoverable, recoverableTime }: MayRecover): string {
  if (!recoverable) return 'no';
  return recoverableTime === null ? '' : formatTime(Date.parse(recoverableTime));
}

function ageSeconds({ recoverable, recoverableTime }: MayRecover, nowMs: number): number | null {
  if (!recoverable || recoverableTime === null) return null;
  return Math.max(0, nowMs - Date.parse(recoverableTime)) / 1000;
}

/** What a verb came to, in one sentence. */
export function sessionSentence(session: SessionListing, outcome: 'done' | 'nothing', deed: string): string {
  const stands = `${session.state}, ${countOf(session.systems.length, 'system')}, made at ${session.home}`;
  if (outcome === 'nothing') return `Session ${session.name}: nothing to do; it is ${stands}.`;
  return `Session ${session.name} ${deed}; it is ${stands}.`;
}
