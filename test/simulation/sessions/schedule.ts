import { Violation } from '../formations/site.js';
import { describeFailure, Rng, WorldStopped } from '../world/world.js';
import { checkPeace } from './peace.js';
import { checkMoment, recoverAndCheck } from './recovery.js';
import { lookAtSecondaries } from './shown.js';
import { Stage } from './stage.js';
import { SHAPES, templateOf, withSmallJournals } from './topology.js';
import { TROUBLES } from './trouble.js';

/** How often it is looked whether the secondaries can be read together. */
const LOOK_MS = 3;

export interface SessionResult {
  readonly writes: number;
  readonly looks: number;
  readonly checkpoints: number;
  readonly moments: number;
  readonly outcomes: readonly string[];
  readonly ending: 'peace' | 'recovery';
}

/** Runs one schedule; whatever breaks a promise is thrown with its seed. */
export function runSession(seed: number, trace?: (line: string) => void): Promise<SessionResult> {
  return withSmallJournals(() => schedule(seed, trace));
}

async function schedule(seed: number, trace: ((line: string) => void) | undefined): Promise<SessionResult> {
  const rng = new Rng(seed, 4);
  const stage = new Stage(await templateOf(rng.below(SHAPES)), seed);
  stage.trace = trace;
  const log: string[] = [];
  catchStrays(stage);
  try {
    const ending = await Promise.race([stage.world.run(play(stage, rng, log)), stage.failing]);
    for (const moment of stage.moments) await Promise.race([checkMoment(stage, moment), stage.failing]);
    const { looks, outcomes, moments, writer, cuts } = stage;
    return { looks, outcomes, moments: moments.length, writes: writer.completed, checkpoints: cuts.size, ending };
  } catch (error) {
    throw explained(error, seed, stage, log);
  }
}

async function play(stage: Stage, rng: Rng, log: string[]): Promise<SessionResult['ending']> {
  const { world, writer, template } = stage;
  // The host is up since the template was made.
  await world.clock.sleep(template.endedMs);
  for (const name of stage.sites.keys()) await stage.up(name);
  stage.beside(writer.run(15 + rng.below(60), rng.pick([2, 10, 40])));
  const spanMs = rng.pick([100, 300, 1_000]);
  stage.beside(look(stage));
  for (let count = rng.below(5); count >= 0; count -= 1) {
    const trouble = rng.pick(TROUBLES);
    const own = rng.fork();
    stage.after(rng.unit() * spanMs, () => {
      if (stage.atPeace) return;
      log.push(`${world.scheduler.nowMs.toFixed(1)} ${trouble.name}`);
      trouble.strike(stage, own);
    });
  }
  await world.clock.sleep(spanMs);
  log.push(`${world.scheduler.nowMs.toFixed(1)} end of the troubles`);
  if (rng.chance(0.3)) {
    await disaster(stage, rng);
    return 'recovery';
  }
  await checkPeace(stage);
  return 'peace';
}

async function look(stage: Stage): Promise<void> {
  while (!stage.atPeace) {
    lookAtSecondaries(stage);
    await stage.world.clock.sleep(LOOK_MS);
  }
}

/** The primaries die at one stroke while messages are still under way; the living secondaries are recovered. */
async function disaster(stage: Stage, rng: Rng): Promise<void> {
  const { shape, writer, world } = stage;
  stage.atPeace = true;
  writer.isStopped = true;
  const { issued } = writer;
  stage.disarm();
  for (const name of shape.primaries) stage.site(name).kill();
  const sites = shape.secondaries.map((name) => stage.site(name));
  for (const { files } of sites) files?.clear();
  world.network.weather.clear();
  for (const address of world.network.listening.keys()) world.network.heal(address);
  await recoverAndCheck(stage, world, sites, { issued }, rng);
  await world.clock.sleep(4_000);
  await recoverAndCheck(stage, world, sites, { issued }, rng);
}

/** The schedule that is running. */
let running: Stage | undefined;
let isListening = false;

/** Rejections that nobody looks at: those of dead processes are theirs, also after the schedule; any other is a fault of ours. */
function catchStrays(stage: Stage): void {
  running = stage;
  if (isListening) return;
  isListening = true;
  process.on('unhandledRejection', (error) => {
    if (!(error instanceof WorldStopped)) running?.fail(error);
  });
}

function explained(error: unknown, seed: number, stage: Stage, log: readonly string[]): Error {
  const { shape } = stage;
  const what =
    error instanceof Violation
      ? error.message
      : error instanceof Error
        ? (error.stack ?? error.message)
        : String(error);
  const about = `${shape.primaries.length} primaries, ${shape.secondaries.length} secondaries, order ${shape.order}, interval ${shape.intervalMs} ms, link limit ${shape.linkLimitMs} ms, journal ${shape.journalLimitBytes ?? 'large'}${shape.backup ? ', backups' : ''}`;
  const lines = [what, `topology ${shape.index}: ${about}`, ...log, `orders: ${stage.outcomes.join(' ')}`];
  return new Error(`${lines.join('\n')}\n${describeFailure(seed, 'npm run simulate -- --sessions 1 --seed SEED')}`, {
    cause: error,
  });
}
