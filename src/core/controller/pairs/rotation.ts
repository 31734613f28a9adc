import type { Change } from '../../catalog/catalog.js';
import { failure, sentence } from '../../foundation/foundation.js';
import { judgeCreate, type PairRecord, SECONDARY_FOLLOWS } from '../../pair/pair.js';
import type { Answered, RequestExtras, Requests } from '../control/requests.js';
import type { Controller, RequestContext } from '../open-controller.js';
import { findVolume } from '../volumes/finding.js';
import { creationChanges, newPair, pickSecondary } from './create.js';
import { bytesAtStake, lossTold, planRow } from './rows.js';
import { carryOut, planStep, type Step, withPacing } from './steps.js';

/**
 * Splits the secondary that follows P, then pairs a free reserved volume, or at `keep` resyncs the one with the oldest point in time:
 * a series of historical records (DESIGN.md 3.2). Everything is one frame, so the series never loses a link.
 */
export async function rotatePairs(
  controller: Controller,
  input: Requests['pair.rotate']['input'],
  _: RequestExtras,
  context: RequestContext,
): Promise<Answered<'pair.rotate'>> {
  return controller.exclusively(async () => {
    const primary = findVolume(controller, input.primary);
    const pairs = controller.catalog
      .pairsOf(primary.number)
      .flatMap((number) => controller.catalog.pairs.get(number) ?? [])
      // A series lies in one system; a pair to another system is no link of it.
      .filter((pair) => pair.primary === primary.number && !pair.remote);
    const followers = pairs.filter((pair) => SECONDARY_FOLLOWS.has(pair.state.status));
    const oldest = input.keep !== undefined && pairs.length >= input.keep ? oldestOf(pairs) : undefined;
    if (input.keep !== undefined && input.keep < 1) throw failure('usage', `--keep is at least 1, not ${input.keep}.`);
    if (input.keep !== undefined && pairs.length >= input.keep && !oldest && followers.length === 0) {
      throw failure(
        'no-candidate',
        `${controller.address(primary.number)} has no split secondary that could follow again.`,
        'Give a greater --keep, or split a pair first.',
      );
    }
    const atMs = Math.floor(controller.ports.clock.nowMs());
    const next =
      oldest ?? (needsNew(input.keep, pairs, followers) ? created(controller, primary.number, input) : undefined);
    const plan = (): Step[] => {
      const steps = followers.map((pair) =>
        planStep(controller, presentOf(controller, pair), { kind: 'split', atMs, virtual: false }, {}),
      );
      if (!next) return steps;
      const last = 'change' in next ? next : resyncStep(controller, presentOf(controller, next), input);
      return [...steps, last];
    };
    if (!input.plan) controller.splits.demandFree(pairs);
    if (input.plan)
      return { output: { pairs: [], plan: plan().map((step) => planRow(controller, step)), copying: [] } };
    const records = plan().map((step) => step.record);
    return { output: await carryOut(controller, context, 'pair rotate', records, plan) };
  });
}

function needsNew(keep: number | undefined, pairs: readonly PairRecord[], followers: readonly PairRecord[]): boolean {
  // A single follower at --keep 1 has nobody to relieve it: it is split and resynced by the next rotation.
  return keep === undefined || pairs.length < keep || followers.length === 0;
}

function oldestOf(pairs: readonly PairRecord[]): PairRecord | undefined {
  return pairs
    .filter((pair) => pair.state.status === 'split')
    .sort((a, b) => (a.splitAtMs ?? 0) - (b.splitAtMs ?? 0))[0];
}

function created(controller: Controller, primary: number, input: Requests['pair.rotate']['input']): Step {
  const volume = controller.catalog.volumes.get(primary);
  if (!volume) throw failure('volume-not-found', `Volume ${primary} is gone.`);
  const secondary = pickSecondary(controller, volume, false, new Set());
  const pairs = [...controller.catalog.pairs.values()];
  const verdict = judgeCreate({
    primary: volume,
    secondary,
    pairs,
    secondaryHoldsData: false,
    overwrite: false,
    noCopy: false,
  });
  if (verdict.kind === 'refuse') throw failure(verdict.code, sentence(verdict.why), verdict.hint);
  const record = withPacing(newPair(controller, controller.catalog.pairNumberNext, primary, secondary.number), input);
  const more: Change[] = creationChanges(controller, record, false);
  return { record, change: undefined, pacing: {}, more };
}

function resyncStep(controller: Controller, record: PairRecord, input: Requests['pair.rotate']['input']): Step {
  const lost = bytesAtStake(controller, record, 'resync');
  const lacks = lost > 0 && !input.discard;
  if (lacks && !input.plan) {
    const loser = `${controller.address(record.secondary)}, which has the oldest point in time,`;
    const { message, details } = lossTold(controller, record, 'resync', loser);
    throw failure('discard-needed', message, 'Give --discard to lose them.', { details });
  }
  const step = planStep(controller, record, { kind: 'resync' }, input);
  return lacks ? { ...step, refusedUnless: '--discard' } : step;
}

function presentOf(controller: Controller, record: PairRecord): PairRecord {
  return controller.catalog.pairs.get(record.number) ?? record;
}
