import type { SequenceTime } from '../foundation/foundation.js';
import type { RecordSequence } from './record.js';
import type { Journal } from './stream-journal.js';

/** Whether records find room: `unprepared` ends with `prepare`, `full` with a trim. */
export type Room = 'there' | 'unprepared' | 'full';

export interface JournalPlace {
  /** `journals/<stream>/transmit` or `/receive` below the system's folder. */
  readonly folder: string;
  /** Its name in messages, with the article. */
  readonly what: string;
}

/** Where a journal that takes another's place goes on. */
export interface JournalStart {
  readonly firstSequence: RecordSequence;
  /** Of the record before the first. */
  readonly time: SequenceTime;
}

export interface OpenedJournal {
  readonly journal: Journal;
  /** torn: records that were never durable were cut. */
  readonly tail: 'whole' | 'torn';
  /** Whether its last records were written in this boot of the host; then none of them is lost. */
  readonly sameBoot: boolean;
}
