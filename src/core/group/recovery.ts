import { failure, plural } from '../foundation/foundation.js';
import { formatAddress, matchesGlob, matchesVolume, parseAddressPattern, quoted } from '../volume/volume.js';
import type { RecoveryCase, RecoveryVerdict, VolumeRef } from './record.js';
import { type Facts, type FoundMember, type FoundSystem, factsOf, type RecoveryQuestion } from './recovery-facts.js';
import type { RecoveryAction } from './requests.js';

export interface JudgedMember {
  readonly relationshipId: number;
  readonly secondary: VolumeRef;
  readonly backup: VolumeRef | null;
  readonly revertible: boolean | null;
  /** The number that it stands at: what is prepared, else what is committed. */
  readonly sequence: number | null;
  readonly action: RecoveryAction;
  /** Whether the remote volume is brought to the verdict's group and made a primary. */
  readonly restored: boolean;
}

export interface RecoveryJudgement {
  readonly case: RecoveryCase;
  readonly label: string;
  /** A sentence for a person. */
  readonly verdict: string;
  /** The group that all members are brought to, or null. */
  readonly sequence: number | null;
  readonly timeMs: number | null;
  readonly partial: boolean;
  /** What is done with all that is revertible, and its number. */
  readonly settle: RecoveryVerdict['settle'];
  readonly settled: number | null;
  readonly members: readonly JudgedMember[];
}

interface DecisionRow {
  readonly label: string;
  readonly case: Exclude<RecoveryCase, 'disagree'>;
  readonly settle: RecoveryVerdict['settle'];
  readonly holds: (facts: Facts) => boolean;
  readonly verdict: (facts: Facts) => string;
}

/** Some of n's list is prepared, none of it is committed, and what is seen fits a schedule of formations. */
const openAtN = ({ odd, committed, prepared }: Facts): boolean => !odd && committed === 0 && prepared > 0;

/** The table of DESIGN.md 5.2. At most one row holds; where none does, the case is `disagree`. */
export const RECOVERY_ROWS: readonly DecisionRow[] = [
  {
    label: '@A',
    case: 'keep',
    settle: 'nothing',
    holds: ({ odd, committed, prepared, behind }) => !odd && committed > 0 && prepared === 0 && behind === 0,
    verdict: (facts) => `Group ${facts.n} is whole: ${all(facts)} at it.`,
  },
  {
    label: '@B',
    case: 'commit',
    settle: 'commit',
    holds: ({ odd, committed, prepared, behind }) => !odd && committed > 0 && prepared > 0 && behind === 0,
    verdict: (facts) =>
      `Group ${facts.n} was committed at ${facts.committed} of ${ofList(facts)} and is prepared at the others, so it was decided: it is committed at all.`,
  },
  {
    label: '@C',
    case: 'decided',
    settle: 'commit',
    holds: (facts) => openAtN(facts) && facts.behind === 0 && facts.decision === 'commit',
    verdict: (facts) =>
      `Group ${facts.n} is prepared at ${ofList(facts)} and was decided to be committed: it is committed at all.`,
  },
  {
    label: '@D',
    case: 'decided',
    settle: 'commit',
    // Nothing is lost with it, and before it there is no group to go back to.
    holds: (facts) => openAtN(facts) && facts.behind === 0 && facts.decision !== 'commit' && facts.m === null,
    verdict: (facts) => `Group ${facts.n} is the first and is prepared at ${ofList(facts)}: it is committed at all.`,
  },
  {
    label: '@E',
    case: 'revert',
    settle: 'revert',
    holds: (facts) => openAtN(facts) && facts.decision !== 'commit' && facts.m !== null && facts.wholeAtM,
    verdict: (facts) =>
      `Group ${facts.n} was prepared at ${facts.prepared} of ${ofList(facts)} and never committed: it is reverted, and group ${facts.m} is whole.`,
  },
  {
    label: '@F',
    case: 'none',
    settle: 'nothing',
    holds: ({ odd, n }) => !odd && n === null,
    verdict: () => 'No group was ever formed; there is nothing to recover to.',
  },
  {
    label: '@G',
    case: 'none',
    settle: 'revert',
    holds: (facts) => openAtN(facts) && facts.behind > 0 && facts.decision !== 'commit' && facts.m === null,
    verdict: (facts) =>
      `No group was ever formed: the first, ${facts.n}, was prepared at ${facts.prepared} of ${ofList(facts)} only.`,
  },
];

/** Which row holds, and what is to be done at each member. Throws `peer-missing`. */
export function judgeRecovery(question: RecoveryQuestion): RecoveryJudgement {
  const facts = factsOf(question);
  const row = RECOVERY_ROWS.find(({ holds }) => holds(facts));
  const partial = facts.missing.length > 0;
  const given = partial
    ? ` Partial: given up ${facts.missing.map(({ secondary }) => addressOf(secondary)).join(', ')}.`
    : '';
  if (row === undefined) {
    const verdict = `${disagreement(facts)}${given}`;
    const nothing = { sequence: null, timeMs: null, settle: 'nothing', settled: null } as const;
    return { case: 'disagree', label: '@H', verdict, partial, ...nothing, members: judged(facts, 'disagree', null) };
  }
  const sequence = row.case === 'none' ? null : row.settle === 'revert' ? facts.m : facts.n;
  const members = judged(facts, row.case, sequence);
  const leftOut = members.filter(({ action }) => action === 'left-out').map(({ secondary }) => addressOf(secondary));
  const added = leftOut.length > 0 ? ` Left out, not of this group: ${leftOut.join(', ')}.` : '';
  const opened = openedBefore(question, members);
  return {
    case: row.case,
    label: row.label,
    verdict: `${row.verdict(facts)}${added}${opened}${given}`,
    sequence,
    timeMs: sequence === null ? null : (facts.groups.get(sequence)?.timeMs ?? null),
    partial,
    settle: row.settle,
    settled: row.settle === 'nothing' ? sequence : facts.n,
    members,
  };
}

/** What an earlier recovery brought to its group is its hosts' since then, and stays as they have it. */
function openedBefore({ found }: RecoveryQuestion, members: readonly JudgedMember[]): string {
  const ids = found.flatMap(({ table }) => {
    if (!table.recovered || table.verdict?.done !== true) return [];
    const { relationshipIds } = table.verdict;
    return table.volumes.map(({ relationshipId }) => relationshipId).filter((id) => relationshipIds.includes(id));
  });
  const names = members
    .filter(({ restored, relationshipId }) => restored && ids.includes(relationshipId))
    .map(({ secondary }) => addressOf(secondary));
  return names.length > 0 ? ` Recovered before, and left as its hosts have written it since: ${names.join(', ')}.` : '';
}

/** What is durable at every remote before a verdict is carried out; undefined where the verdict is to stop. */
export function verdictToKeep(judged: RecoveryJudgement, term: number): RecoveryVerdict | undefined {
  const { sequence, settled, settle, partial } = judged;
  if (sequence === null || settled === null) return undefined;
  const restored = judged.members.filter((member) => member.restored);
  const relationshipIds = restored.map(({ relationshipId }) => relationshipId);
  return { term, case: judged.case, sequence, settle, settled, partial, relationshipIds, done: false };
}

/** The members that `--without` means, by the addresses of their secondaries. Throws `nothing-matches`. */
export function membersGivenUp(found: readonly FoundSystem[], patterns: readonly string[]): readonly number[] {
  const known = found.flatMap(({ table }) => [
    ...table.members,
    ...table.groups.flatMap(({ memberList }) => memberList),
  ]);
  const ids = patterns.flatMap((text) => {
    const { system, volume } = parseAddressPattern(text);
    const meant = known.filter(
      ({ secondary }) => matchesGlob(system, secondary.system.name) && matchesVolume(volume, secondary),
    );
    if (meant.length === 0) throw failure('nothing-matches', `${quoted(text)} is no secondary of the group.`);
    return meant.map(({ relationshipId }) => relationshipId);
  });
  return [...new Set(ids)];
}

function judged(facts: Facts, found: RecoveryCase, sequence: number | null): readonly JudgedMember[] {
  const present = facts.members.map((member): JudgedMember => {
    const { relationshipId, secondary, backup, revertible, committed } = member;
    const action = actionOf(facts, member, found);
    const restored = sequence !== null && action !== 'left-out';
    const stands = revertible ?? committed;
    return { relationshipId, secondary, backup, revertible: revertible !== null, sequence: stands, action, restored };
  });
  const missing = facts.missing.map(({ relationshipId, secondary }): JudgedMember => {
    const unknown = { backup: null, revertible: null, sequence: null };
    return { relationshipId, secondary, ...unknown, action: 'missing', restored: false };
  });
  return [...present, ...missing].sort((a, b) => a.relationshipId - b.relationshipId);
}

function actionOf(facts: Facts, member: FoundMember, found: RecoveryCase): RecoveryAction {
  switch (found) {
    case 'none':
    case 'disagree':
      return 'none';
    case 'revert':
      if (!facts.listOfM.has(member.relationshipId)) return 'left-out';
      return member.standing === 'prepared' ? 'revert' : 'keep';
    case 'keep':
    case 'commit':
    case 'decided':
      if (!member.listed) return 'left-out';
      return member.standing === 'prepared' ? 'commit' : 'keep';
  }
}

function disagreement({ members }: Facts): string {
  const stands = members.map(({ secondary, committed, revertible }) => {
    const parts = [
      ...(committed === null ? [] : [`committed ${committed}`]),
      ...(revertible === null ? [] : [`prepared ${revertible}`]),
    ];
    return `${addressOf(secondary)} ${parts.length === 0 ? 'holds none' : `holds ${parts.join(' and ')}`}`;
  });
  return `The members can be brought to no common group: ${stands.join('; ')}.`;
}

function all(facts: Facts): string {
  const count = sizeOf(facts);
  return count === 1 ? 'its one member stands' : `all ${count} members stand`;
}

function ofList(facts: Facts): string {
  return plural(sizeOf(facts), 'member');
}

function sizeOf({ committed, prepared, behind }: Facts): number {
  return committed + prepared + behind;
}

function addressOf({ system, name }: VolumeRef): string {
  return formatAddress(system.name, name);
}
