import { PAIR_STATUSES } from '../../core/pair/pair.js';
import type { Finding, Severity } from './finding.js';
import type { Overview } from './gather.js';

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number | null | undefined];

interface Metric {
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** Text exposition format, for a textfile collector: write it beside the file and rename. Names and labels are stable. */
export function prometheusText(overview: Overview, findings: readonly Finding[]): string {
  return metricsOf(overview, findings).flatMap(metricLines).join('\n');
}

function metricsOf(overview: Overview, findings: readonly Finding[]): readonly Metric[] {
  return [
    gauge('copyset_status_timestamp_seconds', 'When this was read.', [[{}, overview.nowMs / 1000]]),
    gauge('copyset_findings', 'How many things are not well, by how bad they are.', findingSamples(findings)),
    ...systemMetrics(overview),
    ...pairMetrics(overview),
    ...groupMetrics(overview),
    ...sessionMetrics(overview),
  ];
}

function findingSamples(findings: readonly Finding[]): readonly Sample[] {
  const severities: readonly Severity[] = ['suspended', 'stuck', 'late'];
  return severities.map((severity) => [{ severity }, findings.filter((one) => one.severity === severity).length]);
}

function systemMetrics({ systems, unread, volumes }: Overview): readonly Metric[] {
  const label = ({ name }: { readonly name: string }): Labels => ({ system: name });
  return [
    gauge('copyset_system_up', 'Whether the system could be read.', [
      ...systems.map((system): Sample => [label(system), 1]),
      ...unread.map(({ system }): Sample => [{ system }, 0]),
    ]),
    gauge(
      'copyset_system_owned',
      'Whether a process owns the system.',
      systems.map((system) => [label(system), system.controller === null ? 0 : 1]),
    ),
    gauge(
      'copyset_volumes_blocked',
      'Volumes whose hosts are refused because of a fault.',
      systems.map((system) => [
        label(system),
        volumes.filter((one) => one.system === system.name && one.status === 'blocked').length,
      ]),
    ),
  ];
}

function pairMetrics({ pairs }: Overview): readonly Metric[] {
  const label = ({ primary, secondary }: { readonly primary: string; readonly secondary: string }): Labels => ({
    primary,
    secondary,
  });
  return [
    gauge(
      'copyset_pairs',
      'Pairs by status.',
      PAIR_STATUSES.filter((status) => status !== 'simplex').map((status) => [
        { status },
        pairs.filter((pair) => pair.status === status).length,
      ]),
    ),
    gauge(
      'copyset_pair_status',
      'The status of a pair: 1 for the one that it has.',
      pairs.map((pair) => [{ ...label(pair), mode: pair.mode, status: pair.status }, 1]),
    ),
    gauge(
      'copyset_pair_out_of_sync_bytes',
      'What the secondary lacks, or may.',
      pairs.map((pair) => [label(pair), pair.outOfSyncBytes]),
    ),
    gauge(
      'copyset_pair_stalled_seconds',
      'For how long copying has got nothing across; 0 where it gets on or has nothing to do.',
      pairs.map((pair) => [label(pair), pair.stalledSeconds ?? 0]),
    ),
  ];
}

function groupMetrics({ groups }: Overview): readonly Metric[] {
  const label = ({ name }: { readonly name: string }): Labels => ({ group: name });
  return [
    gauge(
      'copyset_group_exposure_seconds',
      'How old the data would be that a recovery brings back now. Absent until a group was formed.',
      groups.map((group) => [label(group), group.exposureSeconds]),
    ),
    gauge(
      'copyset_group_sequence',
      'The number of the last group.',
      groups.map((group) => [label(group), group.sequence]),
    ),
    gauge(
      'copyset_group_failed_state',
      'Whether the group forms nothing until somebody has looked.',
      groups.map((group) => [label(group), group.state === 'failed' ? 1 : 0]),
    ),
    counter(
      'copyset_group_formed_total',
      'Groups formed.',
      groups.map((group) => [label(group), group.formed]),
    ),
    counter(
      'copyset_group_failures_total',
      'Formations that were void or failed.',
      groups.map((group) => [label(group), group.failed]),
    ),
  ];
}

function sessionMetrics({ sessions }: Overview): readonly Metric[] {
  const label = ({ name }: { readonly name: string }): Labels => ({ session: name });
  const systems = sessions.flatMap(({ name, systems: rows }) =>
    rows.map((row) => ({ row, labels: { session: name, system: row.system, role: row.role } })),
  );
  return [
    gauge(
      'copyset_session_exposure_seconds',
      'How old the data would be that a recovery brings back now. Absent while nothing could be brought back.',
      sessions.map((session) => [label(session), session.exposureSeconds]),
    ),
    gauge(
      'copyset_session_recoverable',
      'Whether the secondaries could all be brought to one checkpoint now.',
      sessions.map((session) => [label(session), session.recoverable ? 1 : 0]),
    ),
    gauge(
      'copyset_session_state',
      'The state of a session: 1 for the one that it has.',
      sessions.map((session) => [{ ...label(session), state: session.state }, 1]),
    ),
    gauge(
      'copyset_session_issued',
      'The number of the last checkpoint issued.',
      sessions.map((session) => [label(session), session.issued]),
    ),
    gauge(
      'copyset_session_applied',
      'The number of the checkpoint that all secondaries show.',
      sessions.map((session) => [label(session), session.applied]),
    ),
    gauge(
      'copyset_session_buffered_bytes',
      'At a primary not yet at the other site, at a secondary not yet applied.',
      systems.map(({ row, labels }) => [labels, row.bufferedBytes]),
    ),
    gauge(
      'copyset_session_late',
      'Whether the next release waits for the system.',
      systems.map(({ row, labels }) => [labels, row.late ? 1 : 0]),
    ),
  ];
}

function gauge(name: string, help: string, samples: readonly Sample[]): Metric {
  return { name, type: 'gauge', help, samples };
}

function counter(name: string, help: string, samples: readonly Sample[]): Metric {
  return { name, type: 'counter', help, samples };
}

function metricLines({ name, type, help, samples }: Metric): readonly string[] {
  const known = samples.filter(([, value]) => value !== null && value !== undefined);
  if (known.length === 0) return [];
  return [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...known.map(([labels, value]) => `${name}${labelText(labels)} ${value}`),
  ];
}

function labelText(labels: Labels): string {
  const parts = Object.entries(labels).map(([key, value]) => `${key}="${escaped(value)}"`);
  return parts.length === 0 ? '' : `{${parts.join(',')}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
