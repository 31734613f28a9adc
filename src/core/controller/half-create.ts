import { type Change, pairMapKey, volumeMapKey } from '../catalog/catalog.js';
import { failure, sentence } from '../foundation/foundation.js';
import { pairChanges } from '../hostio/hostio.js';
import {
  changedRecord,
  decide,
  foreignVolume,
  type HalfRecord,
  isHalf,
  judgeCreate,
  type PairRecord,
  type PairState,
  type RemoteHalf,
} from '../pair/pair.js';
import type { VolumeRecord } from '../volume/volume.js';
import { secondaryHalf } from './half-orders.js';
import type { HalfRequests } from './half-requests.js';
import { markOfTerm } from './halves.js';
import type { Controller, RequestContext } from './open-controller.js';
import { creationChanges, newPair, pickSecondary } from './pair-create.js';
import { leavesCopying, withPacing } from './pair-steps.js';
import { changePairs } from './pair-transaction.js';
import { recorded } from './recorded.js';
import type { Answered, PairActionAnswer, PairActionRow, PairCreateRow, PairPlanRow, Requests } from './requests.js';
import { findVolume } from './volume-finding.js';

type Input = Requests['pair.create']['input'];
type CreateInput = HalfRequests['remote.create']['input'];

const FIRST_TERM = 1;

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
  for (const row of input.pairs) {
    const made = await createRemotePair(controller, input, row, context);
    rows.push(made.row);
    plan.push(planned(made.row));
    if (made.copies) copying.push(made.row.number);
  }
  return input.plan ? { pairs: [], plan, copying: [] } : { pairs: rows, copying };
}

async function createRemotePair(controller: Controller, input: Input, row: PairCreateRow, context: RequestContext) {
  const primary = findVolume(controller, row.primary);
  const existing = existingHalf(controller, primary, row);
  if (existing) return alreadyThere(controller, existing, row, context);
  demandPrimary(controller, primary, input.noCopy ?? false);
  const id = controller.ports.random.id();
  const answer = await askForHalf(controller, input, row, primary, id);
  if (input.plan) return { row: rowOf(controller, undefined, primary, row, answer), copies: false };
  try {
    const record = await controller.exclusively(() =>
      makePrimaryHalf(controller, input, row, primary, id, answer, context),
    );
    await controller.halves.tell([record.number]);
    return { row: rowOf(controller, record, primary, row, answer), copies: leavesCopying(record.state) };
  } catch (error) {
    const order = { pair: id, mark: markOfTerm(controller, FIRST_TERM), unreserve: false, missingTracks: 0 };
    await peerRequest(controller, row, 'remote.drop', order).catch(() => undefined);
    throw error;
  }
}

function askForHalf(controller: Controller, input: Input, row: PairCreateRow, primary: VolumeRecord, id: string) {
  return peerRequest(controller, row, 'remote.create', {
    pair: id,
    mark: markOfTerm(controller, FIRST_TERM),
    mode: input.mode === 'sync' || input.mode === 'journal' ? input.mode : 'async',
    primary: { system: controller.peers.self, number: primary.number, name: primary.name },
    sizeBytes: primary.sizeBytes,
    trackSizeBytes: primary.trackSizeBytes,
    emulation: primary.emulation,
    secondary: row.secondary,
    overwrite: input.overwrite ?? false,
    noCopy: input.noCopy ?? false,
    manual: input.manual ?? false,
    session: input.session ?? null,
    plan: input.plan ?? false,
  });
}

async function makePrimaryHalf(
  controller: Controller,
  input: Input,
  row: PairCreateRow,
  primary: VolumeRecord,
  id: string,
  answer: HalfRequests['remote.create']['output'],
  context: RequestContext,
): Promise<PairRecord> {
  const number = controller.catalog.pairNumberNext;
  const remote = {
    ...newHalf(input, id, 'primary'),
    peer: { system: systemOf(row), number: answer.volume, name: answer.name },
  };
  const fresh: PairRecord = withPacing(
    { ...newPair(controller, number, primary.number, foreignVolume(number)), mode: modeOf(input), remote },
    row,
  );
  const noCopy = input.noCopy ?? false;
  const allocated = noCopy ? [] : await allocatedThere(controller, row, id);
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

/** Answers at the secondary's system. */
export async function makeSecondaryHalf(
  controller: Controller,
  input: CreateInput,
): Promise<Answered<'remote.create'>> {
  return controller.exclusively(async () => {
    const primary = asVolume(input);
    const left = leftOver(controller, input);
    const secondary =
      left !== undefined
        ? volumeOf(controller, left.secondary)
        : input.secondary === 'auto'
          ? pickSecondary(controller, primary, input.overwrite, new Set())
          : findVolume(controller, input.secondary);
    judge(controller, input, primary, secondary, left);
    const { map } = controller.catalog.volumeMap(secondary.number, 'allocated');
    const output = { volume: secondary.number, name: secondary.name, allocatedTracks: map.count };
    if (input.plan) return { output };
    const number = left?.number ?? controller.catalog.pairNumberNext;
    const record: PairRecord = {
      ...newPair(controller, number, foreignVolume(number), secondary.number),
      mode: input.mode,
      remote: { ...newHalf(input, input.pair, 'secondary'), peer: input.primary, taken: null },
    };
    const changes: Change[] = [{ do: 'put-pair', record }];
    if (!secondary.reserved || secondary.incomplete)
      changes.push({ do: 'put-volume', record: { ...secondary, reserved: true, incomplete: null } });
    await controller.catalog.change(() => changes, true);
    controller.fabric.pairsChanged();
    await controller.catalog.durable();
    controller.step('half.made');
    return { output };
  });
}

/** Answers at the secondary's system: the half goes, whatever its state. */
export async function dropSecondaryHalf(
  controller: Controller,
  input: HalfRequests['remote.drop']['input'],
): Promise<Answered<'remote.drop'>> {
  return controller.exclusively(async () => {
    if (![...controller.catalog.pairs.values()].some((row) => row.remote?.id === input.pair))
      return { output: { dropped: false } };
    const half = secondaryHalf(controller, input.pair);
    if (input.mark.term < half.remote.term)
      throw failure(
        'term-superseded',
        'The secondary was made a primary; it is deleted there.',
        'copyset pair list shows it.',
      );
    const volume = volumeOf(controller, half.secondary);
    const incomplete =
      input.missingTracks === 0
        ? volume.incomplete
        : { missingTracks: input.missingTracks, reason: `its pair was deleted while it was ${half.state.status}` };
    const row = { ...volume, incomplete, reserved: volume.reserved && !input.unreserve };
    await controller.catalog.change(
      () => [
        { do: 'drop-pair', number: half.number },
        { do: 'put-volume', record: row },
      ],
      true,
    );
    controller.halves.reopen(half.number);
    controller.fabric.pairsChanged();
    await controller.catalog.durable();
    await controller.removeLeftovers();
    return { output: { dropped: true } };
  });
}

function judge(
  controller: Controller,
  input: CreateInput,
  primary: VolumeRecord,
  secondary: VolumeRecord,
  left: HalfRecord | undefined,
): void {
  const { catalog } = controller;
  const verdict = judgeCreate({
    primary,
    secondary,
    pairs: [...catalog.pairs.values()].filter((pair) => pair !== left),
    secondaryHoldsData: !catalog.volumeMap(secondary.number, 'allocated').map.isEmpty,
    overwrite: input.overwrite || left !== undefined,
    noCopy: input.noCopy,
  });
  if (verdict.kind === 'refuse')
    throw failure(verdict.code, sentence(`${controller.address(secondary.number)}: ${verdict.why}`), verdict.hint);
}

/** A half of the same primary whose primary's half was never made: a creation that was interrupted. */
function leftOver(controller: Controller, { primary }: CreateInput): HalfRecord | undefined {
  return [...controller.catalog.pairs.values()]
    .filter(isHalf)
    .find(
      ({ remote }) =>
        remote.side === 'secondary' &&
        remote.taken === null &&
        remote.peer.system.id === primary.system.id &&
        remote.peer.number === primary.number,
    );
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

async function alreadyThere(controller: Controller, existing: PairRecord, row: PairCreateRow, context: RequestContext) {
  const { status } = existing.state;
  if (status !== 'pending' && status !== 'duplex' && status !== 'resync')
    throw failure(
      'status-refuses',
      `${controller.address(existing.primary)} -> ${controller.address(existing.secondary)} is there and is ${status}.`,
      'Make it follow its primary again with `pair resync`, or delete it first.',
    );
  const paced = withPacing(existing, row);
  if (paced !== existing)
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

function newHalf(
  { manual, session }: { manual?: boolean | undefined; session?: string | null | undefined },
  id: string,
  side: RemoteHalf['side'],
): Omit<RemoteHalf, 'peer'> {
  return {
    id,
    side,
    term: FIRST_TERM,
    taken: null,
    manual: manual ?? false,
    session: session ?? null,
    group: null,
    toldAtMs: null,
    displaced: false,
  };
}

/** The primary as the secondary's system sees it: a volume of no table of its own. */
function asVolume(input: CreateInput): VolumeRecord {
  return {
    number: foreignVolume(0),
    name: `${input.primary.system.name}:${input.primary.name}`,
    sizeBytes: input.sizeBytes,
    trackSizeBytes: input.trackSizeBytes,
    emulation: input.emulation,
    reserved: false,
    imagePath: '',
    status: 'normal',
    blockedReason: null,
    incomplete: null,
    createdAtMs: 0,
  };
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

function volumeOf(controller: Controller, number: number): VolumeRecord {
  const volume = controller.catalog.volumes.get(number);
  if (!volume) throw failure('volume-not-found', `Volume ${number} is not there.`);
  return volume;
}
