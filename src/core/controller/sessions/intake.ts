import { failure } from '../../foundation/foundation.js';
import { digitsOf } from '../../sequence/sequence.js';
import type { ReceiveRow } from '../../session/session.js';
import type { Answered, Requests } from '../control/requests.js';
import type { Controller } from '../open-controller.js';
import type { ReceiveStream } from './receive.js';
import { joinSystemOf } from './resigning.js';
import { atSecondary } from './sheets.js';
import { demandSecondary } from './tables.js';
import { dropVoid } from './void.js';

type Input<Code extends keyof Requests> = Requests[Code]['input'];
type Stated = Requests['stream.state']['output'];

/** The stream of a primary begins or goes on: from which record on it is wanted here. */
export async function openStream(
  controller: Controller,
  input: Input<'stream.open'>,
): Promise<Answered<'stream.open'>> {
  const stream = await demandStream(controller, { ...input, primary: input.primary.id });
  const { nextSequence: wanted, lastTime } = stream.journal;
  // Sent records are never thrown away before they are durable here, and never numbered anew.
  const goesOn = wanted >= input.firstSequence && wanted <= input.nextSequence;
  if (!goesOn || input.generation !== stream.row.generation) return { output: { wanted: null } };
  controller.step('stream.opened');
  returned(controller, stream, input);
  return { output: { wanted, lastTime: digitsOf(lastTime) } };
}

/** A journal begins at the primary, whose earlier ones count no more here. */
export async function renewStream(
  controller: Controller,
  input: Input<'stream.renew'>,
): Promise<Answered<'stream.renew'>> {
  const stream = await demandStream(controller, input);
  const known = stream.row.generation;
  await takeGeneration(controller, input);
  const { nextSequence, lastTime } = stream.journal;
  return { output: { known, nextSequence, lastTime: digitsOf(lastTime) } };
}

/**
 * From this step on nothing of an earlier generation is taken, so that all that will come lies behind what is here: no place that was
 * told for an earlier journal reaches into it.
 */
export async function takeGeneration(
  controller: Controller,
  { session, primary, generation }: Pick<Input<'stream.renew'>, 'session' | 'primary' | 'generation'>,
): Promise<void> {
  const stream = await controller.sessions.stream(session, primary);
  if (generation <= stream.row.generation) return;
  await controller.sessions.sheets.update(
    session,
    atSecondary((table) => ({
      ...table,
      streams: table.streams.map((row) =>
        row.primary.id === primary && row.generation < generation ? renewed(row, generation, stream) : row,
      ),
    })),
  );
  controller.step('stream.renewed');
}

function renewed(row: ReceiveRow, generation: number, { journal: { nextSequence } }: ReceiveStream): ReceiveRow {
  const voidBefore = Object.entries(row.voidBefore).map(([pair, before]) => [pair, Math.min(before, nextSequence)]);
  const heldFrom = Math.min(row.heldFrom, nextSequence);
  return { ...row, generation, heldFrom, voidBefore: Object.fromEntries(voidBefore) };
}

/** A primary that was lost and resigned is back: it joins by itself (DESIGN.md 6). */
function returned(controller: Controller, stream: ReceiveStream, input: Input<'stream.open'>): void {
  const name = controller.sessions.sheets.byId(input.session)?.name;
  if (name === undefined || stream.active?.resigned == null) return;
  controller.sessions.behind(joinSystemOf(controller, { session: name, system: input.primary }));
}

/** Answered once the records, and what they change in the table, are durable here. */
export async function appendToStream(
  controller: Controller,
  input: Input<'stream.append'>,
  data: Uint8Array | undefined,
): Promise<Answered<'stream.append'>> {
  const stream = await demandStream(controller, input);
  const heldBefore = stream.latest?.sequence ?? 0;
  const bytes = data ?? new Uint8Array(0);
  if (stream.journal.isFull) await dropVoid(controller, input);
  await stream.append(input.from, bytes, () => {
    demandSecondary(controller, input);
    if (input.generation !== stream.row.generation)
      throw failure('term-superseded', 'The records are of an earlier journal of the stream.');
  });
  await controller.sessions.views.arrived(stream);
  if ((stream.latest?.sequence ?? 0) > heldBefore) controller.sessions.noteNews(input.session);
  return { output: stateOf(stream) };
}

export async function stateOfStream(
  controller: Controller,
  input: Input<'stream.state'>,
): Promise<Answered<'stream.state'>> {
  return { output: stateOf(await demandStream(controller, input)) };
}

function stateOf(stream: ReceiveStream): Stated {
  const { durableUpTo, row } = stream;
  return { durableUpTo, appliedTime: stream.appliedTime(), appliedSequence: row.appliedSequence };
}

async function demandStream(
  controller: Controller,
  { session, term, primary }: Pick<Input<'stream.state'>, 'session' | 'term' | 'primary'>,
): Promise<ReceiveStream> {
  const { enabled, recovered } = demandSecondary(controller, { session, term });
  if (recovered) throw failure('displaced', `The session was recovered at ${controller.place.name}.`);
  if (!enabled)
    throw failure(
      'session-refuses',
      `The session was not started at ${controller.place.name}.`,
      `copyset checkpoint start SESSION --at ${controller.place.name} starts it there.`,
    );
  const stream = await controller.sessions.sound(session, primary);
  stream.heardAtMs = controller.ports.clock.monotonicMs();
  return stream;
}
