/**
 * npm run bench -- [--size 2GiB] [--rounds 7] [--only copy,resync] [--dir DIR]: whole processes beside their peers, in interleaved
 * rounds. Prints ratios and goals; a missed goal is a line in a table, not a failure, because times belong to the machine.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle } from '../../scripts/bundle.mjs';
import { formatBytes, parseSize } from '../../src/core/volume/volume.js';
import { CASES, prepare, type Row, SMALL_CASES } from './cases.js';

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '2GiB' },
    rounds: { type: 'string', default: '7' },
    only: { type: 'string', default: Object.keys(CASES).join(',') },
    dir: { type: 'string', default: tmpdir() },
  },
});
const only = values.only.split(',');
const unknown = only.find((name) => !(name in CASES));
if (unknown !== undefined) throw new Error(`There is no case ${unknown}; there are ${Object.keys(CASES).join(', ')}.`);

await bundle();
const root = mkdtempSync(join(values.dir, 'copyset-bench-'));
const setting = { root, sizeBytes: parseSize(values.size), rounds: Number(values.rounds) };
const rows: Row[] = [];
try {
  if (only.some((name) => !SMALL_CASES.includes(name))) prepare(setting);
  for (const name of only) {
    const measured = [(await CASES[name]?.(setting)) ?? []].flat();
    for (const row of measured)
      console.log(
        `${row.met ? 'met   ' : 'MISSED'} ${row.what}: ${row.figure} (goal ${row.goal}${row.raised ? `, raised ${row.raised}` : ''})`,
      );
    rows.push(...measured);
  }
} finally {
  rmSync(root, { recursive: true, force: true });
}

const { model } = cpus()[0] ?? { model: 'unknown' };
console.log(
  `\nNode ${process.version}, ${cpus().length} x ${model}, ${formatBytes(setting.sizeBytes)}, medians of ${setting.rounds} rounds\n`,
);
console.log('| what | copyset | peer | figure | goal | raised goal | |\n|---|---|---|---|---|---|---|');
for (const row of rows)
  console.log(
    `| ${row.what} | ${row.ours} | ${row.peer} | ${row.figure} | ${row.goal} | ${row.raised ?? '-'} | ${row.met ? 'met' : 'missed'} |`,
  );
