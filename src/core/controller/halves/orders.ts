import { type Change, flatten, pairMapKey } from '../../catalog/catalog.js';
import { failure } from '../../foundation/foundation.js';
import { coolSplit, mapCounts } from '../../hostio/hostio.js';
import { frozenOf, type HalfRecord } from '../../pair/pair.js';
import { compareMarks, displacePrimary, type HalfShown, type TransferRequests } from '../../transfer/transfer.js';
import type { Answered, RequestExtras } from '../control/requests.js';
import { demandUninhibited } from '../groups/remote.js';
import type { Controller } from '../open-controller.js';
import type { HalfRequests } from './requests.js';

type Input<Code extends keyof TransferRequests> = TransferRequests[Code]['input'];

/** Runs of one answer to `remote.map`; a map of more is told in several. */
const RUNS_MAX = 50_000;

/** Begins a link session: durable before it counts, so that nothing of an earlier one is taken ever after (H4). */
export async function openHalf(controller: Controller, input: Input<'remote.open'>): Promise<Answered<'remote.open'>> {
  const { mark, pair } = input;
  const half = secondaryHalf(controller, pair);
  // A lower term is answered, not refused: the sender learns from it that it was replaced.
  if (mark.term < half.remote.term) return { output: shown(controller, half) };
  const { taken } = half.remote;
  if (taken && compareMarks(mark, taken) <= 0) throw failure('link-lost', 'A later link session is open.');
  // From here on nothing of an earlier session lands, whatever becomes of this one.
  controller.halves.receiver(half.number).close();
  await change(controller, pair, (row) => {
    const { taken: latest, term, peer } = row.remote;
    if (latest && compareMarks(mark, latest) <= 0) throw failure('link-lost', 'A later link session is open.');
    const remote = {
      ...row.remote,
      taken: mark,
      term: Math.max(term, mark.term),
      peer: { ...peer, system: input.from },
    };
    return [{ do: 'put-pair', record: { ...row, remote } }];
  });
  controller.halves.receiver(half.number).begin(mark, input.heardMs);
  controller.halves.heard(half.number);
  controller.step('half.opened');
  return { output: shown(controller, controller.halves.find(pair)) };
}

export async function showHalf(controller: Controller, input: Input<'remote.show'>): Promise<Answered<'remote.show'>> {
  return { output: shown(controller, secondaryHalf(controller, input.pair)) };
}

export async function beatHalf(controller: Controller, input: Input<'remote.beat'>): Promise<Answered<'remote.beat'>> {
  return { output: shown(controller, ordered(controller, input)) };
}

/**
 * Takes the state that the primary's half has. Hosts are let in or shut out with it; a host's write in flight then either landed
 * before, and is in the map that is handed over, or is refused (H16).
 */
export async function tellHalf(controller: Controller, input: Input<'remote.tell'>): Promise<Answered<'remote.tell'>> {
  const half = ordered(controller, input);
  const receiver = controller.halves.receiver(half.number);
  // What a synchronous primary sent left no mark: it is durable before the split lets its regions go cold.
  const flushes = frozenOf(input.state) !== undefined && half.state.status !== input.state.status;
  const take = (): Change[] => {
    const row = ordered(controller, input);
    if (receiver.hasLater(input.nth)) return [];
    receiver.told(input.nth);
    const remote = {
      ...row.remote,
      group: input.group,
      takenOver: null,
      toldAtMs: Math.floor(controller.ports.clock.nowMs()),
      toldMissingTracks: input.missingTracks,
    };
    const changes: Change[] = [{ do: 'put-pair', record: { ...row, state: input.state, remote } }];
    return [...changes, ...(flushes ? coolSplit(controller.fabric, changes) : [])];
  };
  await change(controller, input.pair, take, flushes);
  controller.step('half.told');
  controller.notify();
  return { output: shown(controller, controller.halves.find(input.pair)) };
}

export async function mapOfHalf(controller: Controller, input: Input<'remote.map'>): Promise<Answered<'remote.map'>> {
  const half = secondaryHalf(controller, input.pair);
  const { catalog } = controller;
  const { map } =
    input.map === 'allocated'
      ? catalog.volumeMap(half.secondary, 'allocated')
      : catalog.pairMap(half.number, input.map);
  const runs: { first: number; count: number }[] = [];
  let run = map.nextRun(input.from);
  for (; run && runs.length < RUNS_MAX; run = map.nextRun(run.first + run.count)) runs.push(run);
  return { output: { runs: flatten(runs), next: run?.first ?? null } };
}

/** What is collected stays where it is until the primary has it, durably, and says so. */
export async function collectHalf(
  controller: Controller,
  input: Input<'remote.collect'>,
): Promise<Answered<'remote.collect'>> {
  const half = ordered(controller, input);
  await change(controller, input.pair, () => {
    const { number } = ordered(controller, input);
    return [{ do: 'fold', from: pairMapKey(number, 'secondary'), into: pairMapKey(number, 'changed') }];
  });
  return { output: { tracks: mapCounts(controller.catalog, half).changed } };
}

export async function mergedHalf(
  controller: Controller,
  input: Input<'remote.merged'>,
): Promise<Answered<'remote.merged'>> {
  await controller.catalog.change(() => {
    const { number } = ordered(controller, input);
    return [{ do: 'empty', map: pairMapKey(number, input.map) }];
  }, true);
  await controller.catalog.durable();
  controller.step('half.merged');
  return { output: {} };
}

export async function takeCopy(
  controller: Controller,
  input: Input<'remote.copy'>,
  { data, giveBack }: RequestExtras,
): Promise<Answered<'remote.copy'>> {
  const half = ordered(controller, input);
  demandUninhibited(controller, half);
  const { first, count, codes } = input;
  await controller.halves
    .receiver(half.number)
    .land(input, { first, count }, { bytes: data, isBulk: giveBack !== undefined, codes });
  giveBack?.();
  return { output: {} };
}

export async function settleHalf(
  controller: Controller,
  input: Input<'remote.settle'>,
): Promise<Answered<'remote.settle'>> {
  const half = ordered(controller, input);
  await controller.halves.receiver(half.number).settle(input, input.end);
  return { output: {} };
}

export async function writeHalf(
  controller: Controller,
  input: Input<'remote.write'>,
  data: Uint8Array | undefined,
): Promise<Answered<'remote.write'>> {
  const half = ordered(controller, input);
  const receiver = controller.halves.receiver(half.number);
  await receiver.write(input.mark, input.place, input.writes, data ?? new Uint8Array(0));
  // Another pair of the volume may have to copy it further (DESIGN.md 5.3).
  if (controller.fabric.legs(half.secondary).length > 1) controller.copier.wake();
  return { output: {} };
}

export async function flushHalf(
  controller: Controller,
  input: Input<'remote.flush'>,
): Promise<Answered<'remote.flush'>> {
  const half = ordered(controller, input);
  await controller.fabric.flush(half.secondary);
  controller.step('receive.flushed');
  return { output: {} };
}

export async function fetchHalf(
  controller: Controller,
  input: Input<'remote.fetch'>,
): Promise<Answered<'remote.fetch'>> {
  const half = ordered(controller, input);
  const { data, codes } = controller.halves.receiver(half.number).read({ first: input.first, count: input.count });
  return { output: { codes }, data };
}

export async function codesOfHalf(
  controller: Controller,
  input: Input<'remote.codes'>,
): Promise<Answered<'remote.codes'>> {
  const half = secondaryHalf(controller, input.pair);
  const codes = controller.halves.receiver(half.number).codes({ first: input.first, count: input.count });
  return { output: { codes } };
}

/** Answers at the primary's system what its half is now. */
export async function leadingHalf(
  controller: Controller,
  { pair }: HalfRequests['remote.leading']['input'],
): Promise<Answered<'remote.leading'>> {
  const { remote, state } = controller.halves.find(pair);
  return { output: { status: remote.side === 'primary' ? state.status : 'simplex', displaced: remote.displaced } };
}

/** Answers at the primary's system: its secondary was made a primary under this term (H5, H25). */
export async function displaceHalf(
  controller: Controller,
  input: HalfRequests['remote.displace']['input'],
): Promise<Answered<'remote.displace'>> {
  const half = controller.halves.find(input.pair);
  if (half.remote.side !== 'primary' || half.remote.term >= input.term) return { output: { displaced: false } };
  const changed = await displacePrimary(controller.fabric, controller.fabric.pair(half.number));
  if (changed) controller.onHalfChanged(changed.before, changed.after, 'its secondary was made a primary');
  return { output: { displaced: true } };
}

/** The secondary's half, for an order whose mark counts. Throws `term-superseded`, `link-lost`, `pair-not-found`. */
function ordered(controller: Controller, { pair, mark }: Pick<Input<'remote.beat'>, 'pair' | 'mark'>): HalfRecord {
  const half = secondaryHalf(controller, pair);
  controller.halves.receiver(half.number).demandMark(mark);
  controller.halves.heard(half.number);
  return half;
}

export function secondaryHalf(controller: Controller, id: string): HalfRecord {
  const half = controller.halves.find(id);
  if (half.remote.side === 'secondary') return half;
  throw failure(
    'term-superseded',
    `${controller.address(half.primary)} is the primary of this pair now.`,
    'copyset pair list shows both sides.',
  );
}

/** Changes the half, durably, with its volume's gate closed and quiet: no write is half before it and half behind it. */
export async function change(
  controller: Controller,
  id: string,
  decide: (row: HalfRecord) => Change[],
  flushes = false,
): Promise<void> {
  const { fabric, catalog } = controller;
  const volume = fabric.volume(controller.halves.find(id).secondary);
  volume.gate.close();
  try {
    await volume.gate.quiet();
    if (flushes && volume.hot.size > 0) await fabric.flush(volume.number);
    await catalog.change(() => decide(controller.halves.find(id)), true);
    await catalog.durable();
  } finally {
    volume.gate.open();
  }
}

function shown(controller: Controller, half: HalfRecord): HalfShown {
  const { outOfSync } = mapCounts(controller.catalog, half);
  const { state, remote } = half;
  const written = writtenTracks(controller, half);
  return {
    volume: half.secondary,
    name: controller.catalog.volumes.get(half.secondary)?.name ?? '?',
    state,
    term: remote.term,
    takenOver: remote.takenOver !== null,
    // Returning to a split is no return to something else: it changes nothing at the secondary.
    written: written > 0 || remote.takenOver !== null || (state.status === 'suspended' && state.allowWrite),
    secondaryTracks: written,
    doubtTracks: outOfSync,
    backup: backupOf(controller, half),
  };
}

function backupOf({ catalog }: Controller, { remote }: HalfRecord): HalfShown['backup'] {
  const volume = remote.journal?.backup == null ? undefined : catalog.volumes.get(remote.journal.backup);
  return volume && { number: volume.number, name: volume.name };
}

/** Tracks that the secondary's host wrote and that its primary has not taken over. */
export function writtenTracks({ catalog }: Controller, { number }: HalfRecord): number {
  const { secondary, changed } = mapCounts(catalog, { number } as HalfRecord);
  if (changed === 0) return secondary;
  return catalog.pairMap(number, 'secondary').map.countUnion(catalog.pairMap(number, 'changed').map);
}
