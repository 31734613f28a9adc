import { describe, expect, it } from 'vitest';
import { type Checkpoint, judgeAnchors } from '../../../src/core/sequence/sequence.js';
import {
  decideRound,
  heldBy,
  judgeIssue,
  judgePlace,
  type RoundQuestion,
  type RoundReport,
} from '../../../src/core/session/session.js';
import { play, type Rules } from './model.js';
import { Broken } from './model-words.js';
import { COUNTED, type Counts } from './model-world.js';

const SCHEDULES = 1_000;
/** A planted bug is met long before; where it is rare, the search begins near a seed that meets it. */
const PLANTED_SCHEDULES = 10_000;
const FIRST_SEEDS: Readonly<Record<string, number>> = { H20c: 850, H21b: 10_500, H24a: 900, H24b: 680 };

function playAll(schedules: number): Counts {
  const sum = Object.fromEntries(COUNTED.map((name) => [name, 0])) as Counts;
  for (let seed = 1; seed <= schedules; seed++) {
    const counts = play(seed);
    for (const name of COUNTED) sum[name] += counts[name];
  }
  return sum;
}

/** The first promise that a bug breaks; undefined where it goes unseen. */
function caught(id: string, rules: Partial<Rules>): string | undefined {
  const first = FIRST_SEEDS[id] ?? 1;
  for (let seed = first; seed < first + PLANTED_SCHEDULES; seed++) {
    try {
      play(seed, rules);
    } catch (error) {
      if (error instanceof Broken) return error.message;
      throw error;
    }
  }
  return undefined;
}

/** The round as it would be decided if some streams were not of the table. */
function without(question: RoundQuestion, left: (stream: ReturnType<typeof heldBy>) => boolean) {
  const rows = question.active.rows.filter((row) => !left(heldBy(question.reports, row)));
  return decideRound({ ...question, active: { ...question.active, rows } });
}

/** Checkpoints of one number are taken for the same. */
function byNumber(reports: readonly RoundReport[]): readonly RoundReport[] {
  const first = new Map<number, Checkpoint>();
  const one = (checkpoint: Checkpoint): Checkpoint => {
    const known = first.get(checkpoint.number) ?? checkpoint;
    first.set(checkpoint.number, known);
    return known;
  };
  return reports.map((report) => ({
    ...report,
    streams: report.streams.map((stream) => ({ ...stream, held: stream.held.map(one) })),
  }));
}

const trusted = { trusted: true, label: '@D' } as const;

const BUGS: readonly (readonly [string, string, Partial<Rules>])[] = [
  [
    'H20a',
    'a stream whose pair tracks is left out of the rendezvous while its differences come back',
    { decideRound: (question) => without(question, (stream) => stream?.degraded === true) },
  ],
  ['H20b', 'what was held before differences came back is still held', { withdrawVoids: false }],
  [
    'H20c',
    'differences come back before what was released is applied',
    { judgeWithdraw: () => ({ label: '@D', kind: 'go' }) },
  ],
  [
    'H21a',
    'a checkpoint is whole though a map is not empty',
    { judgePlace: (question) => judgePlace({ ...question, wholeSince: 0n }) },
  ],
  [
    'H21b',
    'a checkpoint that was issued before the map was empty is whole',
    { judgePlace: (question) => judgePlace({ ...question, wholeSince: question.wholeSince === null ? null : 0n }) },
  ],
  [
    'H22a',
    'the rendezvous is held over those that are reached',
    { decideRound: (question) => without(question, (stream) => stream === undefined) },
  ],
  [
    'H22b',
    'a new master goes on from its own number, and numbers alone are compared',
    {
      judgeIssue: (question) => {
        const table = { ...question.table, seen: question.table.issued?.number ?? 0 };
        return judgeIssue({ ...question, table, others: question.others.map((other) => ({ ...other, seen: 0 })) });
      },
      decideRound: (question) => decideRound({ ...question, reports: byNumber(question.reports) }),
    },
  ],
  [
    'H24a',
    'a restarted system sets its clock ahead by what was reserved',
    {
      judgeAnchors: (marks, clockNs, nowMs) => {
        const unanchored = marks.map((mark) => ({
          ...mark,
          anchor: null,
          mark: (BigInt(mark.mark) + 5_000n).toString(),
        }));
        return judgeAnchors(unanchored, clockNs, nowMs);
      },
      judgeClock: () => trusted,
      judgeIssue: (question) =>
        judgeIssue({ ...question, others: question.others.map((other) => ({ ...other, anchor: null })) }),
    },
  ],
  ['H24b', 'a clock that is off is trusted', { judgeClock: () => trusted }],
];

describe('sessions under random schedules', () => {
  it('show one moment at all secondaries, whatever happens', { timeout: 300_000 }, () => {
    const counts = playAll(SCHEDULES);
    for (const name of COUNTED) expect(counts[name], name).toBeGreaterThan(SCHEDULES / 100);
  });

  it.each(BUGS)('%s is met: %s', { timeout: 300_000 }, (id, _, rules) => {
    expect(caught(id, rules)).toMatch(/^seed \d+: /);
  });
});
