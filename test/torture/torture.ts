/**
 * npm run torture -- --kills N --seed S: kill -9 of real copyset processes at random moments, and everything looked at after each.
 * What is done follows from the seed; at which instruction a kill strikes does not.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle } from '../../scripts/bundle.mjs';
import { Campaign } from './campaign.js';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    seed: { type: 'string' },
    dir: { type: 'string', default: tmpdir() },
    durability: { type: 'string', default: 'power' },
    verbose: { type: 'boolean', default: false },
  },
});

const kills = Number(values.kills);
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const again = `npm run torture -- --kills ${kills} --seed ${seed}`;
const root = mkdtempSync(join(values.dir, 'copyset-torture-'));
const startedMs = performance.now();
const campaign = new Campaign(root, seed, values.verbose);
const { totals, failures } = campaign;

await bundle();
try {
  await campaign.prepare(values.durability === 'none' ? 'none' : 'power');
  while (totals.kills < kills && failures.length === 0 && totals.rounds < kills * 10) await campaign.round();
  if (failures.length === 0) await campaign.finish();
} catch (error) {
  failures.push(`round ${totals.rounds}: ${error instanceof Error ? error.stack : error}`);
}

for (const text of failures) console.error(`FAILED ${text}`);
if (failures.length > 0) console.error(`Again with: ${again}\nThe system is left in ${root}`);
else rmSync(root, { recursive: true, force: true });
const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
console.log(
  `torture: ${failures.length === 0 ? 'ok' : 'FAILED'}, seed ${seed}, ${totals.kills} kills in ${totals.rounds} commands, ` +
    `${totals.writes} writes, ${totals.drains} full comparisons, ${totals.refused} refused; longest wait for a lock ` +
    `${totals.lockWaitMaxMs.toFixed(1)} ms, for lock and recovery ${totals.recoveryMaxMs.toFixed(0)} ms, ` +
    `for a write beside a kill ${totals.writerWaitMaxMs.toFixed(0)} ms; ${seconds} s`,
);
process.exitCode = failures.length === 0 ? 0 : 1;
