import { isToolkitError } from '../../foundation/foundation.js';
import type { GroupMember, GroupSheet, RemoteTable } from '../../group/group.js';
import { pointInTimeLost } from '../../pair/pair.js';
import type { CheckFinding } from '../control/requests.js';
import type { Controller } from '../open-controller.js';
import { drillPair } from './drills.js';

/** What `system check` finds in the sheets of consistency groups: whether they can be read, and whether their pairs are there. */
export function checkGroups(controller: Controller): readonly CheckFinding[] {
  let sheets: readonly GroupSheet[];
  try {
    sheets = controller.groups.sheets.all();
  } catch (error) {
    if (!isToolkitError(error, 'metadata-damaged')) throw error;
    return [{ severity: 'error', subject: 'groups', message: error.message }];
  }
  return sheets.flatMap(({ name, master, subordinate, remote }) => {
    const subject = `group ${name}`;
    const own = remote?.members.filter(({ secondary }) => secondary.system.id === controller.peers.self.id) ?? [];
    return [
      ...[...(subordinate?.members ?? []), ...own].flatMap((member) => lostPair(controller, subject, member)),
      ...own.flatMap((member) => lostCopy(controller, subject, member)),
      ...(remote ? standing(controller, subject, remote) : []),
      ...(master?.last?.phase === 'open' && !master.handedOver
        ? [warning(subject, `formation ${master.last.sequence} is not settled; copyset cg start ${name} settles it`)]
        : []),
    ];
  });
}

function lostPair(
  { catalog }: Controller,
  subject: string,
  { pairId, primary, secondary }: GroupMember,
): CheckFinding[] {
  if ([...catalog.pairs.values()].some(({ remote }) => remote?.id === pairId)) return [];
  const pair = `${primary.system.name}:${primary.name} -> ${secondary.system.name}:${secondary.name}`;
  return [{ severity: 'error', subject, message: `its pair ${pair} is not there` }];
}

function lostCopy({ catalog }: Controller, subject: string, { secondary, backup }: GroupMember): CheckFinding[] {
  const copy = [...catalog.pairs.values()].find(
    (pair) => pair.primary === secondary.number && pair.secondary === backup.number,
  );
  const address = `${backup.system.name}:${backup.name}`;
  if (!copy) return [{ severity: 'error', subject, message: `the virtual copy ${address} is not there` }];
  if (!pointInTimeLost(copy.state)) return [];
  return [{ severity: 'error', subject, message: `the virtual copy ${address} has lost its point in time` }];
}

function standing(
  controller: Controller,
  subject: string,
  { volumes, verdict, recovered }: RemoteTable,
): CheckFinding[] {
  const open = volumes.filter(({ revertible }) => revertible !== null).length;
  const lost = volumes.flatMap(({ practice }) => {
    if (practice?.sequence == null) return [];
    const pair = drillPair(controller, practice);
    return !pair || pointInTimeLost(pair.state) ? [practice.volume.name] : [];
  });
  return [
    ...(open > 0 ? [warning(subject, `${open} of its volumes here wait for a formation to be settled`)] : []),
    ...(verdict && !verdict.done
      ? [warning(subject, 'a recovery was not finished; run copyset cg recover again')]
      : []),
    ...(recovered ? [warning(subject, 'it was recovered here and not brought back')] : []),
    ...lost.map((name) =>
      warning(subject, `its drill copy ${name} has lost its group; copyset cg practice --drop drops it`),
    ),
  ];
}

function warning(subject: string, message: string): CheckFinding {
  return { severity: 'warning', subject, message };
}
