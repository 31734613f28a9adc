import { checkRecovered } from '../checkers.js';
import { type CrashKind, describeFailure, type Keep, Rng, type SimDisk, type StoreCall } from '../world/world.js';
import type { Oracle } from './oracle.js';
import { Session, Violation } from './session.js';
import { settle } from './settle.js';

export interface Scenario {
  readonly name: string;
  /** What is there before crashes are looked at. */
  readonly prepare?: (session: Session) => Promise<void>;
  readonly run: (session: Session) => Promise<void>;
}

/** One moment of a run: the disk as a kill would leave it, and what must hold then. */
export interface Moment {
  readonly call: StoreCall;
  readonly disk: SimDisk;
  readonly oracle: Oracle;
}

const POWER_KEEPS: readonly Keep[] = ['none', 'all', 'random', 'random'];
const CHUNK_BYTES = 4_096;

export interface CrashPlan {
  readonly scenario: Scenario;
  readonly seed: number;
  /** Crash points wanted; the calls are spread evenly. Each call gives a kill, several power losses, and second crashes. */
  readonly points: number;
  /** Only this point, to repeat a failure: `CALL:VARIANT`. */
  readonly only?: string | undefined;
}

export interface CrashResult {
  points: number;
  calls: number;
}

/** How many ways each moment is crashed. */
const VARIANTS = ['kill', ...POWER_KEEPS.map((keep, index) => `power-${keep}-${index}`)];

/** Runs a scenario once and crashes it at many of its store calls, each in every way; recovers each and checks the invariants. */
export async function crashEverywhere(plan: CrashPlan): Promise<CrashResult> {
  const total = await countCalls(plan);
  const wanted = plan.only === undefined ? callsToTake(total, plan) : new Set([Number(plan.only.split(':')[0])]);
  const moments = await takeMoments(plan, wanted);
  let points = 0;
  for (const moment of moments) {
    for (const variant of VARIANTS) {
      if (plan.only !== undefined && plan.only.split(':')[1] !== variant) continue;
      const seed = pointSeed(plan.seed, moment.call.number, variant);
      try {
        points += await crashOnce(moment, variant, seed);
      } catch (error) {
        throw explained(error, plan, moment, variant);
      }
    }
  }
  return { points, calls: total };
}

/** Each moment gives a point for every variant, and each second crash one more. */
const POINTS_PER_MOMENT = VARIANTS.length * 2;

function callsToTake(total: number, { points, seed }: CrashPlan): Set<number> {
  const moments = Math.min(total, Math.ceil(points / POINTS_PER_MOMENT));
  const stride = total / moments;
  const offset = new Rng(seed, 11).unit();
  return new Set(
    Array.from({ length: moments }, (_, index) => Math.min(total, 1 + Math.floor((index + offset) * stride))),
  );
}

async function countCalls(plan: CrashPlan): Promise<number> {
  let total = 0;
  await runScenario(plan, () => {
    total += 1;
  });
  return total;
}

async function takeMoments(plan: CrashPlan, wanted: ReadonlySet<number>): Promise<Moment[]> {
  const moments: Moment[] = [];
  let number = 0;
  await runScenario(plan, (call, session) => {
    number += 1;
    if (wanted.has(number)) moments.push(momentOf({ ...call, number }, session, plan.seed));
  });
  return moments;
}

export function momentOf(call: StoreCall, session: Session, seed: number): Moment {
  session.noteTransition();
  const rng = new Rng(seed, call.number);
  const pages = call.write === undefined ? 0 : Math.ceil(call.write.source.length / CHUNK_BYTES);
  // A large write may be cut in its middle.
  const torn =
    call.write !== undefined && pages > 1 ? { ...call.write, doneBytes: rng.below(pages) * CHUNK_BYTES } : undefined;
  return { call, disk: session.world.disk.afterKill(rng, torn), oracle: session.oracle.snapshot() };
}

async function runScenario(plan: CrashPlan, onCall: (call: StoreCall, session: Session) => void): Promise<void> {
  const session = await Session.create(plan.seed);
  try {
    if (plan.scenario.prepare) await session.world.run(plan.scenario.prepare(session));
    let busy = false;
    session.world.beforeCall((call) => {
      if (busy) return;
      busy = true; // Looking at the system may open a volume, which is no step of the scenario.
      onCall(call, session);
      busy = false;
    });
    await session.world.run(plan.scenario.run(session));
  } catch (error) {
    const message = error instanceof Error ? `${error.message}\n${error.stack}` : String(error);
    throw new Error(
      `scenario "${plan.scenario.name}" without any crash, ${describeFailure(plan.seed, repeat(plan, '0'))}: ${message}`,
      { cause: error },
    );
  }
}

/** One crash, and a second one in the middle of the recovery from it. Answers how many crashes it was. */
async function crashOnce(moment: Moment, variant: string, seed: number): Promise<number> {
  const [kind = 'kill', keep] = variant.split('-') as [CrashKind, Keep | undefined];
  const rng = new Rng(seed, 3);
  const oracle = moment.oracle.snapshot();
  const disk = kind === 'kill' ? moment.disk.afterKill(rng) : moment.disk.afterPowerLoss(rng, keep ?? 'random');
  oracle.powerLost = kind === 'power';
  const second = await recover(disk, oracle, seed, 1 + rng.below(rng.chance(0.5) ? 8 : 60));
  if (second === undefined) return 1;
  const again = second.oracle;
  const power = rng.chance(0.7);
  again.powerLost ||= power;
  try {
    await recover(power ? second.disk.afterPowerLoss(rng, 'random') : second.disk, again, seed + 1, 0);
  } catch (error) {
    if (error instanceof Error)
      error.message = `after a second crash (${power ? 'power' : 'kill'}) before call ${second.call.number} (${second.call.kind} ${second.call.path}): ${error.message}`;
    throw error;
  }
  return 2;
}

/** Opens the system, checks it and brings it to rest; on the way a moment for a second crash is taken. */
async function recover(disk: SimDisk, oracle: Oracle, seed: number, secondAt: number): Promise<Moment | undefined> {
  const session = Session.after(disk, oracle, seed);
  const before = { epoch: oracle.epoch, epochShown: oracle.epochShown, powerLost: oracle.powerLost };
  let second: Moment | undefined;
  let number = 0;
  if (secondAt > 0) {
    session.world.beforeCall((call) => {
      number += 1;
      if (number === secondAt) second = momentOf(call, session, seed);
    });
  }
  await session.world.run(recovery(session, before));
  return second;
}

async function recovery(session: Session, before: Parameters<typeof checkRecovered>[1]): Promise<void> {
  try {
    await session.open();
  } catch (error) {
    if (error instanceof Violation) throw error;
    throw new Violation(`the system does not open again: ${error instanceof Error ? error.stack : String(error)}`);
  }
  checkRecovered(session, before);
  await settle(session);
}

function pointSeed(seed: number, call: number, variant: string): number {
  return seed * 1_000_003 + call * 101 + VARIANTS.indexOf(variant) * 2;
}

function explained(error: unknown, plan: CrashPlan, moment: Moment, variant: string): Error {
  const { call } = moment;
  const point = `${call.number}:${variant}`;
  const message =
    error instanceof Error
      ? error instanceof Violation
        ? error.message
        : `${error.message}\n${error.stack}`
      : String(error);
  return new Error(
    `scenario "${plan.scenario.name}", ${variant} before store call ${call.number} (${call.kind} ${call.path}): ${message}\n${describeFailure(plan.seed, repeat(plan, point))}`,
    { cause: error },
  );
}

function repeat(plan: CrashPlan, point: string): string {
  return `npm run simulate -- --scenario '${plan.scenario.name}' --seed SEED --point ${point}`;
}
