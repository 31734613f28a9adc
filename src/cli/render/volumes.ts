import type { PairListing, Requests, VolumeListing, VolumeTotals } from '../../core/controller/controller.js';
import { type ListingFlags, listing } from '../listing.js';
import type { Outcome } from '../toolkit-command.js';
import { formatBytes } from './bytes.js';
import { type Field, fields } from './fields.js';
import { countOf, textOf, tracksAndBytes } from './pair-action.js';
import { trackRuns } from './pairs.js';
import { placesText } from './ports.js';
import type { Column } from './table.js';

const COLUMNS: readonly Column<VolumeListing>[] = [
  { key: 'system', title: 'SYSTEM', value: (volume) => volume.system },
  { key: 'number', title: 'LDEV', value: (volume) => volume.number },
  { key: 'name', title: 'NAME', value: (volume) => volume.name },
  {
    key: 'sizeBytes',
    title: 'SIZE',
    value: (volume) => volume.sizeBytes,
    show: (volume) => formatBytes(volume.sizeBytes),
    align: 'right',
  },
  {
    key: 'trackSizeBytes',
    title: 'TRACK',
    value: (volume) => volume.trackSizeBytes,
    show: (volume) => formatBytes(volume.trackSizeBytes),
    align: 'right',
    hidden: true,
  },
  { key: 'tracks', title: 'TRACKS', value: (volume) => volume.tracks, align: 'right', hidden: true },
  {
    key: 'allocatedTracks',
    title: 'USED',
    value: (volume) => volume.allocatedTracks,
    show: (volume) => formatBytes(usedBytes(volume)),
    align: 'right',
  },
  { key: 'status', title: 'STATUS', value: (volume) => volume.status },
  { key: 'reserved', title: 'RESERVED', value: (volume) => volume.reserved },
  { key: 'pairCount', title: 'PAIRS', value: (volume) => volume.pairCount, align: 'right' },
  { key: 'pairStatuses', title: 'PAIR STATUS', value: (volume) => volume.pairStatuses.join(','), hidden: true },
  { key: 'secondaryOf', title: 'SECONDARY OF', value: (volume) => volume.secondaryOf, hidden: true },
  { key: 'host', title: 'HOST', value: hostAccess },
  { key: 'ports', title: 'PORT:LUN', value: ({ ports }) => placesText(ports), minor: true },
  { key: 'emulation', title: 'EMULATION', value: (volume) => volume.emulation, minor: true },
  { key: 'imageComplete', title: 'WHOLE', value: (volume) => volume.imageComplete, hidden: true },
  { key: 'missingTracks', title: 'MISSING', value: (volume) => volume.missingTracks, align: 'right', hidden: true },
  { key: 'path', title: 'PATH', value: (volume) => volume.path, hidden: true },
];

/** What a host may do with the volume now. */
function hostAccess(volume: VolumeListing): string {
  if (volume.writable) return 'rw';
  return volume.readable ? 'r' : 'none';
}

function usedBytes(volume: VolumeListing): number {
  return Math.min(volume.sizeBytes, volume.allocatedTracks * volume.trackSizeBytes);
}

/** `volume list`: the rows, and below them the totals of the systems. */
export function volumeListing(volumes: readonly VolumeListing[], totals: VolumeTotals, flags: ListingFlags): Outcome {
  const empty = 'No volume here. copyset volume create makes one.';
  const table = listing({ key: 'volumes', rows: volumes, columns: COLUMNS, flags, more: { totals }, empty });
  const rows = table.data.volumes as readonly VolumeListing[];
  const unknown = rows.filter(({ status }) => status === 'unknown').length;
  const shown = rows.length - unknown;
  const beyond = unknown === 0 ? '' : `; ${unknown} more out of reach`;
  const listed = shown === totals.volumes ? '' : `${shown} listed of `;
  const line =
    `${listed}${countOf(totals.volumes, 'volume')} (at most ${totals.maxVolumes}), ` +
    `${totals.reserved} reserved (${totals.maxReserved}), ${countOf(totals.pairs, 'pair')} (${totals.maxPairs})${beyond}.`;
  return { ...table, text: async () => `${await textOf(table)}\n\n${line}` };
}

/** Of several systems together. A pair between two of them is one pair, whichever of its halves are here. */
export function sumTotals(
  all: readonly { readonly totals: VolumeTotals; readonly pairs: readonly PairListing[] }[],
): VolumeTotals {
  const sum = (key: keyof VolumeTotals): number => all.reduce((total, { totals }) => total + totals[key], 0);
  const halves = all.flatMap(({ pairs }) => pairs.flatMap(({ half }) => half?.id ?? []));
  const twice = halves.length - new Set(halves).size;
  return {
    volumes: sum('volumes'),
    maxVolumes: sum('maxVolumes'),
    reserved: sum('reserved'),
    maxReserved: sum('maxReserved'),
    pairs: sum('pairs') - twice,
    maxPairs: sum('maxPairs'),
  };
}

/** `volume show`: all that is known of one volume. */
export function volumeDetails(volume: VolumeListing): string {
  const used = `${tracksAndBytes(volume.allocatedTracks, usedBytes(volume))} of ${countOf(volume.tracks, 'track')} of ${formatBytes(volume.trackSizeBytes)}`;
  const blocked = volume.blockedReason === null ? '' : `: ${volume.blockedReason}`;
  const lines: Field[] = [
    ['Volume', `${volume.system}:${volume.name} (${volume.number})`],
    ['Size', `${formatBytes(volume.sizeBytes)} (${volume.sizeBytes} bytes)`],
    ['Written', used],
    ['Status', `${volume.status}${blocked}`],
    ['Reserved', volume.reserved ? 'yes, as a copy target' : 'no'],
    ['Hosts', HOST_WORDS[hostAccess(volume)]],
    ['Pairs', volume.pairCount === 0 ? 'none' : `${volume.pairCount} (${volume.pairStatuses.join(', ')})`],
    ['Secondary of', volume.secondaryOf],
    [
      'Missing',
      volume.missingTracks === 0 ? undefined : `${countOf(volume.missingTracks, 'track')}; the volume is incomplete`,
    ],
    ['Emulation', volume.emulation],
    ['Ports', placesText(volume.ports)],
    ['Image', volume.path],
    [
      'Image alone',
      volume.imageComplete ? 'is the volume' : 'is not the volume: tracks are read from elsewhere, or missing',
    ],
  ];
  return fields(lines);
}

const HOST_WORDS: Readonly<Record<string, string>> = {
  rw: 'may read and write',
  r: 'may read',
  none: 'may not use it now',
};

export function volumeNames(volumes: readonly VolumeListing[]): string {
  return volumes.map((volume) => `${volume.system}:${volume.name} (${volume.number})`).join(', ');
}

type Scrubbed = Requests['volume.scrub']['output']['volumes'];

/** `volume scrub`: a sentence for each volume, with the tracks whose data does not fit their check codes. */
export function scrubText(volumes: Scrubbed): string {
  return volumes.flatMap((volume) => [scrubSentence(volume), ...badTracks(volume)]).join('\n');
}

function scrubSentence({ system, name, checkedTracks, badTracks, accepted }: Scrubbed[number]): string {
  const checked = `${system}:${name}: ${countOf(checkedTracks, 'track')} checked`;
  if (badTracks.length === 0) return `${checked}, all fit their check codes.`;
  const count = countOf(badTracks.length, 'track');
  if (accepted) return `${checked}; ${count} had changed behind copyset's back and were taken as a host's writes.`;
  return `${checked}; ${count} ${badTracks.length === 1 ? 'DOES' : 'DO'} NOT FIT. --accept takes what is there now.`;
}

function badTracks({ badTracks: tracks }: Scrubbed[number]): string[] {
  return tracks.length === 0 ? [] : [`  tracks ${trackRuns(tracks)}`];
}
