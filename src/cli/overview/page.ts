import type { PairListing } from '../../core/controller/controller.js';
import { GROUP_COLUMNS } from '../render/groups.js';
import { PAIR_COLUMNS, pairTotals } from '../render/pairs.js';
import { SESSION_COLUMNS } from '../render/sessions.js';
import { SYSTEM_COLUMNS } from '../render/systems.js';
import { type Column, renderTable } from '../render/table.js';
import { formatTime } from '../render/times.js';
import type { Finding, Severity } from './finding.js';
import type { Overview } from './gather.js';
import { isLeft } from './judge.js';

/** What is being copied now, or waits for it. */
const MOVING_KEYS = ['primary', 'secondary', 'status', 'percentIdentical', 'outOfSyncTracks', 'pace', 'secondsLeft'];
const MOVING_COLUMNS = PAIR_COLUMNS.filter(({ key }) => MOVING_KEYS.includes(key));

/** `copyset status` for a person: first what is not well, then what there is. */
export async function overviewPage(overview: Overview, findings: readonly Finding[]): Promise<string> {
  const headline = `As of ${formatTime(overview.nowMs)}: ${verdictWords(findings)}.`;
  const parts = [
    headline,
    ...(findings.length === 0 ? [] : [await findingLines(findings)]),
    await renderTable(overview.systems, shownOf(SYSTEM_COLUMNS)),
    await pairsPart(overview.pairs),
    ...(overview.groups.length === 0 ? [] : [await groupsPart(overview)]),
    ...(overview.sessions.length === 0 ? [] : [await sessionsPart(overview)]),
  ];
  return parts.join('\n\n');
}

function verdictWords(findings: readonly Finding[]): string {
  if (findings.length === 0) return 'all is well';
  const count = (severity: Severity) => findings.filter((finding) => finding.severity === severity).length;
  const words = (['suspended', 'stuck', 'late'] as const).flatMap((severity) =>
    count(severity) === 0 ? [] : [`${count(severity)} ${severity}`],
  );
  return words.join(', ');
}

/** The hint stands on a line of its own, so that it can be copied into a shell. */
async function findingLines(findings: readonly Finding[]): Promise<string> {
  const paint = await painter();
  const width = Math.max(...findings.map(({ severity }) => severity.length));
  const indent = ' '.repeat(width + 2);
  return findings
    .map(({ severity, subject, message, hint }) => {
      const mark = paint(severity, severity.toUpperCase().padEnd(width));
      return `${mark}  ${subject} ${message}.\n${indent}${hint}`;
    })
    .join('\n');
}

async function pairsPart(pairs: readonly PairListing[]): Promise<string> {
  if (pairs.length === 0) return 'No pair.';
  const moving = pairs.filter(isLeft);
  if (moving.length === 0) return pairTotals(pairs);
  return [await renderTable(moving, MOVING_COLUMNS), '', pairTotals(pairs)].join('\n');
}

async function groupsPart({ groups }: Overview): Promise<string> {
  return renderTable(groups, shownOf(GROUP_COLUMNS));
}

async function sessionsPart({ sessions }: Overview): Promise<string> {
  return renderTable(sessions, shownOf(SESSION_COLUMNS));
}

function shownOf<Row>(columns: readonly Column<Row>[]): readonly Column<Row>[] {
  return columns.filter(({ hidden }) => !hidden);
}

/** Colour only where tables have lines too: on a terminal that nobody asked to stay plain. */
async function painter(): Promise<(severity: Severity, text: string) => string> {
  if (process.stdout.isTTY !== true || process.env.NO_COLOR) return (_, text) => text;
  const { default: chalk } = await import('chalk');
  return (severity, text) => (severity === 'late' ? chalk.yellow(text) : chalk.red.bold(text));
}
