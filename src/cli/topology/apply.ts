import type { SystemClient } from '../../core/controller/controller.js';
import { failure, isToolkitError, ToolkitError } from '../../core/foundation/foundation.js';
import { parseAddress } from '../../core/volume/volume.js';
import type { Followed } from '../follow-copy.js';
import { namedVolume, refOf } from '../group-finding.js';
import type { Toolkit } from '../open-toolkit.js';
import { findSession, primaryMasterPlace, startedPlace } from '../session-finding.js';
import type { TopologyFile } from './file.js';
import { followPairs, type Reach, type WaitOptions } from './follow-pairs.js';
import { planTopology } from './plan.js';
import { readPresent } from './present.js';
import type { Deed, Round, Step } from './steps.js';

/** The steps from what is there to what the file says. Throws `topology-differs` for what no step brings about. */
export async function planOf(toolkit: Toolkit, file: TopologyFile, prune: boolean): Promise<readonly Step[]> {
  const hint =
    'Nothing was changed. Such things are settled when they are made; change the file, or delete them first.';
  const problems = file.problems('topology-differs', 'What is there cannot be made to agree with the topology', hint);
  const steps = planTopology(file.desired, await readPresent(toolkit, file.desired), prune, problems);
  problems.demandNone();
  return steps;
}

/** Throws `force-needed` where a step loses data. */
export function demandForce(steps: readonly Step[]): void {
  const losing = steps.filter(({ loses }) => loses !== null);
  if (losing.length === 0) return;
  const lines = losing.map(({ sign, kind, name, loses }) => `${sign} ${kind} ${name} loses ${loses}`);
  throw failure(
    'force-needed',
    `Data would be lost:\n  ${lines.join('\n  ')}\nNothing was changed.`,
    'Give --force to lose it.',
    { details: { losing: lines } },
  );
}

export interface Applied {
  /** Absent where nothing had to be waited for. */
  readonly followed: Followed | undefined;
}

/** Carries the steps out through the requests that the commands use. Stops where a pair does not reach its status. */
export async function applySteps(toolkit: Toolkit, steps: readonly Step[], options: WaitOptions): Promise<Applied> {
  const applier = new Applier(toolkit, options);
  let done = 0;
  try {
    for (const batch of batches(steps)) {
      const followed = await applier.carryOut(batch);
      if (followed && followed.verdict !== 'reached') return { followed };
      done += batch.length;
    }
    return { followed: undefined };
  } catch (error) {
    throw isToolkitError(error) ? unfinished(error, done, steps.length) : error;
  } finally {
    await applier.letGo();
  }
}

/** Pairs are begun together, so that they copy at the same time, but one that copies on waits for what it copies. */
function batches(steps: readonly Step[]): Step[][] {
  const found: Step[][] = [];
  for (const step of steps) {
    const last = found.at(-1);
    const upstream = last?.every(({ pair }) => pair && step.pair && pair.secondary !== step.pair.primary);
    if (last && upstream) last.push(step);
    else found.push([step]);
  }
  return found;
}

function unfinished(error: ToolkitError, done: number, all: number): Error {
  const { code, message, details } = error;
  const hint = [error.hint, `${done} of ${all} steps were done; the same command goes on from here.`];
  return new ToolkitError({ code, message, hint: hint.filter(Boolean).join(' '), details, cause: error });
}

class Applier {
  readonly #toolkit: Toolkit;
  readonly #options: WaitOptions;
  /** Consecutive deeds at one system share its client. */
  #held: { readonly name: string; readonly client: SystemClient } | undefined;

  constructor(toolkit: Toolkit, options: WaitOptions) {
    this.#toolkit = toolkit;
    this.#options = options;
  }

  async carryOut(steps: readonly Step[]): Promise<Followed | undefined> {
    const rounds = Math.max(...steps.map((step) => step.rounds.length));
    for (let index = 0; index < rounds; index += 1) {
      const now = steps.flatMap(({ at, rounds: own }) => {
        const round = own[index];
        return round ? [{ at, round }] : [];
      });
      for (const { at, round } of now) for (const deed of round.deeds) await this.#do(at, deed);
      const followed = await this.#wait(now.flatMap(({ round: { reach } }) => (reach ? [reachOf(reach)] : [])));
      if (followed && followed.verdict !== 'reached') return followed;
    }
    return undefined;
  }

  async letGo(): Promise<void> {
    const held = this.#held;
    this.#held = undefined;
    await held?.client.close();
  }

  async #do(at: string, deed: Deed): Promise<void> {
    const { signal } = this.#options;
    if (signal.aborted) throw failure('interrupted', 'Interrupted.');
    switch (deed.do) {
      case 'make-system':
        await this.#toolkit.create(deed.wishes);
        return;
      case 'delete-system':
        await this.letGo();
        await this.#toolkit.delete(await this.#toolkit.find(at), { force: true });
        return;
      case 'request':
        await (await this.#client(at)).request(deed.code, deed.input, { signal });
        return;
      case 'make-pair':
        await this.#makePair(at, deed);
        return;
      case 'add-member':
        await this.#addMember(at, deed);
        return;
      case 'remove-member': {
        const primary = await namedVolume(this.#toolkit, deed.primary);
        await (await this.#client(at)).request('cg.remove', { group: deed.group, primary });
        return;
      }
      case 'start-session':
      case 'stop-session':
        await this.#turnSession(deed.do === 'start-session', deed.session);
    }
  }

  async #client(name: string): Promise<SystemClient> {
    if (this.#held?.name === name) return this.#held.client;
    await this.letGo();
    const { signal } = this.#options;
    const client = await this.#toolkit.openClient(await this.#toolkit.find(name), { signal });
    this.#held = { name, client };
    return client;
  }

  async #makePair(at: string, { pair, overwrite }: Extract<Deed, { do: 'make-pair' }>): Promise<void> {
    const { pace, rateBytesPerSecond, mode, manual, session, virtual } = pair;
    const secondary = parseAddress(pair.secondary);
    const row = {
      primary: parseAddress(pair.primary).volume,
      secondary: secondary.volume,
      secondarySystem: mode === 'local' ? undefined : refOf(await this.#toolkit.find(secondary.system)),
      pace,
      rateBytesPerSecond: rateBytesPerSecond === 0 ? undefined : rateBytesPerSecond,
      split: pair.status === 'split',
      virtual,
      backup: pair.backup === undefined ? undefined : parseAddress(pair.backup).volume,
    };
    const isJournal = mode === 'journal' && session !== undefined;
    const sessionHome = isJournal ? (await findSession(this.#toolkit, session)).session.home : undefined;
    const input = { pairs: [row], mode, overwrite, manual, session, sessionHome };
    await (await this.#client(at)).request('pair.create', input);
  }

  /** Asked of whoever issues the checkpoints, which the pairs decide. */
  async #turnSession(on: boolean, session: string): Promise<void> {
    await this.letGo();
    const found = await findSession(this.#toolkit, session);
    const { name } = on ? primaryMasterPlace(found) : startedPlace(found);
    await (await this.#client(name)).request(on ? 'session.start' : 'session.stop', { session });
  }

  async #wait(reaches: readonly Reach[]): Promise<Followed | undefined> {
    if (reaches.length === 0) return undefined;
    await this.letGo();
    return followPairs(this.#toolkit, reaches, this.#options);
  }

  async #addMember(at: string, { group, member }: Extract<Deed, { do: 'add-member' }>): Promise<void> {
    const primary = await namedVolume(this.#toolkit, member.primary);
    const secondary = await namedVolume(this.#toolkit, member.secondary);
    const backup = member.backup === 'auto' ? 'auto' : await namedVolume(this.#toolkit, member.backup);
    await (await this.#client(at)).request('cg.add', { group, primary, secondary, backup });
  }
}

function reachOf({ primary, secondary, status }: NonNullable<Round['reach']>): Reach {
  return { primary, secondary, statuses: [status] };
}
