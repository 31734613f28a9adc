/**
 * `npm run planted [ID…]`: takes one rule out of the code at a time and demands that the tests of its hazard fail, and that they
 * pass with the code as it is. A bug that nobody notices ends it with exit code 1.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BUGS, type PlantedBug } from './bugs.js';

const top = fileURLToPath(new URL('../..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'copyset-planted-'));

/** No test file takes a tenth of this; a bug that only hangs is not noticed by a test. */
const TOO_LONG_MS = 120_000;

interface Tests {
  readonly passed: number;
  readonly failed: readonly string[];
  /** What kept the tests from running at all. */
  readonly broken: string | undefined;
  readonly seconds: number;
}

interface Report {
  readonly testResults: readonly {
    readonly message: string;
    readonly assertionResults: readonly { readonly title: string; readonly status: string }[];
  }[];
}

function hazardOf(id: string): string {
  return id.replace(/[a-z]+$/, '');
}

/** The files that have the hazard's tests, relative to the repository. */
function testFilesOf({ id, tests }: PlantedBug): readonly string[] {
  if (tests) return tests;
  const hazard = hazardOf(id);
  if (hazard.startsWith('P')) return ['test/hazards/protocols.test.ts'];
  const name = `h${hazard.slice(1).padStart(2, '0')}-`;
  const found = readdirSync(join(top, 'test/hazards')).filter((file) => file.startsWith(name));
  if (found.length === 0) throw new Error(`no test file for ${hazard}`);
  return found.map((file) => `test/hazards/${file}`);
}

function runTests(files: readonly string[], plant: string, titles: string, bail: number): Promise<Tests> {
  const output = join(scratch, `${plant === '' ? 'as-it-is' : plant}.json`);
  const args = ['run', ...files, '-t', titles, `--bail=${bail}`, '--reporter=json', `--outputFile=${output}`];
  const started = Date.now();
  return new Promise((resolve) => {
    const env = { ...process.env, COPYSET_PLANT: plant, COPYSET_SOURCES_ONLY: '1' };
    const child = spawn(join(top, 'node_modules/.bin/vitest'), args, {
      cwd: top,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own: a bug may make a worker run in circles, which only ends with the whole group.
      detached: true,
    });
    let noise = '';
    const tooLong = setTimeout(() => {
      noise += `\nno end after ${TOO_LONG_MS / 1000} s`;
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    }, TOO_LONG_MS);
    child.stdout.on('data', (chunk: Buffer) => (noise += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (noise += chunk.toString()));
    child.on('close', () => {
      clearTimeout(tooLong);
      resolve({ ...readReport(output, noise), seconds: (Date.now() - started) / 1000 });
    });
  });
}

function readReport(output: string, noise: string): Omit<Tests, 'seconds'> {
  let report: Report;
  try {
    report = JSON.parse(readFileSync(output, 'utf8')) as Report;
  } catch {
    return { passed: 0, failed: [], broken: noise.slice(-2000) };
  }
  const results = report.testResults.flatMap((file) => file.assertionResults);
  // A file that a bail left out has no results, and says nothing either.
  const broken = report.testResults.find((file) => file.assertionResults.length === 0 && file.message !== '')?.message;
  return {
    passed: results.filter((result) => result.status === 'passed').length,
    failed: results.filter((result) => result.status === 'failed').map((result) => result.title),
    broken,
  };
}

async function tryBug(bug: PlantedBug): Promise<boolean> {
  const hazard = hazardOf(bug.id);
  const titles = bug.tests ? '' : `${hazard}:`;
  const tests = await runTests(testFilesOf(bug), bug.id, titles, 1);
  const noticed = tests.broken === undefined && tests.failed.some((title) => title.startsWith(titles));
  const verdict = noticed ? 'noticed' : tests.broken === undefined ? 'MISSED ' : 'BROKEN ';
  console.log(`${bug.id.padEnd(5)} ${verdict} ${tests.seconds.toFixed(1).padStart(5)} s  ${bug.why}`);
  if (noticed) console.log(`${' '.repeat(23)}by "${tests.failed[0]}"`);
  if (tests.broken !== undefined) console.log(tests.broken);
  return noticed;
}

async function main(): Promise<boolean> {
  const wanted = process.argv.slice(2);
  const bugs = BUGS.filter(({ id }) => wanted.length === 0 || wanted.includes(id) || wanted.includes(hazardOf(id)));
  const files = [...new Set(bugs.flatMap((bug) => testFilesOf(bug)))];
  const started = Date.now();
  const sound = await runTests(files, '', '', 0);
  const isSound = sound.broken === undefined && sound.failed.length === 0 && sound.passed > 0;
  console.log(`as it is: ${sound.passed} tests pass, ${sound.failed.length} fail (${sound.seconds.toFixed(1)} s)`);
  for (const title of sound.failed) console.log(`  ${title}`);
  if (sound.broken !== undefined) console.log(sound.broken);
  let missed = 0;
  const queue = [...bugs];
  const worker = async () => {
    for (let bug = queue.shift(); bug !== undefined; bug = queue.shift()) if (!(await tryBug(bug))) missed += 1;
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), 4) }, worker));
  const seconds = ((Date.now() - started) / 1000).toFixed(0);
  console.log(`planted: ${bugs.length - missed} of ${bugs.length} bugs noticed (${seconds} s)`);
  return isSound && missed === 0 && bugs.length > 0;
}

try {
  process.exitCode = (await main()) ? 0 : 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
