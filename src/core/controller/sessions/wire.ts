import type { ByteCount, TrackCount } from '../../foundation/foundation.js';
import type { SystemRef } from '../../group/group.js';
import type { ActiveRow, ActiveTable, SessionSheet } from '../../session/session.js';

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
  /** To each primary: nothing is issued or journalled from now on, until another start. */
  'session.halt': {
    input: { readonly session: string; readonly term: number };
    output: Record<string, never>;
  };
  /** To each system, after a failback: the roles are as before the recovery, under this term and in this run. */
  'session.home': {
    input: {
      readonly session: string;
      readonly term: number;
      readonly run: number;
      /** To the one that brings it home, who comes last: those that could not be told, and are told by it later. */
      readonly untold?: readonly SystemRef[] | undefined;
      /** To one of those: the table of those that are home, as it is now. */
      readonly active?: ActiveTable | undefined;
    };
    output: Record<string, never>;
  };
  /** Asked of a secondary, for a failback: which of its halves were made primaries, and what their hosts wrote since. */
  'session.taken': {
    input: { readonly session: string };
    output: {
      readonly pairs: readonly {
        readonly id: string;
        readonly primary: SystemRef;
        readonly primaryName: string;
        readonly secondary: string;
        /** The secondary's volume and the backup that it was kept on, where it was. */
        readonly kept: { readonly name: string; readonly backup: string } | undefined;
        readonly tracks: TrackCount;
        readonly trackSizeBytes: ByteCount;
      }[];
    };
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
      /** The place behind the last record of the pair in its primary's stream; null where its journal is lost: all that came is before it. */
      readonly before: number | null;
      readonly generation: number;
    };
    output: { readonly recoverable: boolean };
  };
}
