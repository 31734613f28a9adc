import type { HistoryEvent } from '../../core/controller/controller.js';
import { type Column, renderTable } from './table.js';
import { formatTime } from './times.js';

export const HISTORY_COLUMNS: readonly Column<HistoryEvent>[] = [
  { key: 'time', title: 'TIME', value: (event) => event.time, show: (event) => formatTime(Date.parse(event.time)) },
  { key: 'system', title: 'SYSTEM', value: (event) => event.system, hidden: true },
  { key: 'phase', title: 'PHASE', value: (event) => event.phase, hidden: true },
  { key: 'operation', title: 'OPERATION', value: (event) => event.operation },
  { key: 'primary', title: 'PRIMARY', value: (event) => event.primary },
  { key: 'secondary', title: 'SECONDARY', value: (event) => event.secondary },
  { key: 'code', title: 'CODE', value: (event) => event.code },
  { key: 'before', title: 'BEFORE', value: (event) => event.before, hidden: true },
  { key: 'after', title: 'AFTER', value: (event) => event.after, hidden: true },
  { key: 'tracks', title: 'TRACKS', value: (event) => event.tracks, align: 'right', hidden: true },
  { key: 'seconds', title: 'SECONDS', value: (event) => event.seconds, align: 'right', hidden: true },
  { key: 'message', title: 'MESSAGE', value: (event) => event.message ?? comeTo(event) },
  { key: 'actor', title: 'ACTOR', value: (event) => event.actor, hidden: true },
];

/** What an operation without a message of its own came to. */
function comeTo({ before, after }: HistoryEvent): string | null {
  return after === null || after === before ? null : `now ${after}`;
}

export async function historyTable(events: readonly HistoryEvent[]): Promise<string> {
  if (events.length === 0) return 'Nothing has been done here.';
  return renderTable(
    events,
    HISTORY_COLUMNS.filter((column) => !column.hidden),
  );
}

/** `history --follow`: one event on one line, as it comes. */
export function historyLine(event: HistoryEvent): string {
  const { primary, secondary } = event;
  const subject = [primary, secondary].filter((address) => address !== null).join(' -> ');
  const parts = [
    formatTime(Date.parse(event.time)),
    event.phase,
    event.operation,
    subject,
    event.code,
    event.message ?? comeTo(event) ?? '',
  ];
  return parts.filter((part) => part !== '').join('  ');
}
