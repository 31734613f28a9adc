import type { PairListing, SystemReader } from '../core/controller/controller.js';
import type { PairStatus } from '../core/pair/pair.js';
import { formatAddress } from '../core/volume/volume.js';

interface PairFilter {
  readonly status?: readonly PairStatus[] | undefined;
  readonly mode?: string | undefined;
  readonly port?: string | undefined;
  readonly reserved?: boolean | undefined;
}

/** A listed pair, and whether its secondary is reserved; undefined where nobody asked. */
export type ReservedRow = PairListing & { readonly reserved?: boolean | undefined };

/** Adds what only the secondary's system knows, where it is asked for. */
export async function withReserved(
  pairs: readonly PairListing[],
  filter: PairFilter,
  reader: SystemReader,
): Promise<readonly ReservedRow[]> {
  if (filter.reserved === undefined) return pairs;
  const reserved = await reservedAddresses(reader);
  return pairs.map((pair) => ({ ...pair, reserved: pair.half?.side === 'primary' || reserved.has(pair.secondary) }));
}

/** Each pair with whether the flags want it: a pattern may match a pair that they leave out. */
export function keepPairs(
  pairs: readonly ReservedRow[],
  filter: PairFilter,
): readonly { pair: PairListing; wanted: boolean }[] {
  return pairs.map(({ reserved, ...pair }) => ({
    pair,
    wanted:
      (filter.status?.includes(pair.status) ?? true) &&
      (filter.mode === undefined || pair.mode === filter.mode) &&
      (filter.port === undefined || isAtPort(pair, filter.port)) &&
      (filter.reserved === undefined || reserved === filter.reserved),
  }));
}

function isAtPort({ primaryPorts, secondaryPorts }: PairListing, port: string): boolean {
  return [...primaryPorts, ...secondaryPorts].some((place) => place.port === port);
}

async function reservedAddresses(reader: SystemReader): Promise<ReadonlySet<string>> {
  const { volumes } = (await reader.request('volume.list')).output;
  return new Set(
    volumes.filter((volume) => volume.reserved).map((volume) => formatAddress(volume.system, volume.name)),
  );
}
