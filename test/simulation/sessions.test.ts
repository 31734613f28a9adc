import { expect, it } from 'vitest';
import { runSession } from './sessions/schedule.js';

const SCHEDULES = 20;

/** What each of them found once. */
const FOUND: Record<number, string> = {
  13: 'in the order of arrival nobody agreed on a clock again after a loss of power',
  16: 'a journal that found no room was taken for broken, and did not come back by itself',
  22: 'a receive journal that found no room took nothing any more, also with room again',
  48: 'a primary that was resigned and joined at once counted in one table and not in the other',
  162: 'a withdrawal that was asked for twice made the backup twice',
  238: 'a secondary that resigned before it was reset took no release after it joined',
  2101603: 'a recovery was judged by one table and carried out by another',
  2101196: 'a release that came twice opened an update that was over, and hosts were refused for ever',
  2100525: 'what was void when it arrived filled a small receive journal, and nothing was released again',
  2100929: 'a secondary that had no master for a moment suspended the pair that came back',
  2100968: 'a backup volume without room suspended the pair that came back',
  2000008:
    'a way home that was stopped after it had shut the secondaries out found nothing to do, and said that it was over',
  2000011:
    'a primary whose pair did not count for a recovery was displaced for good, though nobody was made a primary in its place',
  2000085: 'a round released a checkpoint between the fence of a recovery and its verdict for an earlier one',
  2000189: 'a stream that counts only above what was recovered made a mix of it when the recovery was run again',
  3100113: 'an interval that was set while a system was out of reach never came to it, however often it was set again',
  2500060: 'a trim that was under way when its journal was opened anew took segments from it',
  9000251:
    'the term of a session that was home elsewhere came to a secondary before its own way home, which it then left out',
  271: 'records of a base that had not entered were dropped with those that were void',
};

it('dependent writes: whatever goes wrong in a session, the secondaries show a prefix, and nothing is lost', {
  timeout: 600_000,
}, async () => {
  let looks = 0;
  for (const first of [1_001, 3_000_001])
    for (let seed = first; seed < first + SCHEDULES / 2; seed += 1) looks += (await runSession(seed)).looks;
  expect(looks).toBeGreaterThan(SCHEDULES);
});

it.each(Object.entries(FOUND))('seed %s: no more %s', { timeout: 600_000 }, async (seed) => {
  expect((await runSession(Number(seed))).writes).toBeGreaterThan(0);
});
