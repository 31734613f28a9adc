import { CRASH_STEPS } from '../../../src/core/controller/controller.js';
import type { Rng } from '../world/world.js';
import { checkPeace } from './peace.js';
import { codeOf } from './schedule-stage.js';
import { Violation } from './site.js';
import type { Stage } from './stage.js';
import { GROUP, VOLUME_BYTES } from './topology.js';

/** With every system there, a group is home long before this. */
const PATIENCE_MS = 120_000;
const HOME_STEPS = CRASH_STEPS.filter((step) => /^(failback|group|half|fetch|receive|region|save)\./.test(step));

/**
 * The old primaries come back to a group that was recovered without them. Hosts write at the recovered side; all is brought home while
 * systems die, and nothing of it is lost.
 */
export async function bringHome(stage: Stage, rng: Rng): Promise<void> {
  const { shape, writer, world } = stage;
  const found = shape.members.map(({ remote, volume }) => stage.site(remote).contents(volume, VOLUME_BYTES));
  writer.beginAgain(found, 'remote');
  stage.instants.clear();
  writer.isStopped = false;
  stage.beside(writer.run(writer.issued + rng.below(40), rng.pick([2, 20])));
  for (let count = rng.below(3); count > 0; count -= 1)
    stage.dieAtStep(rng.pick([...stage.sites.keys()]), rng.pick(HOME_STEPS), 1 + rng.below(3), 5 + rng.unit() * 300);
  await world.clock.sleep(rng.unit() * 100);
  await failBack(stage, rng);
  writer.side = 'site';
  stage.beside(writer.run(writer.issued + rng.below(20), 5));
  await checkPeace(stage);
}

/** As a person does: again, until it is through. */
async function failBack(stage: Stage, rng: Rng): Promise<void> {
  const { clock, scheduler } = stage.world;
  const untilMs = scheduler.nowMs + PATIENCE_MS;
  const said: string[] = [];
  while (scheduler.nowMs < untilMs) {
    for (const name of stage.sites.keys()) await stage.up(name);
    if (!(await leaveOrigins(stage))) {
      await clock.sleep(20);
      continue;
    }
    const recovered = stage.shape.remotes.filter((name) => stage.site(name).sheet?.remote?.recovered);
    if (recovered.length === 0) return;
    try {
      const wait = { timeoutMs: rng.pick([50, 5_000, 30_000]) };
      const { output } = await stage.site(rng.pick(recovered)).ask('cg.failback', { group: GROUP, wait });
      stage.outcomes.push(`failback:${output.outcome}`);
      if (output.outcome === 'returned') return;
    } catch (error) {
      said.push(`${codeOf(error)} ${error instanceof Error ? error.message : ''}`);
      stage.outcomes.push(`failback:${codeOf(error)}`);
    }
    await clock.sleep(20 + rng.unit() * 100);
  }
  throw new Violation(`the group cannot be brought home: ${said.slice(-3).join('; ')}`);
}

/** What comes home to a member volume must not meet what still comes from its origin: people end that pair first. */
async function leaveOrigins(stage: Stage): Promise<boolean> {
  let allLeft = true;
  for (const { origin, site, volume } of stage.shape.members) {
    if (origin === undefined) continue;
    const here = { pairs: [{ primary: volume }], force: true };
    const there = { pairs: [{ primary: volume, primarySystem: origin }], force: true };
    allLeft = (await isLeft(stage.site(origin).ask('pair.delete', here))) && allLeft;
    allLeft = (await isLeft(stage.site(site).ask('pair.delete', there))) && allLeft;
  }
  return allLeft;
}

function isLeft(asked: Promise<unknown>): Promise<boolean> {
  return asked.then(
    () => true,
    (error: unknown) => ['pair-not-found', 'nothing-matches'].includes(codeOf(error)),
  );
}
