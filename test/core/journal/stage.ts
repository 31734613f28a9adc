import {
  createJournal,
  Journal,
  JournalBudget,
  type JournalRecord,
  type NewRecord,
  recordBytes,
} from '../../../src/core/journal/journal.js';
import type { Files } from '../../../src/core/ports/ports.js';

export const FOLDER = '/systems/lab/journals/s-1/transmit';
export const WHAT = 'the transmit journal of session j to storage system far';
export const SEGMENT_BYTES = 16_384;
export const PAIR = '0123456789abcdef0123456789abcdef';
export const ISSUER = 'fedcba9876543210fedcba9876543210';

export const segmentAt = (number: number): string => `${FOLDER}/${String(number).padStart(10, '0')}.segment`;

/** The system's own folder is durable before anything is made in it. */
export async function create(files: Files, bootId = 'boot-1', segmentBytes = SEGMENT_BYTES): Promise<void> {
  files.makeFolder('/systems/lab');
  await files.flushFolder('/systems');
  await createJournal(files, { folder: FOLDER, what: WHAT, segmentBytes, bootId });
}

export function open(files: Files, bootId = 'boot-1', limitBytes = 1_000_000) {
  const budget = new JournalBudget(files, '/systems/lab/journals', limitBytes, 0);
  return Journal.open(files, { folder: FOLDER, what: WHAT, bootId, budget });
}

export async function newJournal(files: Files, limitBytes?: number): Promise<Journal> {
  await create(files);
  const { journal } = open(files, 'boot-1', limitBytes);
  await journal.prepare();
  return journal;
}

/** Contents that say which record they belong to. */
export function dataOf(sequence: number, lengthBytes: number): Uint8Array {
  return new Uint8Array(lengthBytes).map((_, at) => (sequence * 31 + at * 7 + (at >> 8)) & 0xff);
}

export function write(sequence: number, lengthBytes = 1_000): NewRecord {
  const time = BigInt(sequence) * 10n;
  return { kind: 'write', time, pair: PAIR, offset: sequence * 4_096, data: dataOf(sequence, lengthBytes) };
}

/** Appends a record, and makes a segment ready where there is none. */
export async function put(journal: Journal, record: NewRecord): Promise<number> {
  const bytes = recordBytes('data' in record ? record.data.length : 12);
  if (!journal.hasRoomFor(bytes)) await journal.prepare();
  return journal.append(record);
}

export async function putMany(journal: Journal, count: number, lengthBytes = 1_000): Promise<void> {
  for (let index = 0; index < count; index++) await put(journal, write(journal.nextSequence, lengthBytes));
}

export const all = (journal: Journal): JournalRecord[] => [...journal.records(journal.firstSequence)];
export const sequencesOf = (journal: Journal): number[] => all(journal).map(({ sequence }) => sequence);
export const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
