import { SCENARIOS } from './campaign/scenarios.js';
import { failEverywhere } from './campaign/fault-run.js';
const only = process.argv[2]; const seed = Number(process.argv[3] ?? 1); const points = Number(process.argv[4] ?? 100);
for (const [i, scenario] of SCENARIOS.entries()) {
  if (only !== undefined && only !== 'all' && i !== Number(only)) continue;
  const t = Date.now();
  try { const r = await failEverywhere({ scenario, seed, points, only: process.argv[5] }); console.log(i, scenario.name, JSON.stringify(r), Date.now()-t, 'ms'); }
  catch (e) { console.log(i, 'FAIL', Date.now()-t, (e as Error).message.split('\n').slice(0,12).join('\n')); }
}
