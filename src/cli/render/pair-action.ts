import type { PairActionRow, PairListing, PairPlanRow, RefusedUnless } from '../../core/controller/controller.js';
import { listing } from '../listing.js';
import type { Outcome } from '../toolkit-command.js';
import { formatBytes } from './bytes.js';
import type { Column } from './table.js';

/** `primary -> secondary`: how a pair is named in a sentence. */
export function pairName(pair: { readonly primary: string; readonly secondary: string }): string {
  return `${pair.primary} -> ${pair.secondary}`;
}

export function countOf(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}

export function tracksAndBytes(tracks: number, bytes: number): string {
  return `${countOf(tracks, 'track')} (${formatBytes(bytes)})`;
}

/** What was done to one pair: from which status to which, what is to be copied which way, and what is gone. */
export function actionSentence(row: PairActionRow): string {
  const name = pairName(row);
  if (row.outcome === 'nothing') return `${name} is ${row.after} already; nothing to do.${workSentence(row, 'left')}`;
  const note = row.note === undefined ? '' : ` Note: ${row.note}.`;
  return `${name} ${change(row)}${workSentence(row, 'to copy')}${lostSentence(row)}${note}`;
}

function change({ before, after }: PairActionRow): string {
  if (after === 'simplex') return `was ${before}, is a pair no more.`;
  if (before === 'simplex') return `is a pair now, ${after}.`;
  return before === after ? `is ${after}; the new settings hold.` : `was ${before}, is ${after} now.`;
}

function workSentence(row: PairActionRow, words: 'to copy' | 'left'): string {
  const { uncopiedTracks = 0, uncopiedBytes = 0 } = row;
  if (uncopiedTracks > 0) return ` ${tracksAndBytes(uncopiedTracks, uncopiedBytes)} not copied yet.`;
  if (row.tracks === 0) return row.outcome === 'nothing' || row.after === 'simplex' ? '' : ' Nothing is left to copy.';
  const [from, to] = row.after === 'resync-reverse' ? [row.secondary, row.primary] : [row.primary, row.secondary];
  const work = tracksAndBytes(row.tracks, row.bytes);
  return words === 'left' ? ` ${work} left to copy from ${from} to ${to}.` : ` ${work} to copy from ${from} to ${to}.`;
}

function lostSentence(row: PairActionRow): string {
  if (row.bytesLost === 0) return '';
  const loser = row.after === 'resync-reverse' ? row.primary : row.secondary;
  return ` ${formatBytes(row.bytesLost)} written at ${loser} since the split are gone.`;
}

/** How a pair stands after waiting for it. */
export function standing(pair: PairListing): string {
  const reason = pair.reason === null ? '' : ` Reason: ${pair.reason.replace(/\.$/, '')}.`;
  const left =
    pair.outOfSyncTracks === 0 ? '' : `, ${tracksAndBytes(pair.outOfSyncTracks, pair.outOfSyncBytes)} out of sync`;
  return `${pairName(pair)} is ${pair.status} (${pair.cci}), ${formatPercent(pair.percentIdentical)} identical${left}.${reason}`;
}

/** 100% is said only of what is whole. */
export function formatPercent(percent: number): string {
  return `${percent >= 100 ? 100 : Math.floor(percent * 10) / 10}%`;
}

const PLAN_COLUMNS: readonly Column<PairPlanRow>[] = [
  { key: 'primary', title: 'PRIMARY', value: (row) => row.primary },
  { key: 'secondary', title: 'SECONDARY', value: (row) => row.secondary },
  { key: 'from', title: 'FROM', value: (row) => row.from },
  { key: 'to', title: 'TO', value: (row) => row.to },
  { key: 'direction', title: 'COPIES', value: (row) => row.direction, show: (row) => copies(row.direction) },
  { key: 'tracks', title: 'TRACKS', value: (row) => row.tracks, align: 'right' },
  { key: 'bytes', title: 'BYTES', value: (row) => row.bytes, show: (row) => formatBytes(row.bytes), align: 'right' },
  {
    key: 'bytesLost',
    title: 'LOST',
    value: (row) => row.bytesLost,
    show: (row) => formatBytes(row.bytesLost),
    align: 'right',
  },
];

function copies(direction: string): string {
  if (direction === 'primary -> secondary') return 'to secondary';
  return direction === 'secondary -> primary' ? 'to primary' : 'nothing';
}

/** What of a plan would not be carried out as the command stands. */
const LACKING: Readonly<Record<RefusedUnless, string>> = {
  '--discard': ' Without --discard that is refused.',
  '--force': ' Without --force that is refused: a group or a session recovered the secondary.',
  equal: ' The command compares the volumes first, and is refused where they differ.',
};

/** `--plan`: what would be done, and that nothing was. */
export function planOutcome(rows: readonly PairPlanRow[], more: { readonly file?: string } = {}): Outcome {
  const table = listing({ key: 'plan', rows, columns: PLAN_COLUMNS, flags: {} });
  const sum = (pick: (row: PairPlanRow) => number): number => rows.reduce((total, row) => total + pick(row), 0);
  const lost = sum((row) => row.bytesLost);
  const gone = lost === 0 ? '' : ` ${formatBytes(lost)} written since the split would be lost.`;
  const work = tracksAndBytes(
    sum((row) => row.tracks),
    sum((row) => row.bytes),
  );
  const written = more.file === undefined ? '' : ` The plan is in ${more.file}.`;
  const lacking = [...new Set(rows.flatMap((row) => row.refusedUnless ?? []))].map((what) => LACKING[what]);
  const end = `${countOf(rows.length, 'pair')}, ${work} to copy.${gone}${lacking.join('')} Nothing was changed.${written}`;
  return { ...table, text: async () => `${await textOf(table)}\n\n${end}` };
}

/** What an outcome says to a person. */
export async function textOf(outcome: Outcome): Promise<string> {
  const { text = '' } = outcome;
  return typeof text === 'function' ? text() : text;
}
