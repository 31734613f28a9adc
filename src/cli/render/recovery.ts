import type { Requests } from '../../core/controller/controller.js';
import type { FailbackRow, PracticeRow, RecoveryAnswer, RecoveryMember } from '../../core/group/group.js';
import { tracksAndBytes } from './pair-action.js';
import { type Column, renderTable } from './table.js';
import { formatTime } from './times.js';

const MEMBER_COLUMNS: readonly Column<RecoveryMember>[] = [
  { key: 'secondary', title: 'SECONDARY', value: (member) => member.secondary },
  { key: 'backup', title: 'BACKUP', value: (member) => member.backup },
  { key: 'revertible', title: 'REVERTIBLE', value: (member) => member.revertible },
  { key: 'sequence', title: 'SEQUENCE', value: (member) => member.sequence, align: 'right' },
  { key: 'action', title: 'ACTION', value: (member) => member.action },
];

/** Every member with what was found of it, then the case and the verdict, then what it means. */
export async function recoveryText(answer: RecoveryAnswer, planned: boolean): Promise<string> {
  const table = answer.members.length === 0 ? [] : [await renderTable(answer.members, MEMBER_COLUMNS), ''];
  return [...table, `Case ${answer.case}. ${answer.verdict}`, meaning(answer, planned)].join('\n');
}

function meaning({ case: found, group, sequence, time }: RecoveryAnswer, planned: boolean): string {
  if (found === 'none' || found === 'disagree') return 'Nothing was changed at the volumes.';
  const asOf = time === null ? '' : `, as of ${formatTime(Date.parse(time))}`;
  if (planned) return `The volumes would be brought to group ${sequence}${asOf}. Nothing was changed.`;
  return (
    `The secondaries are primaries now and show group ${sequence}${asOf}.\n` +
    `copyset cg failback ${group} brings it back when the old site has returned.`
  );
}

export const FAILBACK_COLUMNS: readonly Column<FailbackRow>[] = [
  { key: 'primary', title: 'PRIMARY', value: (row) => row.primary },
  { key: 'secondary', title: 'SECONDARY', value: (row) => row.secondary },
  { key: 'direction', title: 'COPIES', value: (row) => row.direction },
  { key: 'by', title: 'BY', value: (row) => row.by },
  { key: 'tracks', title: 'TRACKS', value: (row) => row.tracks, align: 'right' },
];

export async function failbackText({ group, outcome, pairs }: Requests['cg.failback']['output']): Promise<string> {
  const table = pairs.length === 0 ? [] : [await renderTable(pairs, FAILBACK_COLUMNS), ''];
  const sum = (pick: (row: FailbackRow) => number): number => pairs.reduce((total, row) => total + pick(row), 0);
  const left = tracksAndBytes(
    sum(({ tracks }) => tracks),
    sum(({ bytes }) => bytes),
  );
  return [...table, FAILBACK_WORDS[outcome](group, left)].join('\n');
}

const FAILBACK_WORDS: Readonly<
  Record<Requests['cg.failback']['output']['outcome'], (group: string, left: string) => string>
> = {
  planned: (group, left) => `Group ${group}: ${left} to copy back. Nothing was changed.`,
  begun: (group, left) =>
    `Group ${group}: ${left} to copy back, while the recovered side serves. Run copyset cg failback ${group} --wait to finish.`,
  returned: (group) => `Group ${group} is back: its old primaries are primaries again.`,
  'timed-out': (group, left) =>
    `Group ${group}: ${left} left to copy back when the time was over; the recovered side serves. Run it again to finish.`,
};

export function practiceText({ group, outcome, practice }: Requests['cg.practice']['output']): string {
  const lines = practice.map((row) => `${row.secondary}: ${copyWords(row)}`);
  const what = {
    ordered: `Group ${group}: the drill copies are made at its next formation.`,
    dropped: `Group ${group}: the drill copies are dropped.`,
    nothing: `Group ${group}: nothing to do.`,
  }[outcome];
  return [what, ...lines].join('\n');
}

function copyWords({ practice, sequence, lost }: PracticeRow): string {
  if (lost) return `${practice} has lost group ${sequence}: an old track could not be saved to it`;
  return sequence === null ? `${practice}, not made yet` : `${practice} shows group ${sequence}`;
}
