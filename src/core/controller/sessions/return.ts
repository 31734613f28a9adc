import { failure, isToolkitError } from '../../foundation/foundation.js';
import { type HalfRecord, isHalf, isReturning, mayCopyDirectly, type PairRecord } from '../../pair/pair.js';
import type { Controller } from '../open-controller.js';
import { generationOf } from './generation.js';
import type { TransmitStream } from './transmit.js';

/** Room there comes back; tables and masters that change meanwhile are known a little later. */
const PASSING: ReadonlySet<string> = new Set(['no-space', 'not-master', 'term-superseded', 'session-refuses']);

/**
 * Before the first direct copy of a pair on which its session counts, the secondary lets go of it: what was released is applied there, and
 * the pair's records count no more (H20). Throws where the secondary cannot be reached; the copier waits for it.
 */
export async function mayCopy(controller: Controller, number: number): Promise<boolean> {
  const half = controller.catalog.pairs.get(number);
  if (!half || !isHalf(half) || mayCopyDirectly(half.remote)) return half !== undefined;
  // What comes back from a secondary that was made a primary changes nothing there.
  if (isReturning(half)) return true;
  await withdraw(controller, half);
  return true;
}

async function withdraw(controller: Controller, half: HalfRecord): Promise<void> {
  const { catalog, peers, place, streams } = controller;
  const session = half.remote.journal?.session ?? '';
  const sheet = streams.sheets.byId(session);
  if (!sheet) throw failure('link-lost', 'The session of the pair is not known here any more.');
  const stream = streams.of(session, half.remote.peer.system);
  await stream.abandon();
  const { system } = half.remote.peer;
  const input = {
    session,
    term: sheet.term,
    primary: peers.self.id,
    pair: half.remote.id,
    before: await placeBehind(stream),
    generation: generationOf(controller, session, system.id),
  };
  await peers.request(system, 'stream.withdraw', input, { limitMs: place.info.linkLimitMs }).catch((error: unknown) => {
    // Nothing was copied yet: what passes by itself is waited for as the link is, and no pair is suspended for it.
    if (isToolkitError(error) && PASSING.has(error.code)) throw failure('link-lost', error.message, error.hint);
    throw error;
  });
  controller.step('journal.withdrawn');
  await catalog.change(() => {
    const now = catalog.pairs.get(half.number);
    return now && isHalf(now) && now.remote.journal?.how === 'tracking'
      ? [{ do: 'put-pair', record: withdrawn(now) }]
      : [];
  });
  await catalog.durable();
}

/** Durable: after a loss of power no record that counts gets a number that was void. Null where no journal goes on behind it. */
async function placeBehind(stream: TransmitStream): Promise<number | null> {
  const { journal } = stream;
  if (!journal || stream.isLost) return null;
  const before = journal.nextSequence;
  await stream.durable();
  if (stream.isLost) return null;
  if (journal.durableSequence >= before - 1) return before;
  throw failure('link-lost', stream.brokenWhy ?? 'The end of the stream is not durable.');
}

function withdrawn(half: HalfRecord): PairRecord {
  const journal = half.remote.journal && { ...half.remote.journal, withdrawn: true };
  return { ...half, remote: { ...half.remote, journal } };
}
