import { type Checkpoint, greatestCheckpoint, sameCheckpoint } from '../sequence/sequence.js';
import type { ActiveRow } from './record.js';
import { greatestHeldByAll, greatestReleased, heldBy, releasedAt } from './rendezvous.js';
import { type ActiveTable, counting, countingSystems, type StreamName, streamOf } from './tables.js';
import type { RoundReport } from './wire.js';

/** What the secondary master knows in a round: its durable table, and what those that were reached said, itself among them. */
export interface RoundQuestion {
  readonly active: ActiveTable;
  readonly reports: readonly RoundReport[];
  /** Nothing above it is released; absent for no bound (`checkpoint apply --to`). */
  readonly upTo?: number | undefined;
}

export type WaitReason =
  /** Somebody knows a newer table; this system takes it over before anything else. */
  | 'superseded'
  /** Two systems released different checkpoints of one number. */
  | 'disagree'
  /** Systems that count did not answer. */
  | 'unheard'
  /** Systems are still applying what was released. */
  | 'applying'
  /** Streams whose pairs track: no checkpoint of theirs is whole. */
  | 'degraded'
  /** Streams that do not hold yet what others hold. */
  | 'late';

export type RoundDecision =
  | {
      readonly label: string;
      readonly kind: 'finish' | 'reset' | 'release';
      readonly checkpoint: Checkpoint;
      readonly to: readonly string[];
    }
  | {
      readonly label: string;
      readonly kind: 'enter';
      readonly streams: readonly (StreamName & { readonly number: number })[];
    }
  | { readonly label: string; readonly kind: 'wait'; readonly why: WaitReason; readonly who: readonly string[] }
  | { readonly label: string; readonly kind: 'nothing' };

/**
 * The round's decision table. The first row that holds is carried out, and another round follows; `wait` and `nothing` end it until
 * somebody has news. G is the greatest checkpoint that a system of the table has released.
 *
 * @A wait superseded  a report carries a higher term: another master is named there, and this one orders nothing (H22).
 * @B wait disagree    two systems released different checkpoints of G's number.
 * @C finish           somebody has released G, and a system that was heard and counts at G has not: the order goes to it.
 * @D wait unheard     a system that counts at G did not answer: whether it has applied G is not known.
 * @E wait applying    all have released G, and some have not applied it.
 * @F reset            all have applied G, and some still refuse their hosts.
 * @G wait unheard     a system that counts did not answer: it could have released something greater, told by a former master (H22).
 * @H enter            a stream that does not count yet holds a whole checkpoint above everything released: it counts from that one on (H21).
 * @I release          a checkpoint above G is held by every stream that counts at it: the greatest of these.
 * @J wait degraded    somebody holds something above G, and a stream that does not tracks.
 * @K wait late        somebody holds something above G, and others do not hold it yet. `who` names their primaries, here and in @J.
 * @L nothing          nobody holds anything above G.
 */
export function decideRound({ active, reports, upTo }: RoundQuestion): RoundDecision {
  const { rows } = active;
  const newer = reports.filter(({ tableTerm }) => tableTerm > active.term);
  if (newer.length > 0) return wait('@A', 'superseded', newer.map(nameOf));
  const released = greatestReleased(rows, reports);
  const unfinished = released === null ? null : decideReleased(rows, reports, released);
  if (unfinished) return unfinished;
  const unheard = unheardOf(reports, countingSystems(rows));
  if (unheard.length > 0) return wait('@G', 'unheard', unheard);
  const entering = enteringStreams(rows, reports);
  if (entering.length > 0) return { label: '@H', kind: 'enter', streams: entering };
  const above = released?.number ?? 0;
  const bounded = upTo === undefined ? reports : withinBound(reports, upTo);
  const next = greatestHeldByAll(rows, bounded, above);
  if (next) return { label: '@I', kind: 'release', checkpoint: next, to: countingSystems(rows, next.number) };
  return lateOf(rows, bounded, above);
}

export type WithdrawVerdict =
  | { readonly label: string; readonly kind: 'go' }
  | { readonly label: string; readonly kind: 'first'; readonly checkpoint: Checkpoint }
  | { readonly label: string; readonly kind: 'wait'; readonly why: WaitReason; readonly who: readonly string[] };

/**
 * Whether a secondary may give up what it holds of a stream, so that differences come back directly (H20). From before it asks it reports nothing as
 * held there; the master answers between two rounds, after it has collected anew.
 *
 * @A wait superseded  as in a round.
 * @B wait unheard     a system that counts did not answer: it could have released something that the asker has to apply first.
 * @C first            the asker counts at what was released and has not applied it: that comes first.
 * @D go
 */
export function judgeWithdraw({ active, reports }: RoundQuestion, asker: string): WithdrawVerdict {
  const { rows } = active;
  const newer = reports.filter(({ tableTerm }) => tableTerm > active.term);
  if (newer.length > 0) return { label: '@A', kind: 'wait', why: 'superseded', who: newer.map(nameOf) };
  const unheard = unheardOf(reports, countingSystems(rows));
  if (unheard.length > 0) return { label: '@B', kind: 'wait', why: 'unheard', who: unheard };
  const released = greatestReleased(rows, reports);
  const own = reports.find(({ system }) => system === asker);
  const counts = released !== null && countingSystems(rows, released.number).includes(asker);
  if (released && counts && !is(own?.applied ?? null, released))
    return { label: '@C', kind: 'first', checkpoint: released };
  return { label: '@D', kind: 'go' };
}

function decideReleased(
  rows: readonly ActiveRow[],
  reports: readonly RoundReport[],
  released: Checkpoint,
): RoundDecision | null {
  const systems = countingSystems(rows, released.number);
  const heard = reports.filter(({ system }) => systems.includes(system));
  const other = heard.filter((report) => {
    const own = releasedAt(rows, report);
    return own?.number === released.number && !sameCheckpoint(own, released);
  });
  if (other.length > 0) return wait('@B', 'disagree', other.map(nameOf));
  const lacking = heard.filter(({ releasing, applied }) => !is(releasing, released) && !is(applied, released));
  if (lacking.length > 0) return { label: '@C', kind: 'finish', checkpoint: released, to: lacking.map(nameOf) };
  const closed = heard.filter(({ releasing, applied }) => releasing !== null || !is(applied, released));
  if (closed.length === 0 && heard.every(({ resetTo }) => resetTo >= released.number)) return null;
  const unheard = unheardOf(reports, systems);
  if (unheard.length > 0) return wait('@D', 'unheard', unheard);
  const applying = heard.filter(({ applied }) => !is(applied, released));
  if (applying.length > 0) return wait('@E', 'applying', applying.map(nameOf));
  const inUpdate = heard.filter(({ releasing, resetTo }) => releasing !== null || resetTo < released.number);
  return { label: '@F', kind: 'reset', checkpoint: released, to: inUpdate.map(nameOf) };
}

/** Each with the lowest whole checkpoint it holds above everything that anybody ever released, itself in an earlier life included. */
function enteringStreams(
  rows: readonly ActiveRow[],
  reports: readonly RoundReport[],
): readonly (StreamName & { readonly number: number })[] {
  const floor = Math.max(
    0,
    ...reports.flatMap(({ releasing, applied, resetTo }) => [releasing?.number ?? 0, applied?.number ?? 0, resetTo]),
  );
  return rows
    .filter(({ enteredAt, resigned }) => enteredAt === null && resigned === null)
    .flatMap((row) => {
      const first = heldBy(reports, row)?.held.find(({ number }) => number > floor);
      return first === undefined ? [] : [{ ...streamOf(row), number: first.number }];
    });
}

function lateOf(rows: readonly ActiveRow[], reports: readonly RoundReport[], above: number): RoundDecision {
  const greatest = greatestCheckpoint(rows.flatMap((row) => heldBy(reports, row)?.held ?? []));
  if (greatest === null || greatest.number <= above) return { label: '@L', kind: 'nothing' };
  const lacking = counting(rows, greatest.number).filter(
    (row) => !heldBy(reports, row)?.held.some((one) => sameCheckpoint(one, greatest)),
  );
  const degraded = lacking.filter((row) => heldBy(reports, row)?.degraded === true);
  if (degraded.length > 0) return wait('@J', 'degraded', degraded.map(primaryOf));
  return wait('@K', 'late', lacking.map(primaryOf));
}

function primaryOf({ primary }: ActiveRow): string {
  return primary.id;
}

function withinBound(reports: readonly RoundReport[], upTo: number): readonly RoundReport[] {
  return reports.map((report) => ({
    ...report,
    streams: report.streams.map((stream) => ({ ...stream, held: stream.held.filter(({ number }) => number <= upTo) })),
  }));
}

function unheardOf(reports: readonly RoundReport[], systems: readonly string[]): readonly string[] {
  return systems.filter((id) => !reports.some(({ system }) => system === id));
}

function is(one: Checkpoint | null, other: Checkpoint): boolean {
  return one !== null && sameCheckpoint(one, other);
}

function nameOf({ system }: RoundReport): string {
  return system;
}

function wait(label: string, why: WaitReason, who: readonly string[]): RoundDecision {
  return { label, kind: 'wait', why, who: [...new Set(who)].sort() };
}
