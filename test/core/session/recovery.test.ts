import { describe, expect, it } from 'vitest';
import { parseWanted } from '../../../src/core/sequence/sequence.js';
import {
  type ActiveRow,
  judgeSession,
  type RoundReport,
  SESSION_RECOVERY_ROWS,
  sessionRecoveryAnswer,
  sessionVerdict,
} from '../../../src/core/session/session.js';
import { at, checkpoint, held, id, report, row } from './stage.js';

const ROWS = [row('a', 'k'), row('b', 'l')];
const SEEN = new Set<string>();

function judge(reports: readonly RoundReport[], to?: string, rows: readonly ActiveRow[] = ROWS) {
  const judged = judgeSession({ rows, reports, to: to === undefined ? undefined : parseWanted(to) });
  SEEN.add(judged.label);
  return judged;
}

const both = (numbers: readonly number[], more: Partial<RoundReport> = at(5)) => [
  report('k', [held('a', numbers)], more),
  report('l', [held('b', numbers)], more),
];
const actions = (judged: ReturnType<typeof judge>) => judged.systems.map(({ name, action }) => `${name} ${action}`);

describe('the verdict of a recovery', () => {
  it('@A stops where two systems released different checkpoints of one number', () => {
    const other = checkpoint(5, { issuer: id('b') });
    const judged = judge([report('k', [], at(5)), report('l', [], { applied: other, resetTo: 5 })]);
    expect(judged).toMatchObject({ label: '@A', case: 'disagree', target: null });
    expect(sessionVerdict(judged, 2)).toBeUndefined();
  });

  it('@B stops where there is no checkpoint at all', () => {
    expect(judge(both([], {}))).toMatchObject({ label: '@B', case: 'none', target: null });
  });

  it('@C applies the last one that all hold', () => {
    const judged = judge([report('k', [held('a', [6, 7])], at(5)), report('l', [held('b', [6])], at(5))]);
    expect(judged).toMatchObject({ label: '@C', case: 'apply', target: checkpoint(6) });
    expect(actions(judged)).toEqual(['k apply', 'l apply']);
    expect(sessionVerdict(judged, 2)).toEqual({ term: 2, checkpoint: checkpoint(6), done: false });
  });

  it('@C goes past a release that is under way', () => {
    const reports = [report('k', [held('a', [6, 7])], { ...at(5), releasing: checkpoint(6) }), both([6, 7])[1]];
    expect(judge(reports.filter((one) => one !== undefined))).toMatchObject({ label: '@C', target: checkpoint(7) });
  });

  it('@C applies an earlier one that a person names, by number or time', () => {
    expect(judge(both([6, 7, 8]), '7')).toMatchObject({ label: '@C', target: checkpoint(7) });
    expect(judge(both([6, 7, 8]), '1970-01-01T00:00:00.000000075Z').target).toEqual(checkpoint(7));
  });

  it('refuses one that not all can show, or that was passed', () => {
    for (const to of ['4', '9']) {
      const refused = expect.objectContaining({ code: 'no-checkpoint', hint: expect.stringContaining('5 to 7') });
      expect(() => judge(both([6, 7]), to)).toThrow(refused);
    }
  });

  it('@D stops where differences were coming back without a backup (H20)', () => {
    const judged = judge([
      report('k', [held('a', [6])], at(5)),
      report('l', [held('b', [], { returning: 'bare' })], at(5)),
    ]);
    expect(judged).toMatchObject({ label: '@D', case: 'mixed', target: null });
  });

  it('@G leaves out what comes to a stream that counts only above what was released', () => {
    const later = [row('a', 'k'), row('b', 'l', { enteredAt: 6 })];
    const mixed = report('l', [held('b', [], { returning: 'bare' })], at(5));
    const judged = judge([report('k', [held('a', [])], at(5)), mixed], undefined, later);
    expect(judged).toMatchObject({ label: '@G', case: 'keep', target: checkpoint(5) });
    expect(actions(judged)).toEqual(['k keep', 'l left-out']);
  });

  it('@C heals a mix with a whole checkpoint above it', () => {
    const mixed = report('l', [held('b', [6], { returning: 'bare' })], at(5));
    expect(judge([report('k', [held('a', [6])], at(5)), mixed])).toMatchObject({ label: '@C', target: checkpoint(6) });
  });

  it('@E brings back the last checkpoint from the backups', () => {
    const judged = judge([
      report('k', [held('a', [6])], at(5)),
      report('l', [held('b', [], { returning: 'backup' })], at(5)),
    ]);
    expect(judged).toMatchObject({ label: '@E', case: 'restore', target: checkpoint(5) });
    expect(actions(judged)).toEqual(['k keep', 'l restore']);
  });

  it('@F finishes what was released', () => {
    const judged = judge([report('k', [], { ...at(5), releasing: checkpoint(6) }), report('l', [], at(5))]);
    expect(judged).toMatchObject({ label: '@F', case: 'finish', target: checkpoint(6) });
    expect(actions(judged)).toEqual(['k finish', 'l finish']);
  });

  it('@F finishes it also where it heals what differences had mixed (H20)', () => {
    const healing = report('l', [held('b', [6], { returning: 'bare' })], { ...at(5), releasing: checkpoint(6) });
    const judged = judge([report('k', [], { ...at(6), releasing: checkpoint(6) }), healing]);
    expect(judged).toMatchObject({ label: '@F', target: checkpoint(6) });
    expect(actions(judged)).toEqual(['k keep', 'l finish']);
  });

  it('@G keeps what all have applied, however often it is asked', () => {
    const judged = judge(both([]));
    expect(judged).toMatchObject({ label: '@G', case: 'keep', target: checkpoint(5) });
    expect(judge(both([]))).toEqual(judged);
    expect(actions(judged)).toEqual(['k keep', 'l keep']);
  });

  it('leaves out what has resigned, and what never counted', () => {
    const rows = [row('a', 'k'), row('b', 'l', { resigned: 3 }), row('c', 'm', { enteredAt: null })];
    const judged = judge([report('k', [held('a', [6])], at(5))], undefined, rows);
    expect(actions(judged)).toEqual(['k apply', 'l left-out', 'm left-out']);
  });

  it('needs every system that counts', () => {
    expect(() => judge([report('k', [held('a', [6])], at(5))])).toThrow(
      expect.objectContaining({ code: 'peer-missing', message: expect.stringContaining('l of the session') }),
    );
  });

  it('says what is dropped, and how old it is', () => {
    const reports = [report('k', [held('a', [6, 7])], at(5)), report('l', [held('b', [6])], at(5))];
    const counted = { records: 3, bytes: 512 };
    const weighed = [
      { system: id('k'), ...counted, droppedRecords: 2, droppedUpTo: '72' },
      { system: id('l'), ...counted, droppedRecords: 0, droppedUpTo: null },
    ];
    const answer = sessionRecoveryAnswer('j', 2, judge(reports), reports, weighed);
    const upToTime = '1970-01-01T00:00:00.000000072Z';
    expect(answer).toMatchObject({ case: 'apply', number: 6, dropped: { checkpoints: 1, records: 2, upToTime } });
    expect(answer.verdict).toBe(
      `Checkpoint 6 is held by all secondaries: it is applied at all. Dropped: 2 later records, the last of ${upToTime}.`,
    );
    expect(answer.systems[0]).toEqual({ system: 'k', action: 'apply', from: 5, records: 3, bytes: 512 });
  });

  it('has been seen in every row of its table', () => {
    expect([...SEEN].sort()).toEqual(SESSION_RECOVERY_ROWS.map(({ label }) => label));
  });
});
