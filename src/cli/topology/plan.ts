import type { PortListing, VolumeListing } from '../../core/controller/controller.js';
import { formatAddress } from '../../core/volume/volume.js';
import type { DesiredPort, DesiredSystem, DesiredTopology, DesiredVolume, Place } from './desired.js';
import { planGroups } from './plan-groups.js';
import { planPairs } from './plan-pairs.js';
import { planRemovals } from './plan-removals.js';
import { planSessions } from './plan-sessions.js';
import { planStarts } from './plan-starts.js';
import type { PresentSystem, PresentTopology } from './present.js';
import type { Problems } from './problems.js';
import { look, poolOf, type Sight } from './sight.js';
import { type Deed, type Step, step } from './steps.js';
import { exactSize } from './words.js';

/**
 * The difference between a file and what is there, as steps in the order in which they are done. Pure. What cannot be made to agree,
 * such as the size of a volume, becomes a problem.
 */
export function planTopology(
  desired: DesiredTopology,
  present: PresentTopology,
  prune: boolean,
  problems: Problems,
): readonly Step[] {
  const sight = look(desired, present, prune);
  const removals = prune ? planRemovals(sight) : [];
  const systems = desired.systems.flatMap((system) => planSystem(system, sight, problems));
  const ports = desired.systems.flatMap((system) => planPorts(system, sight, problems));
  const sessions = planSessions(sight, problems);
  const pairs = planPairs(sight, problems);
  const groups = planGroups(sight, problems);
  return [...removals, ...systems, ...ports, ...sessions, ...pairs, ...groups, ...planStarts(sight, problems)];
}

function planSystem(system: DesiredSystem, sight: Sight, problems: Problems): Step[] {
  const { name, wishes } = system;
  const there = sight.system(name);
  const volumes = system.volumes.flatMap((volume) => planVolume(volume, sight, problems));
  if (there) {
    demandSame(system.place, fixedOf(wishes), fixedOf(there.place.info), problems);
    return volumes;
  }
  const detail = [wishes.site, wishes.fixture ? 'fixture' : undefined].filter((word) => word !== undefined).join(', ');
  return [step('+', 'system', name, name, detail, [{ do: 'make-system', wishes }]), ...volumes];
}

type Fixed = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** What a system is made with, for ever. */
function fixedOf(from: Fixed | DesiredSystem['wishes'] | PresentSystem['place']['info']): Fixed {
  const { site, trackSizeBytes, journalLimitBytes, saveLimitBytes, linkLimitMs, durability, sharedMount, fixture } =
    from as Fixed;
  return {
    site,
    trackSize: trackSizeBytes,
    journalLimit: journalLimitBytes,
    saveLimit: saveLimitBytes,
    linkLimit: linkLimitMs,
    durability,
    sharedMount,
    fixture,
  };
}

/** Adds a problem for each value that the file names and that is another one here. */
function demandSame(place: Place, wanted: Fixed, present: Fixed, problems: Problems): void {
  for (const [key, value] of Object.entries(wanted))
    if (value !== undefined && value !== present[key])
      problems.add([...place, key], `the file says ${value}, here it is ${present[key] ?? 'not set'}`);
}

function planVolume(volume: DesiredVolume, sight: Sight, problems: Problems): Step[] {
  const { system, name, image, place, sizeBytes, number } = volume;
  const address = formatAddress(system, name);
  const there = sight.volume(address);
  const holder = there ? undefined : numberHolder(volume, sight);
  if (holder !== undefined) problems.add([...place, 'number'], `${number} is the number of ${holder} here`);
  const fill = (): Step =>
    step('+', 'image', address, system, `from ${image}`, [
      {
        do: 'request',
        code: 'volume.import',
        input: { volume: name, file: image ?? '', create: false, overwrite: false },
      },
    ]);
  if (!there) {
    const words = [exactSize(sizeBytes), number, volume.reserve ? 'reserved' : undefined].filter(Boolean).join(', ');
    const made = step('+', 'volume', address, system, words, [makeVolume(volume)]);
    return image === undefined ? [made] : [made, fill()];
  }
  const { trackSizeBytes, emulation, pool } = volume;
  demandSame(
    place,
    { size: sizeBytes, number, trackSize: trackSizeBytes, emulation, pool },
    {
      size: there.sizeBytes,
      number: there.number,
      trackSize: there.trackSizeBytes,
      emulation: there.emulation,
      pool: poolOf(there, sight),
    },
    problems,
  );
  const steps = planReserve(volume, there, sight);
  const isEmpty = there.allocatedTracks === 0 && there.secondaryOf === null;
  return image !== undefined && isEmpty && !sight.present.emptyImages.has(image) ? [...steps, fill()] : steps;
}

function makeVolume({ name, sizeBytes, number, trackSizeBytes, emulation, reserve, pool }: DesiredVolume): Deed {
  const input = { name, sizeBytes, number, trackSizeBytes, emulation, reserve, pool };
  return { do: 'request', code: 'volume.create', input };
}

function numberHolder({ system, number }: DesiredVolume, sight: Sight): string | undefined {
  const holder = sight.system(system)?.volumes.find((volume) => volume.number === number);
  if (!holder) return undefined;
  const address = formatAddress(system, holder.name);
  return sight.prune && !sight.isDesired(address) ? undefined : address;
}

function planReserve({ system, name, reserve }: DesiredVolume, there: VolumeListing, sight: Sight): Step[] {
  const address = formatAddress(system, name);
  if (reserve === undefined || reserve === there.reserved || sight.isSecondary(address)) return [];
  const code = reserve ? 'volume.reserve' : 'volume.unreserve';
  const detail = reserve ? 'reserved' : 'reserved no more';
  return [step('~', 'volume', address, system, detail, [{ do: 'request', code, input: { volumes: [name] } }])];
}

function planPorts(system: DesiredSystem, sight: Sight, problems: Problems): Step[] {
  return system.ports.flatMap((port) => {
    for (const { lun, volume } of port.luns) {
      const address = formatAddress(system.name, volume);
      const goes = sight.prune && !sight.isDesired(address);
      if (sight.isDesired(address) || (sight.volume(address) && !goes)) continue;
      problems.add([...port.place, 'luns', String(lun)], `there is no volume ${volume} in ${system.name}`);
    }
    return planPort(
      port,
      sight.system(system.name)?.ports.find(({ name }) => name === port.name),
    );
  });
}

function planPort(port: DesiredPort, there: PortListing | undefined): Step[] {
  const { name, system, listen, tlsDir, insecure, luns } = port;
  const make: Deed = { do: 'request', code: 'port.create', input: { name, listen, tlsDir, insecure } };
  const address = formatAddress(system, name);
  const changes =
    there && (there.listen !== listen || there.tlsDir !== (tlsDir ?? null) || there.insecure !== insecure);
  if (!there || changes) {
    const remove: Deed[] = changes ? [{ do: 'request', code: 'port.delete', input: { name, force: true } }] : [];
    const before = there?.luns ?? [];
    const isNew = (row: Lun): boolean => !before.some((one) => isSame(one, row));
    // LUNs that the file does not name stay.
    const kept = before.filter((row) => !luns.some((one) => collides(one, row) && !isSame(one, row)));
    const detail = there && there.listen !== listen ? `${there.listen} becomes ${listen}` : listen;
    const deeds = [...remove, make, ...kept.map((row) => attached(name, row))];
    const made = step(there ? '~' : '+', 'port', address, system, detail, deeds);
    return [made, ...luns.filter(isNew).map((row) => lunStep('+', port, row, []))];
  }
  return luns.flatMap((row) => {
    if (there.luns.some((one) => isSame(one, row))) return [];
    const inTheWay = there.luns.filter((one) => collides(one, row)).map(({ volume }) => volume);
    return [lunStep(inTheWay.length === 0 ? '+' : '~', port, row, inTheWay)];
  });
}

interface Lun {
  readonly lun: number;
  readonly volume: string;
}

function isSame(a: Lun, b: Lun): boolean {
  return a.lun === b.lun && a.volume === b.volume;
}

function collides(a: Lun, b: Lun): boolean {
  return a.lun === b.lun || a.volume === b.volume;
}

function lunStep(sign: '+' | '~', { name, system }: DesiredPort, row: Lun, out: readonly string[]): Step {
  const detach = out.map((volume): Deed => ({ do: 'request', code: 'volume.detach', input: { volume, port: name } }));
  const label = `${formatAddress(system, name)} LUN ${row.lun}`;
  return step(sign, 'lun', label, system, row.volume, [...detach, attached(name, row)]);
}

function attached(port: string, { lun, volume }: Lun): Deed {
  return { do: 'request', code: 'volume.attach', input: { volume, port, lun } };
}
