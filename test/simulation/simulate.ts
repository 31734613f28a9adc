import { parseArgs } from 'node:util';
import { crashEverywhere, type Scenario } from './campaign/crash-run.js';
import { failEverywhere } from './campaign/fault-run.js';
import { runModel } from './campaign/model-run.js';
import { SCENARIOS } from './campaign/scenarios.js';

/**
 * `npm run simulate -- [--runs N] [--points N] [--faults N] [--seed S]`: model runs, crash points and faults, as many as wanted.
 * A failure ends it with the seed and the one command that repeats it.
 *
 * `--scenario NAME --point CALL:VARIANT`, `--scenario NAME --fault CALL:NTH:FAULT` and `--model --path PATH` repeat one.
 */
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '2000' },
    points: { type: 'string', default: '100000' },
    faults: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
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
const seed = Number(values.seed);
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
  if (values.model) await runModel({ runs: Number(values.runs), seed, path: values.path });
  else if (values.point !== undefined && scenario)
    await crashEverywhere({ scenario, seed, points: 0, only: values.point });
  else if (values.fault !== undefined && scenario)
    await failEverywhere({ scenario, seed, points: 0, only: values.fault });
  else return false;
  return true;
}

async function crash(wanted: number): Promise<void> {
  for (let done = 0, round = 0; done < wanted; round += 1) {
    for (const scenario of scenarios()) {
      if (done >= wanted) return;
      done += (
        await crashEverywhere({ scenario, seed: seed + round, points: Math.min(POINTS_PER_ROUND, wanted - done) })
      ).points;
      tell(`${done} of ${wanted} crash points; ${scenario.name}, seed ${seed + round}`);
    }
  }
}

async function fail(wanted: number): Promise<void> {
  for (let done = 0, round = 0; done < wanted; round += 1) {
    for (const scenario of scenarios()) {
      if (done >= wanted) return;
      done += (
        await failEverywhere({ scenario, seed: seed + round, points: Math.min(FAULTS_PER_ROUND, wanted - done) })
      ).points;
      tell(`${done} of ${wanted} faults; ${scenario.name}, seed ${seed + round}`);
    }
  }
}

async function model(wanted: number): Promise<void> {
  for (let done = 0; done < wanted; done += RUNS_PER_ROUND) {
    const runs = Math.min(RUNS_PER_ROUND, wanted - done);
    await runModel({ runs, seed: seed + done });
    tell(`${done + runs} of ${wanted} model runs`);
  }
}

try {
  if (!(await repeatOne())) {
    if (values.scenario === undefined) await model(Number(values.runs));
    await crash(Number(values.points));
    await fail(Number(values.faults));
  }
  tell('nothing was found');
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
