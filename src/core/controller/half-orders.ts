import { flatten, pairMapKey } from '../catalog/catalog.js';
import { failure } from '../foundation/foundation.js';
import { mapCounts } from '../hostio/hostio.js';
import { type HalfRecord, halfAccess, type PairState } from '../pair/pair.js';
import { compareMarks, emptied, type HalfShown, type TransferRequests } from '../transfer/transfer.js';
import type { Controller } from './open-controller.js';
import type { Answered } from './requests.js';

type Input<Code extends keyof TransferRequests> = TransferRequests[Code]['input'];

/** Runs of one answer to `remote.map`; a map of more is told in several. */
const RUNS_MAX = 50_000;

/** Begins a link session: durable before it counts, so that nothing of an earlier one is taken ever after (H4). */
export async function openHalf(controller: Controller, input: Input<'remote.open'>): Promise<Answered<'remote.open'>> {
  const half = secondaryHalf(controller, input.pair);
  const { taken, peer } = half.remote;
  await controller.faults.link(peer.system.name, controller.ports.clock, 0);
  // A lower term is answered, not refused: the sender learns from it that it was replaced.
  if (input.mark.term < half.remote.term) return { output: shown(controller, half) };
  if (taken && compareMarks(input.mark, taken) <= 0) throw failure('link-lost', 'A later link session is open.');
  await change(controller, half, (row) => ({
    ...row,
    remote: {
      ...row.remote,
      taken: input.mark,
      term: Math.max(row.remote.term, input.mark.term),
      peer: { ...row.remote.peer, system: input.from },
    },
  }));
  controller.halves.reopen(half.number, input.mark, input.heardMs);
  return { output: shown(controller, controller.halves.find(input.pair)) };
}

export async function showHalf(controller: Controller, input: Input<'remote.show'>): Promise<Answered<'remote.show'>> {
  return { output: shown(controller, secondaryHalf(controller, input.pair)) };
}

/**
 * Takes the state that the primary's half has. Hosts are let in or shut out with it; a host's write in flight then either landed
 * before, and is in the map that is handed over, or is refused (H16).
 */
export async function tellHalf(controller: Controller, input: Input<'remote.tell'>): Promise<Answered<'remote.tell'>> {
  const half = ordered(controller, input);
  await change(controller, half, (row) => ({
    ...row,
    state: input.state,
    remote: { ...row.remote, group: input.group, toldAtMs: Math.floor(controller.ports.clock.nowMs()) },
  }));
  controller.halves.receiver(half.number).told();
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

export async function mergedHalf(
  controller: Controller,
  input: Input<'remote.merged'>,
): Promise<Answered<'remote.merged'>> {
  const half = ordered(controller, input);
  await controller.catalog.change(() => [emptied(half.number, input.map)], true);
  await controller.catalog.durable();
  controller.step('half.merged');
  return { output: {} };
}

export async function takeCopy(
  controller: Controller,
  input: Input<'remote.copy'>,
  data: Uint8Array | undefined,
): Promise<Answered<'remote.copy'>> {
  const half = ordered(controller, input);
  const { first, count, codes } = input;
  await controller.halves.receiver(half.number).land(input.mark, { first, count }, data, codes);
  return { output: {} };
}

export async function settleHalf(
  controller: Controller,
  input: Input<'remote.settle'>,
): Promise<Answered<'remote.settle'>> {
  const half = ordered(controller, input);
  await controller.halves.receiver(half.number).settle(input.mark, input.end);
  return { output: {} };
}

export async function writeHalf(
  controller: Controller,
  input: Input<'remote.write'>,
  data: Uint8Array | undefined,
): Promise<Answered<'remote.write'>> {
  const half = ordered(controller, input);
  const receiver = controller.halves.receiver(half.number);
  await receiver.write(input.mark, input.sequence, input.writes, data ?? new Uint8Array(0));
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

export async function hearHalf(
  controller: Controller,
  input: Input<'remote.alive'>,
): Promise<Answered<'remote.alive'>> {
  ordered(controller, input);
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

/** The secondary's half, for an order whose mark counts. Throws `term-superseded`, `link-lost`, `pair-not-found`. */
function ordered(controller: Controller, { pair, mark }: Input<'remote.settle'>): HalfRecord {
  const half = secondaryHalf(controller, pair);
  const receiver = controller.halves.receiver(half.number);
  receiver.demandMark(mark);
  receiver.heard();
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

/** Changes the half's row, durably, with its volume's gate closed: no host's write is half before it and half behind it. */
async function change(controller: Controller, half: HalfRecord, next: (row: HalfRecord) => HalfRecord): Promise<void> {
  const { fabric, catalog } = controller;
  const volume = fabric.volume(half.secondary);
  volume.gate.close();
  try {
    await catalog.change(() => {
      const row = controller.halves.find(half.remote.id);
      return [{ do: 'put-pair', record: next(row) }];
    }, true);
    await catalog.durable();
  } finally {
    volume.gate.open();
  }
}

function shown(controller: Controller, half: HalfRecord): HalfShown {
  const { secondary, outOfSync } = mapCounts(controller.catalog, half);
  return {
    volume: half.secondary,
    name: controller.catalog.volumes.get(half.secondary)?.name ?? '?',
    state: half.state,
    term: half.remote.term,
    written: secondary > 0 || mayBeWritten(half.state, half),
    secondaryTracks: secondary,
    doubtTracks: outOfSync,
  };
}

/** Opened to a host by `--allow-write` or a takeover. A split is no such case: returning to it changes nothing at the secondary. */
function mayBeWritten(state: PairState, half: HalfRecord): boolean {
  if (state.status !== 'suspended') return false;
  return state.allowWrite && halfAccess(state, half.remote).host === 'read-write';
}

/** Key of the map in which a primary takes its secondary's writes over. */
export function handedOver(half: HalfRecord) {
  return pairMapKey(half.number, 'secondary');
}
