import { describe, expect, it } from 'vitest';
import { refOf } from './formations/topology.js';
import { checkPeace } from './sessions/peace.js';
import { checkMoment, recoverAndCheck } from './sessions/recovery.js';
import { lookAtSecondaries } from './sessions/shown.js';
import { Stage } from './sessions/stage.js';
import { templateOf, withSmallJournals } from './sessions/topology.js';
import { bringHome } from './sessions/way-home.js';
import { WorldStopped } from './world/world.js';

/** Two primaries, one secondary, a session in each order, backups. `session-crash-points.test.ts` has a master beside another. */
const TOPOLOGY = 35;
const HOME = 'tokyo';
const PATIENCE_MS = 20_000;

type Deed = 'writes' | 'restart' | 'resync' | 'stop' | 'resign';

/** The steps of a session's life, with what brings them about. */
const STEPS: Readonly<Record<Deed, readonly string[]>> = {
  writes: [
    'journal.appended',
    'checkpoint.gated',
    'checkpoint.placed',
    'stream.sent',
    'stream.received',
    'stream.appended',
    'session.issued',
    'session.decided',
    'session.released',
    'session.flushed',
    'session.applied',
    'session.resetting',
    'session.reset',
  ],
  restart: ['stream.open', 'stream.opened'],
  resync: [
    'journal.withdrawn',
    'journal.begun',
    'journal.left-over',
    'journal.entered',
    'session.withdrawing',
    'session.kept',
    'session.withdrawn',
  ],
  stop: ['journal.degraded', 'session.halted', 'session.active', 'session.started'],
  resign: ['session.resigned', 'session.joined', 'session.entered'],
};
const CASES = Object.entries(STEPS).flatMap(([deed, steps]) => steps.map((step) => ({ deed: deed as Deed, step })));

const RECOVERY = [
  'recovery.fenced',
  'recovery.judged',
  'session.fenced',
  'session.judged',
  'session.settled',
  'session.carried',
];
const WAY_HOME = [
  'failback.closed',
  'failback.finished',
  'half.closed',
  'half.collected',
  'half.returned',
  'session.home',
];

/** Whoever comes to the step first dies there, and another process takes over a moment later. */
function strikeAt(stage: Stage, step: string): { isStruck: boolean } {
  const struck = { isStruck: false };
  stage.onStep = (site, reached) => {
    if (struck.isStruck || reached !== step || !site.isUp) return;
    struck.isStruck = true;
    stage.end(site.name, 30, (one) => one.kill());
    throw new WorldStopped(`killed at ${step}`);
  };
  return struck;
}

async function perform(stage: Stage, deed: Deed): Promise<void> {
  const asked = (work: Promise<unknown>) => work.catch(() => undefined);
  const home = stage.site(HOME);
  const pairs = [{ primary: stage.parts[0]?.members[0]?.volume ?? '' }];
  const system = refOf(stage.template.places, 'kyoto');
  const secondary = stage.site(stage.parts[0]?.secondaries[0] ?? '');
  switch (deed) {
    case 'writes':
      break;
    case 'restart':
      for (const name of stage.sites.keys()) stage.end(name, 20, (one) => one.kill());
      break;
    case 'resync':
      await asked(home.ask('pair.suspend', { pairs }));
      await stage.world.clock.sleep(20);
      await asked(home.ask('pair.resync', { pairs, discard: true }));
      break;
    case 'stop':
      await asked(home.ask('session.stop', { session: 'j' }));
      await asked(home.ask('session.start', { session: 'j' }));
      break;
    case 'resign':
      await asked(secondary.ask('session.resign', { session: 'j', system }));
      await asked(secondary.ask('session.join', { session: 'j', system }));
  }
}

async function begin(seed: number): Promise<Stage> {
  return new Stage(await templateOf(TOPOLOGY), seed);
}

async function serve(stage: Stage): Promise<void> {
  await stage.world.clock.sleep(stage.template.endedMs);
  for (const name of stage.sites.keys()) await stage.up(name);
  for (const { writer } of stage.parts) stage.beside(writer.run(10_000, 10));
}

async function look(stage: Stage): Promise<void> {
  while (!stage.atPeace) {
    lookAtSecondaries(stage);
    await stage.world.clock.sleep(3);
  }
}

async function dieAndGoOn(stage: Stage, deed: Deed, step: string): Promise<void> {
  await serve(stage);
  stage.beside(look(stage));
  await stage.world.clock.sleep(100);
  const struck = strikeAt(stage, step);
  const untilMs = stage.world.scheduler.nowMs + PATIENCE_MS;
  while (!struck.isStruck && stage.world.scheduler.nowMs < untilMs) {
    await perform(stage, deed);
    for (let waits = 0; waits < 20 && !struck.isStruck; waits += 1) await stage.world.clock.sleep(20);
  }
  expect(struck.isStruck).toBe(true);
  stage.takeMoment(stage.world.rng);
  await stage.world.clock.sleep(100);
  await checkPeace(stage);
}

async function run(stage: Stage, work: Promise<unknown>): Promise<void> {
  await Promise.race([stage.world.run(work), stage.failing]);
}

describe('A session in which a process dies', () => {
  it.each(CASES)('at $step shows a prefix at every checkpoint and comes back by itself', async ({ deed, step }) => {
    await withSmallJournals(async () => {
      const stage = await begin(1);
      await run(stage, dieAndGoOn(stage, deed, step));
      for (const moment of stage.moments) await checkMoment(stage, moment);
    });
  });

  it.each([...RECOVERY, ...WAY_HOME])(
    'at %s of a recovery or of the way home is recovered, and comes home',
    async (step) => {
      await withSmallJournals(async () => {
        const stage = await begin(2);
        const lost = async () => {
          await serve(stage);
          await stage.world.clock.sleep(300);
          stage.atPeace = true;
          for (const { writer } of stage.parts) writer.isStopped = true;
          for (const name of stage.shape.primaries) stage.site(name).kill();
          const struck = strikeAt(stage, step);
          for (const part of stage.parts)
            await recoverAndCheck(stage, part, stage.sites, stage.issued, stage.world.rng, false);
          for (const { writer } of stage.parts) await writer.ended;
          await bringHome(stage, stage.world.rng, []);
          expect(struck.isStruck).toBe(true);
        };
        await run(stage, lost());
      });
    },
  );
});
