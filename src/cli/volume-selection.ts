import type { SystemClient, SystemPlace } from '../core/controller/controller.js';
import { isToolkitError, type ToolkitError } from '../core/foundation/foundation.js';
import { parseAddress, parseAddressPattern } from '../core/volume/volume.js';
import { Args } from './flags.js';
import { byId, type Toolkit } from './open-toolkit.js';

/** The arguments of commands that act on several volumes. */
export const volumesArgs = {
  volumes: Args.string({ required: true, multiple: true, description: 'Volumes, as SYSTEM:VOLUME, with globs.' }),
};

export const volumeArg = Args.string({ required: true, description: 'The volume, as SYSTEM:VOLUME.' });

export interface OneVolume {
  readonly place: SystemPlace;
  /** Its name or number, as it was typed. */
  readonly volume: string;
}

export async function findVolume(toolkit: Toolkit, address: string): Promise<OneVolume> {
  const { system, volume } = parseAddress(address);
  return { place: await toolkit.find(system), volume };
}

interface SystemVolumes {
  readonly place: SystemPlace;
  readonly volumes: string[];
  /** All of them were asked for by a glob over several systems. */
  mayBeEmpty: boolean;
}

/** What addresses and globs mean, by system, in the order of the systems' ids. */
async function selectVolumes(toolkit: Toolkit, addresses: readonly string[]): Promise<readonly SystemVolumes[]> {
  const found = new Map<string, SystemVolumes>();
  for (const address of addresses) {
    const { system, volume } = parseAddressPattern(address);
    const places = await toolkit.match(system);
    for (const place of places) {
      const entry = found.get(place.path) ?? { place, volumes: [], mayBeEmpty: true };
      entry.volumes.push(volume);
      entry.mayBeEmpty &&= places.length > 1;
      found.set(place.path, entry);
    }
  }
  const places = byId([...found.values()].map(({ place }) => place));
  return places.flatMap((place) => found.get(place.path) ?? []);
}

/** Does some work with the volumes of each system in turn, and gathers the rows. */
export async function eachSystem<Row>(
  toolkit: Toolkit,
  addresses: readonly string[],
  work: (client: SystemClient, volumes: readonly string[]) => Promise<readonly Row[]>,
): Promise<readonly Row[]> {
  const parts = await selectVolumes(toolkit, addresses);
  const rows: Row[] = [];
  let missed: ToolkitError | undefined;
  for (const { place, volumes, mayBeEmpty } of parts) {
    try {
      rows.push(...(await toolkit.use(place, (client) => work(client, volumes))));
    } catch (error) {
      if (!mayBeEmpty || !(isToolkitError(error, 'nothing-matches') || isToolkitError(error, 'volume-not-found')))
        throw error;
      missed ??= error;
    }
  }
  if (rows.length === 0 && missed) throw missed;
  return rows;
}
