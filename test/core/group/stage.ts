import type {
  FormationPlan,
  GroupMember,
  ListedMember,
  MasterTable,
  NumberedGroup,
  RemoteMember,
  RemoteTable,
  SystemRef,
  VolumeRef,
} from '../../../src/core/group/group.js';
import { POLICY_DEFAULT } from '../../../src/core/group/group.js';

/** Small groups, made by hand: member k has its primary in one system and its secondary and backup in another. */
export function system(name: string): SystemRef {
  const id = Buffer.from(name).toString('hex').padEnd(32, '0').slice(0, 32);
  return { id, name, path: `/systems/${name}` };
}

export function volume(address: string): VolumeRef {
  const [place = '', name = ''] = address.split(':');
  return { system: system(place), number: Buffer.from(name).reduce((sum, byte) => sum + byte, 0), name };
}

export function member(relationshipId: number, primary: string, secondary: string): GroupMember {
  return {
    relationshipId,
    pairId: relationshipId.toString(16).padStart(32, '0'),
    primary: volume(primary),
    secondary: volume(secondary),
    backup: volume(`${secondary}-backup`),
    joined: 'member',
  };
}

/** Two primaries' systems, two remotes. */
export const MEMBERS: readonly GroupMember[] = [
  member(1, 'tokyo:db', 'osaka:db'),
  member(2, 'tokyo:log', 'osaka:log'),
  member(3, 'nagoya:web', 'kobe:web'),
];

export function listed(ids: readonly number[], members: readonly GroupMember[] = MEMBERS): ListedMember[] {
  return members
    .filter(({ relationshipId }) => ids.includes(relationshipId))
    .map(({ relationshipId, secondary }) => ({ relationshipId, secondary }));
}

export function numbered(sequence: number, ids: readonly number[], term = 1): NumberedGroup {
  return { sequence, term, timeMs: sequence * 1_000, memberList: listed(ids) };
}

export function remote(
  volumes: readonly RemoteMember[],
  groups: readonly NumberedGroup[],
  more: Partial<RemoteTable> = {},
): RemoteTable {
  return {
    term: 1,
    master: system('tokyo'),
    members: MEMBERS,
    volumes,
    groups,
    verdict: null,
    recovered: false,
    ...more,
  };
}

export function master(more: Partial<MasterTable> = {}): MasterTable {
  return {
    term: 1,
    policy: POLICY_DEFAULT,
    state: { status: 'stopped' },
    members: MEMBERS,
    relationshipIdNext: 4,
    sequence: 7,
    last: null,
    lastFormed: null,
    formedCount: 0,
    failedCount: 0,
    lastFailure: null,
    handedOver: false,
    ...more,
  };
}

export function plan(names: readonly string[], sequence = 8, term = 1): FormationPlan {
  return {
    sequence,
    term,
    coordinationLimitMs: 50,
    drainLimitMs: 30_000,
    parts: names.map((name, index) => ({ system: system(name), relationshipIds: [index + 1] })),
    memberList: names.map((name, index) => ({ relationshipId: index + 1, secondary: volume(`far-${name}:db`) })),
    thenStopSending: false,
  };
}
