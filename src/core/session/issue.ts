import type { SequenceTime } from '../foundation/foundation.js';
import {
  type Anchor,
  type Checkpoint,
  type ClockTrust,
  digitsOf,
  sameCheckpoint,
  timeOf,
} from '../sequence/sequence.js';
import type { PrimaryTable, SessionOrder } from './record.js';
import { primaryMaster } from './tables.js';
import type { Placed } from './wire.js';

/** What a system knows when it is to issue a checkpoint. */
export interface IssueQuestion {
  readonly self: string;
  readonly order: SessionOrder;
  readonly table: PrimaryTable;
  /** Drawn from the sequence clock before the other primaries were asked for theirs; null where there is no anchor. */
  readonly time: SequenceTime | null;
  /** What the other primaries answered after that. One that did not answer is not told of this checkpoint either. */
  readonly others: readonly OtherPrimary[];
}

export interface OtherPrimary {
  readonly system: string;
  readonly seen: number;
  readonly anchor: Anchor | null;
  readonly clock: ClockTrust;
}

export type IssueVerdict =
  | { readonly label: string; readonly kind: 'issue'; readonly checkpoint: Checkpoint; readonly to: readonly string[] }
  | { readonly label: string; readonly kind: 'stopped' }
  | { readonly label: string; readonly kind: 'not-master'; readonly master: string | null }
  | { readonly label: string; readonly kind: 'unanchored' }
  | { readonly label: string; readonly kind: 'untrusted'; readonly who: readonly string[] };

/**
 * Whether this system issues a checkpoint now, and which. It is durable here before it leaves: its number is never used again.
 *
 * @A stopped     the session does not run here.
 * @B not-master  another system issues.
 * @C unanchored  there is no sequence time in this boot yet (H24).
 * @D untrusted   the own clock went back behind the last one, a primary's lies outside the exchange, or it goes by another anchor: writes may be stamped out of order, so there is no
 *                checkpoint (H24). The time was drawn before the exchange, so what belongs to it was stamped by clocks that are seen to be right.
 * @E issue       its number lies above everything that anybody has seen (H22).
 */
export function judgeIssue({ self, order, table, time, others }: IssueQuestion): IssueVerdict {
  if (table.state !== 'running') return { label: '@A', kind: 'stopped' };
  const master = primaryMaster(table.config);
  if (master?.id !== self) return { label: '@B', kind: 'not-master', master: master?.name ?? null };
  if (time === null) return { label: '@C', kind: 'unanchored' };
  if (table.issued !== null && time <= timeOf(table.issued)) return { label: '@D', kind: 'untrusted', who: [self] };
  const untrusted = order === 'clock' ? others.filter((other) => !isTrusted(table, other)) : [];
  if (untrusted.length > 0) return { label: '@D', kind: 'untrusted', who: untrusted.map(({ system }) => system) };
  const number = Math.max(table.seen, ...others.map(({ seen }) => seen)) + 1;
  const checkpoint = { number, time: digitsOf(time), issuer: self };
  return { label: '@E', kind: 'issue', checkpoint, to: [self, ...others.map(({ system }) => system)] };
}

/** A primary without an anchor journals nothing, so it stamps nothing wrong. */
function isTrusted({ anchor }: PrimaryTable, other: OtherPrimary): boolean {
  return other.clock.trusted && (other.anchor === null || other.anchor.offsetNs === anchor?.offsetNs);
}

/** The master's row once it has issued: durable before anybody is told. */
export function issuedIn(table: PrimaryTable, checkpoint: Checkpoint): PrimaryTable {
  return { ...table, issued: checkpoint, seen: Math.max(table.seen, checkpoint.number) };
}

/** What a primary knows when it is told of a checkpoint. */
export interface PlaceQuestion {
  readonly configTerm: number;
  /** The highest number placed here, and the last checkpoint that was. */
  readonly seen: number;
  readonly last: { readonly checkpoint: Checkpoint; readonly whole: boolean } | null;
  /** The sequence time now; null where there is no anchor. */
  readonly now: SequenceTime | null;
  /**
   * Since when every entered pair of the stream is journalled with an empty map: the time of the last `enter` record, 0 where there was none. Null while
   * one tracks (H21).
   */
  readonly wholeSince: SequenceTime | null;
  readonly told: { readonly configTerm: number; readonly checkpoint: Checkpoint };
}

export type PlaceVerdict =
  | { readonly label: string; readonly kind: 'superseded' }
  | { readonly label: string; readonly kind: 'again' | 'place'; readonly placed: Placed & { readonly kind: 'placed' } }
  | { readonly label: string; readonly kind: 'passed'; readonly placed: Placed & { readonly kind: 'passed' } };

/**
 * What a primary does with a checkpoint. It stands in the stream after every record with a time up to its own, and each later record has
 * a greater one: the own clock must have passed it.
 *
 * @A superseded  told by a master that was replaced.
 * @B again       told twice: as answered then.
 * @C passed      as high a number was seen: the issuer goes on above it.
 * @D void        the own clock has not passed its time: placed, and never whole (H24).
 * @E partial     an entered pair tracks: placed, and not whole (H21).
 * @F early       issued before the last pair was entered, so what came over directly may be later than its time: placed, and not whole (H21).
 * @G whole
 */
export function judgePlace({ configTerm, seen, last, now, wholeSince, told }: PlaceQuestion): PlaceVerdict {
  if (told.configTerm < configTerm) return { label: '@A', kind: 'superseded' };
  if (last && sameCheckpoint(last.checkpoint, told.checkpoint))
    return { label: '@B', kind: 'again', placed: { kind: 'placed', whole: last.whole } };
  if (told.checkpoint.number <= seen) return { label: '@C', kind: 'passed', placed: { kind: 'passed', seen } };
  const time = timeOf(told.checkpoint);
  if (now === null || now <= time) return placing('@D', false);
  if (wholeSince === null) return placing('@E', false);
  return wholeSince > time ? placing('@F', false) : placing('@G', true);
}

function placing(label: string, whole: boolean): PlaceVerdict {
  return { label, kind: 'place', placed: { kind: 'placed', whole } };
}
