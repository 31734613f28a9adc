import type { Command } from '@oclif/core/command';
import type {
  PairActionAnswer,
  PairActionRow,
  PairPlanRow,
  Requests,
  SystemClient,
  SystemPlace,
} from '../core/controller/controller.js';
import { failure, isToolkitError, type ToolkitError } from '../core/foundation/foundation.js';
import { type Followed, followCopy, statusesAfter, VERDICT_EXIT } from './follow-copy.js';
import { openToolkit, type Toolkit } from './open-toolkit.js';
import { type SelectionFlags, type SelectionWords, type SystemPairs, selectPairs } from './pair-selection.js';
import { atMost, waitCommand } from './pair-words.js';
import { actionSentence, countOf, pairName, planOutcome, standing } from './render/pair-action.js';
import { type Outcome, ToolkitCommand } from './toolkit-command.js';

type ActionCode =
  | 'pair.create'
  | 'pair.split'
  | 'pair.resync'
  | 'pair.suspend'
  | 'pair.delete'
  | 'pair.rotate'
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
    return await selectPairs(this.toolkit, this.args as SelectionWords, this.flags as SelectionFlags);
  }

  /**
   * One request for each system. Of several systems all are asked for the plan first: what one refuses, none begins. `ready` is
   * waited for when the systems are open.
   */
  protected async act<Code extends ActionCode>(
    code: Code,
    parts: readonly ActionPart<Code>[],
    ready?: () => Promise<void>,
  ): Promise<Outcome> {
    const flags = this.flags as ActionFlags;
    demandEnd(flags);
    return await this.withClients(parts, async (clients) => {
      if (flags.plan) return planOutcome(await planAll(code, clients));
      if (clients.length > 1 && code !== 'pair.pace') await planAll(code, clients);
      await ready?.();
      const acted = await askAll(code, clients);
      const followed = flags.wait === undefined ? undefined : await this.follow(acted, flags.wait);
      return outcomeOf(acted, followed, flags.root);
    });
  }

  /** What the action would come to. */
  protected async plan<Code extends ActionCode>(code: Code, parts: readonly ActionPart<Code>[]) {
    return await this.withClients(parts, (clients) => planAll(code, clients));
  }

  private async withClients<Part extends { place: SystemPlace }, Result>(
    parts: readonly Part[],
    work: (clients: readonly (Part & { client: SystemClient })[]) => Promise<Result>,
    opened: readonly (Part & { client: SystemClient })[] = [],
  ): Promise<Result> {
    const part = parts[opened.length];
    if (!part) return await work(opened);
    return await this.toolkit.use(part.place, (client) => this.withClients(parts, work, [...opened, { ...part, client }]));
  }

  private async follow(acted: readonly Acted[], timeoutMs: number): Promise<Followed> {
    const pairs = acted.flatMap(({ client, answer }) =>
      answer.pairs
        .filter((row) => answer.copying.includes(row.number))
        .map(({ primary, secondary, after }) => ({ client, primary, secondary, statuses: statusesAfter(after) })),
    );
    if (pairs.length === 0) return { verdict: 'reached', pairs: [] };
    const [first] = pairs;
    const label = pairs.length === 1 && first ? pairName(first) : countOf(pairs.length, 'pair');
    return await followCopy(pairs, { timeoutMs, signal: this.signal, progress: this.startProgress(`Copying ${label}`) });
  }
}

function demandEnd({ wait, pace }: ActionFlags): void {
  if (wait !== Number.POSITIVE_INFINITY || pace !== 'hold') return;
  throw failure('usage', 'With --pace hold nothing is copied, so --wait would never end.', 'Leave one of the two out.');
}

type Asked<Code extends ActionCode> = ActionPart<Code> & { readonly client: SystemClient };

async function planAll<Code extends ActionCode>(code: Code, parts: readonly Asked<Code>[]): Promise<PairPlanRow[]> {
  const answers = await gather(parts, ({ client, input }) => client.request(code, { ...input, plan: true }));
  return answers.flatMap(({ answered }) => (answered.output as PairActionAnswer).plan ?? []);
}

async function askAll<Code extends ActionCode>(code: Code, parts: readonly Asked<Code>[]): Promise<Acted[]> {
  const answers = await gather(parts, ({ client, input }) => client.request(code, input));
  return answers.map(({ part, answered }) => ({ client: part.client, answer: answered.output as PairActionAnswer }));
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
  return ['nothing-matches', 'volume-not-found', 'pair-not-found'].some((code) => isToolkitError(error, code as 'pair-not-found'));
}

function outcomeOf(acted: readonly Acted[], followed: Followed | undefined, root: string | undefined): Outcome {
  const rows = acted.flatMap(({ answer }) => answer.pairs).map((row) => withEnd(row, followed));
  const pauseMs = acted.map(({ answer }) => answer.pauseMs).find((pause) => pause !== undefined);
  const data = {
    pairs: rows,
    ...(pauseMs === undefined ? {} : { pauseMs }),
    ...(followed === undefined ? {} : { verdict: followed.verdict }),
  };
  const text = (): string => textOf(acted, followed);
  if (followed === undefined) return { data, text, notes: leftToDo(acted, root) };
  return { data, text, notes: waitNotes(followed, root), exitCode: VERDICT_EXIT[followed.verdict] };
}

/** After a wait, `after` is the status that the pair came to. */
function withEnd(row: PairActionRow, followed: Followed | undefined): PairActionRow {
  const end = followed?.pairs.find((pair) => pair.primary === row.primary && pair.secondary === row.secondary);
  return end ? { ...row, after: end.status } : row;
}

function textOf(acted: readonly Acted[], followed: Followed | undefined): string {
  const sentences = acted.flatMap(({ answer }) => answer.pairs).map(actionSentence);
  return [...sentences, ...(followed?.pairs ?? []).map(standing)].join('\n');
}

function leftToDo(acted: readonly Acted[], root: string | undefined): string[] {
  const left = acted.flatMap(({ answer }) => answer.pairs.filter((row) => answer.copying.includes(row.number)));
  return atMost(left.map((row) => `Copying is left to do: run "${waitCommand(row, statusesAfter(row.after), root)}".`));
}

function waitNotes({ verdict, pairs }: Followed, root: string | undefined): string[] {
  if (verdict === 'reached') return [];
  const unfinished = pairs.filter((pair) => statusesAfter(pair.status)[0] !== pair.status);
  const goOn = unfinished.map((pair) => {
    const command = waitCommand(pair, statusesAfter(pair.status), root);
    return `${pairName(pair)} stays ${pair.status} and goes on from track ${pair.copyPointer} of ${pair.tracks} with "${command}".`;
  });
  return [VERDICT_SENTENCES[verdict], ...atMost(goOn)];
}

export const VERDICT_SENTENCES = {
  'timed-out': 'The time to wait is over; nothing was undone.',
  suspended: 'A pair is suspended; its copying does not go on by itself.',
  unreachable: 'A pair came to a status from which the wanted one cannot come.',
  interrupted: 'Interrupted; nothing was undone.',
} as const;
