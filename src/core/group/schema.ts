import * as v from 'valibot';
import { VOLUMES_MAX } from '../foundation/foundation.js';
import { NAME_PATTERN } from '../volume/volume.js';
import type {
  FormationRecord,
  GroupFailure,
  GroupMember,
  GroupPolicy,
  GroupSheet,
  GroupState,
  GroupWindow,
  ListedMember,
  MasterTable,
  NumberedGroup,
  RecoveryVerdict,
  RemoteMember,
  RemoteTable,
  SubordinateTable,
  SystemRef,
  VolumeRef,
} from './record.js';

/** One group forms as one; beyond this a formation would not fit its limits. */
export const GROUP_MEMBERS_MAX = 4_096;
/** A remote keeps a list for each number that one of its volumes stands at; members that stand still are few. */
const GROUPS_KEPT_MAX = 64;

const counter = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const positive = v.pipe(counter, v.minValue(1));
/** A measured span has fractions. */
const span = v.pipe(v.number(), v.finite(), v.minValue(0));
const minute = v.pipe(counter, v.maxValue(24 * 60 - 1));
const id = v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/));
const name = v.pipe(v.string(), v.regex(NAME_PATTERN));
const sentence = v.pipe(v.string(), v.maxLength(4096));
const stop = v.picklist(['sending', 'writes'] as const);
const several = <Item extends v.GenericSchema>(item: Item) => v.pipe(v.array(item), v.maxLength(GROUP_MEMBERS_MAX));

export const systemRefSchema: v.GenericSchema<unknown, SystemRef> = v.strictObject({
  id,
  name,
  path: v.pipe(v.string(), v.maxLength(4096)),
});

const volumeRef: v.GenericSchema<unknown, VolumeRef> = v.strictObject({
  system: systemRefSchema,
  number: v.pipe(counter, v.maxValue(VOLUMES_MAX - 1)),
  name,
});

export const groupMemberSchema: v.GenericSchema<unknown, GroupMember> = v.pipe(
  v.strictObject({
    relationshipId: positive,
    pairId: id,
    primary: volumeRef,
    secondary: volumeRef,
    backup: volumeRef,
    joined: v.picklist(['waiting', 'member'] as const),
  }),
  v.check((member) => member.backup.system.id === member.secondary.system.id, 'a backup lies beside its secondary'),
);

const windowSchema: v.GenericSchema<unknown, GroupWindow> = v.variant('kind', [
  v.strictObject({ kind: v.literal('run-pause'), runMs: positive, pauseMs: positive, anchorMs: counter, stop }),
  v.strictObject({ kind: v.literal('from-to'), fromMs: counter, toMs: counter, stop }),
  v.strictObject({ kind: v.literal('daily'), fromMinute: minute, toMinute: minute, stop }),
]);

export const groupPolicySchema: v.GenericSchema<unknown, GroupPolicy> = v.strictObject({
  intervalMs: counter,
  coordinationLimitMs: positive,
  drainLimitMs: positive,
  rateBytesPerSecond: v.nullable(positive),
  holdLimitMs: counter,
  window: v.nullable(windowSchema),
});

const listedMember: v.GenericSchema<unknown, ListedMember> = v.strictObject({
  relationshipId: positive,
  secondary: volumeRef,
});

const numbered = {
  sequence: positive,
  term: counter,
  timeMs: counter,
  memberList: several(listedMember),
  practice: v.optional(v.literal(true)),
};

export const numberedGroupSchema: v.GenericSchema<unknown, NumberedGroup> = v.strictObject(numbered);

const formationRecord: v.GenericSchema<unknown, FormationRecord> = v.strictObject({
  ...numbered,
  decision: v.picklist(['none', 'commit', 'revert'] as const),
  phase: v.picklist(['open', 'settled'] as const),
});

const groupFailure: v.GenericSchema<unknown, GroupFailure> = v.strictObject({
  activity: v.picklist([
    'start',
    'coordinate',
    'run',
    'drain',
    'prepare',
    'decide',
    'commit',
    'revert',
    'thaw',
  ] as const),
  controller: name,
  reason: sentence,
  timeMs: counter,
});

const groupState: v.GenericSchema<unknown, GroupState> = v.variant('status', [
  v.strictObject({ status: v.literal('stopped') }),
  v.strictObject({ status: v.literal('running') }),
  v.strictObject({
    status: v.literal('paused'),
    from: v.picklist(['stopped', 'running'] as const),
    stop: v.nullable(stop),
    leftOn: v.nullable(positive),
  }),
]);

const masterTable: v.GenericSchema<unknown, MasterTable> = v.strictObject({
  term: counter,
  policy: groupPolicySchema,
  state: groupState,
  members: several(groupMemberSchema),
  relationshipIdNext: positive,
  sequence: counter,
  last: v.nullable(formationRecord),
  lastFormed: v.nullable(
    v.strictObject({ sequence: positive, timeMs: counter, pauseMs: span, drainMs: span, tracks: counter }),
  ),
  formedCount: counter,
  failedCount: counter,
  lastFailure: v.nullable(groupFailure),
  handedOver: v.boolean(),
  practice: v.optional(v.literal(true)),
});

const subordinateTable: v.GenericSchema<unknown, SubordinateTable> = v.strictObject({
  term: counter,
  master: systemRefSchema,
  members: several(groupMemberSchema),
  highestSequence: counter,
  policy: groupPolicySchema,
  shareBytesPerSecond: v.nullable(positive),
  failedOver: v.boolean(),
});

const remoteMember: v.GenericSchema<unknown, RemoteMember> = v.strictObject({
  relationshipId: positive,
  committed: v.nullable(positive),
  revertible: v.nullable(positive),
  practice: v.nullable(v.strictObject({ volume: volumeRef, sequence: v.nullable(positive) })),
});

export const recoveryVerdictSchema: v.GenericSchema<unknown, RecoveryVerdict> = v.strictObject({
  term: counter,
  case: v.picklist(['keep', 'commit', 'decided', 'revert', 'none', 'disagree'] as const),
  sequence: positive,
  settle: v.picklist(['commit', 'revert', 'nothing'] as const),
  settled: positive,
  partial: v.boolean(),
  relationshipIds: several(positive),
  done: v.boolean(),
});

const remoteTable: v.GenericSchema<unknown, RemoteTable> = v.strictObject({
  term: counter,
  master: systemRefSchema,
  members: several(groupMemberSchema),
  volumes: several(remoteMember),
  groups: v.pipe(v.array(numberedGroupSchema), v.maxLength(GROUPS_KEPT_MAX)),
  verdict: v.nullable(recoveryVerdictSchema),
  recovered: v.boolean(),
});

/** A system's sheet of one group (docs/formats/groups.md). Unknown keys and numbers that count nothing are refused. */
export const groupSheetSchema: v.GenericSchema<unknown, GroupSheet> = v.strictObject({
  version: v.literal(1),
  id,
  name,
  master: v.nullable(masterTable),
  subordinate: v.nullable(subordinateTable),
  remote: v.nullable(remoteTable),
});
