/**
 * npm run torture:sessions -- --kills N --seed S: processes of both sides of a checkpoint session killed at random moments and at named
 * steps, under a writer whose writes depend on each other; what the secondaries show is always a prefix of them.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle } from '../../scripts/bundle.mjs';
import { alternate } from './alternating.js';
import { SessionCampaign } from './session-campaign.js';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '500' },
    seed: { type: 'string' },
    dir: { type: 'string', default: tmpdir() },
    /** Instead of kills: so many writes of two hosts in turns, in each order. */
    alternate: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  },
});

const count = Number(values.kills);
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const folder = mkdtempSync(join(values.dir, 'copyset-torture-sessions-'));
const startedMs = performance.now();
const campaign = new SessionCampaign(folder, seed, (line) => {
  if (values.verbose) console.log(`${((performance.now() - startedMs) / 1000).toFixed(1)} s: ${line}`);
});
const { totals } = campaign;
let failure: unknown;

await bundle();
try {
  if (values.alternate !== undefined) await alternateInBothOrders(Number(values.alternate));
  while (values.alternate === undefined && totals.kills < count) await campaign.round();
  await campaign.abandon();
} catch (error) {
  failure = error;
  console.error(campaign.servers());
  await campaign.abandon();
}

if (failure !== undefined) {
  console.error(`FAILED kill ${totals.kills + 1}: ${failure instanceof Error ? failure.stack : String(failure)}`);
  console.error(
    `Again with: npm run torture:sessions -- --kills ${count} --seed ${seed}\nThe systems are left in ${folder}`,
  );
} else rmSync(folder, { recursive: true, force: true });
const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
console.log(
  `torture:sessions: ${failure === undefined ? 'ok' : 'FAILED'}, seed ${seed}, ${totals.kills} kills (${totals.struck} at the step ` +
    `that was named), ${totals.writes} writes answered, ${totals.looks} looks at an applied checkpoint, ${totals.recoveries} recoveries ` +
    `that lost ${totals.lostWrites} writes; ${seconds} s`,
);
process.exitCode = failure === undefined ? 0 : 1;

async function alternateInBothOrders(writes: number): Promise<void> {
  for (const order of ['clock', 'arrival'] as const) {
    const place = join(folder, order);
    mkdirSync(place);
    const { checkpoints } = await alternate(place, order, writes);
    console.log(
      `order ${order}: ${writes} writes in turns, none split from the one before it at ${checkpoints} checkpoints`,
    );
  }
}
