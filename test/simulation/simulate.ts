import { parseArgs } from 'node:util';
import { crashEverywhere, type Scenario } from './campaign/crash-run.js';
import { failEverywhere } from './campaign/fault-run.js';
import { runModel } from './campaign/model-run.js';
import { SCENARIOS } from './campaign/scenarios.js';
import { runSchedule } from './formations/schedule.js';
import { endWithParent, playAll, type Slice, slicesOf } from './jobs.js';
import { runSession } from './sessions/schedule.js';
import { useLightSignals } from './world/light-signals.js';

/**
 * `npm run simulate -- [--runs N] [--points N] [--faults N] [--formations N] [--sessions N] [--seed S] [--jobs J]`: model runs, crash points,
 * faults and schedules of formations and of checkpoint sessions, as many as wanted; with `--formations` or `--sessions` alone nothing else.
 * Schedules are shared among J processes. A failure ends it with the seed and the one command that repeats it.
 *
 * `--scenario NAME --point CALL:VARIANT`, `--scenario NAME --fault CALL:NTH:FAULT` and `--model --path PATH` repeat one.
 */
const { values } = parseArgs({
  options: {
    runs: { type: 'string' },
    points: { type: 'string' },
    faults: { type: 'string' },
    formations: { type: 'string' },
    sessions: { type: 'string' },
    seed: { type: 'string', default: '1' },
    /** Where a process of the campaign begins with the sessions; it begins with the formations at its seed. */
    'session-seed': { type: 'string' },
    jobs: { type: 'string', default: '1' },
    /** One process of a campaign. */
    job: { type: 'boolean', default: false },
    scenario: { type: 'string' },
    point: { type: 'string' },
    fault: { type: 'string' },
    model: { type: 'boolean', default: false },
    path: { type: 'string' },
  },
});

/** So many points are taken of a scenario before the next seed. */
const POINTS_PER_ROUND = 1_000;
const FAULTS_PER_ROUND = 200;
const RUNS_PER_ROUND = 50;
const SCHEDULES_PER_ROUND = 500;
const seed = Number(values.seed);
const firstSession = Number(values['session-seed'] ?? values.seed);
/** What is not named gets its usual count, unless schedules alone are wanted. */
const isAll =
  (values.formations === undefined && values.sessions === undefined) ||
  [values.runs, values.points, values.faults].some((one) => one !== undefined);
const wanted = (value: string | undefined, usual: number) => (value !== undefined ? Number(value) : isAll ? usual : 0);
const startedMs = performance.now();

function tell(what: string): void {
  process.stdout.write(`${((performance.now() - startedMs) / 1000).toFixed(0)} s  ${what}\n`);
}

function scenarios(): readonly Scenario[] {
  const found = values.scenario === undefined ? SCENARIOS : SCENARIOS.filter(({ name }) => name === values.scenario);
  if (found.length === 0) throw new Error(`there is no scenario "${values.scenario}"`);
  return found;
}

async function repeatOne(): Promise<boolean> {
  const [scenario] = scenarios();
  if (values.model) await runModel({ runs: wanted(values.runs, 2_000), seed, path: values.path });
  else if (values.point !== undefined && scenario)
    await crashEverywhere({ scenario, seed, points: 0, only: values.point });
  else if (values.fault !== undefined && scenario)
    await failEverywhere({ scenario, seed, points: 0, only: values.fault });
  else return false;
  return true;
}

async function crash(points: number): Promise<void> {
  for (let done = 0, round = 0; done < points; round += 1) {
    for (const scenario of scenarios()) {
      if (done >= points) return;
      done += (
        await crashEverywhere({ scenario, seed: seed + round, points: Math.min(POINTS_PER_ROUND, points - done) })
      ).points;
      tell(`${done} of ${points} crash points; ${scenario.name}, seed ${seed + round}`);
    }
  }
}

async function fail(faults: number): Promise<void> {
  for (let done = 0, round = 0; done < faults; round += 1) {
    for (const scenario of scenarios()) {
      if (done >= faults) return;
      done += (
        await failEverywhere({ scenario, seed: seed + round, points: Math.min(FAULTS_PER_ROUND, faults - done) })
      ).points;
      tell(`${done} of ${faults} faults; ${scenario.name}, seed ${seed + round}`);
    }
  }
}

async function model(total: number): Promise<void> {
  for (let done = 0; done < total; done += RUNS_PER_ROUND) {
    const runs = Math.min(RUNS_PER_ROUND, total - done);
    await runModel({ runs, seed: seed + done });
    tell(`${done + runs} of ${total} model runs`);
  }
}

/** Stacks are left out, which whatever is thrown and caught again would cost; a schedule that fails is repeated with them. */
async function runQuickly<Result>(one: number, run: (seed: number) => Promise<Result>): Promise<Result> {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return await run(one);
  } catch {
    Error.stackTraceLimit = stackTraceLimit;
    return await run(one);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

async function playFormations(total: number): Promise<void> {
  const counted = { formed: 0, moments: 0, writes: 0 };
  for (let done = 0; done < total; done += 1) {
    const { formed, moments, writes } = await runQuickly(seed + done, runSchedule);
    counted.formed += formed > 0 ? 1 : 0;
    counted.moments += moments;
    counted.writes += writes;
    if ((done + 1) % SCHEDULES_PER_ROUND !== 0 && done + 1 < total) continue;
    const perSecond = ((done + 1) / ((performance.now() - startedMs) / 1000)).toFixed(1);
    const found = `${counted.formed} with a group, ${counted.writes} writes, ${counted.moments} more moments`;
    tell(`${done + 1} of ${total} schedules of formations from seed ${seed}: ${found}; ${perSecond} a second`);
  }
}

async function playSessions(total: number): Promise<void> {
  const counted = { writes: 0, looks: 0, moments: 0 };
  for (let done = 0; done < total; done += 1) {
    const { looks, moments, writes } = await runQuickly(firstSession + done, runSession);
    counted.writes += writes;
    counted.looks += looks;
    counted.moments += moments;
    if ((done + 1) % SCHEDULES_PER_ROUND !== 0 && done + 1 < total) continue;
    const perSecond = ((done + 1) / ((performance.now() - startedMs) / 1000)).toFixed(1);
    const found = `${counted.writes} writes, ${counted.looks} looks, ${counted.moments} moments`;
    tell(`${done + 1} of ${total} schedules of sessions from seed ${firstSession}: ${found}; ${perSecond} a second`);
  }
}

async function play(): Promise<void> {
  useLightSignals();
  if (await repeatOne()) return;
  if (values.scenario === undefined) await model(wanted(values.runs, 2_000));
  await crash(wanted(values.points, 100_000));
  await fail(wanted(values.faults, 20_000));
  if (values.scenario === undefined) await playFormations(wanted(values.formations, 2_000));
  if (values.scenario === undefined) await playSessions(wanted(values.sessions, 2_000));
}

/** What is not shared is the first one's. */
function commandLineOf({ formations, formationSeed, sessions, sessionSeed }: Slice, job: number): string[] {
  const alone = (value: string | undefined, usual: number) => (job === 0 ? wanted(value, usual) : 0);
  const options = {
    runs: alone(values.runs, 2_000),
    points: alone(values.points, 100_000),
    faults: alone(values.faults, 20_000),
    formations,
    seed: formationSeed,
    sessions,
    'session-seed': sessionSeed,
  };
  return Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
}

function playInJobs(): Promise<boolean> {
  if (values.scenario !== undefined || values.model) return playAll([process.argv.slice(2)]);
  const [many, others] = [wanted(values.formations, 2_000), wanted(values.sessions, 2_000)];
  return playAll(slicesOf(Math.max(1, Number(values.jobs)), seed, many, others).map(commandLineOf));
}

try {
  if (values.job) {
    endWithParent();
    await play();
  } else if (await playInJobs()) tell('nothing was found');
  else process.exitCode = 1;
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
