import { isToolkitError } from '../../foundation/foundation.js';
import { judgeSplit, type SplitRecord, type SplitStanding, type SystemRef } from '../../group/group.js';
import type { Controller } from '../open-controller.js';

/**
 * Settles the splits that these systems are prepared for and that `former` coordinated, which is gone for good: for a new master of a
 * group. Every system named must be reached, for one that is not may be the one that committed. Throws `link-lost` before anything is
 * decided; what was begun is gone on with by itself. Returns what became of each split.
 */
export async function settleSplits(
  controller: Controller,
  systems: readonly SystemRef[],
  former: string,
): Promise<readonly { split: string; decision: 'commit' | 'undo' }[]> {
  const open = new Set<string>();
  for (const system of systems) {
    const { splits } = await controller.peers.ask(system, 'split.list', {});
    for (const { split, coordinator } of splits) if (coordinator.id === former) open.add(split);
  }
  const settled: { split: string; decision: 'commit' | 'undo' }[] = [];
  for (const split of open) {
    const record: SplitRecord = { version: 1, id: split, decision: null, systems };
    // Durable before the first member obeys us: a member that asks meanwhile must not take our silence for a decision.
    await controller.splits.sheets.keep(record);
    const decision = await adopt(controller, record);
    settled.push({ split, decision });
    controller.splits.settleLeft();
  }
  return settled;
}

/** Goes on with a split that was taken over and is not judged yet. One that cannot be reached is asked again later. */
export async function adoptSplit(controller: Controller, record: SplitRecord): Promise<void> {
  try {
    await adopt(controller, record);
  } catch (error) {
    if (!isToolkitError(error)) throw error;
  }
}

/** All obey this system before one of them is judged, so that nothing that its former coordinator sends can change the verdict. */
async function adopt(controller: Controller, record: SplitRecord): Promise<'commit' | 'undo'> {
  const standings: SplitStanding[] = [];
  for (const system of record.systems) {
    const input = { split: record.id, by: controller.peers.self };
    standings.push((await controller.peers.ask(system, 'split.adopt', input)).standing);
  }
  const decision = judgeSplit(standings);
  await controller.splits.sheets.keep({ ...record, decision });
  return decision;
}
