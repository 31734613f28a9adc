import { activeState } from './phase.js';
import type { JournalHalf, PairRecord, RemoteHalf } from './record.js';

/** What a new pair of a session starts with: it tracks, and its secondary counts for nothing yet. */
export function newJournalHalf(session: string, backup: JournalHalf['backup'] = null): JournalHalf {
  return { session, how: 'tracking', entered: false, withdrawn: false, backup };
}

/** Whether the writes of P's host are kept as records of the session's stream, and not as marks (decision 70). */
export function isJournalled({ state, remote }: Pick<PairRecord, 'state' | 'remote'>): boolean {
  if (remote?.journal?.how !== 'journalled' || remote.side !== 'primary' || remote.displaced) return false;
  return state.status === 'pending' || state.status === 'duplex' || state.status === 'resync';
}

/** The pair keeps its differences as marks from now on. Whoever makes this change marks the tracks of its records in the same frame. */
export function asTracking<Row extends PairRecord>(record: Row): Row {
  const { remote } = record;
  if (remote?.journal?.how !== 'journalled') return record;
  return { ...record, remote: { ...remote, journal: { ...remote.journal, how: 'tracking' } } };
}

/** Whether tracks may be copied straight into S: what lies there counts for no checkpoint, or the session has let go of it (H20). */
export function mayCopyDirectly(remote: RemoteHalf | undefined): boolean {
  const journal = remote?.journal;
  return !journal?.entered || journal.withdrawn;
}

/** Whether S shows the last applied checkpoint, whole: not before its first, nor once it takes differences again. */
export function showsCheckpoint({ state, remote }: Pick<PairRecord, 'state' | 'remote'>): boolean {
  const journal = remote?.journal;
  return activeState(state).status === 'duplex' && journal?.entered === true && !journal.withdrawn;
}
