import { Catalog } from '../../catalog/catalog.js';
import { failure, isToolkitError } from '../../foundation/foundation.js';
import {
  designatedTable,
  formerMaster,
  type GroupMember,
  type GroupSheet,
  highestTermOf,
  judgeRecovery,
  type MasterTable,
  membersAsTold,
  owedByRemotes,
  type RecoveryJudgement,
  rateShares,
  type SeenSheet,
  type SystemRef,
  systemsNamed,
} from '../../group/group.js';
import { isLoss } from '../../transfer/transfer.js';
import { recorded } from '../control/recorded.js';
import type { Answered, Requests } from '../control/requests.js';
import type { Controller, RequestContext } from '../open-controller.js';
import { settleSplits } from '../splits/adopt.js';
import { listed, quietly } from './admin.js';
import { emptySheet, GroupSheets } from './sheets.js';
import type { GroupWireRequests } from './wire.js';

type Input = Requests['cg.master']['input'];

/**
 * Makes this system the master of a group (DESIGN.md 5.1), also where the former one is lost. A reachable one hands over first. Then
 * the higher term is durable at every remote, so that no order of the former master counts any more; only then is looked at what it
 * left undecided, which is settled by the table of 5.2. Run again it goes on, under a term above.
 */
export async function designateMaster(
  controller: Controller,
  input: Input,
  _: unknown,
  context: RequestContext,
): Promise<Answered<'cg.master'>> {
  const { groups, peers } = controller;
  const { id, group: name } = input;
  const own = groups.sheets.byId(id);
  const seen = await lookAt(controller, id, input.systems);
  const former = formerMaster(seen);
  if (
    own?.master &&
    !own.master.handedOver &&
    former?.system.id === peers.self.id &&
    own.master.term >= highestTermOf(seen)
  )
    return { output: { group: listed(controller, name), outcome: 'nothing' } };
  await quietly(controller, id, name, async () => {
    const subject = { operation: 'cg master', primary: name, before: former?.system.name ?? null };
    const unmeasured = { failure: null, pauseMs: null, drainMs: null, tracks: null, reason: null };
    await recorded(
      controller,
      context,
      [subject],
      () => takeOffice(controller, input, seen),
      ({ lastFormed }) => {
        const time = lastFormed === null ? null : new Date(lastFormed.timeMs).toISOString();
        const event = { groupId: id, deed: 'master', group: name, outcome: 'done', time } as const;
        return { after: peers.self.name, group: { ...event, ...unmeasured, sequence: lastFormed?.sequence ?? null } };
      },
    );
  });
  return { output: { group: listed(controller, name), outcome: 'done' } };
}

async function takeOffice(
  controller: Controller,
  { id, group: name }: Input,
  seen: readonly SeenSheet[],
): Promise<MasterTable> {
  const { groups } = controller;
  demandNotRecovered(name, seen);
  const term = highestTermOf(seen) + 1;
  const before = formerMaster(seen);
  // Judged before anything changes, too: what a person has to look at first leaves the group with the master that it has.
  const first = judge(seen, before?.master ?? null);
  if (first) owedByRemotes(first);
  const former = await handedOver(controller, id, term, before);
  const known = former?.members ?? membersAsTold(seen);
  const designated = designatedTable({ seen: withFormer(seen, former), former, members: known, term, judged: null });
  await fence(controller, id, name, designated);
  controller.step('designation.fenced');
  const fenced = await lookAt(controller, id, systemsNamed(known));
  const all = [...seen.filter(({ system }) => !fenced.some((one) => one.system.id === system.id)), ...fenced];
  // What the lost one decided can be read only now: before, it could still have decided.
  const last = readFromFiles(controller, id, before?.system)?.master ?? former;
  const judged = judge(fenced, last);
  if (judged) await settleAtRemotes(controller, id, term, judged, fenced);
  controller.step('designation.settled');
  if (before && !former) await settleFormerSplits(controller, systemsOfPrimaries(known), before.system.id);
  const table = designatedTable({ seen: withFormer(all, last), former: last, members: known, term, judged });
  await groups.sheets.update(id, (sheet) => ({ ...sheet, master: table }), emptySheet(id, name));
  controller.step('designation.done');
  return table;
}

function systemsOfPrimaries(members: readonly GroupMember[]): readonly SystemRef[] {
  return [...new Map(members.map(({ primary }) => [primary.system.id, primary.system])).values()];
}

/** A lost master may have left a split of its group undecided (DESIGN.md 8). What cannot be reached now is settled when it can. */
async function settleFormerSplits(
  controller: Controller,
  systems: readonly SystemRef[],
  former: string,
): Promise<void> {
  try {
    await settleSplits(controller, systems, former);
  } catch (error) {
    if (!isToolkitError(error) || !isLoss(error)) throw error;
  }
}

/** The sheets of the systems that answer; one that does not is lost to the group for now. */
async function lookAt(
  controller: Controller,
  id: string,
  systems: readonly SystemRef[],
): Promise<readonly SeenSheet[]> {
  const seen: SeenSheet[] = [];
  for (const system of systems) {
    try {
      const { sheets } = await controller.peers.ask(system, 'cg.list', {});
      const sheet = sheets.find((one) => one.id === id);
      if (sheet) seen.push({ system, sheet });
    } catch (error) {
      if (!isLoss(error)) throw error;
      const sheet = readFromFiles(controller, id, system);
      // Of one that is lost only its row as master is read: what it holds as a remote it must answer itself.
      if (sheet) seen.push({ system, sheet: { ...sheet, subordinate: null, remote: null } });
    }
  }
  return seen;
}

/** The former master forms nothing any more; where it cannot be asked, its table is read from its files, or is not known. */
async function handedOver(
  controller: Controller,
  id: string,
  term: number,
  former: (SeenSheet & { readonly master: MasterTable }) | undefined,
): Promise<MasterTable | null> {
  if (!former) return null;
  try {
    return (await controller.peers.ask(former.system, 'group.handover', { group: id, term })).master;
  } catch (error) {
    if (!isLoss(error)) throw error;
    return former.master;
  }
}

export async function handOver(
  controller: Controller,
  { group, term }: GroupWireRequests['group.handover']['input'],
): Promise<Answered<'group.handover'>> {
  const { groups, place } = controller;
  const sheet = groups.sheets.byId(group);
  if (!sheet?.master) throw failure('group-not-found', `${place.name} is not the master of this group.`);
  const { name, master } = sheet;
  if (term <= master.term) throw failure('term-superseded', `${place.name} knows term ${master.term} of the group.`);
  if (master.handedOver) return { output: { master } };
  return quietly(controller, group, name, async () => {
    const last = groups.sheets.byId(group)?.master?.last;
    if (last?.phase === 'open')
      throw failure(
        'undecided',
        `Formation ${last.sequence} of group ${name} is not settled, and its master ${place.name} can be reached.`,
        `copyset cg start ${name} settles it first.`,
      );
    await groups.sheets.update(group, (one) =>
      one.master ? { ...one, master: { ...one.master, handedOver: true } } : one,
    );
    return { output: { master: groups.sheets.byId(group)?.master ?? master } };
  });
}

/** Every remote must take the term; a subordinate that cannot be reached learns it with its next order. */
async function fence(controller: Controller, id: string, name: string, table: MasterTable): Promise<void> {
  const { term, members, policy, sequence } = table;
  const remotes = new Set(members.map(({ secondary }) => secondary.system.id));
  const primaries = [...new Set(members.map(({ primary }) => primary.system.id))].sort();
  const shares = rateShares(policy.rateBytesPerSecond, Math.max(1, primaries.length));
  for (const system of systemsNamed(members)) {
    const share = shares[primaries.indexOf(system.id)] ?? null;
    const input = { group: id, name, term, master: controller.peers.self, members, policy, share, sequence };
    try {
      await controller.peers.ask(system, 'group.put', input);
    } catch (error) {
      if (!isLoss(error) || remotes.has(system.id)) throw error;
    }
  }
}

/** By the table of 5.2, never by the absence of a record. Undefined for a group without members. */
function judge(seen: readonly SeenSheet[], former: MasterTable | null): RecoveryJudgement | null {
  const found = seen.flatMap(({ system, sheet }) => (sheet.remote ? [{ system, table: sheet.remote }] : []));
  return found.length === 0 ? null : judgeRecovery({ found, master: former?.last ?? null, without: [] });
}

/** Straight at the remotes: the subordinates that would pass it on may be lost with the former master. */
async function settleAtRemotes(
  controller: Controller,
  id: string,
  term: number,
  judged: RecoveryJudgement,
  seen: readonly SeenSheet[],
): Promise<void> {
  const owed = owedByRemotes(judged);
  if (owed.kind === 'nothing' || judged.settled === null) return;
  for (const { system, sheet } of seen) {
    if (!sheet.remote) continue;
    const relationshipIds = sheet.remote.volumes
      .filter(({ revertible }) => revertible === judged.settled)
      .map(({ relationshipId }) => relationshipId);
    const input = { group: id, term, step: owed.decision, sequence: judged.settled, relationshipIds };
    await controller.peers.ask(system, 'group.copy', input);
  }
}

function demandNotRecovered(name: string, seen: readonly SeenSheet[]): void {
  const recovered = seen.find(({ sheet }) => sheet.remote?.recovered);
  if (!recovered) return;
  throw failure(
    'group-refuses',
    `Group ${name} was recovered at ${recovered.system.name}; nothing is formed until it is brought back.`,
    `copyset cg failback ${name} brings it back.`,
  );
}

function withFormer(seen: readonly SeenSheet[], master: MasterTable | null): readonly SeenSheet[] {
  const [first] = seen;
  return master && first
    ? [...seen, { system: first.system, sheet: { ...first.sheet, master, subordinate: null, remote: null } }]
    : seen;
}

/** A system's sheet as its files have it. They are only read: nothing is opened there, and nobody is asked. */
export function readFromFiles(controller: Controller, id: string, system: SystemRef | undefined): GroupSheet | null {
  if (!system) return null;
  if (system.id === controller.peers.self.id) return controller.groups.sheets.byId(id) ?? null;
  const { files, random } = controller.ports;
  let catalog: Catalog | undefined;
  try {
    catalog = Catalog.open(files, random, system.path, { readOnly: true });
    return new GroupSheets(catalog).byId(id) ?? null;
  } catch (error) {
    if (isToolkitError(error)) return null;
    throw error;
  } finally {
    catalog?.close();
  }
}
