import type { SequenceTime } from '../foundation/foundation.js';
import type { JournalBudget } from './budget.js';
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

/** Whose files are opened, and what they may hold. */
export interface OpenPlace extends JournalPlace {
  readonly bootId: string;
  /** Shared by all journals of a system. */
  readonly budget: JournalBudget;
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
