import type { RecordSequence } from '../../journal/journal.js';
import type { Controller } from '../open-controller.js';
import type { ReceiveStream } from './receive.js';
import { atSecondary } from './sheets.js';

/** A stream by its session's id and its primary's. */
interface StreamOf {
  readonly session: string;
  readonly primary: string;
}

/**
 * Where the session counts on no pair of the stream any more, what is void for all of them is dropped, and there is room again. What was
 * on its way when a pair was let go of arrives later, and is void as well.
 */
export async function dropVoid(controller: Controller, { session, primary }: StreamOf): Promise<void> {
  const { sessions } = controller;
  const release = await sessions.applying(session).acquire();
  try {
    const stream = await sessions.stream(session, primary);
    if (stream.pairs().some(({ remote: { journal } }) => journal?.entered && !journal.withdrawn)) return;
    const upTo = firstThatCounts(stream) - 1;
    if (upTo <= stream.row.appliedSequence) return;
    await sessions.sheets.update(
      session,
      atSecondary((table) => ({
        ...table,
        streams: table.streams.map((row) =>
          row.primary.id === primary ? { ...row, appliedSequence: Math.max(row.appliedSequence, upTo) } : row,
        ),
      })),
    );
    await stream.applied(upTo);
  } finally {
    release();
  }
}

/** Of a pair that has not entered yet as well: the records of its base may be here. */
function firstThatCounts(stream: ReceiveStream): RecordSequence {
  const { journal, row } = stream;
  const pairs = new Set(stream.pairs().map(({ remote }) => remote.id));
  for (const record of journal.records(Math.max(journal.firstSequence, row.appliedSequence + 1))) {
    if (record.kind === 'checkpoint' || record.kind === 'confirm' || !pairs.has(record.pair)) continue;
    if (record.sequence >= (row.voidBefore[record.pair] ?? 1)) return record.sequence;
  }
  return journal.nextSequence;
}
