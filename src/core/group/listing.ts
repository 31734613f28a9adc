import { formatAddress } from '../volume/volume.js';
import type { FormationEnd, FormationPlan } from './formation-words.js';
import { type LocatedGroup, locateGroups, type SystemView } from './locate.js';
import { POLICY_DEFAULT } from './policy.js';
import type { GroupFailure, GroupMember, MasterTable, VolumeRef } from './record.js';
import type { RecoveryJudgement } from './recovery.js';
import type {
  FormationAnswer,
  FormationMember,
  GroupEvent,
  GroupHistoryRow,
  GroupListing,
  ListedFailure,
  MemberListing,
  MemberReport,
  RecoveryAnswer,
} from './requests.js';
import { standingNow } from './running.js';

/** `cg list` and `cg status`: the groups as the sheets of all systems tell them. */
export function listGroups(views: readonly SystemView[], nowMs: number): readonly GroupListing[] {
  const isSeen = (id: string) => views.some(({ system }) => system.id === id);
  return locateGroups(views).map((group) => {
    const listed = listGroup(group, views, nowMs);
    // Without its remote nobody knows whether the last group is there.
    const members = listed.members.map((member, at) => {
      const remote = group.members[at]?.secondary.system.id;
      return remote === undefined || isSeen(remote) ? member : { ...member, state: 'unreachable' as const };
    });
    return { ...listed, members };
  });
}

export function listGroup(group: LocatedGroup, views: readonly SystemView[], nowMs: number): GroupListing {
  const { table } = group;
  const formed = table?.lastFormed ?? null;
  return {
    name: group.name,
    id: group.id,
    term: group.term,
    master: group.master.name,
    state: stateOf(group),
    sequence: formed?.sequence ?? committedAtAll(group, views),
    time: formed === null ? null : iso(formed.timeMs),
    exposureSeconds: formed === null ? null : exposureSeconds(formed.timeMs, nowMs),
    pauseMs: formed?.pauseMs ?? null,
    drainMs: formed?.drainMs ?? null,
    formed: table?.formedCount ?? 0,
    failed: table?.failedCount ?? 0,
    policy: table?.policy ?? POLICY_DEFAULT,
    stop: table?.state.status === 'paused' ? table.state.stop : null,
    held: table === null ? null : heldNow(table, nowMs),
    lastFailure: failureOf(group, nowMs),
    members: group.members.map((member) => listMember(group, member, views)),
  };
}

function heldNow(table: MasterTable, nowMs: number): GroupListing['held'] {
  const { stop, why } = standingNow(table, nowMs);
  return stop === null
    ? null
    : { what: stop.what, by: why === 'window' ? 'window' : 'pause', until: iso(stop.untilMs) };
}

/** How old the data would be that a recovery brings back now. A clock that was set back shows 0, never less. */
export function exposureSeconds(groupTimeMs: number, nowMs: number): number {
  return Math.max(0, Math.round(nowMs - groupTimeMs)) / 1000;
}

function stateOf({ table, recovered }: LocatedGroup): GroupListing['state'] {
  if (table === null || recovered.length > 0) return 'failed';
  const undecided = table.last?.phase === 'open' && table.last.decision === 'commit';
  return undecided ? 'failed' : table.state.status;
}

function failureOf({ table, recovered, master }: LocatedGroup, nowMs: number): GroupListing['lastFailure'] {
  const told = (failure: GroupFailure) => ({
    activity: failure.activity,
    controller: failure.controller,
    reason: failure.reason,
    time: iso(failure.timeMs),
  });
  if (table) return table.lastFailure === null ? null : told(table.lastFailure);
  const reason = recovered.length > 0 ? 'the group was recovered at its remotes' : 'the master is not reached';
  return told({ activity: 'start', controller: master.name, reason, timeMs: nowMs });
}

/** Without the master's word: the number that all remotes have committed. */
function committedAtAll({ id, members }: LocatedGroup, views: readonly SystemView[]): number | null {
  const numbers = members.map((member) => remoteRow(id, member, views)?.committed ?? null);
  const [first] = numbers;
  return first !== undefined && numbers.every((number) => number === first) ? first : null;
}

function listMember(
  { name, id, master, table }: LocatedGroup,
  member: GroupMember,
  views: readonly SystemView[],
): MemberListing {
  const { system } = member.primary;
  const view = views.find((one) => one.system.id === system.id);
  const report = view?.members.find((one) => one.group === name && one.relationshipId === member.relationshipId);
  const remote = remoteRow(id, member, views);
  return {
    relationshipId: member.relationshipId,
    primary: addressOf(member.primary),
    secondary: addressOf(member.secondary),
    backup: addressOf(member.backup),
    controller: system.name,
    role: system.id === master.id ? 'master' : 'subordinate',
    state: report?.state ?? 'unreachable',
    joined: member.joined === 'member',
    asOf: view === undefined ? null : iso(view.asOfMs),
    outOfSyncTracks: report?.outOfSyncTracks ?? null,
    revertible: remote === undefined ? null : remote.revertible !== null,
    sequence: remote === undefined ? null : (remote.revertible ?? remote.committed),
    ...measuresOf(report),
    lastFailure: report?.lastFailure ?? failureAt(table, member),
  };
}

/** What the master keeps of the group's last failure, where it was at one of the member's systems: it outlives their controllers. */
function failureAt(table: MasterTable | null, { primary, secondary }: GroupMember): ListedFailure | null {
  const failure = table?.lastFailure;
  if (!failure || ![primary.system.name, secondary.system.name].includes(failure.controller)) return null;
  return { activity: failure.activity, reason: failure.reason, time: iso(failure.timeMs) };
}

function measuresOf(report: MemberReport | undefined): Pick<MemberListing, 'pauseMs' | 'drainMs'> {
  return { pauseMs: report?.pauseMs ?? null, drainMs: report?.drainMs ?? null };
}

function remoteRow(groupId: string, { secondary, relationshipId }: GroupMember, views: readonly SystemView[]) {
  const view = views.find(({ system }) => system.id === secondary.system.id);
  const table = view?.sheets.find(({ id }) => id === groupId)?.remote;
  return table?.volumes.find((row) => row.relationshipId === relationshipId);
}

/** What `cg start` answers at the end of a formation. */
export function formationAnswer(
  group: string,
  plan: FormationPlan,
  members: readonly GroupMember[],
  end: FormationEnd,
): FormationAnswer {
  const listed = new Set(plan.memberList.map(({ relationshipId }) => relationshipId));
  return {
    group,
    sequence: end.sequence,
    time: end.timeMs === null ? null : iso(end.timeMs),
    outcome: end.outcome,
    reason: end.failure?.reason ?? null,
    failure: end.failure === null ? null : { activity: end.failure.activity, controller: end.failure.controller },
    pauseMs: end.pauseMs,
    drainMs: end.drainMs,
    tracks: end.tracks,
    members: members.filter(({ relationshipId }) => listed.has(relationshipId)).map(formationMember),
  };
}

/** What `cg start` answers where it began none. */
export function noFormation(group: string, outcome: 'paused' | 'skipped', reason: string): FormationAnswer {
  const nothing = { sequence: null, time: null, failure: null, pauseMs: null, drainMs: null, tracks: null };
  return { group, outcome, reason, ...nothing, members: [] };
}

/** What the history keeps of a formation. */
export function formationEvent(groupId: string, { members: _, ...answer }: FormationAnswer): GroupEvent {
  return { ...answer, groupId, deed: 'formation' };
}

/** The same for a person, in the history's message. */
export function formationSentence({
  sequence,
  outcome,
  reason,
  failure,
  tracks,
  pauseMs,
  drainMs,
}: GroupEvent): string {
  if (outcome === 'formed')
    return `group ${sequence} formed: ${tracks ?? 0} tracks, writes paused ${tenths(pauseMs)} ms, drained in ${tenths(drainMs)} ms`;
  const where = failure === null ? '' : ` at ${failure.controller}, at ${failure.activity}`;
  return `group ${sequence} ${outcome}${where}${reason === null ? '' : `: ${reason}`}`;
}

function tenths(spanMs: number | null): number {
  return Math.round((spanMs ?? 0) * 10) / 10;
}

/** What the history keeps of a recovery. */
export function recoveryEvent(
  groupId: string,
  { group, sequence, time, case: found, verdict }: RecoveryAnswer,
): GroupEvent {
  const unmeasured = { failure: null, pauseMs: null, drainMs: null, tracks: null };
  return { groupId, deed: 'recovery', group, sequence, time, outcome: found, reason: verdict, ...unmeasured };
}

interface PastEvent {
  readonly time: string;
  readonly system: string;
  readonly actor: string;
  readonly group?: GroupEvent | undefined;
}

/** The rows of `cg history` among the events of one or more systems, in their order. */
export function groupHistory(events: readonly PastEvent[], groupId: string): readonly GroupHistoryRow[] {
  return events.flatMap(({ time, system, actor, group }) =>
    group?.groupId === groupId ? [{ ...group, ended: time, system, actor }] : [],
  );
}

export function recoveryAnswer(group: string, term: number, judged: RecoveryJudgement): RecoveryAnswer {
  return {
    group,
    term,
    case: judged.case,
    verdict: judged.verdict,
    sequence: judged.sequence,
    time: judged.timeMs === null ? null : iso(judged.timeMs),
    partial: judged.partial,
    members: judged.members.map(({ relationshipId, secondary, backup, revertible, sequence, action }) => ({
      relationshipId,
      secondary: addressOf(secondary),
      backup: backup === null ? null : addressOf(backup),
      revertible,
      sequence,
      action,
    })),
  };
}

function formationMember({ relationshipId, primary, secondary, backup }: GroupMember): FormationMember {
  return {
    relationshipId,
    primary: addressOf(primary),
    secondary: addressOf(secondary),
    backup: addressOf(backup),
    controller: primary.system.name,
  };
}

function addressOf({ system, name }: VolumeRef): string {
  return formatAddress(system.name, name);
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
