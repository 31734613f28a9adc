import type { PairListing, Requests } from '../../core/controller/controller.js';
import { type ListingFlags, listing } from '../listing.js';
import type { Outcome } from '../toolkit-command.js';
import { formatBytes, formatRate } from './bytes.js';
import { formatDuration } from './durations.js';
import { type Field, fields } from './fields.js';
import { countOf, formatPercent, pairName, textOf, tracksAndBytes } from './pair-action.js';
import { placesText } from './ports.js';
import type { Column } from './table.js';
import { formatTime } from './times.js';

export const PAIR_COLUMNS: readonly Column<PairListing>[] = [
  { key: 'number', title: 'NO', value: (pair) => pair.number, align: 'right', hidden: true },
  { key: 'primary', title: 'PRIMARY', value: (pair) => pair.primary },
  { key: 'secondary', title: 'SECONDARY', value: (pair) => pair.secondary },
  { key: 'primaryNumber', title: 'P-LDEV', value: (pair) => pair.primaryNumber, hidden: true },
  { key: 'secondaryNumber', title: 'S-LDEV', value: (pair) => pair.secondaryNumber, hidden: true },
  { key: 'mode', title: 'MODE', value: (pair) => pair.mode, hidden: true },
  { key: 'status', title: 'STATUS', value: (pair) => pair.status },
  { key: 'cci', title: 'CCI', value: (pair) => pair.cci },
  { key: 'primaryStatus', title: 'P STATUS', value: (pair) => pair.primaryStatus, hidden: true },
  { key: 'secondaryStatus', title: 'S STATUS', value: (pair) => pair.secondaryStatus, hidden: true },
  {
    key: 'percentIdentical',
    title: 'SAME',
    value: (pair) => pair.percentIdentical,
    show: (pair) => formatPercent(pair.percentIdentical),
    align: 'right',
  },
  { key: 'tracks', title: 'TRACKS', value: (pair) => pair.tracks, align: 'right', hidden: true },
  { key: 'outOfSyncTracks', title: 'OOS', value: (pair) => pair.outOfSyncTracks, align: 'right' },
  {
    key: 'outOfSyncBytes',
    title: 'OOS BYTES',
    value: (pair) => pair.outOfSyncBytes,
    show: (pair) => formatBytes(pair.outOfSyncBytes),
    align: 'right',
    hidden: true,
  },
  { key: 'changedTracks', title: 'P CHANGED', value: (pair) => pair.changedTracks, align: 'right', hidden: true },
  {
    key: 'secondaryChangedTracks',
    title: 'S CHANGED',
    value: (pair) => pair.secondaryChangedTracks,
    align: 'right',
    hidden: true,
  },
  { key: 'pace', title: 'PACE', value: (pair) => pair.pace },
  {
    key: 'rateBytesPerSecond',
    title: 'RATE CAP',
    value: (pair) => pair.rateBytesPerSecond,
    show: (pair) => formatRate(pair.rateBytesPerSecond ?? 0),
    align: 'right',
    hidden: true,
  },
  {
    key: 'secondsLeft',
    title: 'LEFT',
    value: (pair) => pair.secondsLeft,
    show: (pair) => formatDuration((pair.secondsLeft ?? 0) * 1000),
    align: 'right',
    hidden: true,
  },
  { key: 'copyPointer', title: 'POINTER', value: (pair) => pair.copyPointer, align: 'right', hidden: true },
  {
    key: 'pointInTime',
    title: 'POINT IN TIME',
    value: (pair) => pair.pointInTime,
    show: (pair) => localTime(pair.pointInTime) ?? '',
  },
  {
    key: 'splitAt',
    title: 'SPLIT AT',
    value: (pair) => pair.splitAt,
    show: (pair) => localTime(pair.splitAt) ?? '',
    hidden: true,
  },
  { key: 'primaryPorts', title: 'P-PORT:LUN', value: (pair) => placesText(pair.primaryPorts), hidden: true },
  { key: 'secondaryPorts', title: 'S-PORT:LUN', value: (pair) => placesText(pair.secondaryPorts), hidden: true },
  {
    key: 'stalledSeconds',
    title: 'STALLED',
    value: (pair) => pair.stalledSeconds,
    show: (pair) => formatDuration((pair.stalledSeconds ?? 0) * 1000),
    align: 'right',
    hidden: true,
  },
  { key: 'generation', title: 'GEN', value: (pair) => pair.generation, align: 'right', hidden: true },
  { key: 'imageComplete', title: 'WHOLE', value: (pair) => pair.imageComplete, hidden: true },
  { key: 'virtual', title: 'VIRTUAL', value: (pair) => pair.virtual, hidden: true },
  { key: 'asOf', title: 'AS OF', value: (pair) => pair.asOf, show: (pair) => localTime(pair.asOf) ?? '', hidden: true },
  { key: 'doubtfulTracks', title: 'IN DOUBT', value: (pair) => pair.doubtfulTracks, align: 'right', hidden: true },
  { key: 'reason', title: 'REASON', value: (pair) => pair.reason, hidden: true },
];

/** `pair list`: the rows, and below them how many there are of each status. */
export function pairListing(
  pairs: readonly PairListing[],
  flags: ListingFlags,
  more: { exitCode?: number } = {},
): Outcome {
  const rows = { key: 'pairs', rows: pairs, columns: PAIR_COLUMNS, flags };
  const table = listing({ ...rows, empty: 'No pair here. copyset pair create makes one.', ...more });
  const shown = table.data.pairs as readonly PairListing[];
  return {
    ...table,
    text: async () => [await textOf(table), ...(shown.length === 0 ? [] : ['', pairTotals(shown)])].join('\n'),
  };
}

/** How many pairs there are of each status, and what is out of sync. */
export function pairTotals(pairs: readonly PairListing[]): string {
  const counts = new Map<string, number>();
  for (const { status } of pairs) counts.set(status, (counts.get(status) ?? 0) + 1);
  const parts = [...counts].map(([status, count]) => `${count} ${status}`).join(', ');
  const tracks = pairs.reduce((sum, pair) => sum + pair.outOfSyncTracks, 0);
  const bytes = pairs.reduce((sum, pair) => sum + pair.outOfSyncBytes, 0);
  const apart = tracks === 0 ? 'nothing out of sync' : `${tracksAndBytes(tracks, bytes)} out of sync`;
  return `${countOf(pairs.length, 'pair')}: ${parts}; ${apart}.`;
}

export interface PairPaths {
  readonly primaryPath: string;
  readonly secondaryPath: string;
}

/** `pair show`: all that is known of one pair. */
export function pairDetails(pair: PairListing & Partial<PairPaths>): string {
  const rate = pair.rateBytesPerSecond === null ? 'no cap' : `at most ${formatRate(pair.rateBytesPerSecond)}`;
  const lines: Field[] = [
    ['Pair', `${pair.primary} (${pair.primaryNumber}) -> ${pair.secondary} (${pair.secondaryNumber})`],
    ['Status', `${pair.status} (${pair.cci})${pair.reason === null ? '' : `: ${pair.reason}`}`],
    ['Mode', `${pair.mode}${pair.virtual ? ', virtual' : ''}${pair.readOnly ? ', read-only' : ''}`],
    ['Identical', `${formatPercent(pair.percentIdentical)} of ${countOf(pair.tracks, 'track')}`],
    [
      'At the sides',
      pair.half
        ? `primary ${pair.primaryStatus}, secondary ${pair.secondaryStatus} as of ${localTime(pair.asOf)}`
        : undefined,
    ],
    ['Out of sync', tracksAndBytes(pair.outOfSyncTracks, pair.outOfSyncBytes)],
    [
      'In doubt',
      pair.doubtfulTracks === 0
        ? undefined
        : `${countOf(pair.doubtfulTracks, 'track')} of these, since the process that owned the system was killed`,
    ],
    [
      'Changed',
      `${countOf(pair.changedTracks, 'track')} at the primary, ${countOf(pair.secondaryChangedTracks, 'track')} at the secondary`,
    ],
    ['Point in time', pair.pointInTimeLost ? 'lost' : localTime(pair.pointInTime)],
    ['Split at', localTime(pair.splitAt)],
    [
      'Images',
      pair.imageComplete ? 'each file alone is its volume' : 'a file alone is not its volume now: it lacks tracks',
    ],
    ['Copy pointer', `track ${pair.copyPointer}`],
    ['Pace', `${pair.pace}, ${rate}`],
    ['Time left', pair.secondsLeft === null ? undefined : formatDuration(pair.secondsLeft * 1000)],
    ['Primary at', placesText(pair.primaryPorts)],
    ['Secondary at', placesText(pair.secondaryPorts)],
    ['Generation', `${pair.generation}, paired ${localTime(pair.createdAt)}`],
    ['Primary file', pair.primaryPath],
    ['Secondary file', pair.secondaryPath],
  ];
  return fields(lines);
}

function localTime(iso: string | null): string | undefined {
  return iso === null ? undefined : formatTime(Date.parse(iso));
}

type Verified = Requests['pair.verify']['output']['pairs'];

/** `pair verify`: a sentence for each pair, with the tracks that differ. */
export function verifyText(pairs: Verified): string {
  return pairs.flatMap((pair) => [verifySentence(pair), ...differing(pair)]).join('\n');
}

function verifySentence(pair: Verified[number]): string {
  const name = pairName(pair);
  const compared = comparedWords(pair);
  if (pair.same && pair.leftOutTracks === 0) return `${name}: same; ${compared}.`;
  // Same is said of a pair only where all of it was compared.
  if (pair.same) return `${name}: nothing unknown differs; ${compared}.`;
  const count = `${pair.truncated ? 'more than ' : ''}${countOf(pair.differingTracks.length, 'track')}`;
  const repaired = pair.repaired > 0 ? ` ${countOf(pair.repaired, 'track')} marked to be copied again.` : '';
  return `${name}: DIFFERS in ${count}; ${compared}.${repaired}`;
}

function comparedWords({ comparedTracks, leftOutTracks }: Verified[number]): string {
  const leftOut = leftOutTracks === 0 ? '' : `; ${countOf(leftOutTracks, 'track')} known to differ left out`;
  return `${countOf(comparedTracks, 'track')} compared${leftOut}`;
}

function differing({ differingTracks, truncated }: Verified[number]): string[] {
  if (differingTracks.length === 0) return [];
  return [`  tracks ${trackRuns(differingTracks)}${truncated ? ', …' : ''}`];
}

/** `1-3, 7`: runs of neighbouring tracks. */
export function trackRuns(tracks: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const track of tracks) {
    const last = runs.at(-1);
    if (last && last[1] === track - 1) last[1] = track;
    else runs.push([track, track]);
  }
  return runs.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join(', ');
}
