/**
 * npm run torture:groups -- --kills N --seed S --lanes L: sites lost at random instants and at named steps while groups form, under a
 * writer whose writes depend on each other; after each recovery the remotes must show a prefix of them, not older than the last group.
 * An instant is mostly waiting, for a step or for a process; so several lanes, each with sites of its own, go side by side.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle } from '../../scripts/bundle.mjs';
import { Rng } from '../simulation/world/rng.js';
import { GroupCampaign, type GroupTotals } from './group-campaign.js';
import { processorSeconds } from './processor-time.js';
import { progressTold } from './progress.js';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '500' },
    seed: { type: 'string' },
    lanes: { type: 'string', default: '2' },
    dir: { type: 'string', default: tmpdir() },
    verbose: { type: 'boolean', default: false },
  },
});

const count = Number(values.kills);
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const rng = new Rng(seed);
const folder = mkdtempSync(join(values.dir, 'copyset-torture-groups-'));
const startedMs = performance.now();
const of = Number(values.lanes);
const lanes = Array.from({ length: of }, (_, number) => {
  const tell = (line: string) => {
    if (values.verbose) console.log(`${number} ${line}`);
  };
  return new GroupCampaign(join(folder, `lane-${number}`), { number, of }, rng.fork(), tell);
});
const failures: string[] = [];
const progressed = progressTold('torture:groups', count);

/** Each lane does its part of the instants, so that what it does follows from the seed; one that fails ends the others at their next. */
async function go(campaign: GroupCampaign, lane: number): Promise<void> {
  const due = Math.floor(count / of) + (lane < count % of ? 1 : 0);
  try {
    while (campaign.totals.instants < due && failures.length === 0) {
      await campaign.round();
      progressed(lanes.reduce((all, { totals }) => all + totals.instants, 0));
    }
  } catch (error) {
    const what = error instanceof Error ? error.stack : String(error);
    failures.push(`FAILED lane ${lane}, instant ${campaign.totals.instants + 1}: ${what}`);
    await campaign.abandon();
  }
}

function sum(
  totals: readonly GroupTotals[],
  of: 'instants' | 'struck' | 'writes' | 'lostWrites' | 'failbacks',
): number {
  return totals.reduce((all, lane) => all + lane[of], 0);
}

await bundle();
await Promise.all(lanes.map(go));

if (failures.length > 0) {
  console.error(failures.join('\n'));
  console.error(
    `Again with: npm run torture:groups -- --kills ${count} --seed ${seed} --lanes ${of}\nThe systems are left in ${folder}`,
  );
} else rmSync(folder, { recursive: true, force: true });
const totals = lanes.map((lane) => lane.totals);
const cases = new Map<string, number>();
for (const lane of totals) for (const [name, times] of lane.cases) cases.set(name, (cases.get(name) ?? 0) + times);
const instants = sum(totals, 'instants');
console.log(
  `torture:groups: ${failures.length === 0 ? 'ok' : 'FAILED'}, seed ${seed}, ${instants} instants (${sum(totals, 'struck')} at the step ` +
    `that was named), ${sum(totals, 'writes')} writes answered, ${sum(totals, 'lostWrites')} of them after the group that was recovered; ` +
    `${sum(totals, 'failbacks')} failbacks; cases: ${[...cases].map(([name, times]) => `${name} ${times}`).join(', ')}; ` +
    `${((performance.now() - startedMs) / 1000).toFixed(0)} s, ${(processorSeconds() / Math.max(1, instants)).toFixed(1)} s of a processor each`,
);
process.exitCode = failures.length === 0 ? 0 : 1;
