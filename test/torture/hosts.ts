/**
 * npm run torture:hosts -- --kills N --seed S: servers killed with -9 while hosts write over NBD, in every status of a pair; after
 * each kill no answered write and no difference may be lost, and the next resync makes both images equal.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle } from '../../scripts/bundle.mjs';
import { MOMENTS, ServerKills } from '../e2e/hosts-kill.js';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '50' },
    seed: { type: 'string' },
    dir: { type: 'string', default: tmpdir() },
    durability: { type: 'string', default: 'power' },
    verbose: { type: 'boolean', default: false },
  },
});

const AFTER_MS_MAX = 300;
const count = Number(values.kills);
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const root = mkdtempSync(join(values.dir, 'copyset-torture-hosts-'));
const startedMs = performance.now();
let state = seed >>> 0;

/** A whole number below `limit`, from the seed. */
function below(limit: number): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * limit);
}

await bundle();
const kills = new ServerKills(root);
let done = 0;
let writes = 0;
let failure: unknown;
try {
  await kills.prepare(values.durability === 'none' ? 'none' : 'power');
  for (; done < count; done += 1) {
    const moment = MOMENTS[below(MOMENTS.length)] ?? 'duplex';
    const [connections, afterMs] = [[1, 2, 4, 16][below(4)] ?? 1, below(AFTER_MS_MAX)];
    if (values.verbose) console.log(`kill ${done + 1}: ${moment}, ${connections} connections, after ${afterMs} ms`);
    const report = await kills.round(moment, connections, afterMs);
    writes += report.writes;
    if (values.verbose) console.log(`  found ${report.found}; ${report.writes} writes, ${report.flushes} flushes`);
  }
} catch (error) {
  failure = error;
  await kills.abandon();
}

if (failure !== undefined) {
  console.error(`FAILED kill ${done + 1}: ${failure instanceof Error ? failure.stack : String(failure)}`);
  console.error(`Again with: npm run torture:hosts -- --kills ${count} --seed ${seed}\nThe system is left in ${root}`);
} else rmSync(root, { recursive: true, force: true });
const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
console.log(
  `torture:hosts: ${failure === undefined ? 'ok' : 'FAILED'}, seed ${seed}, ${done} kills, ${writes} writes answered before them; ${seconds} s`,
);
process.exitCode = failure === undefined ? 0 : 1;
