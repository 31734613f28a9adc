import { isToolkitError } from '../../../src/core/foundation/foundation.js';
import { checkRecovered } from '../checkers.js';
import { describeFailure, FaultFiles, type FaultyCall, type PlannedFault, Rng } from '../world/world.js';
import type { Scenario } from './crash-run.js';
import { GaveUp, Session, Violation } from './session.js';
import { settle } from './settle.js';

/** What each kind of call can meet. */
const FAULTS: Readonly<Record<Exclude<FaultyCall, 'read' | 'makeFolder'>, readonly PlannedFault['fault'][]>> = {
  write: ['io', 'no-space', 'short'],
  writeBulk: ['io', 'no-space', 'short'],
  truncate: ['io', 'no-space'],
  flush: ['io'],
  open: ['io'],
  rename: ['io', 'no-space'],
  remove: ['io'],
  flushFolder: ['io'],
};
const CALLS = Object.keys(FAULTS) as (keyof typeof FAULTS)[];

export interface FaultPlan {
  readonly scenario: Scenario;
  readonly seed: number;
  /** Faults wanted; they are spread evenly over all calls. */
  readonly points: number;
  /** Only this fault, to repeat a failure: `CALL:NTH:FAULT`. */
  readonly only?: string | undefined;
}

/** Runs a scenario again and again, each time with one call failing once; nothing acknowledged may be lost by it. */
export async function failEverywhere(plan: FaultPlan): Promise<{ points: number; struck: number }> {
  const faults = plan.only === undefined ? await faultsToPlan(plan) : [parse(plan.only)];
  let struck = 0;
  for (const fault of faults) {
    try {
      if (await failOnce(plan, fault)) struck += 1;
    } catch (error) {
      const message =
        error instanceof Error
          ? `${error.message}${error instanceof Violation ? '' : `\n${error.stack}`}`
          : String(error);
      const command = `npm run simulate -- --scenario '${plan.scenario.name}' --seed SEED --fault ${fault.call}:${fault.nth}:${fault.fault}`;
      throw new Error(
        `scenario "${plan.scenario.name}", ${fault.call} number ${fault.nth} fails with ${fault.fault}: ${message}\n${describeFailure(plan.seed, command)}`,
        { cause: error },
      );
    }
  }
  return { points: faults.length, struck };
}

function parse(text: string): PlannedFault {
  const [call, nth, fault] = text.split(':');
  return { call: call as FaultyCall, nth: Number(nth), fault: fault as PlannedFault['fault'] };
}

async function faultsToPlan(plan: FaultPlan): Promise<PlannedFault[]> {
  const { session, files } = await prepared(plan);
  const before = new Map(CALLS.map((call) => [call, files.count(call)]));
  await session.world.run(plan.scenario.run(session));
  const all = CALLS.flatMap((call) =>
    Array.from({ length: files.count(call) - (before.get(call) ?? 0) }, (_, index) =>
      FAULTS[call].map((fault) => ({ call, nth: index + 1, fault })),
    ).flat(),
  );
  const rng = new Rng(plan.seed, 5);
  const stride = Math.max(1, all.length / plan.points);
  const offset = rng.unit();
  return Array.from(
    { length: Math.floor(all.length / stride) },
    (_, index) => all[Math.floor((index + offset) * stride)] ?? (all[0] as PlannedFault),
  );
}

async function prepared(plan: FaultPlan): Promise<{ session: Session; files: FaultFiles }> {
  const session = await Session.create(plan.seed);
  await session.world.run(session.close());
  const files = new FaultFiles(session.world.files);
  session.faults = files;
  await session.world.run(session.open());
  if (plan.scenario.prepare) await session.world.run(plan.scenario.prepare(session));
  return { session, files };
}

/** One run with one fault, then a crash, then everything must be as promised. Answers whether the fault struck. */
async function failOnce(plan: FaultPlan, fault: PlannedFault): Promise<boolean> {
  const { session, files } = await prepared(plan);
  files.plan(fault);
  try {
    await session.world.run(plan.scenario.run(session));
  } catch (error) {
    // Only what the person at the shell would see as an error of the operation may come up.
    if (!(error instanceof GaveUp) && !isToolkitError(error)) throw error;
  }
  files.clear();
  const rng = new Rng(plan.seed, fault.nth);
  const power = rng.chance(0.5);
  session.noteTransition();
  const oracle = session.oracle.snapshot();
  oracle.powerLost = power;
  const killed = session.world.disk.afterKill(rng);
  const again = Session.after(power ? killed.afterPowerLoss(rng, 'random') : killed, oracle, plan.seed + 1);
  again.afterFaults = true;
  await again.world.run(recovery(again));
  return files.injected > 0;
}

async function recovery(session: Session): Promise<void> {
  const { epoch, epochShown, powerLost } = session.oracle;
  try {
    await session.open();
  } catch (error) {
    throw new Violation(`the system does not open again: ${error instanceof Error ? error.stack : String(error)}`);
  }
  const { findings } = (await session.controller.request('system.check', { repair: true, deep: false })).output;
  const bad = findings.filter(
    ({ severity, message }) => severity === 'error' && !/^lacks|formatting was cut short/.test(message),
  );
  if (bad.length > 0) throw new Violation(`after the fault the system is damaged: ${JSON.stringify(bad)}`);
  checkRecovered(session, { epoch, epochShown, powerLost });
  await settle(session);
}
