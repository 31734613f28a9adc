import { Violation } from '../formations/site.js';
import { catchStrays } from '../formations/strays.js';
import { describeFailure, Rng } from '../world/world.js';
import { checkPeace } from './peace.js';
import { checkMoment, recoverAndCheck } from './recovery.js';
import { lookAtSecondaries } from './shown.js';
import { Stage } from './stage.js';
import { SHAPES, templateOf, WIDE_SHAPES, withSmallJournals } from './topology.js';
import { TROUBLES, WIDE_TROUBLES } from './trouble.js';
import { bringHome } from './way-home.js';

/** Seeds of the first campaigns play what they played when they found something; all others play more. */
const isFirst = (seed: number) => seed < 6_000 || (seed >= 2_100_000 && seed < 3_000_000);
/** How often it is looked whether the secondaries can be read together. */
const LOOK_MS = 3;

export interface SessionResult {
  readonly writes: number;
  readonly looks: number;
  readonly checkpoints: number;
  readonly moments: number;
  readonly outcomes: readonly string[];
  readonly ending: 'peace' | 'recovery' | 'home';
}

/** Runs one schedule; whatever breaks a promise is thrown with its seed. */
export function runSession(seed: number, trace?: (line: string) => void): Promise<SessionResult> {
  return withSmallJournals(() => schedule(seed, trace));
}

async function schedule(seed: number, trace: ((line: string) => void) | undefined): Promise<SessionResult> {
  const rng = new Rng(seed, 4);
  const index = isFirst(seed) ? rng.below(SHAPES) : SHAPES + rng.below(WIDE_SHAPES);
  const stage = new Stage(await templateOf(index), seed);
  stage.trace = trace;
  const log: string[] = [];
  catchStrays(stage);
  try {
    const played = await Promise.race([stage.world.run(play(stage, rng, log)), stage.failing]);
    for (const moment of stage.moments) await Promise.race([checkMoment(stage, moment), stage.failing]);
    const ending = played === 'may return' ? 'home' : played;
    // What is written from here on stands on what was recovered, and not on what the moments hold.
    if (ending === 'home') await Promise.race([stage.world.run(bringHome(stage, rng)), stage.failing]);
    const { outcomes, moments, parts } = stage;
    const looks = sum(parts.map((part) => part.looks));
    const writes = sum(parts.map(({ writer }) => writer.completed));
    const checkpoints = sum(parts.map(({ cuts }) => cuts.size));
    return { looks, outcomes, moments: moments.length, writes, checkpoints, ending };
  } catch (error) {
    throw explained(error, seed, stage, log);
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}

async function play(stage: Stage, rng: Rng, log: string[]): Promise<'peace' | 'recovery' | 'may return'> {
  const { world, template } = stage;
  // The host is up since the template was made.
  await world.clock.sleep(template.endedMs);
  for (const name of stage.sites.keys()) await stage.up(name);
  for (const { writer } of stage.parts) stage.beside(writer.run(15 + rng.below(60), rng.pick([2, 10, 40])));
  const spanMs = rng.pick([100, 300, 1_000]);
  stage.beside(look(stage));
  for (let count = rng.below(5); count >= 0; count -= 1) {
    const trouble = rng.pick(stage.isWide ? WIDE_TROUBLES : TROUBLES);
    const own = rng.fork();
    stage.after(rng.unit() * spanMs, () => {
      if (stage.atPeace) return;
      log.push(`${world.scheduler.nowMs.toFixed(1)} ${trouble.name}`);
      trouble.strike(stage, own);
    });
  }
  await world.clock.sleep(spanMs);
  log.push(`${world.scheduler.nowMs.toFixed(1)} end of the troubles`);
  if (rng.chance(0.3)) return disaster(stage, rng);
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
async function disaster(stage: Stage, rng: Rng): Promise<'recovery' | 'may return'> {
  const { shape, parts, world, issued, sites } = stage;
  stage.atPeace = true;
  for (const { writer } of parts) writer.isStopped = true;
  stage.disarm();
  for (const name of shape.primaries) stage.site(name).kill();
  for (const name of shape.secondaries) stage.site(name).files?.clear();
  world.network.weather.clear();
  for (const address of world.network.listening.keys()) world.network.heal(address);
  for (const part of parts) await recoverAndCheck(stage, part, sites, issued, rng);
  await world.clock.sleep(4_000);
  let canReturn = stage.isWide && rng.chance(0.6);
  for (const part of parts) {
    const { case: verdict, systems } = await recoverAndCheck(stage, part, sites, issued, rng);
    // One that was taken out, or never entered, has no host at its secondaries now.
    const isWhole = verdict !== 'mixed' && systems.every(({ action }) => action !== 'left-out' && action !== 'none');
    canReturn &&= isWhole;
  }
  return canReturn ? 'may return' : 'recovery';
}

function explained(error: unknown, seed: number, stage: Stage, log: readonly string[]): Error {
  const { shape } = stage;
  const what =
    error instanceof Violation
      ? error.message
      : error instanceof Error
        ? (error.stack ?? error.message)
        : String(error);
  const about = `${shape.primaries.length} primaries, ${shape.secondaries.length} secondaries, ${shape.sessions.map(({ name, order }) => `${name} by ${order}`).join(', ')}, interval ${shape.intervalMs} ms, link limit ${shape.linkLimitMs} ms, journal ${shape.journalLimitBytes ?? 'large'}${shape.backup ? ', backups' : ''}`;
  const lines = [what, `topology ${shape.index}: ${about}`, ...log, `orders: ${stage.outcomes.join(' ')}`];
  return new Error(`${lines.join('\n')}\n${describeFailure(seed, 'npm run simulate -- --sessions 1 --seed SEED')}`, {
    cause: error,
  });
}
