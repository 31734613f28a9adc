import { asTracking, isJournalled } from './journalled.js';
import type { PairRecord } from './record.js';

/**
 * Which of the writes of P's host go to S as well before they complete (mode sync). `always`: every one, and one that cannot waits.
 * `in-sync`: those to tracks that S has already, so that a resync comes to its end however busy the host is; the others are marked.
 * Null: none.
 */
export type Alongside = 'always' | 'in-sync' | null;

export function alongsideOf({ mode, state, remote }: Pick<PairRecord, 'mode' | 'state' | 'remote'>): Alongside {
  if (mode !== 'sync' || remote?.side !== 'primary' || remote.displaced) return null;
  switch (state.status) {
    case 'duplex':
      return 'always';
    case 'pending':
    case 'resync':
      return 'in-sync';
    default:
      return null;
  }
}

/**
 * A sync pair in duplex whose tracks differ after all, by a jump of P, by doubt after a crash or by copying into P: S is a mix until
 * they have come, and must not be taken for more (H17). A journal pair tracks from then on, for no record tells of such tracks. The
 * same row comes back where it says so already.
 */
export function withTracksApart(record: PairRecord): PairRecord {
  if (isJournalled(record)) return { ...asTracking(record), state: { status: 'resync' } };
  if (alongsideOf(record) !== 'always') return record;
  return { ...record, state: { status: 'resync' } };
}

/**
 * The sync pairs that are suspended with one of them, so that their secondaries stay one image (H29): all of the same session, and,
 * where the link is lost, all between the same two systems and the sessions of those.
 */
export function suspendedTogether(
  pairs: Iterable<PairRecord>,
  first: PairRecord,
  linkIsLost: boolean,
): readonly PairRecord[] {
  if (alongsideOf(first) === null) return [first];
  const others = [...pairs].filter((pair) => pair.number !== first.number && alongsideOf(pair) !== null);
  const peer = first.remote?.peer.system.id;
  const linked = linkIsLost ? others.filter(({ remote }) => remote?.peer.system.id === peer) : [];
  const sessions = new Set([first, ...linked].map(({ remote }) => remote?.session));
  const inSession = ({ remote }: PairRecord) => remote?.session != null && sessions.has(remote.session);
  return [first, ...others.filter((pair) => linked.includes(pair) || inSession(pair))];
}
