import { runSchedule } from './test/simulation/formations/schedule.js';
import { indexOf } from './test/simulation/formations/topology.js';
import { Rng } from './test/simulation/world/world.js';
import { useLightSignals } from './test/simulation/world/light-signals.js';
useLightSignals(); 
const from = Number(process.argv[2] ?? 1), n = Number(process.argv[3] ?? 200), only = process.argv[4];
const c0 = process.cpuUsage();
const stop = Number(process.argv[5] ?? 1);
let bad = 0, ran = 0, formed = 0, home = 0;
for (let s = from; s < from + n; s += 1) {
  const index = indexOf(s, new Rng(s, 3));
  if (only === '3' && index < 24) continue;
  ran += 1;
  Error.stackTraceLimit = 0;
  try { const r = await runSchedule(s); formed += r.formed > 0 ? 1 : 0; home += r.ending === 'home' ? 1 : 0; }
  catch (e) { bad += 1; console.log('SEED', s, String((e as Error).message).split('\n').slice(0, 40).join('\n   ').slice(0, 1800)); if (bad >= stop) break; }
}
const u = process.cpuUsage(c0);
console.log(ran, 'ran', formed, 'formed', home, 'home', bad, 'bad; per schedule', ((u.user + u.system) / 1000 / ran).toFixed(2), 'ms cpu');
