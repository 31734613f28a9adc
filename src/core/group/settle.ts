import { failure } from '../foundation/foundation.js';
import type { FormationPart, FormationPlan, StepFailure } from './formation-words.js';
import type { FormationRecord, GroupMember, GroupPolicy, SystemRef } from './record.js';
import type { RecoveryJudgement } from './recovery.js';

/** What a master owes the remotes before it may begin another formation (DESIGN.md 5.1, 4). */
export type Owed =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'settle'; readonly decision: 'commit' | 'revert'; readonly failure: StepFailure | null };

/**
 * By its own record, which it alone may read so: that nothing was decided is a decision to revert. The record must be the one on disk: what
 * a log that has failed still shows in memory may never have become durable.
 */
export function owedByOwnRecord(record: FormationRecord | null): Owed {
  if (record === null || record.phase === 'settled') return { kind: 'nothing' };
  if (record.decision === 'commit') return { kind: 'settle', decision: 'commit', failure: null };
  const reason = 'the master stopped before it had decided';
  return { kind: 'settle', decision: 'revert', failure: { activity: 'decide', controller: 'master', reason } };
}

/**
 * A new master has no record of its own to read, and the absence of one says nothing: it goes by what the remotes hold. Throws
 * `groups-disagree`. That no group was ever formed is no trouble here; what was prepared in part is reverted.
 */
export function owedByRemotes(judged: RecoveryJudgement): Owed {
  if (judged.case === 'disagree') {
    throw failure(
      'groups-disagree',
      judged.verdict,
      'A new master forms nothing until a person has looked at these members.',
    );
  }
  if (judged.settle === 'nothing') return { kind: 'nothing' };
  const reason = 'the former master left it undecided';
  const left: StepFailure = { activity: 'decide', controller: 'master', reason };
  return { kind: 'settle', decision: judged.settle, failure: judged.settle === 'commit' ? null : left };
}

/** The plan under which a former formation is settled: its own number and list, under the present term. */
export function planOfSettling(
  record: Pick<FormationRecord, 'sequence' | 'memberList' | 'practice'>,
  members: readonly GroupMember[],
  policy: GroupPolicy,
  term: number,
): FormationPlan {
  const listed = new Set(record.memberList.map(({ relationshipId }) => relationshipId));
  return {
    sequence: record.sequence,
    term,
    coordinationLimitMs: policy.coordinationLimitMs,
    drainLimitMs: policy.drainLimitMs,
    parts: partsOf(members.filter(({ relationshipId }) => listed.has(relationshipId))),
    memberList: record.memberList,
    thenStopSending: false,
    ...(record.practice ? { practice: true } : {}),
  };
}

/** The members by the system of their primary, in the order of the systems' ids, in which several are always taken. */
export function partsOf(members: readonly GroupMember[]): readonly FormationPart[] {
  const parts = new Map<string, { system: SystemRef; relationshipIds: number[] }>();
  for (const { relationshipId, primary } of members) {
    const part = parts.get(primary.system.id) ?? { system: primary.system, relationshipIds: [] };
    part.relationshipIds.push(relationshipId);
    parts.set(primary.system.id, part);
  }
  return [...parts.values()].sort((a, b) => (a.system.id < b.system.id ? -1 : 1));
}
