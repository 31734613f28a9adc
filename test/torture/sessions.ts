/**
 * npm run torture:sessions -- --kills N --seed S --lanes L: processes of both sides of a checkpoint session killed at random moments and at named
 * steps, under a writer whose writes depend on each other; what the secondaries show is always a prefix of them.
 * A round is mostly waiting, for a step or for a process; so several lanes, each with systems of its own, go side by side.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle } from '../../scripts/bundle.mjs';
import { Rng } from '../simulation/world/rng.js';
import { alternate } from './alternating.js';
import { processorSeconds } from './processor-time.js';
import { progressTold } from './progress.js';
import { SessionCampaign, type SessionTotals } from './session-campaign.js';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '500' },
    seed: { type: 'string' },
    lanes: { type: 'string', default: '2' },
    dir: { type: 'string', default: tmpdir() },
    /** Instead of kills: so many writes of two hosts in turns, in each order. */
    alternate: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  },
});

const count = Number(values.kills);
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const rng = new Rng(seed);
const folder = mkdtempSync(join(values.dir, 'copyset-torture-sessions-'));
const startedMs = performance.now();
const secondsOf = () => (performance.now() - startedMs) / 1000;
const of = Number(values.lanes);
const lanes = Array.from({ length: of }, (_, number) => {
  const tell = (line: string) => {
    if (values.verbose) console.log(`${number} ${secondsOf().toFixed(1)} s: ${line}`);
  };
  return new SessionCampaign(join(folder, `lane-${number}`), { number, of }, rng.fork(), tell);
});
const failures: string[] = [];
const progressed = progressTold('torture:sessions', count);

/** Each lane does its part of the kills, so that what it does follows from the seed; one that fails ends the others at their next. */
async function go(campaign: SessionCampaign, lane: number): Promise<void> {
  const due = Math.floor(count / of) + (lane < count % of ? 1 : 0);
  try {
    while (campaign.totals.kills < due && failures.length === 0) {
      await campaign.round();
      progressed(lanes.reduce((all, { totals }) => all + totals.kills, 0));
    }
  } catch (error) {
    const what = error instanceof Error ? error.stack : String(error);
    failures.push(`FAILED lane ${lane}, kill ${campaign.totals.kills + 1}: ${what}\n${campaign.servers()}`);
  }
  await campaign.abandon();
}

await bundle();
if (values.alternate === undefined) await Promise.all(lanes.map(go));
else
  await alternateInBothOrders(Number(values.alternate)).catch((error: Error) => failures.push(`FAILED ${error.stack}`));

if (failures.length > 0) {
  console.error(failures.join('\n'));
  console.error(
    `Again with: npm run torture:sessions -- --kills ${count} --seed ${seed} --lanes ${of}\nThe systems are left in ${folder}`,
  );
} else rmSync(folder, { recursive: true, force: true });
const sum = (what: keyof SessionTotals) => lanes.reduce((all, { totals }) => all + totals[what], 0);
console.log(
  `torture:sessions: ${failures.length === 0 ? 'ok' : 'FAILED'}, seed ${seed}, ${sum('kills')} kills (${sum('struck')} at the step ` +
    `that was named), ${sum('writes')} writes answered, ${sum('looks')} looks at an applied checkpoint, ${sum('recoveries')} recoveries ` +
    `that lost ${sum('lostWrites')} writes; ${sum('full')} full journals, ${sum('earlier')} earlier checkpoints, ` +
    `${sum('instant')} shown before they were applied, ${sum('resigned')} resigned; ${secondsOf().toFixed(0)} s, ${(processorSeconds() / Math.max(1, sum('kills'))).toFixed(1)} s of a processor each`,
);
process.exitCode = failures.length === 0 ? 0 : 1;

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
