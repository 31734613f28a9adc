import { isToolkitError } from '../../core/foundation/foundation.js';
import {
  changePolicy,
  type GroupPolicy,
  type LocatedGroup,
  POLICY_DEFAULT,
  type PolicyChange,
} from '../../core/group/group.js';
import type { DesiredGroup, DesiredMember } from './desired.js';
import { addressOfRef, keyOf } from './present.js';
import type { Problems } from './problems.js';
import { demandVolume, isNamedSystem, type Sight } from './sight.js';
import { type Step, step } from './steps.js';

export function planGroups(sight: Sight, problems: Problems): Step[] {
  return sight.desired.groups.flatMap((group) => {
    const { name, master, policy, place } = group;
    demandPolicy(group, problems);
    const there = sight.present.groups.find((one) => one.name === name);
    if (!there) {
      if (!isNamedSystem(master, sight)) problems.add([...place, 'master'], `there is no storage system ${master}`);
      const made = step('+', 'group', name, master, `master ${master}`, [
        { do: 'request', code: 'cg.create', input: { group: name, policy } },
      ]);
      return [made, ...group.members.flatMap((member) => addMember(member, group, sight, problems))];
    }
    if (there.master.name !== master)
      problems.add(
        [...place, 'master'],
        `here it is ${there.master.name}; copyset cg master ${name} ${master} changes it`,
      );
    else if (there.table === null)
      problems.add(place, `its master ${master} does not know it; copyset cg master helps`);
    const members = group.members.flatMap((member) => planMember(member, group, there, sight, problems));
    return [...changedPolicy(group, there.table?.policy ?? POLICY_DEFAULT), ...members];
  });
}

function demandPolicy({ place, policy }: DesiredGroup, problems: Problems): void {
  try {
    changePolicy(POLICY_DEFAULT, policy);
  } catch (error) {
    if (!isToolkitError(error)) throw error;
    problems.add(place, error.message);
  }
}

function changedPolicy({ name, master, policy }: DesiredGroup, is: GroupPolicy): Step[] {
  const wanted = changePolicy(is, policy);
  const changed = (Object.keys(POLICY_DEFAULT) as (keyof GroupPolicy)[]).filter(
    (key) => !sameValue(wanted[key], is[key]),
  );
  if (changed.length === 0) return [];
  const change: PolicyChange = Object.fromEntries(changed.map((key) => [key, policy[key]]));
  const detail = changed.map((key) => WORDS[key]).join(', ');
  return [
    step('~', 'group', name, master, detail, [{ do: 'request', code: 'cg.policy', input: { group: name, change } }]),
  ];
}

const WORDS: Readonly<Record<keyof GroupPolicy, string>> = {
  intervalMs: 'interval',
  coordinationLimitMs: 'coordination limit',
  drainLimitMs: 'drain limit',
  rateBytesPerSecond: 'rate',
  holdLimitMs: 'hold limit',
  window: 'window',
};

/** Windows that run and pause in turns are the same from whenever they are counted. */
function sameValue(a: GroupPolicy[keyof GroupPolicy], b: GroupPolicy[keyof GroupPolicy]): boolean {
  const plain = (value: unknown): string =>
    JSON.stringify(value, (key, part: unknown) => (key === 'anchorMs' ? undefined : part));
  return plain(a) === plain(b);
}

function planMember(
  member: DesiredMember,
  group: DesiredGroup,
  there: LocatedGroup,
  sight: Sight,
  problems: Problems,
): Step[] {
  const found = there.members.find(
    ({ primary, secondary }) =>
      addressOfRef(primary) === member.primary && addressOfRef(secondary) === member.secondary,
  );
  if (!found) return addMember(member, group, sight, problems);
  const backup = addressOfRef(found.backup);
  if (member.backup !== 'auto' && member.backup !== backup)
    problems.add([...member.place, 'backup'], `here it is ${backup}; copyset cg remove takes the member out first`);
  return [];
}

function addMember(member: DesiredMember, { name, master }: DesiredGroup, sight: Sight, problems: Problems): Step[] {
  const { place, primary, secondary, backup } = member;
  demandVolume(primary, [...place, 'primary'], sight, problems);
  demandVolume(secondary, [...place, 'secondary'], sight, problems);
  if (backup !== 'auto') demandVolume(backup, [...place, 'backup'], sight, problems);
  const deed = { do: 'add-member', group: name, member } as const;
  return [step('+', 'member', `${name}: ${keyOf(member)}`, master, `backup ${backup}`, [deed])];
}
