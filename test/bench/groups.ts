/**
 * npm run bench:groups -- [--seconds 20] [--rounds 7] [--dir DIR] [--only pause,steps,copy] [--size 1GiB]: how long a formation holds
 * writes over four systems with eight volumes each, what its steps cost with large volumes, and the initial copy between two processes
 * beside nbdcopy to nbdkit.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle } from '../../scripts/bundle.mjs';
import { parseSize } from '../../src/core/volume/volume.js';
import { pauses, type Row, remoteCopy, stepCosts } from './group-cases.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '20' },
    rounds: { type: 'string', default: '7' },
    dir: { type: 'string', default: tmpdir() },
    only: { type: 'string', default: 'pause,steps,copy' },
    /** Writes a second to each volume; 0 is as fast as they are answered. */
    load: { type: 'string', default: '20,0' },
    size: { type: 'string', default: '1GiB' },
  },
});
/** The steps are short, and a busy machine tells little of one. */
const STEP_ROUNDS_TIMES = 5;
const rounds = Number(values.rounds);
const folder = mkdtempSync(join(values.dir, 'copyset-bench-groups-'));
const wanted = values.only.split(',');
const tell = (rows: readonly Row[]) => {
  for (const { what, figures, goal, met } of rows)
    console.log(`${met ? 'met   ' : 'MISSED'} ${what}: ${figures} (goal ${goal})`);
};

await bundle();
try {
  if (wanted.includes('pause'))
    for (const load of values.load.split(',')) {
      const place = join(folder, `pause-${load}`);
      mkdirSync(place);
      tell(await pauses(place, Number(values.seconds), Number(load)));
    }
  if (wanted.includes('steps')) tell(await stepCosts(folder, STEP_ROUNDS_TIMES * rounds));
  if (wanted.includes('copy')) tell(await remoteCopy(folder, rounds, parseSize(values.size)));
  const { model } = cpus()[0] ?? { model: 'unknown' };
  console.log(`Node ${process.version}, ${cpus().length} x ${model}, in ${values.dir}, ${rounds} rounds`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
