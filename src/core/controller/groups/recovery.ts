import { pairMapKey } from '../../catalog/catalog.js';
import { failure } from '../../foundation/foundation.js';
import {
  type FoundSystem,
  type GroupSheet,
  judgeRecovery,
  membersGivenUp,
  type RecoveryAnswer,
  type RecoveryJudgement,
  type RecoveryVerdict,
  type RemoteTable,
  recoveryAnswer,
  recoveryEvent,
  type SystemRef,
  verdictToKeep,
} from '../../group/group.js';
import { pairChanges } from '../../hostio/hostio.js';
import { changedRecord, completed, decide, type HalfRecord, type PairRecord, takenOverHalf } from '../../pair/pair.js';
import { recorded } from '../control/recorded.js';
import type { Answered, Requests } from '../control/requests.js';
import type { Controller, RequestContext } from '../open-controller.js';
import { tracksToCopy } from '../pairs/rows.js';
import { changePairs } from '../pairs/transaction.js';
import { readFromFiles } from './designation.js';
import { committing, memberHere, reverted } from './remote.js';

type Input<Code extends keyof Requests> = Requests[Code]['input'];

/**
 * Brings the remotes of a lost site to the last group that is whole at all of them, and makes them primaries (DESIGN.md 5.2). Needs the
 * remotes alone. First the fence, then the verdict, each durable everywhere before the next; running it again goes on where it stopped.
 */
export async function recoverGroup(
  controller: Controller,
  input: Input<'cg.recover'>,
  context: RequestContext,
): Promise<Answered<'cg.recover'>> {
  const { group: name, at, without, plan } = input;
  const seen = await look(controller, name, at);
  const id = seen[0]?.sheet.id ?? '';
  if (plan || seen.every(({ sheet }) => sheet.remote?.recovered === true && sheet.remote.verdict?.done === true)) {
    const judged = judge(controller, seen, without);
    return { output: recoveryAnswer(name, highestTerm(seen), judged) };
  }
  const subject = { operation: 'cg recover', primary: name, before: null };
  const output = await recorded(
    controller,
    context,
    [subject],
    () => carryOut(controller, name, id, seen, without),
    (answer) => ({
      after: answer.sequence === null ? answer.case : `${answer.case} ${answer.sequence}`,
      message: answer.verdict,
      group: recoveryEvent(id, answer),
    }),
  );
  return { output };
}

interface Seen {
  readonly system: SystemRef;
  readonly sheet: GroupSheet;
}

async function carryOut(
  controller: Controller,
  name: string,
  id: string,
  seen: readonly Seen[],
  without: readonly string[],
): Promise<RecoveryAnswer> {
  const { peers } = controller;
  // Judged once before the fence: what comes to nothing is told without fencing a site that may be alive.
  const first = judge(controller, seen, without);
  const term = highestTerm(seen) + 1;
  if (first.case === 'none') return recoveryAnswer(name, highestTerm(seen), first);
  const fenced: Seen[] = [];
  for (const { system } of seen) {
    const { sheet } = await peers.ask(system, 'group.fence', { group: id, term });
    if (sheet) fenced.push({ system, sheet });
  }
  controller.step('recovery.fenced');
  const judged = judge(controller, fenced, without);
  const answer = recoveryAnswer(name, term, judged);
  const verdict = verdictToKeep(judged, term);
  if (!verdict) return answer;
  for (const { system } of fenced) await peers.ask(system, 'group.verdict', { group: id, term, verdict });
  controller.step('recovery.judged');
  for (const { system } of fenced) await peers.ask(system, 'group.carry', { group: id, term });
  return answer;
}

/** The sheets of the group at the systems named. Throws `group-not-found` where one of them is no remote of it. */
async function look(controller: Controller, name: string, at: readonly SystemRef[]): Promise<readonly Seen[]> {
  const seen: Seen[] = [];
  for (const system of at) {
    const { sheets } = await controller.peers.ask(system, 'cg.list', {});
    const sheet = sheets.find((one) => one.name === name && one.remote !== null);
    if (!sheet)
      throw failure(
        'group-not-found',
        `Storage system ${system.name} is no remote of a group ${name}.`,
        `copyset cg status ${name} shows its members.`,
      );
    seen.push({ system, sheet });
  }
  return seen;
}

function judge(controller: Controller, seen: readonly Seen[], without: readonly string[]): RecoveryJudgement {
  const found: FoundSystem[] = seen.flatMap(({ system, sheet }) =>
    sheet.remote ? [{ system, table: sheet.remote }] : [],
  );
  const master = found[0]
    ? (readFromFiles(controller, seen[0]?.sheet.id ?? '', found[0].table.master)?.master?.last ?? null)
    : null;
  return judgeRecovery({ found, master, without: membersGivenUp(found, without) });
}

function highestTerm(seen: readonly Seen[]): number {
  return Math.max(...seen.map(({ sheet }) => sheet.remote?.term ?? 0));
}

/** From now on nothing of a lower term is taken here: neither orders of the group nor data of its pairs (H5). */
export async function fenceGroup(
  controller: Controller,
  input: Input<'group.fence'>,
): Promise<Answered<'group.fence'>> {
  const { catalog, groups } = controller;
  const sheet = groups.sheets.byId(input.group);
  if (!sheet?.remote) return { output: { sheet: null } };
  if (input.term < sheet.remote.term)
    throw failure('term-superseded', `${controller.place.name} knows term ${sheet.remote.term} of the group.`);
  await catalog.change(() => [
    ...halvesOf(controller, sheet.remote).map((half) => ({
      do: 'put-pair' as const,
      record: { ...half, remote: { ...half.remote, term: half.remote.term + 1 } },
    })),
    ...groups.sheets.change(input.group, withTerm(input.term)),
  ]);
  await catalog.durable();
  controller.step('group.fenced');
  return { output: { sheet: groups.sheets.byId(input.group) ?? null } };
}

function withTerm(term: number) {
  return (sheet: GroupSheet): GroupSheet => ({
    ...sheet,
    remote: sheet.remote && { ...sheet.remote, term },
    // A system may hold primaries of the group as well; they are led by nobody any more.
    subordinate: sheet.subordinate && { ...sheet.subordinate, term },
  });
}

/** The halves here whose members were not given up to a recovery before. */
function halvesOf(controller: Controller, table: RemoteTable | null): HalfRecord[] {
  if (!table || table.recovered) return [];
  const here = new Set(table.volumes.map(({ relationshipId }) => relationshipId));
  return table.members
    .filter(({ relationshipId }) => here.has(relationshipId))
    .map(({ pairId }) => controller.halves.find(pairId))
    .filter(({ remote }) => remote.side === 'secondary');
}

export async function keepVerdict(
  controller: Controller,
  input: Input<'group.verdict'>,
): Promise<Answered<'group.verdict'>> {
  demandFenced(controller, input.group, input.term);
  await controller.groups.sheets.update(input.group, (sheet) => ({
    ...sheet,
    remote: sheet.remote && { ...sheet.remote, verdict: input.verdict },
  }));
  controller.step('group.judged');
  return { output: {} };
}

/**
 * Carries the verdict out here, in two frames: what was prepared is settled; then, with the gates closed, the volumes go back to the
 * group, readable through their virtual copies at once, every track that is taken back is marked as the secondary's own (H12), and
 * hosts are let in.
 */
export async function carryVerdict(
  controller: Controller,
  input: Input<'group.carry'>,
  context: RequestContext,
): Promise<Answered<'group.carry'>> {
  const { groups, catalog } = controller;
  const table = demandFenced(controller, input.group, input.term);
  const { verdict } = table;
  if (!verdict || verdict.term !== input.term) throw failure('group-refuses', 'There is no verdict to carry out.');
  const ids = table.volumes.map(({ relationshipId }) => relationshipId);
  const due = ids.filter((id) => verdict.relationshipIds.includes(id));
  if (verdict.done) return { output: { restored: [] } };
  await settle(controller, table, input.group, verdict, ids);
  controller.step('group.settled');
  // What an earlier recovery opened is its hosts' since then: it is not taken back a second time.
  const here = due
    .map((id) => memberHere(controller, table, id))
    .filter(({ half }) => !(table.recovered && half.remote.takenOver));
  const copies = here.map(({ copy }) => copy);
  const volumes = copies.flatMap(({ primary, secondary }) => [primary, secondary]);
  const timeMs = table.groups.find(({ sequence }) => sequence === verdict.sequence)?.timeMs ?? 0;
  await changePairs(controller, context, copies, volumes, () => ({
    output: null,
    changes: [
      ...here.flatMap(({ half, copy }) => takenBack(controller, half, catalog.pairs.get(copy.number) ?? copy, timeMs)),
      ...groups.sheets.change(input.group, recovered),
    ],
  }));
  controller.step('group.carried');
  return { output: { restored: here.map(({ half }) => controller.address(half.secondary)) } };
}

async function settle(
  controller: Controller,
  table: RemoteTable,
  group: string,
  verdict: RecoveryVerdict,
  ids: readonly number[],
): Promise<void> {
  const { catalog, groups } = controller;
  const order = { group, sequence: verdict.settled, relationshipIds: ids };
  if (verdict.settle === 'nothing') return;
  const here = ids.map((id) => memberHere(controller, table, id));
  await catalog.change(
    () =>
      verdict.settle === 'commit'
        ? committing(controller, here, order)
        : groups.sheets.change(group, (sheet) => reverted(sheet, order)),
    true,
  );
  await catalog.durable();
}

function recovered(sheet: GroupSheet): GroupSheet {
  const { remote } = sheet;
  return {
    ...sheet,
    remote: remote && { ...remote, recovered: true, verdict: remote.verdict && { ...remote.verdict, done: true } },
  };
}

/** A secondary's way back to what its virtual copy keeps, as a primary, as changes of one frame. */
export function takenBack(controller: Controller, half: HalfRecord, copy: PairRecord, timeMs: number) {
  const decision = decide(copy.state, { kind: 'resync-reverse' });
  if (decision.kind === 'refuse') throw failure(decision.code, decision.why, decision.hint);
  const known = { atMs: timeMs, from: half.state.status, knownAtMs: half.remote.toldAtMs, missingTracks: 0 };
  const opened = takenOverHalf(half, known, half.remote.term);
  const restoring = decision.kind === 'do' ? restoreChanges(controller, copy, decision.change) : [];
  return [
    ...restoring,
    // The half still counts as following while the jump is worked out, which marks another of its maps; this is the one that counts.
    {
      do: 'unite' as const,
      from: pairMapKey(copy.number, 'secondary'),
      into: pairMapKey(half.number, 'secondary'),
    },
    { do: 'put-pair' as const, record: opened },
  ];
}

function restoreChanges(
  controller: Controller,
  copy: PairRecord,
  change: Extract<ReturnType<typeof decide>, { kind: 'do' }>['change'],
) {
  const nothing = tracksToCopy(controller, copy, change) === 0;
  const settled = nothing
    ? { ...change, next: completed(change.next, { outOfSyncEmpty: true, secondaryEmpty: true }) }
    : change;
  return pairChanges(controller.catalog, changedRecord(copy, settled), settled);
}

function demandFenced(controller: Controller, group: string, term: number): RemoteTable {
  const table = controller.groups.sheets.byId(group)?.remote;
  if (!table) throw failure('group-not-found', `${controller.place.name} is no remote of this group.`);
  if (table.term === term) return table;
  throw failure(
    'term-superseded',
    `${controller.place.name} knows term ${table.term} of the group; this is of ${term}.`,
  );
}
