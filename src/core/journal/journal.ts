/**
 * journal: the records of a stream, in the order in which they happened, in files of one size.
 *
 * - record: one write, or a mark between writes (enter, leave, checkpoint, confirm); numbered without gaps from 1.
 * - segment: a file of records. It has all its room before the first record comes, so that an append needs none.
 * - ready: a segment that waits to be used; new, or one whose records were trimmed.
 * - torn tail: records at the end that a loss of power left in part. They were never durable, and are cut.
 * - trim: records up to a place are not needed any more; whole segments of them go.
 *
 * It knows records and positions, not pairs, and not who sends or applies them.
 */
export { JournalBudget, type JournalsUsage, type JournalUsage } from './budget.js';
export * from './inspect.js';
export type { JournalPlace, JournalStart, OpenedJournal, OpenPlace, Room } from './journal-place.js';
export { createJournal } from './new-journal.js';
export { hasJournal, removeJournal } from './ready-segments.js';
export {
  type JournalRecord,
  type NewRecord,
  type RecordSequence,
  recordBytes,
} from './record.js';
export { checkJournalLimit } from './segment-bytes.js';
export * from './stream-journal.js';
