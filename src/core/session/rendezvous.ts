import { type Checkpoint, compareCheckpoints, greatestCheckpoint } from '../sequence/sequence.js';
import type { ActiveRow, SecondaryTable } from './record.js';
import type { StreamReport } from './requests.js';
import { counting } from './tables.js';
import type { HeldStream, RoundReport } from './wire.js';

/** What a secondary says in a round, from its sheet and its journals. */
export function roundReport(
  system: string,
  table: SecondaryTable,
  streams: readonly Pick<StreamReport, 'peer' | 'held' | 'degraded' | 'returning'>[],
): RoundReport {
  const { tableTerm, releasing, applied, resetTo } = table;
  const held = streams.map(
    ({ peer, held, degraded, returning }): HeldStream => ({ primary: peer.id, held, degraded, returning }),
  );
  return { system, tableTerm, releasing, applied, resetTo, streams: held };
}

/** The stream of a row as its secondary told it. */
export function heldBy(reports: readonly RoundReport[], { secondary, primary }: ActiveRow): HeldStream | undefined {
  const report = reports.find(({ system }) => system === secondary.id);
  return report?.streams.find((stream) => stream.primary === primary.id);
}

/**
 * The checkpoints above `above` that every stream which counts at their number holds, in order. Number, time and issuer have to agree: a
 * replaced master may have issued the same number (H22). Without a row that counts there is none.
 */
export function heldByAll(
  rows: readonly ActiveRow[],
  reports: readonly RoundReport[],
  above: number,
): readonly Checkpoint[] {
  const holders = new Map<string, { readonly checkpoint: Checkpoint; readonly rows: Set<ActiveRow> }>();
  for (const row of rows)
    for (const checkpoint of heldBy(reports, row)?.held ?? []) {
      if (checkpoint.number <= above) continue;
      const key = `${checkpoint.number} ${checkpoint.time} ${checkpoint.issuer}`;
      const known = holders.get(key) ?? { checkpoint, rows: new Set() };
      holders.set(key, known);
      known.rows.add(row);
    }
  return [...holders.values()]
    .filter(({ checkpoint, rows: having }) => {
      const needed = counting(rows, checkpoint.number);
      return needed.length > 0 && needed.every((row) => having.has(row));
    })
    .map(({ checkpoint }) => checkpoint)
    .sort(compareCheckpoints);
}

export function greatestHeldByAll(
  rows: readonly ActiveRow[],
  reports: readonly RoundReport[],
  above: number,
): Checkpoint | null {
  return heldByAll(rows, reports, above).at(-1) ?? null;
}

/** What a system has released or applied, where it counted then. What it did before it entered is its own affair. */
export function releasedAt(rows: readonly ActiveRow[], { system, releasing, applied }: RoundReport): Checkpoint | null {
  const own = rows.filter(({ secondary }) => secondary.id === system);
  return greatestCheckpoint([releasing, applied].filter((one) => one !== null && counting(own, one.number).length > 0));
}

/** The greatest that any system of the table has released. */
export function greatestReleased(rows: readonly ActiveRow[], reports: readonly RoundReport[]): Checkpoint | null {
  return greatestCheckpoint(reports.map((report) => releasedAt(rows, report)));
}
