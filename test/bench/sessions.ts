/**
 * npm run bench:sessions -- [--rounds 7] [--seconds 1] [--size 256MiB] [--dir DIR] [--only writes,stream]: what recording its writes for a
 * checkpoint session costs a host, and how fast the records come to the secondary, beside an asynchronous pair of the same systems.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle } from '../../scripts/bundle.mjs';
import { parseSize } from '../../src/core/volume/volume.js';
import { SessionBench } from './session-cases.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '1' },
    size: { type: 'string', default: '256MiB' },
    dir: { type: 'string', default: tmpdir() },
    only: { type: 'string', default: 'writes,stream' },
  },
});
const rounds = Number(values.rounds);
const wanted = values.only.split(',');
const folder = mkdtempSync(join(values.dir, 'copyset-bench-sessions-'));

await bundle();
const options = { rounds, seconds: Number(values.seconds), sizeBytes: parseSize(values.size) };
try {
  const bench = await SessionBench.open(folder, options);
  try {
    const rows = [];
    if (wanted.includes('writes')) rows.push(await bench.writes());
    if (wanted.includes('stream')) rows.push(await bench.stream());
    await bench.demandDuplex();
    for (const { what, figures, goal, met } of rows)
      console.log(`${met ? 'met   ' : 'MISSED'} ${what}: ${figures} (goal ${goal})`);
  } finally {
    await bench.close();
  }
  const { model } = cpus()[0] ?? { model: 'unknown' };
  console.log(`Node ${process.version}, ${cpus().length} x ${model}, in ${values.dir}, ${rounds} rounds`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
