import { failure, type Milliseconds, SPLIT_LIMIT_MS } from '../../foundation/foundation.js';
import {
  beginSplit,
  type GroupMember,
  resumeSplit,
  type SplitEnd,
  type SplitPlan,
  type SplitRecord,
  type SystemRef,
} from '../../group/group.js';
import { answerChange } from '../control/recorded.js';
import type { PairActionAnswer, RequestExtras } from '../control/requests.js';
import { quietly } from '../groups/admin.js';
import type { Controller, RequestContext } from '../open-controller.js';
import { adoptSplit } from './adopt.js';
import { SplitRun } from './run.js';
import type { SplitOverAnswer, SplitPart, SplitRequests, SplitWords } from './wire.js';

/** Between two rounds of telling a decision that somebody has not heard. */
const AGAIN_MS = 1_000;

interface SplitOrderly {
  readonly parts: readonly SplitPart[];
  readonly words: SplitWords;
  readonly limitMs: Milliseconds;
  readonly signal?: AbortSignal | undefined;
}

export async function splitOver(
  controller: Controller,
  { parts, words }: SplitRequests['split.over']['input'],
  { signal }: RequestExtras,
  context: RequestContext,
): Promise<{ output: SplitOverAnswer }> {
  return { output: await split(controller, { parts, words, limitMs: SPLIT_LIMIT_MS, signal }, context) };
}

/** All pairs of a group, by its policy's limit. A group whose primaries lie in one system needs no gate over several. */
export async function splitGroup(
  controller: Controller,
  { group, plan, words = {} }: SplitRequests['cg.split']['input'],
  { signal }: RequestExtras,
  context: RequestContext,
): Promise<{ output: SplitOverAnswer }> {
  const { groups } = controller;
  const { id, name, master } = groups.sheets.mastered(group);
  const parts = partsOfGroup(master.members);
  if (parts.length === 0) throw failure('nothing-matches', `Group ${name} has no members.`);
  const [only] = parts;
  if (plan || (parts.length === 1 && only)) return { output: await splitEach(controller, parts, words, plan) };
  return quietly(controller, id, name, async () => {
    const limitMs = master.policy.coordinationLimitMs;
    return { output: await split(controller, { parts, words, limitMs, signal }, context) };
  });
}

/** Each system by itself: what it plans, or the only one there is. */
async function splitEach(
  controller: Controller,
  parts: readonly SplitPart[],
  words: SplitWords,
  plan: boolean | undefined,
): Promise<SplitOverAnswer> {
  const answers: { system: SystemRef; answer: PairActionAnswer }[] = [];
  for (const { system, pairs } of parts)
    answers.push({ system, answer: await controller.peers.ask(system, 'pair.split', { ...words, pairs, plan }) });
  return { parts: answers };
}

function partsOfGroup(members: readonly GroupMember[]): readonly SplitPart[] {
  const systems = new Map(members.map(({ primary }) => [primary.system.id, primary.system]));
  return [...systems.values()].map((system) => ({
    system,
    pairs: members
      .filter(({ primary }) => primary.system.id === system.id)
      .map(({ primary, secondary }) => ({
        primary: primary.name,
        secondary: secondary.name,
        secondarySystem: secondary.system.name,
      })),
  }));
}

/** One split over several systems, to its end. */
async function split(controller: Controller, orderly: SplitOrderly, context: RequestContext): Promise<SplitOverAnswer> {
  const { parts, words, limitMs, signal } = orderly;
  const { splits, ports } = controller;
  const systems = parts.map(({ system }) => system).sort((a, b) => (a.id < b.id ? -1 : 1));
  const plan: SplitPlan = { id: ports.random.id('split'), limitMs, systems };
  let answer: SplitOverAnswer = { parts: [] };
  splits.undecided.add(plan.id);
  const work = {
    parts,
    words,
    record: async (answers: ReadonlyMap<string, PairActionAnswer>, pauseMs: Milliseconds) => {
      answer = gathered(parts, answers, pauseMs);
      const record: SplitRecord = { version: 1, id: plan.id, decision: 'commit', systems };
      await splits.sheets.keep(record, [answerChange(context, answer)]);
    },
  };
  const run = new SplitRun(controller, plan, work, beginSplit(plan));
  const end = await run.end(signal);
  const isUnsure = end.outcome === 'undecided' && end.failure?.step === 'decide';
  if (!isUnsure) splits.undecided.delete(plan.id);
  if (end.outcome === 'split') return answer;
  if (end.outcome === 'undecided') splits.settleLeft();
  throw failureOf(plan, end, run);
}

function gathered(
  parts: readonly SplitPart[],
  answers: ReadonlyMap<string, PairActionAnswer>,
  pauseMs: Milliseconds,
): SplitOverAnswer {
  return {
    parts: parts.flatMap(({ system }) => {
      const answer = answers.get(system.id);
      return answer ? [{ system, answer: { ...answer, pauseMs } }] : [];
    }),
  };
}

function failureOf(plan: SplitPlan, { outcome, failure: cause }: SplitEnd, run: SplitRun): Error {
  const refusal = cause?.system ? run.refusals.get(cause.system) : undefined;
  if (outcome === 'refused' && refusal) return refusal;
  const name = plan.systems.find(({ id }) => id === cause?.system)?.name ?? 'the coordinator';
  const why = `${name}: ${cause?.reason.replace(/\.$/, '') ?? 'no reason was told'}`;
  const details = { system: name, step: cause?.step ?? null };
  if (outcome === 'refused' && cause?.system)
    return failure('link-lost', `Nothing was split, for not all systems could be asked (${why}).`, undefined, {
      details,
    });
  if (outcome === 'refused')
    return failure('interrupted', `The split was stopped before anything was frozen (${why}).`, undefined, { details });
  if (outcome === 'undecided')
    return failure(
      'undecided',
      `The split is decided, and not everybody has heard it (${why}).`,
      'It is told again until all have answered, also after a restart; copyset pair list shows who waits.',
      { details },
    );
  return failure(
    'split-void',
    `The split over ${plan.systems.length} systems is void (${why}). Every pair goes on as before.`,
    'Try again. A group may be given more time: copyset cg policy NAME --coordination-limit.',
    { details },
  );
}

/** Tells every decision that not all members have heard, until they have or the controller closes. */
export async function settleLeft(controller: Controller): Promise<void> {
  const { splits, ports } = controller;
  do {
    for (const record of splits.sheets.all()) {
      if (splits.closing.aborted) return;
      await settleOne(controller, record);
    }
  } while (splits.sheets.all().length > 0 && (await ports.clock.sleep(AGAIN_MS, splits.closing)) === 'elapsed');
}

async function settleOne(controller: Controller, record: SplitRecord): Promise<void> {
  if (controller.splits.undecided.has(record.id)) return;
  if (record.decision === null) {
    await adoptSplit(controller, record);
    return;
  }
  const plan: SplitPlan = { id: record.id, limitMs: 0, systems: record.systems };
  const work = { record: async () => undefined };
  await new SplitRun(controller, plan, work, resumeSplit(plan, record.decision)).end();
}
