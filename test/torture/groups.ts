/**
 * npm run torture:groups -- --kills N --seed S: sites lost at random instants and at named steps while groups form, under a writer
 * whose writes depend on each other; after each recovery the remotes must show a prefix of them, not older than the last group.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle } from '../../scripts/bundle.mjs';
import { GroupCampaign } from './group-campaign.js';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '500' },
    seed: { type: 'string' },
    dir: { type: 'string', default: tmpdir() },
    verbose: { type: 'boolean', default: false },
  },
});

const count = Number(values.kills);
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const folder = mkdtempSync(join(values.dir, 'copyset-torture-groups-'));
const startedMs = performance.now();
const campaign = new GroupCampaign(folder, seed, (line) => {
  if (values.verbose) console.log(line);
});
const { totals } = campaign;
let failure: unknown;

await bundle();
try {
  while (totals.instants < count) await campaign.round();
} catch (error) {
  failure = error;
  await campaign.abandon();
}

if (failure !== undefined) {
  console.error(`FAILED instant ${totals.instants + 1}: ${failure instanceof Error ? failure.stack : String(failure)}`);
  console.error(
    `Again with: npm run torture:groups -- --kills ${count} --seed ${seed}\nThe systems are left in ${folder}`,
  );
} else rmSync(folder, { recursive: true, force: true });
const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
const cases = [...totals.cases].map(([name, times]) => `${name} ${times}`).join(', ');
console.log(
  `torture:groups: ${failure === undefined ? 'ok' : 'FAILED'}, seed ${seed}, ${totals.instants} instants (${totals.struck} at the step ` +
    `that was named), ${totals.writes} writes answered, ${totals.lostWrites} of them after the group that was recovered; ` +
    `${totals.failbacks} failbacks; cases: ${cases}; ${seconds} s`,
);
process.exitCode = failure === undefined ? 0 : 1;
