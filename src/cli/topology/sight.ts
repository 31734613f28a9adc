import type { VolumeListing } from '../../core/controller/controller.js';
import { formatAddress, parseAddress } from '../../core/volume/volume.js';
import type { DesiredTopology, Place } from './desired.js';
import { keyOf, type PresentSystem, type PresentTopology } from './present.js';
import type { Problems } from './problems.js';

/** How present things are told from the wished-for ones: by their names, which are looked up once. */
export interface Sight {
  readonly desired: DesiredTopology;
  readonly present: PresentTopology;
  readonly prune: boolean;
  readonly system: (name: string) => PresentSystem | undefined;
  readonly volume: (address: string) => VolumeListing | undefined;
  /** Whether the address names a volume of the file. */
  readonly isDesired: (address: string) => boolean;
  /** Secondaries of pairs that are there or asked for: their reserve attribute is the pair's. */
  readonly isSecondary: (address: string) => boolean;
}

export function look(desired: DesiredTopology, present: PresentTopology, prune: boolean): Sight {
  const systems = new Map(present.systems.map((system) => [system.place.name, system]));
  const volumes = new Map<string, VolumeListing>();
  for (const { volumes: own } of present.systems)
    for (const volume of own) volumes.set(formatAddress(volume.system, volume.name), volume);
  const named = new Set(
    desired.systems.flatMap((system) => system.volumes.map(({ name }) => formatAddress(system.name, name))),
  );
  const wished = new Set(desired.pairs.map(keyOf));
  const staying = present.pairs.filter((pair) => !prune || wished.has(keyOf(pair)));
  const members = desired.groups.flatMap((group) => group.members);
  const secondaries = new Set([
    ...[...staying, ...desired.pairs].map(({ secondary }) => secondary),
    ...members.flatMap(({ secondary, backup }) => [secondary, backup]),
    // What no pair of the listing explains is a group's backup.
    ...(prune ? [] : [...volumes].flatMap(([address, { secondaryOf }]) => (secondaryOf === null ? [] : [address]))),
  ]);
  return {
    desired,
    present,
    prune,
    system: (name) => systems.get(name),
    volume: (address) => volumes.get(address),
    isDesired: (address) => named.has(address),
    isSecondary: (address) => secondaries.has(address),
  };
}

/** The folder of an image that does not lie in the system's own. */
export function poolOf(volume: VolumeListing, sight: Pick<Sight, 'system'>): string | undefined {
  const folder = sight.system(volume.system)?.place.path ?? '';
  if (volume.path.startsWith(`${folder}/`)) return undefined;
  return volume.path.slice(0, volume.path.lastIndexOf('/'));
}

/** Whether a pair's or member's volume is there when its turn comes; else a problem. */
export function demandVolume(address: string, place: Place, sight: Sight, problems: Problems): boolean {
  const { system, volume } = parseAddress(address);
  const goes = sight.prune && !sight.isDesired(address);
  if (sight.isDesired(address) || (sight.volume(address) && !goes)) return true;
  const why =
    goes && sight.volume(address) ? 'the file does not name it, so that --prune would remove it' : 'it is not there';
  problems.add(place, `${volume} in ${system}: ${why}`);
  return false;
}

/** Whether there is a system of this name when its turn comes. */
export function isNamedSystem(name: string, { desired, system, prune }: Sight): boolean {
  return desired.systems.some((one) => one.name === name) || (system(name) !== undefined && !prune);
}
