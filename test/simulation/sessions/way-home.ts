import { CRASH_STEPS } from '../../../src/core/controller/controller.js';
import { codeOf } from '../formations/schedule-stage.js';
import { Violation } from '../formations/site.js';
import { VOLUME_BYTES } from '../formations/topology.js';
import type { Rng } from '../world/world.js';
import type { Part } from './part.js';
import { checkPeace } from './peace.js';
import { type Stage, sheetOf } from './stage.js';

/** With every system there, a session is home long before this. */
const PATIENCE_MS = 120_000;
const HOME_STEPS: readonly string[] = CRASH_STEPS.filter((step) =>
  /^(failback|session|half|fetch|receive|region|save|stream|journal)\./.test(step),
);

/**
 * The old primaries come back to sessions that were recovered without them. Hosts write at the recovered side; all is brought home while
 * systems die, and the sessions go on from there.
 */
export async function bringHome(stage: Stage, rng: Rng, steps = HOME_STEPS): Promise<void> {
  const { world, parts } = stage;
  for (const part of parts) await writeThere(stage, part, rng);
  for (let count = steps.length > 0 ? rng.below(3) : 0; count > 0; count -= 1)
    stage.dieAtStep(rng.pick([...stage.sites.keys()]), rng.pick(steps), 1 + rng.below(3), 5 + rng.unit() * 300);
  await world.clock.sleep(rng.unit() * 100);
  for (const part of parts) {
    await failBack(stage, part, rng);
    part.writer.side = 'site';
    stage.beside(part.writer.run(part.writer.issued + rng.below(20), 5));
  }
  await checkPeace(stage);
}

/** A pair that did not count was not recovered: what counts is what its primary holds, and its host waits until that is back. */
async function writeThere(stage: Stage, part: Part, rng: Rng): Promise<void> {
  const { writer, members } = part;
  const found: Uint8Array[] = [];
  for (const member of members) {
    const side = isTakenOver(stage, member) ? member.remote : member.site;
    await stage.up(side);
    found.push(stage.site(side).contents(member.volume, VOLUME_BYTES));
  }
  writer.beginAgain(found, 'remote');
  part.beginAgain();
  writer.isStopped = false;
  stage.beside(writer.run(writer.issued + rng.below(40), rng.pick([2, 20])));
}

function isTakenOver(stage: Stage, { remote, volume }: Part['members'][number]): boolean {
  const { catalog } = stage.site(remote).controller ?? {};
  return [...(catalog?.pairs.values() ?? [])].some(
    (half) => half.remote?.takenOver != null && catalog?.volumes.get(half.secondary)?.name === volume,
  );
}

/** As a person does: again, until it is through. */
async function failBack(stage: Stage, { name: session, secondaries }: Part, rng: Rng): Promise<void> {
  const { clock, scheduler } = stage.world;
  const untilMs = scheduler.nowMs + PATIENCE_MS;
  const said: string[] = [];
  while (scheduler.nowMs < untilMs) {
    for (const name of stage.sites.keys()) await stage.up(name);
    const recovered = secondaries.filter((name) => sheetOf(stage.site(name), session)?.secondary?.recovered);
    if (recovered.length === 0) return;
    try {
      const wait = { timeoutMs: rng.pick([50, 5_000, 30_000]) };
      const { output } = await stage.site(rng.pick(recovered)).ask('session.failback', { session, wait });
      stage.outcomes.push(`failback:${output.outcome}`);
      if (output.outcome === 'returned') return;
    } catch (error) {
      said.push(`${codeOf(error)} ${error instanceof Error ? error.message : ''}`);
      stage.outcomes.push(`failback:${codeOf(error)}`);
    }
    await clock.sleep(20 + rng.unit() * 100);
  }
  throw new Violation(`session ${session} cannot be brought home: ${said.slice(-3).join('; ')}`);
}
