import type { ByteCount } from '../foundation/foundation.js';
import type { Files } from '../ports/ports.js';
import { toToolkitError } from '../storage/storage.js';
import type { JournalPlace, JournalStart } from './journal-place.js';
import { demandNoJournal } from './ready-segments.js';
import { segmentBytesOf } from './segment-bytes.js';
import { makeSegment, ownerCode, segmentPath, settleNames } from './segment-files.js';

export interface NewJournal extends JournalPlace, Partial<JournalStart> {
  readonly segmentBytes?: ByteCount;
  /** That of whoever opens it. */
  readonly limitBytes?: ByteCount;
  readonly bootId: string;
}

/** Makes a journal, empty and durable. Throws `already-exists` where one is, `no-space`. */
export async function createJournal(files: Files, options: NewJournal): Promise<void> {
  const { folder, what, segmentBytes: sizeBytes = segmentBytesOf(options.limitBytes), bootId } = options;
  const { firstSequence = 1, time = 0n } = options;
  try {
    files.makeFolder(folder);
    demandNoJournal(files, folder, what);
    const before = { time, previousCode: 0, unflushed: 0 };
    const header = { number: 1, firstSequence, sizeBytes, ...before, bootId, owner: ownerCode(folder) };
    const file = await makeSegment(files, segmentPath(folder, 1), header);
    file.close();
    await settleNames(files, folder);
  } catch (error) {
    throw toToolkitError(error, what);
  }
}
