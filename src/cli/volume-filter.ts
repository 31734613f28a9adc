import { custom } from '@oclif/core/flags';
import type { VolumeListing } from '../core/controller/controller.js';
import { failure } from '../core/foundation/foundation.js';
import { PAIR_STATUSES, type PairStatus, statusFromCci } from '../core/pair/pair.js';
import { formatAddress, quoted, VOLUME_STATUSES, type VolumeStatus } from '../core/volume/volume.js';
import type { Toolkit } from './open-toolkit.js';
import { isMeant } from './pair-selectors.js';
import { findVolume } from './volume-selection.js';

type AnyStatus = VolumeStatus | PairStatus;

/** Statuses of volumes, or of pairs in our words or CCI's; no word is both. */
export function volumeStatuses(about: { summary: string }) {
  return custom<AnyStatus>({
    helpValue: 'STATUS[,STATUS]',
    multiple: true,
    multipleNonGreedy: true,
    delimiter: ',',
    parse: async (input) => parseStatus(input),
  })(about);
}

function parseStatus(input: string): AnyStatus {
  const all: readonly AnyStatus[] = [...VOLUME_STATUSES, ...PAIR_STATUSES];
  const status = all.find((word) => word === input.toLowerCase()) ?? statusFromCci(input);
  if (status !== undefined) return status;
  throw failure('usage', `${quoted(input)} is not a status.`, `Statuses are ${all.join(', ')}, or CCI's names.`);
}

interface VolumeFilter {
  readonly port?: string | undefined;
  readonly reserved?: boolean | undefined;
  readonly paired?: boolean | undefined;
  readonly role?: 'primary' | 'secondary' | undefined;
  readonly status?: readonly AnyStatus[] | undefined;
}

export function isWanted(
  volume: VolumeListing,
  filter: VolumeFilter,
  fits: ((volume: VolumeListing) => boolean) | undefined,
): boolean {
  const { port, reserved, paired, role, status } = filter;
  return (
    (port === undefined || volume.ports.some((place) => place.port === port)) &&
    (reserved === undefined || volume.reserved === reserved) &&
    (paired === undefined || volume.pairCount > 0 === paired) &&
    (role === undefined || hasRole(volume, role)) &&
    (status === undefined || hasStatus(volume, status)) &&
    (fits?.(volume) ?? true)
  );
}

function hasRole({ pairCount, secondaryOf }: VolumeListing, role: 'primary' | 'secondary'): boolean {
  const asSecondary = secondaryOf === null ? 0 : 1;
  return role === 'secondary' ? asSecondary > 0 : pairCount > asSecondary;
}

function hasStatus(volume: VolumeListing, statuses: readonly AnyStatus[]): boolean {
  const own: readonly AnyStatus[] = [
    volume.status,
    ...(volume.pairCount === 0 ? ['simplex' as const] : volume.pairStatuses),
  ];
  return statuses.some((status) => own.includes(status));
}

/** What could be the secondary of a volume: in its system, reserved, unpaired, and alike. */
export async function fitting(toolkit: Toolkit, address: string): Promise<(volume: VolumeListing) => boolean> {
  const { place, volume } = await findVolume(toolkit, address);
  const { output } = await toolkit.read(place, (reader) => reader.request('volume.list'));
  const like = output.volumes.find((row) => isMeant(volume, formatAddress(row.system, row.name), row.number));
  if (!like)
    throw failure(
      'volume-not-found',
      `There is no volume ${quoted(address)}.`,
      `copyset volume list ${place.name} shows the volumes.`,
    );
  return (row) =>
    row.system === like.system &&
    row.number !== like.number &&
    row.reserved &&
    row.pairCount === 0 &&
    row.sizeBytes === like.sizeBytes &&
    row.trackSizeBytes === like.trackSizeBytes &&
    row.emulation === like.emulation;
}
