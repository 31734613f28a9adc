// `npm run check`: every rule of the repository that is not a behaviour test. All steps run, so that one look shows all
// that is wrong. The last line counts them.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

const steps = [
  ['format and lint', 'biome', ['ci', '--colors=off', '--error-on-warnings', '.']],
  ['types', 'tsc', ['-p', 'tsconfig.json']],
  ['promises and exhaustiveness', 'eslint', ['--max-warnings', '0', 'src', 'test']],
  ['rooms', 'depcruise', ['--config', '.dependency-cruiser.cjs', 'src', 'test']],
  ['dead code', 'knip', []],
  ['bundle', 'node', ['scripts/bundle.mjs']],
  ['manifest is fresh', 'node', ['scripts/manifest.mjs', '--check']],
  ['reference is fresh', 'node', ['--import', 'tsx', 'scripts/reference.ts', '--check']],
  ['man pages are fresh', 'node', ['--import', 'tsx', 'scripts/man-pages.ts', '--check']],
  ['tidy', 'vitest', ['run', 'test/tidy.test.ts']],
];

const only = process.argv.slice(2);
let failed = 0;
let passed = 0;
for (const [name, tool, args] of steps) {
  if (only.length > 0 && !only.includes(name)) continue;
  const started = Date.now();
  const result = spawnSync(tool, args, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1', PATH: `${root}node_modules/.bin:${process.env.PATH}` },
  });
  const ok = result.status === 0;
  if (ok) passed++;
  else failed++;
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  if (!ok) console.log(`${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}`);
}
console.log(`check: ${passed} steps passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
