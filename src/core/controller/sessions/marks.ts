import { failure } from '../../foundation/foundation.js';
import type { SystemRef } from '../../group/group.js';
import { type Checkpoint, isoOf, timeAt, timeOf } from '../../sequence/sequence.js';
import {
  formatMark,
  issuedIn,
  judgeIssue,
  type Placed,
  type PrimaryTable,
  type SessionSheet,
} from '../../session/session.js';
import { isLoss } from '../../transfer/transfer.js';
import type { Answered, Requests } from '../control/requests.js';
import type { Controller } from '../open-controller.js';
import { atPrimary } from './sheets.js';
import { agreeAnchor, clockRefused, isAnchored, lookAt } from './start.js';

type Input<Code extends keyof Requests> = Requests[Code]['input'];

/** A new master may have to pass what its predecessors issued, once. */
const TRIES = 3;

/** Answers at the primary master. Throws `not-primary-master` elsewhere. */
export async function markHere(
  controller: Controller,
  { session }: Input<'session.mark'>,
): Promise<Answered<'session.mark'>> {
  const { id, run } = controller.sessions.sheets.demand(session);
  const { number, time } = await issueCheckpoint(controller, id);
  return { output: { session, mark: formatMark({ run, number }), number, time: isoOf(timeOf({ time })) } };
}

/** Issues a checkpoint to every primary that answers. Its number is durable here before it leaves, and never used again. */
export async function issueCheckpoint(controller: Controller, id: string): Promise<Checkpoint> {
  const { sessions } = controller;
  const release = await sessions.issuing(id).acquire();
  try {
    for (let tries = 0; tries < TRIES; tries += 1) {
      const sheet = demandRunning(controller, id);
      const { checkpoint, to } = await judged(controller, sheet);
      await sessions.sheets.update(
        id,
        atPrimary((table) => issuedIn(table, checkpoint)),
      );
      controller.step('session.issued');
      const { seen, whole } = await placeEverywhere(controller, sheet, checkpoint, to);
      sessions.noteIssued(id, whole && to.length === takingPart(sheet).length);
      if (seen === null) return checkpoint;
      await sessions.sheets.update(
        id,
        atPrimary((table) => ({ ...table, seen: Math.max(table.seen, seen) })),
      );
    }
    throw failure('session-refuses', 'Another primary issues checkpoints of the session.', 'Try again in a moment.');
  } finally {
    release();
  }
}

type Running = SessionSheet & { readonly primary: PrimaryTable };

function demandRunning({ sessions }: Controller, id: string): Running {
  const sheet = sessions.sheets.byId(id);
  if (!sheet?.primary) throw failure('session-not-found', 'No primary of the session lies here.');
  return { ...sheet, primary: sheet.primary };
}

function takingPart({ primary }: Running): readonly SystemRef[] {
  return primary.config.filter(({ resignedAt }) => resignedAt === null).map(({ system }) => system);
}

/** The time is drawn before the others are asked for theirs, so that their clocks are seen to be right behind it (H24). */
async function judged(controller: Controller, sheet: Running) {
  const { ports, peers } = controller;
  const { name, order, primary } = sheet;
  const { anchor } = primary;
  const time = anchor && isAnchored(controller, sheet) ? timeAt(anchor, ports.clock.sequenceNs()) : null;
  const rows = primary.config.filter(({ system, resignedAt }) => resignedAt === null && system.id !== peers.self.id);
  const asked = rows.map(async ({ system }) => {
    try {
      return await lookAt(controller, sheet, system);
    } catch (error) {
      if (isLoss(error)) return undefined;
      throw error;
    }
  });
  const others = (await Promise.all(asked)).flatMap((answer) => answer ?? []);
  // One that knew more has told it.
  const table = demandRunning(controller, sheet.id).primary;
  const verdict = judgeIssue({ self: peers.self.id, order, table, time, others });
  // One that was restarted, or was away when an anchor was agreed, records nothing before it has one.
  if (verdict.kind === 'issue' && others.some(({ anchor }) => anchor === null)) await agreeAnchor(controller, sheet.id);
  if (verdict.kind === 'issue') return verdict;
  if (verdict.kind === 'untrusted')
    throw clockRefused(name, rows.find(({ system }) => verdict.who.includes(system.id))?.system.name ?? '?');
  if (verdict.kind === 'not-master')
    throw failure(
      'not-primary-master',
      `The checkpoints of session ${name} are issued by ${verdict.master ?? 'nobody yet'}.`,
      undefined,
      { details: { master: verdict.master } },
    );
  throw failure(
    'session-refuses',
    verdict.kind === 'stopped'
      ? `Session ${name} is stopped.`
      : `The primaries of session ${name} agree on no clock yet.`,
    `copyset checkpoint start ${name} starts it.`,
  );
}

/** Places it in every stream. Answers with the highest number seen where one has seen as high a number, and whether it is whole in all. */
async function placeEverywhere(
  controller: Controller,
  sheet: Running,
  checkpoint: Checkpoint,
  to: readonly string[],
): Promise<{ readonly seen: number | null; readonly whole: boolean }> {
  const systems = sheet.primary.config.map(({ system }) => system).filter(({ id }) => to.includes(id));
  const steps = sheet.order === 'arrival' ? (['close', 'run', 'confirm'] as const) : ([undefined] as const);
  let whole = true;
  for (const gates of steps) {
    const placed = await Promise.all(systems.map((system) => placeAt(controller, sheet, system, checkpoint, gates)));
    const seen = placed.flatMap((one) => (one.kind === 'passed' ? [one.seen] : []));
    if (seen.length > 0) return { seen: Math.max(...seen), whole: false };
    whole &&= placed.every((one) => one.kind === 'placed' && one.whole);
    // Only a checkpoint at which every gate was opened by run counts (H2).
    if (gates === 'run' && !placed.every((one) => one.kind === 'placed' && one.whole)) return { seen: null, whole };
  }
  return { seen: null, whole };
}

type Gates = Input<'session.checkpoint'>['gates'];

async function placeAt(
  { peers }: Controller,
  { id, term, primary }: Running,
  system: SystemRef,
  checkpoint: Checkpoint,
  gates: Gates,
): Promise<Placed> {
  const input = { session: id, term, configTerm: primary.configTerm, checkpoint, gates };
  try {
    return (await peers.ask(system, 'session.checkpoint', input)).placed;
  } catch (error) {
    // It is held at one place less, so that nothing is released over it; the next one may be.
    if (isLoss(error)) return { kind: 'placed', whole: false };
    throw error;
  }
}
