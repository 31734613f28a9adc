import { failure, plural } from '../foundation/foundation.js';
import { type Checkpoint, isoOf, sameCheckpoint, timeOf, type Wanted, wantedOf } from '../sequence/sequence.js';
import type { ActiveRow, SessionVerdict } from './record.js';
import { greatestReleased, heldBy, heldByAll, releasedAt } from './rendezvous.js';
import type { Returning, SessionRecoveryAnswer, SessionRecoveryCase, SessionRecoverySystem } from './requests.js';
import { counting, countingSystems } from './tables.js';
import type { RoundReport } from './wire.js';

export interface RecoveryQuestion {
  readonly rows: readonly ActiveRow[];
  readonly reports: readonly RoundReport[];
  /** `--to`; absent for the last that is complete. */
  readonly to?: Wanted | undefined;
}

export interface SessionJudgement {
  readonly label: string;
  readonly case: SessionRecoveryCase;
  /** A sentence for a person. */
  readonly verdict: string;
  /** What all systems are brought to; null where the verdict is to stop. */
  readonly target: Checkpoint | null;
  readonly systems: readonly {
    readonly id: string;
    readonly name: string;
    readonly action: SessionRecoverySystem['action'];
    readonly from: number | null;
  }[];
}

interface Facts {
  readonly reports: readonly RoundReport[];
  readonly released: Checkpoint | null;
  /** What is brought about; at least what was released. */
  readonly target: Checkpoint | null;
  readonly disagreeing: readonly string[];
  /** Systems that have not applied what was released. */
  readonly unapplied: readonly string[];
  readonly bare: readonly string[];
  readonly backed: readonly string[];
}

interface Row {
  readonly label: string;
  readonly case: SessionRecoveryCase;
  readonly holds: (facts: Facts) => boolean;
  readonly verdict: (facts: Facts) => string;
}

/** The table of a session's recovery; the first row that holds is the verdict. A checkpoint above what was released heals a mix (H20). */
export const SESSION_RECOVERY_ROWS: readonly Row[] = [
  {
    label: '@A',
    case: 'disagree',
    holds: ({ disagreeing }) => disagreeing.length > 0,
    verdict: (facts) =>
      `The secondaries released different checkpoints ${nameOf(facts.released)}: ${list(facts.disagreeing)}.`,
  },
  {
    label: '@B',
    case: 'none',
    holds: ({ target }) => target === null,
    verdict: () => 'No checkpoint is held by all secondaries, and none was ever applied.',
  },
  {
    label: '@C',
    case: 'apply',
    holds: ({ target, released }) => (target?.number ?? 0) > (released?.number ?? 0),
    verdict: ({ target }) => `Checkpoint ${nameOf(target)} is held by all secondaries: it is applied at all.`,
  },
  {
    label: '@D',
    case: 'mixed',
    holds: ({ bare }) => bare.length > 0,
    verdict: ({ bare }) =>
      `Differences were coming back to ${list(bare)}, where no backup keeps the last checkpoint: the secondaries show no common time.`,
  },
  {
    label: '@E',
    case: 'restore',
    holds: ({ backed }) => backed.length > 0,
    verdict: ({ target, backed }) =>
      `Differences were coming back to ${list(backed)}: checkpoint ${nameOf(target)} is brought back there from the backups.`,
  },
  {
    label: '@F',
    case: 'finish',
    holds: ({ unapplied }) => unapplied.length > 0,
    verdict: ({ target, unapplied }) =>
      `Checkpoint ${nameOf(target)} was released and is not applied at ${list(unapplied)}: it is finished there.`,
  },
  {
    label: '@G',
    case: 'keep',
    holds: () => true,
    verdict: ({ target }) => `Checkpoint ${nameOf(target)} is applied at all secondaries.`,
  },
];

/** Which row holds and what is done where. Throws `peer-missing`, and `no-checkpoint` for a `--to` that cannot be. */
export function judgeSession({ rows, reports, to }: RecoveryQuestion): SessionJudgement {
  const systems = countingSystems(rows);
  const missing = systems.filter((id) => !reports.some(({ system }) => system === id));
  if (missing.length > 0)
    throw failure(
      'peer-missing',
      `${list(missing.map((id) => systemName(rows, id)))} of the session is not reached, and may show something else.`,
      'Name its system with --at, or take it out first with checkpoint resign.',
    );
  const facts = factsOf(rows, reports, to);
  const row = SESSION_RECOVERY_ROWS.find(({ holds }) => holds(facts));
  if (row === undefined) throw failure('bug', 'The last row of the recovery table always holds.');
  const stops = row.case === 'disagree' || row.case === 'none' || row.case === 'mixed';
  const target = stops ? null : facts.target;
  return {
    label: row.label,
    case: row.case,
    verdict: row.verdict(facts),
    target,
    systems: actionsOf(rows, reports, facts, stops),
  };
}

function factsOf(rows: readonly ActiveRow[], reports: readonly RoundReport[], to: Wanted | undefined): Facts {
  const released = greatestReleased(rows, reports);
  const complete = [...(released ? [released] : []), ...heldByAll(rows, reports, released?.number ?? 0)];
  const systems = countingSystems(rows);
  const own = (test: (report: RoundReport) => boolean) =>
    reports
      .filter((report) => systems.includes(report.system) && test(report))
      .map(({ system }) => systemName(rows, system));
  const countsAt = released === null ? [] : countingSystems(rows, released.number);
  return {
    reports,
    released,
    target: to === undefined ? (complete.at(-1) ?? null) : demandWanted(complete, to),
    disagreeing: own((report) => {
      const mine = releasedAt(rows, report);
      return released !== null && mine?.number === released.number && !sameCheckpoint(mine, released);
    }),
    unapplied: own(
      ({ system, applied }) =>
        released !== null && countsAt.includes(system) && !(applied !== null && sameCheckpoint(applied, released)),
    ),
    bare: own((report) => !isHealed(report, released) && returnsAs(rows, report, released, 'bare')),
    backed: own((report) => !isHealed(report, released) && returnsAs(rows, report, released, 'backup')),
  };
}

/** Before a withdraw all that was released is applied, so what is not yet was released after it: applying it heals the mix. */
function isHealed({ applied }: RoundReport, released: Checkpoint | null): boolean {
  return released !== null && !(applied !== null && sameCheckpoint(applied, released));
}

/** A stream that counts only above what was released shows nothing of it, whatever comes to it. */
function returnsAs(
  rows: readonly ActiveRow[],
  report: RoundReport,
  released: Checkpoint | null,
  how: Returning,
): boolean {
  return counting(rows, released?.number ?? Number.POSITIVE_INFINITY).some(
    (row) => row.secondary.id === report.system && heldBy([report], row)?.returning === how,
  );
}

/** What was applied cannot be taken back, so a person chooses from what was released last on. */
function demandWanted(complete: readonly Checkpoint[], to: Wanted): Checkpoint {
  const found = wantedOf(complete, to);
  if (found) return found;
  const [first] = complete;
  const last = complete.at(-1);
  const range =
    first && last
      ? `They can show ${first.number} to ${last.number}, ${isoOf(timeOf(first))} to ${isoOf(timeOf(last))}.`
      : undefined;
  throw failure('no-checkpoint', 'The secondaries cannot all show that checkpoint.', range);
}

function actionsOf(
  rows: readonly ActiveRow[],
  reports: readonly RoundReport[],
  { target, released }: Facts,
  stops: boolean,
): SessionJudgement['systems'] {
  const ids = [...new Set(rows.map(({ secondary }) => secondary.id))].sort();
  return ids.map((id) => {
    const report = reports.find(({ system }) => system === id);
    const from = report?.applied?.number ?? null;
    const action = (): SessionRecoverySystem['action'] => {
      if (stops || target === null) return 'none';
      if (!countingSystems(rows, target.number).includes(id)) return 'left-out';
      if (target.number > (released?.number ?? 0)) return 'apply';
      if (!report?.applied || !sameCheckpoint(report.applied, target)) return 'finish';
      return returnsAs(rows, report, released, 'backup') ? 'restore' : 'keep';
    };
    return { id, name: systemName(rows, id), action: action(), from };
  });
}

/** What is durable at every secondary before a verdict is carried out; undefined where the verdict is to stop. */
export function sessionVerdict({ target }: SessionJudgement, term: number): SessionVerdict | undefined {
  return target === null ? undefined : { term, checkpoint: target, done: false };
}

/** What a secondary counts in its journals for a verdict, before anything is done. */
export interface Weighed {
  readonly system: string;
  readonly records: number;
  readonly bytes: number;
  readonly droppedRecords: number;
  readonly droppedUpTo: Checkpoint['time'] | null;
}

export function sessionRecoveryAnswer(
  session: string,
  term: number,
  judged: SessionJudgement,
  reports: readonly RoundReport[],
  weighed: readonly Weighed[],
): SessionRecoveryAnswer {
  const { target } = judged;
  const later = reports.flatMap(({ streams }) => streams.flatMap(({ held }) => held.map(({ number }) => number)));
  const dropped = new Set(later.filter((number) => target !== null && number > target.number)).size;
  const records = weighed.reduce((sum, one) => sum + one.droppedRecords, 0);
  const last = weighed.reduce(
    (most, { droppedUpTo }) => (BigInt(droppedUpTo ?? 0) > most ? BigInt(droppedUpTo ?? 0) : most),
    0n,
  );
  const loses = records > 0 ? ` Dropped: ${plural(records, 'later record')}, the last of ${isoOf(last)}.` : '';
  return {
    session,
    term,
    case: judged.case,
    verdict: `${judged.verdict}${loses}`,
    number: target?.number ?? null,
    time: target === null ? null : isoOf(timeOf(target)),
    dropped: { checkpoints: dropped, records, upToTime: records > 0 ? isoOf(last) : null },
    systems: judged.systems.map(({ id, name, action, from }) => {
      const counted = weighed.find(({ system }) => system === id);
      return { system: name, action, from, records: counted?.records ?? 0, bytes: counted?.bytes ?? 0 };
    }),
  };
}

function systemName(rows: readonly ActiveRow[], id: string): string {
  return rows.find(({ secondary }) => secondary.id === id)?.secondary.name ?? id;
}

function nameOf(checkpoint: Checkpoint | null): string {
  return checkpoint === null ? 'none' : String(checkpoint.number);
}

function list(names: readonly string[]): string {
  return names.join(', ');
}
