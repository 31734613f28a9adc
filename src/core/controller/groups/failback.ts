import { failure } from '../../foundation/foundation.js';
import type { FailbackRow, GroupEvent, GroupMember, GroupSheet, RemoteTable } from '../../group/group.js';
import { mapCounts } from '../../hostio/hostio.js';
import { isHalf } from '../../pair/pair.js';
import { isLoss } from '../../transfer/transfer.js';
import { recorded } from '../control/recorded.js';
import type { Answered, RequestExtras, Requests } from '../control/requests.js';
import { backupsRestored } from '../halves/restoring.js';
import { leadAgain } from '../halves/roles.js';
import { bringBack, failbackRow, type JointWayBack, partsOf, tracksAtPrimaries } from '../halves/way-back.js';
import type { Controller, RequestContext } from '../open-controller.js';

type Input<Code extends keyof Requests> = Requests[Code]['input'];

/**
 * Brings a recovered group back (DESIGN.md 5.2): the differences go to the old primaries while the recovered side serves; when little is
 * left it is shut out at all its systems, the rest follows, and all pairs turn their roles back under a higher term. Run again, it goes
 * on where it stopped.
 */
export async function failBack(
  controller: Controller,
  input: Input<'cg.failback'>,
  extras: RequestExtras,
  context: RequestContext,
): Promise<Answered<'cg.failback'>> {
  const { id, name, table } = demandRecovered(controller, input.group);
  const way = wayBackOf(id, table);
  const pairs = await rowsOf(controller, way);
  if (input.plan) return { output: { group: name, term: table.term, outcome: 'planned', pairs } };
  const subject = { operation: 'cg failback', primary: name, before: 'recovered' };
  const outcome = await recorded(
    controller,
    context,
    [subject],
    async () => {
      const kept = membersOf(table).map(({ secondary, backup }) => ({ ...secondary, backup: backup.name }));
      const wish = { wait: input.wait, signal: extras.signal };
      if (input.wait && !(await backupsRestored(controller, kept, wish))) return 'timed-out';
      return bringBack(controller, way, {
        ...wish,
        goHome: () => goHome(controller, way),
      });
    },
    (end) => ({ after: end, ...(end === 'returned' ? { group: returnedEvent(id, name) } : {}) }),
  );
  const term = controller.groups.sheets.byId(id)?.remote?.term ?? table.term;
  return { output: { group: name, term, outcome, pairs } };
}

function returnedEvent(groupId: string, group: string): GroupEvent {
  const nothing = {
    sequence: null,
    time: null,
    reason: null,
    failure: null,
    pauseMs: null,
    drainMs: null,
    tracks: null,
  };
  return { groupId, group, deed: 'failback', outcome: 'done', ...nothing };
}

interface WayBackOfGroup extends JointWayBack {
  readonly table: RemoteTable;
}

/**
 * This system last: as long as it counts as recovered, the way back can be gone on with here. Before it the master, after those that
 * obey it; what it forms meanwhile is refused here. Whoever has no part in what was recovered is told where it can be reached.
 */
async function goHome(controller: Controller, { of: group, table, parts }: WayBackOfGroup): Promise<void> {
  const { peers } = controller;
  const term = table.term + 1;
  const recovered = membersOf(table).map(({ secondary }) => secondary.system);
  const needed = new Set([...recovered, ...parts.map(({ system }) => system), table.master].map(({ id }) => id));
  const all = [
    ...table.members.map(({ secondary }) => secondary.system),
    ...table.members.map(({ primary }) => primary.system),
    table.master,
  ];
  const others = new Map(all.filter(({ id }) => id !== table.master.id).map((system) => [system.id, system]));
  others.set(table.master.id, table.master);
  others.delete(peers.self.id);
  for (const system of [...others.values(), peers.self])
    await peers.ask(system, 'group.home', { group, term }).catch((error: unknown) => {
      if (!isLoss(error) || needed.has(system.id)) throw error;
    });
}

/** Answers at a system that has a role in the group: the recovery is over, under this term. */
export async function comeHome(controller: Controller, input: Input<'group.home'>): Promise<Answered<'group.home'>> {
  await leadMembers(controller, input.group);
  await controller.groups.sheets.update(input.group, (sheet) => homeSheet(sheet, input.term, controller.peers.self.id));
  controller.step('group.home');
  return { output: {} };
}

/**
 * Members whose secondaries the recovery fenced and left out, or was told to give up, go on as they were. One whose secondary is lost was
 * not fenced.
 */
async function leadMembers(controller: Controller, group: string): Promise<void> {
  const members = controller.groups.sheets.byId(group)?.subordinate?.members ?? [];
  for (const half of [...controller.catalog.pairs.values()].filter(isHalf)) {
    if (half.remote.side !== 'primary' || !members.some(({ pairId }) => pairId === half.remote.id)) continue;
    await leadAgain(controller, half).catch((error: unknown) => {
      if (!isLoss(error)) throw error;
    });
  }
}

function homeSheet({ master, subordinate, remote, ...sheet }: GroupSheet, term: number, self: string): GroupSheet {
  // One that handed over to another before the disaster is not master again.
  const isMaster = ((remote ?? subordinate)?.master.id ?? self) === self;
  // One that is told again may have begun a formation since.
  const isHome = master !== null && master.term >= term;
  return {
    ...sheet,
    // The recovery has settled whatever its last formation had left open.
    master:
      master && isMaster && !isHome
        ? { ...master, term, handedOver: false, last: master.last && { ...master.last, phase: 'settled' } }
        : master,
    subordinate: subordinate && { ...subordinate, term, failedOver: false },
    remote: remote && { ...remote, term, recovered: false, verdict: null },
  };
}

function demandRecovered(controller: Controller, name: string) {
  const sheet = controller.groups.sheets.all().find((one) => one.name === name);
  if (sheet?.remote?.recovered) return { id: sheet.id, name, table: sheet.remote };
  throw failure(
    'group-refuses',
    `Group ${name} was not recovered at ${controller.place.name}, so there is nothing to bring back.`,
    `copyset cg status ${name} shows how it stands.`,
  );
}

/** The members that the recovery brought to a group. */
function membersOf({ members, verdict }: RemoteTable): readonly GroupMember[] {
  return members.filter(({ relationshipId }) => verdict?.relationshipIds.includes(relationshipId));
}

function wayBackOf(id: string, table: RemoteTable): WayBackOfGroup {
  return {
    of: id,
    table,
    parts: partsOf(membersOf(table).map(({ primary, pairId: pair }) => ({ pair, primary: primary.system }))),
  };
}

async function rowsOf(controller: Controller, way: WayBackOfGroup): Promise<FailbackRow[]> {
  const there = await tracksAtPrimaries(controller, way);
  const ids = new Set(way.parts.flatMap(({ pairs }) => pairs));
  return way.table.members.filter(({ pairId }) => ids.has(pairId)).map((member) => rowOf(controller, member, there));
}

function rowOf(controller: Controller, member: GroupMember, there: ReadonlyMap<string, number>): FailbackRow {
  const { catalog, peers } = controller;
  const { primary, secondary, pairId } = member;
  const half = [...catalog.pairs.values()].filter(isHalf).find(({ remote }) => remote.id === pairId);
  const here = half && secondary.system.id === peers.self.id ? mapCounts(catalog, half).secondary : 0;
  const trackSizeBytes = half ? (catalog.volumes.get(half.secondary)?.trackSizeBytes ?? 0) : 0;
  return failbackRow(
    {
      primary: `${primary.system.name}:${primary.name}`,
      secondary: `${secondary.system.name}:${secondary.name}`,
    },
    here + (there.get(pairId) ?? 0),
    trackSizeBytes,
  );
}
