import { plural, sentence } from '../../core/foundation/foundation.js';
import type {
  ApplyAnswer,
  SessionHistoryRow,
  SessionRecoveryAnswer,
  SessionRecoverySystem,
  SessionRequests,
  WaitAnswer,
} from '../../core/session/session.js';
import { formatBytes } from './bytes.js';
import { tracksAndBytes } from './pair-action.js';
import { FAILBACK_COLUMNS } from './recovery.js';
import { type Column, renderTable } from './table.js';
import { formatTime } from './times.js';

/** What the secondaries show before and after, and what that took. */
export function applyText({ session, from, to, records, bytes }: ApplyAnswer): string {
  if (to === null)
    return (
      `Session ${session}: nothing to apply; no checkpoint is held by all its systems yet.\n` +
      `copyset checkpoint status ${session} shows who is late.`
    );
  if (from === to)
    return `Session ${session}: nothing to apply; the secondaries show checkpoint ${to}, the last that all hold.`;
  const before = from === null ? '' : `, before ${from}`;
  return `Session ${session}: the secondaries show checkpoint ${to}${before}. ${plural(records, 'record')}, ${formatBytes(bytes)}.`;
}

export function waitText({ session, mark, verdict, applied, reason }: WaitAnswer): string {
  const shows = applied === null ? 'no checkpoint was applied yet' : `the secondaries show checkpoint ${applied}`;
  const why = reason === null ? '' : ` ${sentence(reason)}`;
  switch (verdict) {
    case 'applied':
      return `Session ${session}: mark ${mark} is applied; ${shows}.`;
    case 'timed-out':
      return `Session ${session}: the time to wait for mark ${mark} is over; ${shows}.${why}`;
    case 'degraded':
      return (
        `Session ${session}: degraded before mark ${mark} was applied; ${shows}.${why}\n` +
        `copyset checkpoint status ${session} shows who is late.`
      );
    case 'other-run':
      return (
        `Session ${session}: mark ${mark} is of an earlier run, and nobody can say any more whether it was applied.\n` +
        `copyset checkpoint mark ${session} makes a new one.`
      );
  }
}

const RECOVERY_COLUMNS: readonly Column<SessionRecoverySystem>[] = [
  { key: 'system', title: 'SYSTEM', value: (row) => row.system },
  { key: 'from', title: 'SHOWS', value: (row) => row.from, align: 'right' },
  { key: 'action', title: 'ACTION', value: (row) => row.action },
  { key: 'records', title: 'RECORDS', value: (row) => row.records, align: 'right' },
  { key: 'bytes', title: 'BYTES', value: (row) => row.bytes, show: (row) => formatBytes(row.bytes), align: 'right' },
];

/** Every secondary with what was found of it, then the case and the verdict, what is dropped, and what it means. */
export async function sessionRecoveryText(answer: SessionRecoveryAnswer, planned: boolean): Promise<string> {
  const table = answer.systems.length === 0 ? [] : [await renderTable(answer.systems, RECOVERY_COLUMNS), ''];
  return [...table, `Case ${answer.case}. ${answer.verdict}`, meaning(answer, planned)].join('\n');
}

function meaning({ number, time, session }: SessionRecoveryAnswer, planned: boolean): string {
  if (number === null) return 'Nothing was changed at the volumes.';
  const asOf = time === null ? '' : `, as of ${time}`;
  if (planned) return `The volumes would be brought to checkpoint ${number}${asOf}. Nothing was changed.`;
  return (
    `The secondaries are primaries now and show checkpoint ${number}${asOf}.\n` +
    `copyset checkpoint failback ${session} brings it back when the old site has returned.`
  );
}

type Failback = SessionRequests['session.failback']['output'];

export async function sessionFailbackText({ session, outcome, pairs }: Failback): Promise<string> {
  const table = pairs.length === 0 ? [] : [await renderTable(pairs, FAILBACK_COLUMNS), ''];
  const left = tracksAndBytes(
    pairs.reduce((sum, { tracks }) => sum + tracks, 0),
    pairs.reduce((sum, { bytes }) => sum + bytes, 0),
  );
  return [...table, FAILBACK_WORDS[outcome](session, left)].join('\n');
}

const FAILBACK_WORDS: Readonly<Record<Failback['outcome'], (session: string, left: string) => string>> = {
  planned: (session, left) => `Session ${session}: ${left} to copy back. Nothing was changed.`,
  begun: (session, left) =>
    `Session ${session}: ${left} to copy back, while the recovered side serves. ` +
    `Run copyset checkpoint failback ${session} --wait to finish.`,
  returned: (session) =>
    `Session ${session} is back: its old primaries are primaries again. It runs on where it ran before: ` +
    `copyset checkpoint status ${session}.`,
  'timed-out': (session, left) =>
    `Session ${session}: ${left} left to copy back when the time was over; the recovered side serves. Run it again to finish.`,
};

export const SESSION_HISTORY_COLUMNS: readonly Column<SessionHistoryRow>[] = [
  { key: 'ended', title: 'ENDED', value: (row) => row.ended, show: (row) => formatTime(Date.parse(row.ended)) },
  { key: 'system', title: 'TOLD BY', value: (row) => row.system },
  { key: 'deed', title: 'WHAT', value: (row) => row.deed },
  { key: 'about', title: 'ABOUT', value: (row) => row.about },
  { key: 'number', title: 'NUMBER', value: (row) => row.number, align: 'right' },
  { key: 'time', title: 'CHECKPOINT TIME', value: (row) => row.time, hidden: true },
  { key: 'records', title: 'RECORDS', value: (row) => row.records, align: 'right' },
  {
    key: 'bytes',
    title: 'BYTES',
    value: (row) => row.bytes,
    show: (row) => formatBytes(row.bytes ?? 0),
    align: 'right',
  },
  { key: 'reason', title: 'REASON', value: (row) => row.reason },
  { key: 'actor', title: 'ACTOR', value: (row) => row.actor, hidden: true },
];
