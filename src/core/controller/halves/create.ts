import { type Change, pairMapKey, volumeMapKey } from '../../catalog/catalog.js';
import { failure, sentence } from '../../foundation/foundation.js';
import { pairChanges } from '../../hostio/hostio.js';
import {
  changedRecord,
  decide,
  differsFrom,
  foreignVolume,
  judgeCreate,
  newJournalHalf,
  operationAnswer,
  type PairRecord,
  type PairState,
} from '../../pair/pair.js';
import type { VolumeRecord } from '../../volume/volume.js';
import { recorded } from '../control/recorded.js';
import type { PairActionAnswer, PairActionRow, PairCreateRow, PairPlanRow, Requests } from '../control/requests.js';
import type { Controller, RequestContext } from '../open-controller.js';
import { demandNoCircle } from '../pairs/circles.js';
import { creationChanges, newPair } from '../pairs/create.js';
import { leavesCopying, withPacing } from '../pairs/steps.js';
import { changePairs } from '../pairs/transaction.js';
import { findVolume } from '../volumes/finding.js';
import { markOfTerm } from './halves.js';
import { demandJournalPrimary, demandSameBackup, demandSameMode, journalWish } from './journal.js';
import { FIRST_TERM, newHalf, volumeOf } from './made.js';
import type { HalfRequests } from './requests.js';

type Input = Requests['pair.create']['input'];

/**
 * Makes pairs whose secondaries lie in another system: first each secondary's half, durably, then the primary's. Interrupted in
 * between, the same command finds the half that is there.
 */
export async function createRemotePairs(
  controller: Controller,
  input: Input,
  context: RequestContext,
): Promise<PairActionAnswer> {
  const rows: PairActionRow[] = [];
  const plan: PairPlanRow[] = [];
  const copying: number[] = [];
  for (const [index, row] of input.pairs.entries()) {
    // Each pair is a frame of its own, and none of them is the answer to the request (H28).
    const made = await createRemotePair(controller, input, row, { ...context, id: `${context.id}.${index}` });
    rows.push(made.row);
    plan.push(planned(made.row));
    if (made.copies) copying.push(made.row.number);
  }
  return input.plan ? { pairs: [], plan, copying: [] } : { pairs: rows, copying };
}

async function createRemotePair(controller: Controller, input: Input, row: PairCreateRow, context: RequestContext) {
  const primary = findVolume(controller, row.primary);
  const existing = existingHalf(controller, primary, row);
  if (existing) {
    demandSameMode(controller, existing, input);
    demandSameWords(controller, existing, input, row);
    await demandSameBackup(controller, existing, row);
    return alreadyThere(controller, existing, row, input.plan ?? false, context);
  }
  demandPrimary(controller, primary, input.noCopy ?? false);
  demandJournalPrimary(controller, primary, input);
  if (!input.plan)
    controller.splits.demandFree([{ number: controller.catalog.pairNumberNext, primary: primary.number }]);
  const id = controller.ports.random.id('pair');
  const journal = await journalWish(controller, input, row);
  const ask = (plan: boolean) => askForHalf(controller, { ...input, plan }, row, primary, id, journal);
  const judged = isSecondary(controller, primary) || input.plan ? await ask(true) : undefined;
  if (judged?.leads) await demandOpenChain(controller, primary, row, judged);
  const answer = input.plan && judged ? judged : await ask(false);
  if (input.plan) return { row: rowOf(controller, undefined, primary, row, answer), copies: false };
  try {
    // Another pair of the chain may have been made meanwhile. Of several the last one sees the halves of all others, whatever led then.
    if (answer.leads || isSecondary(controller, primary)) await demandOpenChain(controller, primary, row, answer);
    // Its hosts are shut out there from now on. Nothing is held while the peer is awaited (H26).
    const allocated = input.noCopy ? [] : await allocatedThere(controller, row, id);
    const record = await controller.exclusively(() =>
      makePrimaryHalf(controller, input, row, primary, { id, answer, allocated, journal }, context),
    );
    await controller.halves.tell([record.number]);
    return { row: rowOf(controller, record, primary, row, answer), copies: leavesCopying(record.state) };
  } catch (error) {
    const order = { pair: id, mark: markOfTerm(controller, FIRST_TERM), unreserve: false, missingTracks: 0 };
    await peerRequest(controller, row, 'remote.drop', order).catch(() => undefined);
    throw error;
  }
}

/** Refuses a pair that would close a circle over other systems. To a volume that leads nowhere a system out of reach is no hindrance. */
async function demandOpenChain(
  controller: Controller,
  { number }: VolumeRecord,
  row: PairCreateRow,
  { leads, volume }: Requests['remote.create']['output'],
): Promise<void> {
  await demandNoCircle(controller, number, { system: systemOf(row), number: volume }, !leads);
}

function isSecondary({ catalog }: Controller, { number }: VolumeRecord): boolean {
  return catalog.pairsOf(number).some((pair) => catalog.pairs.get(pair)?.secondary === number);
}

function askForHalf(
  controller: Controller,
  input: Input,
  row: PairCreateRow,
  primary: VolumeRecord,
  id: string,
  journal: HalfRequests['remote.create']['input']['journal'],
) {
  return peerRequest(controller, row, 'remote.create', {
    pair: id,
    mark: markOfTerm(controller, FIRST_TERM),
    mode: input.mode === 'sync' || input.mode === 'journal' ? input.mode : 'async',
    primary: { system: controller.peers.self, number: primary.number, name: primary.name },
    known: controller.catalog
      .pairsOf(primary.number)
      .flatMap((pair) => controller.catalog.pairs.get(pair)?.remote?.id ?? []),
    sizeBytes: primary.sizeBytes,
    trackSizeBytes: primary.trackSizeBytes,
    emulation: primary.emulation,
    secondary: row.secondary,
    overwrite: input.overwrite ?? false,
    noCopy: input.noCopy ?? false,
    manual: input.manual ?? false,
    session: input.session ?? null,
    journal,
    plan: input.plan ?? false,
  });
}

/** What came of asking for the secondary's half. */
interface Asked {
  readonly id: string;
  readonly answer: HalfRequests['remote.create']['output'];
  readonly allocated: readonly number[];
  readonly journal: HalfRequests['remote.create']['input']['journal'];
}

async function makePrimaryHalf(
  controller: Controller,
  input: Input,
  row: PairCreateRow,
  primary: VolumeRecord,
  { id, answer, allocated, journal }: Asked,
  context: RequestContext,
): Promise<PairRecord> {
  demandPrimary(controller, volumeOf(controller, primary.number), input.noCopy ?? false);
  demandJournalPrimary(controller, primary, input);
  const number = controller.catalog.pairNumberNext;
  const remote = {
    ...newHalf(input, id, 'primary'),
    peer: { system: systemOf(row), number: answer.volume, name: answer.name },
    journal: journal && newJournalHalf(journal.session),
  };
  const fresh: PairRecord = withPacing(
    { ...newPair(controller, number, primary.number, foreignVolume(number)), mode: modeOf(input), remote },
    row,
  );
  const noCopy = input.noCopy ?? false;
  const subject = { operation: 'pair create', primary: controller.address(primary.number), before: 'simplex' };
  const { output } = await recorded(
    controller,
    context,
    [{ ...subject, secondary: `${systemOf(row).name}:${answer.name}` }],
    () =>
      changePairs(controller, context, [], [primary.number], () => {
        const nothingToCopy = noCopy || (allocated.length === 0 && isEmpty(controller, primary));
        const made: PairRecord = nothingToCopy ? { ...fresh, state: { status: 'duplex' } } : fresh;
        const changes = creationChanges(controller, made, noCopy);
        if (allocated.length > 0) changes.push({ do: 'set', map: pairMapKey(number, 'outOfSync'), runs: allocated });
        return row.split ? splitAtOnce(controller, made, nothingToCopy, changes) : { changes, output: made };
      }),
    ({ output: record }) => ({ after: record.state.status }),
  );
  return output;
}

function splitAtOnce(controller: Controller, made: PairRecord, whole: boolean, changes: Change[]) {
  const atMs = Math.floor(controller.ports.clock.nowMs());
  const split = decide(made.state, { kind: 'split', atMs, virtual: false });
  if (split.kind !== 'do') return { changes, output: made };
  const frozen = changedRecord(made, split.change);
  const state: PairState =
    whole && frozen.state.status === 'sp-pending' ? { ...frozen.state, status: 'split' } : frozen.state;
  const after = { ...frozen, state };
  return { changes: [...changes, ...pairChanges(controller.catalog, after, split.change)], output: after };
}

async function allocatedThere(controller: Controller, row: PairCreateRow, pair: string): Promise<number[]> {
  const runs: number[] = [];
  for (let from: number | null = 0; from !== null; ) {
    const answer: HalfRequests['remote.map']['output'] = await peerRequest(controller, row, 'remote.map', {
      pair,
      map: 'allocated',
      from,
    });
    runs.push(...answer.runs);
    from = answer.next;
  }
  return runs;
}

function existingHalf(controller: Controller, primary: VolumeRecord, row: PairCreateRow): PairRecord | undefined {
  const system = systemOf(row);
  return controller.catalog
    .pairsOf(primary.number)
    .map((number) => controller.catalog.pairs.get(number))
    .find((pair) => {
      const peer = pair?.remote?.side === 'primary' ? pair.remote.peer : undefined;
      return peer?.system.id === system.id && (row.secondary === 'auto' || row.secondary === peer.name);
    });
}

function demandSameWords(controller: Controller, existing: PairRecord, input: Input, row: PairCreateRow): void {
  const pair = `${controller.address(existing.primary)} -> ${controller.address(existing.secondary)}`;
  if (operationAnswer(existing.state, 'create') !== 'nothing')
    throw failure(
      'status-refuses',
      `${pair} is there and is ${existing.state.status}.`,
      'Make it follow its primary again with `pair resync`, or delete it first.',
    );
  const { noCopy, manual } = input;
  const differs = differsFrom(existing, { split: row.split || row.virtual, noCopy, manual });
  if (differs) throw failure(differs.code, sentence(`${pair}: ${differs.why}`), differs.hint);
}

async function alreadyThere(
  controller: Controller,
  existing: PairRecord,
  row: PairCreateRow,
  plan: boolean,
  context: RequestContext,
) {
  const { status } = existing.state;
  const paced = withPacing(existing, row);
  if (paced !== existing && !plan)
    await changePairs(controller, context, [existing], [existing.primary], () => ({
      changes: [{ do: 'put-pair', record: paced }],
      output: null,
    }));
  const primary = volumeOf(controller, existing.primary);
  const tracks = controller.catalog.pairMap(existing.number, 'outOfSync').map.count;
  const made: PairActionRow = {
    number: existing.number,
    primary: controller.address(existing.primary),
    secondary: controller.address(existing.secondary),
    before: status,
    after: status,
    outcome: paced === existing ? 'nothing' : 'done',
    tracks,
    bytes: tracks * primary.trackSizeBytes,
    bytesLost: 0,
  };
  return { row: made, copies: leavesCopying(existing.state) };
}

function demandPrimary(controller: Controller, primary: VolumeRecord, noCopy: boolean): void {
  const verdict = judgeCreate({
    primary,
    // The secondary is judged by its own system.
    secondary: { ...primary, number: foreignVolume(controller.catalog.pairNumberNext), incomplete: null },
    pairs: [...controller.catalog.pairs.values()],
    secondaryHoldsData: false,
    overwrite: true,
    noCopy,
  });
  if (verdict.kind === 'refuse') throw failure(verdict.code, sentence(verdict.why), verdict.hint);
}

function rowOf(
  controller: Controller,
  record: PairRecord | undefined,
  primary: VolumeRecord,
  row: PairCreateRow,
  answer: HalfRequests['remote.create']['output'],
): PairActionRow {
  const { catalog } = controller;
  const tracks = record
    ? catalog.pairMap(record.number, 'outOfSync').map.count
    : Math.max(catalog.volumeMap(primary.number, 'allocated').map.count, answer.allocatedTracks);
  return {
    number: record?.number ?? catalog.pairNumberNext,
    primary: controller.address(primary.number),
    secondary: `${systemOf(row).name}:${answer.name}`,
    before: 'simplex',
    after: record?.state.status ?? (row.split ? 'sp-pending' : tracks === 0 ? 'duplex' : 'pending'),
    outcome: 'done',
    tracks,
    bytes: tracks * primary.trackSizeBytes,
    bytesLost: 0,
  };
}

function planned({ before, after, tracks, ...row }: PairActionRow): PairPlanRow {
  const { primary, secondary, bytes, bytesLost } = row;
  const direction = tracks > 0 ? 'primary -> secondary' : 'none';
  return { primary, secondary, from: before, to: after, direction, tracks, bytes, bytesLost };
}

async function peerRequest<Code extends keyof HalfRequests>(
  controller: Controller,
  row: PairCreateRow,
  code: Code,
  input: HalfRequests[Code]['input'],
): Promise<HalfRequests[Code]['output']> {
  const { linkLimitMs } = controller.place.info;
  const answered = await controller.peers.request(systemOf(row), code, input as never, { limitMs: linkLimitMs });
  return answered.output as HalfRequests[Code]['output'];
}

function systemOf(row: PairCreateRow) {
  if (!row.secondarySystem) throw failure('usage', 'The secondary lies in this system.');
  return row.secondarySystem;
}

function modeOf(input: Input): 'sync' | 'async' | 'journal' {
  return input.mode === 'sync' || input.mode === 'journal' ? input.mode : 'async';
}

function isEmpty(controller: Controller, { number }: VolumeRecord): boolean {
  return controller.catalog.countOf(volumeMapKey(number, 'allocated')) === 0;
}
