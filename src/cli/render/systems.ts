import type { CheckFinding, SystemListing } from '../../core/controller/controller.js';
import { type ListingFlags, listing } from '../listing.js';
import type { Outcome } from '../toolkit-command.js';
import { formatBytes } from './bytes.js';
import { type Field, fields } from './fields.js';
import { countOf, textOf } from './pair-action.js';
import type { Column } from './table.js';

export const SYSTEM_COLUMNS: readonly Column<SystemListing>[] = [
  { key: 'name', title: 'NAME', value: (system) => system.name },
  { key: 'site', title: 'SITE', value: (system) => system.site },
  { key: 'volumes', title: 'VOLUMES', value: (system) => system.volumes, align: 'right' },
  { key: 'reserved', title: 'RESERVED', value: (system) => system.reserved, align: 'right' },
  { key: 'pairs', title: 'PAIRS', value: (system) => system.pairs, align: 'right' },
  { key: 'controller', title: 'CONTROLLER', value: (system) => controllerName(system) },
  { key: 'fixture', title: 'FIXTURE', value: (system) => system.fixture, hidden: true },
  { key: 'durability', title: 'DURABILITY', value: (system) => system.durability, hidden: true },
  { key: 'id', title: 'ID', value: (system) => system.id, hidden: true },
  { key: 'path', title: 'PATH', value: (system) => system.path, hidden: true },
];

function controllerName({ controller }: SystemListing): string | null {
  return controller && `${controller.purpose} (pid ${controller.pid} on ${controller.host})`;
}

export function systemListing(systems: readonly SystemListing[], flags: ListingFlags): Outcome {
  const empty = 'No system here. copyset system create NAME makes one.';
  const table = listing({ key: 'systems', rows: systems, columns: SYSTEM_COLUMNS, flags, empty });
  // A pair between systems stands in the tables of both: a sum of them would tell of pairs that are not there.
  const sum = (key: 'volumes' | 'reserved'): number => systems.reduce((total, system) => total + system[key], 0);
  const line = `${countOf(systems.length, 'system')}: ${countOf(sum('volumes'), 'volume')}, ${sum('reserved')} reserved.`;
  return { ...table, text: async () => [await textOf(table), ...(systems.length === 0 ? [] : ['', line])].join('\n') };
}

export function systemDetails(system: SystemListing): string {
  const lines: Field[] = [
    ['System', system.name],
    ['Id', system.id],
    ['Site', system.site],
    ['Folder', system.path],
    ['Volumes', `${system.volumes} of at most ${system.maxVolumes}`],
    ['Reserved', `${system.reserved} of at most ${system.maxReserved}`],
    ['Pairs', `${system.pairs} of at most ${system.maxPairs}`],
    ['Track size', formatBytes(system.trackSizeBytes)],
    [
      'Durability',
      system.durability === 'power'
        ? 'power: what was flushed outlives a power loss'
        : 'none: outlives a killed process only',
    ],
    ['Fixture', system.fixture ? 'yes: faults may be injected' : undefined],
    ['Controller', controllerName(system) ?? 'none now'],
  ];
  return fields(lines);
}

export interface Checked {
  readonly name: string;
  readonly findings: readonly CheckFinding[];
}

/** `system check`: what was found, or that all is well. */
export function checkText(systems: readonly Checked[]): string {
  return systems.flatMap(({ name, findings }) => [headline(name, findings), ...findings.map(findingLine)]).join('\n');
}

function headline(name: string, findings: readonly CheckFinding[]): string {
  if (findings.length === 0) return `${name}: well.`;
  const count = (severity: CheckFinding['severity']): number =>
    findings.filter((finding) => finding.severity === severity).length;
  const parts = [
    countOf(count('error'), 'error'),
    countOf(count('warning'), 'warning'),
    `${count('repaired')} repaired`,
  ];
  return `${name}: ${parts.join(', ')}.`;
}

function findingLine({ severity, subject, message }: CheckFinding): string {
  return `  ${severity.padEnd(8)}  ${subject}: ${message}`;
}
