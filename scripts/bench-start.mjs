// Measures start-up: interleaved pairs of `node -e 0` and a command of ours, and the median of their ratios. Single
// figures drift with the machine; ratios of neighbours do not.
//   node scripts/bench-start.mjs [ROUNDS] [-- WORDS…]
import { spawnSync } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';

const run = fileURLToPath(new URL('../bin/run.js', import.meta.url));
const split = process.argv.indexOf('--');
const rounds = Number(process.argv[2] === '--' ? 25 : (process.argv[2] ?? 25));
const asked = split === -1 ? undefined : process.argv.slice(split + 1);
const cases = asked ? [asked] : [['--version'], ['system', 'list'], ['system', 'list', '--json'], ['--help']];

const timed = (args) => {
  const started = performance.now();
  const { status } = spawnSync(process.execPath, args, { stdio: 'ignore' });
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}`);
  return performance.now() - started;
};
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

for (const words of cases) {
  const base = [];
  const ours = [];
  for (let round = 0; round < rounds; round++) {
    base.push(timed(['-e', '0']));
    ours.push(timed([run, ...words]));
  }
  const ratio = median(ours.map((time, index) => time / base[index]));
  const line = `copyset ${words.join(' ')}`.padEnd(32);
  console.log(
    `${line} ${median(ours).toFixed(0)} ms, node -e 0 ${median(base).toFixed(0)} ms, ratio ${ratio.toFixed(2)}`,
  );
}
