import { isToolkitError, type ToolkitError } from '../../foundation/foundation.js';
import type { GroupMember, StepAnswer, SystemRef } from '../../group/group.js';
import { isLoss } from '../../transfer/transfer.js';
import type { Controller } from '../open-controller.js';
import type { GroupWireRequests } from './wire.js';

type CopyStep = Omit<GroupWireRequests['group.copy']['input'], 'relationshipIds'>;

/** The master needs no link to a remote: the subordinate passes its orders on, and results return the same way (`003…` figure 8). */
export async function passOn(
  controller: Controller,
  members: readonly GroupMember[],
  copy: CopyStep,
): Promise<StepAnswer> {
  const remotes = byRemote(members);
  const results = await Promise.allSettled(
    remotes.map(({ system, relationshipIds }) =>
      controller.peers.ask(system, 'group.copy', { ...copy, relationshipIds }),
    ),
  );
  controller.step(`formation.${copy.step}`);
  for (const [index, result] of results.entries()) {
    if (result.status === 'fulfilled') continue;
    if (!isToolkitError(result.reason)) throw result.reason;
    if (isLoss(result.reason)) return { kind: 'link-lost' };
    return refusedBy(result.reason, remotes[index]?.system.name);
  }
  return { kind: 'ok' };
}

function byRemote(members: readonly GroupMember[]): readonly { system: SystemRef; relationshipIds: number[] }[] {
  const remotes = new Map<string, { system: SystemRef; relationshipIds: number[] }>();
  for (const { relationshipId, secondary } of members) {
    const remote = remotes.get(secondary.system.id) ?? { system: secondary.system, relationshipIds: [] };
    remote.relationshipIds.push(relationshipId);
    remotes.set(secondary.system.id, remote);
  }
  return [...remotes.values()];
}

/** The answer of a step that was refused, here or at the controller of this name. */
export function refusedBy(error: ToolkitError, controller?: string): StepAnswer {
  const superseded = error.code === 'term-superseded' ? { superseded: true as const } : {};
  return { kind: 'refused', reason: error.message, controller, ...superseded };
}
