import type { PairListing, VolumeListing } from '../core/controller/controller.js';
import { formatAddress, parseAddress } from '../core/volume/volume.js';
import type { Toolkit } from './open-toolkit.js';

interface SystemRead {
  readonly volumes: readonly VolumeListing[];
  readonly pairs: readonly PairListing[];
}

/**
 * Volumes that the systems read know as the other side of their pairs and whose own system is not below the roots: their status is
 * unknown (DESIGN.md 3.5), and so is everything else that only that system could tell.
 */
export async function volumesOutOfReach(toolkit: Toolkit, read: readonly SystemRead[]): Promise<VolumeListing[]> {
  const halves = read.flatMap(({ volumes, pairs }) =>
    pairs.filter(({ half }) => half).map((pair) => ({ pair, volumes })),
  );
  if (halves.length === 0) return [];
  const { places } = await toolkit.discover();
  const here = new Set(places.map(({ name }) => name));
  const found = new Map<string, VolumeListing>();
  for (const { pair, volumes } of halves) {
    const isPrimaryHere = pair.half?.side === 'primary';
    const address = isPrimaryHere ? pair.secondary : pair.primary;
    const { system, volume } = parseAddress(address);
    const own = volumes.find(
      (row) => formatAddress(row.system, row.name) === (isPrimaryHere ? pair.primary : pair.secondary),
    );
    if (here.has(system) || found.has(address) || !own) continue;
    found.set(address, unknownVolume(system, volume, pair, own));
  }
  return [...found.values()];
}

/** The two volumes of a pair are alike, so the own one tells what the other's size and label are. */
function unknownVolume(system: string, name: string, pair: PairListing, own: VolumeListing): VolumeListing {
  const isSecondary = pair.half?.side === 'primary';
  return {
    ...own,
    system,
    name,
    number: isSecondary ? pair.secondaryNumber : pair.primaryNumber,
    status: 'unknown',
    allocatedTracks: 0,
    reserved: isSecondary,
    blockedReason: null,
    imageFault: null,
    pairCount: 1,
    path: '',
    imageComplete: false,
    missingTracks: 0,
    ports: [],
    secondaryOf: isSecondary ? pair.primary : null,
    readable: false,
    writable: false,
    pairStatuses: [pair.status],
  };
}
