import { runSchedule } from './test/simulation/formations/schedule.js';
import { useLightSignals } from './test/simulation/world/light-signals.js';
useLightSignals(); Error.stackTraceLimit = 0;
const from = Number(process.argv[2] ?? 1), n = Number(process.argv[3] ?? 200), warm = Number(process.argv[4] ?? 100);
for (let s = from + 500000; s < from + 500000 + warm; s += 1) await runSchedule(s);
const rows: any[] = [];
const c0 = process.cpuUsage();
for (let s = from; s < from + n; s += 1) {
  const c = process.cpuUsage();
  const r = await runSchedule(s);
  const u = process.cpuUsage(c);
  rows.push({ s, ms: (u.user + u.system) / 1000, ...r, outcomes: r.outcomes.length });
}
const u = process.cpuUsage(c0);
console.log('per schedule', ((u.user + u.system) / 1000 / n).toFixed(2), 'ms cpu', 'max rss', Math.round(process.resourceUsage().maxRSS/1024));
if (process.argv[5]) {
rows.sort((a, b) => b.ms - a.ms);
let acc = 0; const tot = rows.reduce((a, r) => a + r.ms, 0);
for (const [i, r] of rows.entries()) { acc += r.ms; if (i < 12 || i % 25 === 0) console.log(i, (acc / tot).toFixed(2), JSON.stringify(r)); }
for (const e of ['peace', 'recovery', 'home']) { const m = rows.filter((r) => r.ending === e); console.log(e, m.length, (m.reduce((a, r) => a + r.ms, 0) / m.length).toFixed(1)); }
}
