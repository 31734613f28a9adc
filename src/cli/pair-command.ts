import type { Command } from '@oclif/core/command';
import type {
  PairActionAnswer,
  PairActionRow,
  PairPlanRow,
  PairSelector,
  RequestExtras,
  Requests,
  SystemClient,
  SystemPlace,
} from '../core/controller/controller.js';
import { failure, isToolkitError, type ToolkitError } from '../core/foundation/foundation.js';
import type { PairStatus } from '../core/pair/pair.js';
import type { OwnerRecord } from '../core/ports/ports.js';
import { formatAddress } from '../core/volume/volume.js';
import {
  type Awaited,
  type Followed,
  followCopy,
  showSum,
  statusesAfter,
  type TrackBytes,
  VERDICT_EXIT,
} from './follow-copy.js';
import { openToolkit, type Toolkit } from './open-toolkit.js';
import { type SelectionFlags, type SelectionWords, type SystemPairs, selectPairs } from './pair-selection.js';
import { selectorOfPair } from './pair-selectors.js';
import { atMost, copierCommand, goOnCommand } from './pair-words.js';
import { actionSentence, countOf, pairName, planOutcome, standing } from './render/pair-action.js';
import { type Outcome, ToolkitCommand } from './toolkit-command.js';

type ActionCode =
  | 'pair.create'
  | 'pair.split'
  | 'pair.resync'
  | 'pair.suspend'
  | 'pair.delete'
  | 'pair.rotate'
  | 'pair.takeover'
  | 'pair.pace';

/** One system's part of an action. */
export interface ActionPart<Code extends ActionCode> {
  readonly place: SystemPlace;
  readonly input: Requests[Code]['input'];
  readonly mayBeEmpty?: boolean;
}

interface ActionFlags {
  readonly root?: string | undefined;
  readonly wait?: number | undefined;
  readonly plan?: boolean | undefined;
  readonly pace?: string | undefined;
}

/** Pairs that an action changed, with the client that can go on with them. */
interface Acted {
  readonly client: SystemClient;
  readonly answer: PairActionAnswer;
  readonly copier: OwnerRecord | undefined;
}

/** The base of the commands that change pairs: select, ask, wait, tell. */
export abstract class PairCommand<T extends typeof Command> extends ToolkitCommand<T> {
  #toolkit: Toolkit | undefined;

  protected get toolkit(): Toolkit {
    this.#toolkit ??= openToolkit(this.roots, this.id);
    return this.#toolkit;
  }

  /** The pairs that PRIMARY [SECONDARY], --group or --file mean. */
  protected async selectPairs(): Promise<readonly SystemPairs[]> {
    return selectPairs(this.toolkit, this.args as SelectionWords, this.flags as SelectionFlags);
  }

  /**
   * One request for each system. Of several systems all are asked for the plan first: what one refuses, none begins. `ready` is
   * waited for when the systems are open.
   */
  protected async act<Code extends ActionCode>(
    code: Code,
    parts: readonly ActionPart<Code>[],
    ready?: () => Promise<void>,
    together?: Together<Code>,
  ): Promise<Outcome> {
    const flags = this.flags as ActionFlags;
    demandEnd(flags);
    return this.withClients(parts, async (clients) => {
      if (flags.plan) return planOutcome((await planAll(code, clients)).plan);
      const planned = clients.length > 1 && code !== 'pair.pace';
      const meant = planned ? demandAllMeant(await planAll(code, clients)) : clients;
      await ready?.();
      const answers = together && meant.length > 1 ? await together(meant) : await askAll(code, meant);
      const acted = await Promise.all(answers.map(actedOf));
      const followed = flags.wait === undefined ? undefined : await this.follow(acted, flags.wait);
      return outcomeOf(acted, followed, flags);
    });
  }

  /** What the action would come to. */
  protected async plan<Code extends ActionCode>(code: Code, parts: readonly ActionPart<Code>[]) {
    return this.withClients(parts, async (clients) => (await planAll(code, clients)).plan);
  }

  /** Waits for statuses of the selected pairs. */
  protected async waitForPairs(
    parts: readonly SystemPairs[],
    statuses: readonly PairStatus[],
    timeoutMs: number,
  ): Promise<Followed> {
    const { signal } = this;
    return this.withClients(parts, async (clients) => {
      const present = await gather(clients, async ({ client, pairs }) => {
        await client.request('pair.wait', { pairs, statuses, timeoutMs: 0 });
      });
      const awaited = present.map(({ part: { client, pairs } }) => ({ client, pairs, statuses }));
      const progress = this.startProgress(`Waiting for ${statuses.join(' or ')}`);
      const trackBytes = this.showsProgress ? await trackBytesOf(clients) : new Map();
      return followCopy(awaited, { timeoutMs, signal, progress, trackBytes });
    });
  }

  /** Asks each system for its part of a result, one after the other. */
  protected async ask<Row>(
    parts: readonly SystemPairs[],
    label: string,
    request: (part: SystemPairs & { client: SystemClient }, extras: RequestExtras) => Promise<readonly Row[]>,
  ): Promise<readonly Row[]> {
    const { signal } = this;
    const progress = this.startProgress(label);
    const onProgress = showSum(progress);
    try {
      return await this.withClients(parts, async (clients) => {
        const answers = await gather(clients, (part) => request(part, { signal, onProgress }));
        return answers.flatMap(({ answered }) => answered);
      });
    } finally {
      progress.stop();
    }
  }

  private get showsProgress(): boolean {
    return process.stderr.isTTY || (this.flags as { progress?: boolean }).progress === true;
  }

  private async withClients<Part extends { place: SystemPlace }, Result>(
    parts: readonly Part[],
    work: (clients: readonly (Part & { client: SystemClient })[]) => Promise<Result>,
    opened: readonly (Part & { client: SystemClient })[] = [],
  ): Promise<Result> {
    const part = parts[opened.length];
    if (!part) return work(opened);
    return this.toolkit.use(part.place, (client) => this.withClients(parts, work, [...opened, { ...part, client }]));
  }

  private async follow(acted: readonly Acted[], timeoutMs: number): Promise<Followed> {
    const rows = acted.flatMap(({ answer }) => copyingRows(answer));
    if (rows.length === 0) return { verdict: 'reached', pairs: [] };
    const [first] = rows;
    const progress = this.startProgress(
      `Copying ${rows.length === 1 && first ? first.primary : countOf(rows.length, 'pair')}`,
    );
    const trackBytes = new Map(rows.map((row) => [row.primary, row.bytes / Math.max(1, row.tracks)]));
    return followCopy(acted.flatMap(awaitedOf), { timeoutMs, signal: this.signal, progress, trackBytes });
  }
}

function copyingRows(answer: PairActionAnswer): PairActionRow[] {
  return answer.pairs.filter((row) => answer.copying.includes(row.number));
}

/** One wait for the pairs that come to their end in the same status. */
function awaitedOf({ client, answer }: Acted): Awaited[] {
  const batches = new Map<string, { statuses: readonly PairStatus[]; pairs: PairSelector[] }>();
  for (const { primary, secondary, after } of copyingRows(answer)) {
    const statuses = statusesAfter(after);
    const batch = batches.get(statuses.join()) ?? { statuses, pairs: [] };
    batch.pairs.push(selectorOfPair({ primary, secondary }));
    batches.set(statuses.join(), batch);
  }
  return [...batches.values()].map((batch) => ({ client, ...batch }));
}

async function trackBytesOf(clients: readonly { readonly client: SystemClient }[]): Promise<TrackBytes> {
  const answers = await Promise.all(clients.map(({ client }) => client.request('volume.list', {})));
  const volumes = answers.flatMap((answer) => answer.output.volumes);
  return new Map(volumes.map(({ system, name, trackSizeBytes }) => [formatAddress(system, name), trackSizeBytes]));
}

function demandEnd({ wait, pace }: ActionFlags): void {
  if (wait !== Number.POSITIVE_INFINITY || pace !== 'hold') return;
  throw failure('usage', 'With --pace hold nothing is copied, so --wait would never end.', 'Leave one of the two out.');
}

export type Asked<Code extends ActionCode> = ActionPart<Code> & { readonly client: SystemClient };

interface PartAnswer {
  readonly part: { readonly client: SystemClient };
  readonly answer: PairActionAnswer;
}

/** Asks several systems as one, where each for itself would not do. */
type Together<Code extends ActionCode> = (parts: readonly Asked<Code>[]) => Promise<readonly PartAnswer[]>;

/** What the action would come to, and the systems where something is meant. */
async function planAll<Code extends ActionCode>(
  code: Code,
  parts: readonly Asked<Code>[],
): Promise<{ plan: PairPlanRow[]; parts: Asked<Code>[] }> {
  const answers = await gather(parts, ({ client, input }) => client.request(code, { ...input, plan: true }));
  const plan = answers.flatMap(({ answered }) => (answered.output as PairActionAnswer).plan ?? []);
  return { plan, parts: answers.map(({ part }) => part) };
}

/** What one system would refuse for want of a flag, no other begins. */
function demandAllMeant<Code extends ActionCode>({ plan, parts }: { plan: PairPlanRow[]; parts: Asked<Code>[] }) {
  const row = plan.find(({ refusedUnless }) => refusedUnless === '--discard' || refusedUnless === '--force');
  if (!row) return parts;
  throw failure(
    row.refusedUnless === '--discard' ? 'discard-needed' : 'force-needed',
    `${pairName(row)} needs ${row.refusedUnless}; nothing was begun in any storage system.`,
    'Look at it with --plan.',
  );
}

async function askAll<Code extends ActionCode>(code: Code, parts: readonly Asked<Code>[]): Promise<PartAnswer[]> {
  const answers = await gather(parts, ({ client, input }) => client.request(code, input));
  return answers.map(({ part, answered }) => ({ part, answer: answered.output as PairActionAnswer }));
}

async function actedOf({ part: { client }, answer }: PartAnswer): Promise<Acted> {
  return { client, answer, copier: answer.copying.length === 0 ? undefined : await copierOf(client) };
}

/** Asks one after the other. Where a glob means several systems, only all of them together must have a match. */
async function gather<Part extends { readonly mayBeEmpty?: boolean }, Answered>(
  parts: readonly Part[],
  ask: (part: Part) => Promise<Answered>,
): Promise<{ part: Part; answered: Answered }[]> {
  const answers: { part: Part; answered: Answered }[] = [];
  let missed: ToolkitError | undefined;
  for (const part of parts) {
    try {
      answers.push({ part, answered: await ask(part) });
    } catch (error) {
      if (!part.mayBeEmpty || !isMiss(error)) throw error;
      missed ??= error;
    }
  }
  if (answers.length === 0 && missed) throw missed;
  return answers;
}

function isMiss(error: unknown): error is ToolkitError {
  return ['nothing-matches', 'volume-not-found', 'pair-not-found'].some((code) =>
    isToolkitError(error, code as 'pair-not-found'),
  );
}

function outcomeOf(acted: readonly Acted[], followed: Followed | undefined, flags: ActionFlags): Outcome {
  const rows = acted.flatMap(({ answer }) => answer.pairs).map((row) => withEnd(row, followed));
  const pauseMs = acted.map(({ answer }) => answer.pauseMs).find((pause) => pause !== undefined);
  const data = {
    pairs: rows,
    ...(pauseMs === undefined ? {} : { pauseMs }),
    ...(followed === undefined ? {} : { verdict: followed.verdict }),
  };
  const text = (): string => textOf(acted, followed);
  if (followed === undefined)
    return { data, text, notes: acted.flatMap((one) => [...leftBehind(one), ...leftToDo(one, flags)]) };
  return { data, text, notes: waitNotes(followed, flags.root), exitCode: VERDICT_EXIT[followed.verdict] };
}

/** After a wait, `after` is the status that the pair came to. */
function withEnd(row: PairActionRow, followed: Followed | undefined): PairActionRow {
  const end = followed?.pairs.find((pair) => pair.primary === row.primary && pair.secondary === row.secondary);
  return end ? { ...row, after: end.status } : row;
}

/** Halves of deleted pairs that nobody could delete, and how they go. */
function leftBehind({ answer }: Acted): string[] {
  return (answer.leftBehind ?? []).map((secondary) => {
    const row = answer.pairs.find((pair) => pair.secondary === secondary);
    const command = `copyset pair delete ${row?.primary ?? 'PRIMARY'} ${secondary} --force`;
    return `The half of ${secondary} stays behind; once its system is back, "${command}" ends it.`;
  });
}

function textOf(acted: readonly Acted[], followed: Followed | undefined): string {
  const sentences = acted.flatMap(({ answer }) => answer.pairs).map(actionSentence);
  return [...sentences, ...(followed?.pairs ?? []).map(standing)].join('\n');
}

/** What is said of copying that nobody waits for: who does it, or how it is done. */
function leftToDo({ answer, copier }: Acted, { pace, root }: ActionFlags): string[] {
  const rows = copyingRows(answer);
  if (rows.length === 0) return [];
  if (copier && pace !== 'hold') return [`${copier.purpose} (pid ${copier.pid}) copies in the background.`];
  const held = pace === 'hold' ? 'Copying is on hold' : 'Copying is left to do';
  const all = pace === 'hold' ? '' : ` or "${copierCommand(rows[0]?.primary ?? '', root)}"`;
  return atMost(rows.map((row) => `${held}: run "${goOnCommand(row, row.after, pace, root)}"${all}.`));
}

/** The process that copies in the background for as long as it lives, if there is one. */
export async function copierOf(client: SystemClient): Promise<OwnerRecord | undefined> {
  const { controller } = (await client.request('system.show', {})).output.system;
  return isServing(controller) ? controller : undefined;
}

/** Whether a system's owner is another process that stays: a server or a copier. */
export function isServing(owner: OwnerRecord | null): owner is OwnerRecord {
  return owner !== null && owner.pid !== process.pid && LONG_LIVED.includes(owner.purpose);
}

const LONG_LIVED = ['serve', 'copier run'];

/** Why a wait ended early, and how each pair goes on. */
export function waitNotes({ verdict, pairs }: Followed, root: string | undefined): string[] {
  if (verdict === 'reached') return [];
  const unfinished = pairs.filter((pair) => !statusesAfter(pair.status).includes(pair.status));
  const goOn = unfinished.map((pair) => {
    const place = `track ${pair.copyPointer} of ${pair.tracks}`;
    const held = pair.pace === 'hold' ? ' (on hold)' : '';
    const command = goOnCommand(pair, pair.status, pair.pace, root);
    return `${pairName(pair)} stays ${pair.status}${held} and goes on from ${place}: run "${command}".`;
  });
  return [VERDICT_SENTENCES[verdict], ...atMost(goOn)];
}

const VERDICT_SENTENCES = {
  'timed-out': 'The time to wait is over; nothing was undone.',
  suspended: 'A pair is suspended; its copying does not go on by itself.',
  unreachable: 'A pair came to a status from which the wanted one cannot come.',
  interrupted: 'Interrupted; nothing was undone.',
} as const;
