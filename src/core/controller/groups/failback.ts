import { failure, isToolkitError, type Milliseconds } from '../../foundation/foundation.js';
import type { FailbackRow, GroupEvent, GroupMember, GroupSheet, RemoteTable, SystemRef } from '../../group/group.js';
import { mapCounts } from '../../hostio/hostio.js';
import { type HalfRecord, isHalf, isReturning } from '../../pair/pair.js';
import { recorded } from '../control/recorded.js';
import type { Answered, RequestExtras, Requests } from '../control/requests.js';
import { closeReturning, finishReturn } from '../halves/roles.js';
import type { Controller, RequestContext } from '../open-controller.js';
import { resyncPairs } from '../pairs/requests.js';

type Input<Code extends keyof Requests> = Requests[Code]['input'];

/** Secondaries that wrote no more than this since they were last asked are shut out for the rest. */
const CLOSE_AT_TRACKS = 256;
/** Nor are they followed for ever: hosts that never rest would have the last word. */
const ROUNDS_MAX = 8;
/** One drain of the way back, so that a caller hears of it, and may stop, in between. */
const ROUND_MS = 2_000;
const ASK_MARGIN_MS = 30_000;

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
  const parts = partsOf(table);
  const pairs = await rowsOf(controller, id, table, parts);
  if (input.plan) return { output: { group: name, term: table.term, outcome: 'planned', pairs } };
  const subject = { operation: 'cg failback', primary: name, before: 'recovered' };
  const outcome = await recorded(
    controller,
    context,
    [subject],
    async () => {
      await askAll(controller, id, parts, 'begin');
      if (!input.wait) return 'begun' as const;
      return bringBack(controller, { id, table, parts }, input.wait.timeoutMs, extras.signal);
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

interface Part {
  readonly system: SystemRef;
  readonly pairs: readonly string[];
}

interface WayBackOfGroup {
  readonly id: string;
  readonly table: RemoteTable;
  readonly parts: readonly Part[];
}

async function bringBack(
  controller: Controller,
  way: WayBackOfGroup,
  timeoutMs: Milliseconds | undefined,
  signal: AbortSignal | undefined,
): Promise<'returned' | 'timed-out'> {
  const { clock } = controller.ports;
  const deadlineMs = timeoutMs === undefined ? Number.POSITIVE_INFINITY : clock.monotonicMs() + timeoutMs;
  const { id, parts } = way;
  let isClosed = false;
  for (let rounds = 0; ; ) {
    if (signal?.aborted)
      throw failure('interrupted', 'Stopped; the way back goes on where it is when it is run again.');
    if (clock.monotonicMs() >= deadlineMs) return 'timed-out';
    const { leftTracks, gatheredTracks } = await askAll(controller, id, parts, 'drain');
    if (leftTracks > 0) continue;
    if (isClosed && gatheredTracks === 0) break;
    rounds += 1;
    if (isClosed || (gatheredTracks > CLOSE_AT_TRACKS && rounds < ROUNDS_MAX)) continue;
    await askAll(controller, id, parts, 'close');
    controller.step('failback.closed');
    isClosed = true;
  }
  await askAll(controller, id, parts, 'finish');
  controller.step('failback.finished');
  await goHome(controller, way);
  return 'returned';
}

/**
 * This system last: as long as it counts as recovered, the way back can be gone on with here. Before it the master, after those that
 * obey it; what it forms meanwhile is refused here.
 */
async function goHome(controller: Controller, { id, table, parts }: WayBackOfGroup): Promise<void> {
  const term = table.term + 1;
  const remotes = new Map(table.members.map(({ secondary }) => [secondary.system.id, secondary.system]));
  const primaries = new Map(parts.map(({ system }) => [system.id, system]));
  const others = [...remotes.values(), ...primaries.values(), table.master].filter(
    ({ id: other }) => other !== controller.peers.self.id,
  );
  const systems = [...others, controller.peers.self];
  for (const system of systems) await controller.peers.ask(system, 'group.home', { group: id, term });
}

/** Answers at a system that has a role in the group: the recovery is over, under this term. */
export async function comeHome(controller: Controller, input: Input<'group.home'>): Promise<Answered<'group.home'>> {
  await controller.groups.sheets.update(input.group, (sheet) => homeSheet(sheet, input.term, controller.peers.self.id));
  controller.step('group.home');
  return { output: {} };
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

/** Answers at the system of the primaries, whose controller leads its pairs' way back. */
export async function returnPairs(
  controller: Controller,
  input: Input<'group.return'>,
  extras: RequestExtras,
  context: RequestContext,
): Promise<Answered<'group.return'>> {
  const halves = () => input.pairs.map((id) => controller.halves.find(id));
  switch (input.step) {
    case 'look':
      break;
    case 'begin':
      await begin(controller, halves(), context);
      break;
    case 'drain':
      await drain(controller, halves, extras);
      return { output: { ...counted(controller, halves()), gatheredTracks: await gather(controller, halves()) } };
    case 'close':
      for (const half of returning(halves())) await closeReturning(controller, half.number);
      break;
    case 'finish': {
      for (const half of halves()) demandOnItsWay(controller, half);
      const due = returning(halves()).map(({ number }) => number);
      if (due.length > 0 && !(await finishReturn(controller, due)))
        throw failure('status-refuses', 'A pair of the group lacks tracks yet, or was stopped on its way back.');
      break;
    }
  }
  return { output: counted(controller, halves()) };
}

/** A pair whose link was opened anew may have learned once more that it is displaced: without its way back it would stay so. */
function demandOnItsWay(controller: Controller, half: HalfRecord): void {
  if (half.remote.side !== 'primary' || !half.remote.displaced || isReturning(half)) return;
  throw failure(
    'status-refuses',
    `${controller.address(half.primary)} was stopped on its way back.`,
    'Run the same failback again: it goes on from here.',
  );
}

/** The old primaries take their secondaries' side; what only they had is lost, which is what the recovery decided. */
async function begin(controller: Controller, halves: readonly HalfRecord[], context: RequestContext): Promise<void> {
  for (const half of halves) {
    if (half.remote.journal) controller.sessions.returning.add(half.remote.id);
    if (half.remote.side !== 'primary' || isReturning(half)) continue;
    await demandDisplaced(controller, half);
    const selector = {
      primary: controller.catalog.volumes.get(half.primary)?.name ?? '',
      secondary: half.remote.peer.name,
      secondarySystem: half.remote.peer.system.name,
    };
    const present = controller.catalog.pairs.get(half.number);
    if (!present?.remote?.displaced) continue;
    const own = { ...context, id: `${context.id}.${half.number}` };
    await resyncPairs(controller, { pairs: [selector], reverse: true, discard: true, pace: 'fast' }, {}, own);
  }
}

/** A primary that was away learns from its secondary that it is none any more. One whose way back is over is no longer displaced. */
async function demandDisplaced(controller: Controller, half: HalfRecord): Promise<void> {
  if (half.remote.displaced) return;
  await controller.halves
    .link(half.number)
    .demand()
    .catch((error: unknown) => {
      if (!isToolkitError(error)) throw error;
    });
}

async function drain(controller: Controller, halves: () => HalfRecord[], { signal }: RequestExtras): Promise<void> {
  const { clock } = controller.ports;
  const deadlineMs = clock.monotonicMs() + ROUND_MS;
  controller.startCopying();
  try {
    while (counted(controller, halves()).leftTracks > 0 && clock.monotonicMs() < deadlineMs && !signal?.aborted) {
      controller.demandCopying();
      await controller.changed(50, signal);
    }
  } finally {
    await controller.stopCopying();
  }
}

/** What the hosts of the secondaries wrote since they were last asked; nothing is asked while there is enough to do. */
async function gather(controller: Controller, halves: readonly HalfRecord[]): Promise<number> {
  if (counted(controller, halves).leftTracks > 0) return 0;
  let tracks = 0;
  for (const { number } of returning(halves)) {
    const link = controller.halves.link(number);
    if (!link.isOpen) await link.demand();
    tracks += await link.gather('secondary');
  }
  return tracks;
}

function returning(halves: readonly HalfRecord[]): HalfRecord[] {
  return halves.filter(isReturning);
}

function counted(controller: Controller, halves: readonly HalfRecord[]) {
  const suspended = halves.find(({ state }) => state.status === 'suspended');
  if (suspended?.state.status === 'suspended' && isReturning(suspended))
    throw failure(
      'status-refuses',
      `${controller.address(suspended.primary)} was suspended on its way back: ${suspended.state.message}.`,
      'Mend the cause and run copyset cg failback again.',
    );
  const leftTracks = returning(halves).reduce((sum, half) => sum + mapCounts(controller.catalog, half).secondary, 0);
  const pairs = halves.map((half) => {
    const { outOfSync, changed, secondary } = mapCounts(controller.catalog, half);
    return { id: half.remote.id, tracks: outOfSync + changed + secondary };
  });
  return { leftTracks, gatheredTracks: 0, pairs };
}

async function askAll(
  controller: Controller,
  group: string,
  parts: readonly Part[],
  step: Input<'group.return'>['step'],
): Promise<{ leftTracks: number; gatheredTracks: number }> {
  const answers = await Promise.all(
    parts.map(({ system, pairs }) =>
      controller.peers.ask(system, 'group.return', { group, step, pairs }, ROUND_MS + ASK_MARGIN_MS),
    ),
  );
  return {
    leftTracks: answers.reduce((sum, { leftTracks }) => sum + leftTracks, 0),
    gatheredTracks: answers.reduce((sum, { gatheredTracks }) => sum + gatheredTracks, 0),
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

/** The members that the recovery brought to a group, by the systems of their old primaries. */
function partsOf({ members, verdict }: RemoteTable): readonly Part[] {
  const parts = new Map<string, { system: SystemRef; pairs: string[] }>();
  for (const { relationshipId, primary, pairId } of members) {
    if (!verdict?.relationshipIds.includes(relationshipId)) continue;
    const part = parts.get(primary.system.id) ?? { system: primary.system, pairs: [] };
    part.pairs.push(pairId);
    parts.set(primary.system.id, part);
  }
  return [...parts.values()].sort((a, b) => (a.system.id < b.system.id ? -1 : 1));
}

async function rowsOf(
  controller: Controller,
  group: string,
  table: RemoteTable,
  parts: readonly Part[],
): Promise<FailbackRow[]> {
  const there = new Map<string, number>();
  for (const { system, pairs } of parts) {
    const answer = await controller.peers.ask(system, 'group.return', { group, step: 'look', pairs });
    for (const pair of answer.pairs) there.set(pair.id, pair.tracks);
  }
  const ids = new Set(parts.flatMap(({ pairs }) => pairs));
  return table.members.filter(({ pairId }) => ids.has(pairId)).map((member) => rowOf(controller, member, there));
}

function rowOf(controller: Controller, member: GroupMember, there: ReadonlyMap<string, number>): FailbackRow {
  const { catalog, peers } = controller;
  const { primary, secondary, pairId } = member;
  const half = [...catalog.pairs.values()].filter(isHalf).find(({ remote }) => remote.id === pairId);
  const here = half && secondary.system.id === peers.self.id ? mapCounts(catalog, half).secondary : 0;
  const tracks = here + (there.get(pairId) ?? 0);
  return {
    primary: `${primary.system.name}:${primary.name}`,
    secondary: `${secondary.system.name}:${secondary.name}`,
    direction: 'secondary -> primary',
    tracks,
    bytes: tracks * (half ? (catalog.volumes.get(half.secondary)?.trackSizeBytes ?? 0) : 0),
    by: 'differences',
  };
}
