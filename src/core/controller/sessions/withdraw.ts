import type { Change } from '../../catalog/catalog.js';
import { failure } from '../../foundation/foundation.js';
import type { HalfRecord } from '../../pair/pair.js';
import type { Checkpoint } from '../../sequence/sequence.js';
import { judgeWithdraw, secondaryMaster } from '../../session/session.js';
import type { Answered, Requests } from '../control/requests.js';
import type { Controller, RequestContext } from '../open-controller.js';
import { finishApply } from './apply.js';
import { keepBackup } from './backup.js';
import { takeGeneration } from './intake.js';
import { ask } from './rounds.js';
import { atSecondary } from './sheets.js';
import { demandSecondary } from './tables.js';
import { dropVoid } from './void.js';

type Input<Code extends keyof Requests> = Requests[Code]['input'];
/** With the place, also where its primary could not tell it. */
type Withdrawal = Input<'stream.withdraw'> & { readonly before: number };

/**
 * A primary is about to copy straight into a pair's secondary here, which is a mix from then on (H20). First nothing before the place is
 * held any more, durably, so that no round counts on it; then the master says what it had released by then, which is applied; then the
 * secondary is kept as it is on its backup, and the pair's records before the place are void.
 */
export async function withdraw(
  controller: Controller,
  input: Input<'stream.withdraw'>,
  context: RequestContext,
): Promise<Answered<'stream.withdraw'>> {
  const release = await controller.sessions.withdrawing(input.pair).acquire();
  try {
    return await withdrawInTurn(controller, input, context);
  } finally {
    release();
  }
}

async function withdrawInTurn(
  controller: Controller,
  asked: Input<'stream.withdraw'>,
  context: RequestContext,
): Promise<Answered<'stream.withdraw'>> {
  const half = withdrawing(controller, asked);
  const { journal } = half.remote;
  await takeGeneration(controller, asked);
  const { nextSequence } = (await controller.sessions.stream(asked.session, asked.primary)).journal;
  const input = { ...asked, before: asked.before ?? nextSequence };
  if (journal?.withdrawn && isVoid(controller, input)) return { output: { recoverable: journal.backup !== null } };
  await change(controller, input, (row) => ({ ...row, heldFrom: Math.max(row.heldFrom, input.before) }));
  controller.step('session.withdrawing');
  await applyReleased(controller, input);
  // One that was let go before is a mix already; what it was kept as stays.
  const isKept = journal?.withdrawn ? journal.backup !== null : await keptAsShown(controller, half, context);
  await letGo(controller, input, half);
  await dropVoid(controller, input);
  controller.step('session.withdrawn');
  controller.notify();
  return { output: { recoverable: isKept } };
}

/** What it shows cannot be kept where its records were lost before they were in its image. */
async function keptAsShown(controller: Controller, half: HalfRecord, context: RequestContext): Promise<boolean> {
  return !controller.sessions.views.isMissing(half) && (await keepBackup(controller, half, context));
}

/** Answers at the master: a round that is under way has decided by then, durably, and every other secondary is asked anew. */
export async function judgeWithdrawal(
  controller: Controller,
  input: Input<'session.withdraw'>,
): Promise<Answered<'session.withdraw'>> {
  const release = await controller.sessions.rounds(input.session).acquire();
  try {
    const { active, reports } = await ask(controller, input.session);
    return { output: { verdict: judgeWithdraw({ active, reports }, input.secondary) } };
  } finally {
    release();
  }
}

/** What the session released counts on this stream as well, whether or not the order has come. Nobody is asked before there is a master. */
async function applyReleased(controller: Controller, input: Input<'stream.withdraw'>): Promise<void> {
  const { sessions, peers } = controller;
  for (;;) {
    const { tableTerm, table } = demandSecondary(controller, input);
    const master = secondaryMaster(table);
    if (!master) return;
    const term = sessions.sheets.byId(input.session)?.term ?? input.term;
    const asked = { session: input.session, term, tableTerm, secondary: peers.self.id, primary: input.primary };
    const { verdict } = await peers.ask(master, 'session.withdraw', asked);
    if (verdict.kind === 'go') return;
    if (verdict.kind === 'wait')
      throw failure(
        'link-lost',
        'Secondaries of the session cannot be reached, so that it is not known what they show.',
      );
    await applyFirst(controller, input, verdict.checkpoint);
  }
}

async function applyFirst(controller: Controller, input: Input<'stream.withdraw'>, due: Checkpoint): Promise<void> {
  const { sessions } = controller;
  await sessions.sheets.update(
    input.session,
    atSecondary((table) => ({ ...table, releasing: table.releasing ?? due })),
  );
  controller.step('session.released');
  await finishApply(controller, input.session);
}

/** One frame: the pair's records before the place are void, and its secondary shows no checkpoint. */
async function letGo(controller: Controller, input: Withdrawal, half: HalfRecord): Promise<void> {
  const { catalog } = controller;
  await catalog.change(() => {
    const record = catalog.pairs.get(half.number);
    if (!record?.remote?.journal) return [];
    const journal = { ...record.remote.journal, withdrawn: true };
    return [
      { do: 'put-pair', record: { ...record, remote: { ...record.remote, journal } } } satisfies Change,
      ...changes(controller, input, (row) => ({
        ...row,
        voidBefore: { ...row.voidBefore, [input.pair]: Math.max(row.voidBefore[input.pair] ?? 1, input.before) },
      })),
    ];
  });
  await catalog.durable();
}

type Row = NonNullable<ReturnType<typeof demandSecondary>['streams'][number]>;

function changes(controller: Controller, input: Withdrawal, next: (row: Row) => Row): Change[] {
  return controller.sessions.sheets.change(
    input.session,
    atSecondary((table) => ({
      ...table,
      streams: table.streams.map((row) => (row.primary.id === input.primary ? next(row) : row)),
    })),
  );
}

async function change(controller: Controller, input: Withdrawal, next: (row: Row) => Row): Promise<void> {
  await controller.catalog.change(() => changes(controller, input, next));
  await controller.catalog.durable();
}

function isVoid(controller: Controller, input: Withdrawal): boolean {
  const row = demandSecondary(controller, input).streams.find(({ primary }) => primary.id === input.primary);
  return (row?.voidBefore[input.pair] ?? 0) >= input.before;
}

function withdrawing(controller: Controller, input: Input<'stream.withdraw'>): HalfRecord {
  demandSecondary(controller, input);
  const half = controller.halves.find(input.pair);
  if (half.remote.side === 'secondary' && half.remote.journal?.session === input.session) return half;
  throw failure('session-refuses', 'The pair belongs to another session.');
}
