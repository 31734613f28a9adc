import type { RecoveryAnswer } from '../../../src/core/group/group.js';
import { describeFailure, Rng } from '../world/world.js';
import { deedsOf } from './deeds.js';
import { checkPeace } from './peace.js';
import { checkMoment, recoverAndCheck } from './recovery.js';
import { codeOf } from './schedule-stage.js';
import { Violation } from './site.js';
import { Stage } from './stage.js';
import { catchStrays } from './strays.js';
import { GROUP, indexOf, nearOf, syncLimitOf, templateOf, withSmallSizes } from './topology.js';
import { TROUBLES } from './trouble.js';
import { bringHome } from './way-home.js';

/** Beyond what a closed gate takes, a write waits for flushes of the log, of the image and of a checkpoint. */
const WRITE_SLACK_MS = 500;

export interface ScheduleResult {
  readonly formed: number;
  readonly writes: number;
  readonly moments: number;
  readonly outcomes: readonly string[];
  readonly ending: 'peace' | 'recovery' | 'home';
}

/** Runs one schedule; whatever breaks a promise is thrown with its seed. */
export function runSchedule(seed: number, trace?: (line: string) => void): Promise<ScheduleResult> {
  return withSmallSizes(() => schedule(seed, trace));
}

async function schedule(seed: number, trace: ((line: string) => void) | undefined): Promise<ScheduleResult> {
  const rng = new Rng(seed, 3);
  const template = await templateOf(indexOf(seed, rng));
  const stage = new Stage(template, seed);
  stage.trace = trace;
  const log: string[] = [];
  catchStrays(stage);
  try {
    const people = new Rng(seed, 17);
    const ending = await Promise.race([stage.world.run(play(stage, rng, people, log)), stage.failing]);
    for (const moment of stage.moments) await Promise.race([checkMoment(stage, moment), stage.failing]);
    if (ending === 'home') await Promise.race([stage.world.run(bringHome(stage, people.fork())), stage.failing]);
    const { formed, outcomes, moments, writer } = stage;
    return { formed, outcomes, moments: moments.length, writes: writer.completed, ending };
  } catch (error) {
    throw explained(error, seed, stage, log);
  }
}

async function play(stage: Stage, rng: Rng, people: Rng, log: string[]): Promise<ScheduleResult['ending']> {
  const { world, writer } = stage;
  for (const name of stage.sites.keys()) await stage.up(name);
  stage.beside(writer.run(15 + rng.below(60), rng.pick([2, 10, 40])));
  const spanMs = rng.pick([100, 300, 1_000]);
  const forming = rng.chance(0.75) ? formAgainAndAgain(stage, rng.fork()) : runGroup(stage);
  stage.beside(forming);
  for (let count = rng.below(5); count >= 0; count -= 1) {
    const trouble = rng.pick(TROUBLES);
    const own = rng.fork();
    stage.after(rng.unit() * spanMs, () => {
      if (stage.atPeace) return;
      log.push(`${world.scheduler.nowMs.toFixed(1)} ${trouble.name}`);
      trouble.strike(stage, own);
    });
  }
  for (let count = people.pick([0, 0, 1, 2]); count > 0; count -= 1) {
    const deed = people.pick(deedsOf(stage.shape));
    const own = people.fork();
    stage.after(people.unit() * spanMs, () => {
      if (stage.atPeace) return;
      log.push(`${world.scheduler.nowMs.toFixed(1)} ${deed.name}`);
      stage.beside(deed.run(stage, own));
    });
  }
  await world.clock.sleep(spanMs);
  log.push(`${world.scheduler.nowMs.toFixed(1)} end of the troubles`);
  if (rng.chance(0.4)) {
    const { sequence, members } = await disaster(stage, rng);
    const isWhole = sequence !== null && members.every(({ action }) => action !== 'left-out');
    return isWhole && people.chance(0.5) ? 'home' : 'recovery';
  }
  await checkPeace(stage);
  checkHosts(stage);
  return 'peace';
}

/** The primaries die at one stroke while messages are still under way; the living remotes are recovered. */
async function disaster(stage: Stage, rng: Rng): Promise<RecoveryAnswer> {
  const { shape, writer } = stage;
  stage.atPeace = true;
  stage.lookAtMaster();
  writer.isStopped = true;
  const bounds = { formed: stage.formed, issued: writer.issued };
  stage.disarm();
  const isRemote = (name: string) => shape.remotes.includes(name);
  for (const name of [...nearOf(shape), ...stage.masters]) if (!isRemote(name)) stage.site(name).kill();
  const remotes = shape.remotes.map((name) => stage.site(name));
  for (const { files } of remotes) files?.clear();
  await recoverAndCheck(stage, stage.world, remotes, bounds, rng);
  stage.world.network.weather.clear();
  await stage.world.clock.sleep(4_000);
  return recoverAndCheck(stage, stage.world, remotes, bounds, rng);
}

/** As cron does. */
async function formAgainAndAgain(stage: Stage, rng: Rng): Promise<void> {
  while (!stage.atPeace) {
    try {
      // Who did not hear of another master asks the former one.
      const asked = stage.masters.size > 1 && rng.chance(0.3) ? rng.pick([...stage.masters]) : stage.masterName;
      const { output } = await stage.site(asked).ask('cg.start', { group: GROUP });
      stage.outcomes.push(output.outcome);
      if (output.outcome === 'formed') stage.noteFormed(output.sequence ?? 0);
    } catch (error) {
      stage.outcomes.push(codeOf(error));
    }
    await stage.world.clock.sleep(1 + rng.unit() * 30);
  }
}

/** As `cg start --continuous`: whoever owns the master's system forms. */
async function runGroup(stage: Stage): Promise<void> {
  let running: string | undefined;
  while (!stage.atPeace) {
    const { masterName } = stage;
    if (running !== masterName)
      running = await stage.master.ask('cg.run', { group: GROUP }).then(
        () => masterName,
        (error: unknown) => {
          codeOf(error);
          return undefined;
        },
      );
    stage.lookAtMaster();
    await stage.world.clock.sleep(5);
  }
  stage.lookAtMaster();
}

export function checkHosts({ writer, shape }: Stage): void {
  const { coordinationLimitMs } = shape;
  const throughLimitMs = coordinationLimitMs + syncLimitOf(shape);
  check('a write', writer.slowestMs, coordinationLimitMs);
  check('a write through a synchronous pair', writer.slowestThroughMs, throughLimitMs);

  function check(what: string, tookMs: number, limitMs: number): void {
    if (tookMs <= limitMs + WRITE_SLACK_MS) return;
    throw new Violation(`${what} took ${tookMs.toFixed(0)} ms; it may be held ${limitMs} ms`);
  }
}

function explained(error: unknown, seed: number, stage: Stage, log: readonly string[]): Error {
  const { shape } = stage;
  const what =
    error instanceof Violation
      ? error.message
      : error instanceof Error
        ? (error.stack ?? error.message)
        : String(error);
  const origins = shape.members.flatMap(({ origin, site, volume }) => (origin ? `${origin}>${site}:${volume}` : []));
  const about = `${shape.primaries.length} primaries, origins ${origins.join() || 'none'}, ${shape.remotes.length} remotes, master ${shape.master}, limits ${shape.coordinationLimitMs}/${shape.drainLimitMs}/${shape.linkLimitMs} ms`;
  const lines = [what, `topology ${shape.index}: ${about}`, ...log, `formations: ${stage.outcomes.join(' ')}`];
  return new Error(`${lines.join('\n')}\n${describeFailure(seed, 'npm run simulate -- --formations 1 --seed SEED')}`, {
    cause: error,
  });
}
