import { expect, it } from 'vitest';
import { runSchedule } from './formations/schedule.js';

const SCHEDULES = 300;

it('dependent writes: whatever goes wrong while groups form, the remotes show a prefix', {
  timeout: 600_000,
}, async () => {
  let withGroup = 0;
  for (let seed = 1; seed <= SCHEDULES; seed += 1) withGroup += (await runSchedule(seed)).formed > 0 ? 1 : 0;
  expect(withGroup).toBeGreaterThan(SCHEDULES / 2);
});
