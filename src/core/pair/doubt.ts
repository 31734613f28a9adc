import { AssertionFailure } from '../foundation/foundation.js';
import { type Phase, phaseOf } from './phase.js';
import type { MapName, PairRecord, PairState, Side } from './record.js';
import { halfAccess } from './roles.js';

/** One row of recovery's decision table. */
export interface DoubtRow {
  readonly label: string;
  readonly phase: Phase;
  readonly side: Side;
  /** Whether S was opened to its host with `--allow-write`; absent where it makes no difference. */
  readonly opened?: boolean;
  readonly map: MapName;
  readonly why: string;
}

/**
 * Which map takes the tracks of a region that was active at an unclean stop (DESIGN.md 8). Such a track may hold its old contents, the
 * new ones or a mix. The answer is the map that takes new writes now, and never the out-of-sync map of a frozen pair, for there
 * neither 0 nor 1 is safe (H10).
 */
export const DOUBT_TABLE: readonly DoubtRow[] = [
  {
    label: '@A',
    phase: 'following',
    side: 'primary',
    map: 'outOfSync',
    why: 'P may hold a write that S has not; it is copied again.',
  },
  {
    label: '@B',
    phase: 'following',
    side: 'secondary',
    opened: false,
    map: 'outOfSync',
    why: 'Only copies were written at S, and P has their contents; they are copied again.',
  },
  {
    label: '@C',
    phase: 'following',
    side: 'secondary',
    opened: true,
    map: 'secondary',
    why: "S's host wrote; the tracks are shown as its changes until a resync gives them up.",
  },
  {
    label: '@D',
    phase: 'frozen',
    side: 'primary',
    map: 'changed',
    why: 'P may have been overwritten; the old track was durable at S before, so a set out-of-sync bit still tells the truth (H10).',
  },
  {
    label: '@E',
    phase: 'frozen',
    side: 'secondary',
    map: 'secondary',
    why: "S's host may have written; the fill and its cleared bit were durable before, so the out-of-sync bit tells the truth.",
  },
  {
    label: '@F',
    phase: 'restore',
    side: 'primary',
    map: 'outOfSync',
    why: 'P may hold a write of its host; what it still lacks comes from S first, then the track goes to S.',
  },
  {
    label: '@G',
    phase: 'restore',
    side: 'secondary',
    map: 'outOfSync',
    why: "No host writes S now. Where P has the track, P's is the one that counts: in the secondary map it would overwrite P's later writes.",
  },
  {
    label: '@H',
    phase: 'restore-with-backup',
    side: 'primary',
    map: 'changed',
    why: 'P may hold a write made after the restore began; S keeps the instant, so it counts as a change since then.',
  },
  {
    label: '@I',
    phase: 'restore-with-backup',
    side: 'secondary',
    map: 'changed',
    why: "S only takes saved tracks, durable before their bits clear. In the secondary map it would overwrite P's later writes; as a change it only counts as different.",
  },
];

export function rowMatches(row: DoubtRow, phase: Phase, side: Side, opened: boolean): boolean {
  return row.phase === phase && row.side === side && (row.opened ?? opened) === opened;
}

/** The one row for doubtful tracks at a side of a pair in this state. */
export function doubtRow(state: PairState, side: Side): DoubtRow {
  const opened = state.status === 'suspended' && state.allowWrite;
  const row = DOUBT_TABLE.find((candidate) => rowMatches(candidate, phaseOf(state), side, opened));
  if (row === undefined) throw new AssertionFailure('the doubt table has a row for every phase and side');
  return row;
}

/**
 * The map of a pair here that takes doubtful tracks of one of its volumes. At a remote secondary that no host may write only what the
 * primary sent was written: its half keeps the tracks in a map of its own, out-of-sync, which the primary takes over when it next
 * opens a link, each by the same table: what it had flushed there as well as what it had not.
 */
export function mapTakingDoubt(record: Pick<PairRecord, 'state' | 'remote'>, side: Side): MapName {
  const { state, remote } = record;
  if (remote?.side === 'secondary' && halfAccess(state, remote).host !== 'read-write') return 'outOfSync';
  return doubtRow(state, side).map;
}
