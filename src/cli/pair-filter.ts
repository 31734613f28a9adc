import type { PairListing, SystemReader } from '../core/controller/controller.js';
import type { PairStatus } from '../core/pair/pair.js';
import { formatAddress } from '../core/volume/volume.js';

interface PairFilter {
  readonly status?: readonly PairStatus[] | undefined;
  readonly mode?: string | undefined;
  readonly port?: string | undefined;
  readonly reserved?: boolean | undefined;
}

/** All pairs of a system, each with whether the flags want it: a pattern may match a pair that they leave out. */
export async function keepPairs(
  pairs: readonly PairListing[],
  filter: PairFilter,
  reader: SystemReader,
): Promise<readonly { pair: PairListing; wanted: boolean }[]> {
  const reserved = filter.reserved === undefined ? undefined : await reservedAddresses(reader);
  return pairs.map((pair) => ({
    pair,
    wanted:
      (filter.status?.includes(pair.status) ?? true) &&
      (filter.mode === undefined || pair.mode === filter.mode) &&
      (filter.port === undefined || isAtPort(pair, filter.port)) &&
      (reserved === undefined || reserved.has(pair.secondary) === filter.reserved),
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
