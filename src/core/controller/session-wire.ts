import type { ActiveRow, SessionSheet, SystemRef } from '../session/session.js';

/** What controllers ask of one another about sessions where pairs come, and come back. All of it may be repeated. */
export interface SessionPairRequests {
  /** Asked of the session's home, by name, as a pair is made: the two systems are coupled, and each has its sheet when this is answered. */
  'session.enlist': {
    input: { readonly session: string; readonly primary: SystemRef; readonly secondary: SystemRef };
    output: { readonly sheet: SessionSheet };
  };
  /** Asked of the secondary master, who alone changes the copy-active table: these streams belong to it from now on. */
  'session.extend': {
    input: {
      readonly session: string;
      readonly term: number;
      readonly add: readonly Pick<ActiveRow, 'secondary' | 'primary'>[];
    };
    output: { readonly tableTerm: number };
  };
  /**
   * From a primary to its secondary before the first direct copy of a pair (H20): records of the pair before the place, and checkpoints
   * before it, count no more. Answered when what was released before is applied, and all of it is durable.
   */
  'stream.withdraw': {
    input: {
      readonly session: string;
      readonly term: number;
      readonly primary: string;
      readonly pair: string;
      /** The place behind the last record of the pair in its primary's stream. */
      readonly before: number;
    };
    output: { readonly recoverable: boolean };
  };
}
